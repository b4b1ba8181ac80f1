"""Answers that are paid row by row, kept as they come: a run that is stopped asks none of them twice.

FILE.part      a line that says who is asked what, then a row a line, in the order in which they came
FILE           the rows in the order of the set, once all are there; FILE.part is then taken away
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final

import orjson

from factory.errors import EnvironmentFault, RecipeError
from factory.geo.whole_file import whole_file
from factory.store.files import disk_faults, open_itself, remove
from schemas.plain_json import read_json

SYNC_EVERY: Final = 32
"""Rows between two syncs: what a power failure may cost. A process that dies costs none."""
Row = dict[str, Any]
_BEGINS: Final = b'{"asked":'
_REMEDY: Final = "give --save another name, or delete this file to ask everything anew"


def kept(
    file: Path, asked: Mapping[str, Any], order: Sequence[str], ask: Callable[[Collection[str]], Iterator[Row]]
) -> list[Row]:
    """All answers, in the order of the set; those that an earlier run kept are not asked again.

    Args:
        file: written once all answers are there.
        asked: who is asked what: names and plain values. Answers to anything else are refused.
        order: ids of the set.
        ask: gives the answers to all rows but those of these ids.

    Raises RecipeError for answers of another model or set, EnvironmentFault for a disk that fails or another process
    that writes the same file; whatever `ask` raises, with every answer until then kept.
    """
    if not file.parent.is_dir():
        raise RecipeError(f"{file.parent}: there is no such folder to write {file.name} into")
    part = file.with_name(f"{file.name}.part")
    with disk_faults(part), _locked(part) as aside:
        rows = _read(aside, part, asked)
        for number, row in enumerate(ask(frozenset(rows)), 1):
            _append(aside, row)
            rows[row["id"]] = row
            if number % SYNC_EVERY == 0:
                os.fsync(aside.fileno())
        os.fsync(aside.fileno())
        places = {key: place for place, key in enumerate(order)}
        found = sorted(rows.values(), key=lambda row: places.get(row["id"], len(places)))
        with whole_file(file) as whole:
            whole.writelines(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in found)
        remove(part)
    return found


@contextmanager
def _locked(part: Path) -> Iterator[BinaryIO]:
    try:
        file = open_itself(part)
    except PermissionError as error:
        raise EnvironmentFault(f"{part}: cannot be written ({error.strerror}); choose another place") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise EnvironmentFault(f"{part}: another process writes its answers there; wait for it") from None
        yield file


def _read(aside: BinaryIO, part: Path, asked: Mapping[str, Any]) -> dict[str, Row]:
    """The rows that are there, by id; a last line that was cut off is taken away. A file without rows is begun anew."""
    data = aside.read()
    whole = data[: data.rfind(b"\n") + 1]
    theirs, rows = _parsed(whole, part) if whole else ({}, {})
    if not whole and data[: len(_BEGINS)] != _BEGINS[: len(data)]:
        raise RecipeError(f"{part}: holds no answers that were kept here; {_REMEDY}")
    if rows and theirs != dict(asked):
        differ = ", ".join(sorted(name for name in {*theirs, *asked} if theirs.get(name) != asked.get(name)))
        raise RecipeError(f"{part}: holds answers of a run with another {differ}; {_REMEDY}")
    end = len(whole) if rows else 0
    aside.truncate(end)
    aside.seek(end)
    if not rows:
        _append(aside, {"asked": asked})
    return rows


def _parsed(whole: bytes, part: Path) -> tuple[dict[str, Any], dict[str, Row]]:
    """What the first line says was asked, and the rows by id."""
    try:
        first, *lines = [read_json(line) for line in whole.split(b"\n")[:-1]]
        asked, rows = first["asked"], {line["id"]: line for line in lines}
        if not all(isinstance(key, str) for key in rows) or not isinstance(asked, dict):
            raise TypeError("an id that is no text")
    except (ValueError, TypeError, KeyError) as error:
        raise RecipeError(f"{part}: holds no answers that were kept here ({type(error).__name__}); {_REMEDY}") from None
    return asked, rows


def _append(aside: BinaryIO, row: Mapping[str, Any]) -> None:
    """A line, whole to the system before the next row is waited for; the file is unbuffered."""
    left = memoryview(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
    while left:
        left = left[aside.write(left) :]
