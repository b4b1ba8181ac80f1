"""Rows that a command writes for the next one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from factory.errors import RecipeError


def need_jsonl(path: Path, what: str) -> None:
    """Raises RecipeError for another ending: `what` says what is written there."""
    if path.suffix.lower() != ".jsonl":
        raise RecipeError(f"{path}: {what} as JSON lines; give it the ending .jsonl")


def write_json_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """A row a line, the whole file or none. Raises RecipeError without its folder, EnvironmentFault for a full disk."""
    import orjson

    from factory.geo.whole_file import whole_file
    from factory.store.files import disk_faults

    with disk_faults(path), whole_file(path) as file:
        file.writelines(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows)
