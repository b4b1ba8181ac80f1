"""manifest.json: what a release consists of, with the digest of every file and of itself.

The file is canonical JSON (sorted keys, two spaces, one newline at the end) and carries the SHA-256 of its own other
fields, so a damaged manifest is found as surely as a damaged shard.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Final

import orjson

from factory.errors import CorruptBuild
from factory.store.files import file_digest

MANIFEST: Final = "manifest.json"
_OPTIONS: Final = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE


def file_entry(root: Path, path: Path, rows: int | None) -> dict[str, Any]:
    """One line of the manifest: path below the release, bytes, sha256, rows where the file holds any."""
    digest = file_digest(path)
    entry: dict[str, Any] = {"path": path.relative_to(root).as_posix(), "bytes": path.stat().st_size, "sha256": digest}
    return entry if rows is None else {**entry, "rows": rows}


def manifest_bytes(fields: Mapping[str, Any]) -> bytes:
    """The manifest's file for these fields."""
    rest = {key: value for key, value in fields.items() if key != "manifest_sha256"}
    digest = hashlib.sha256(orjson.dumps(rest, option=_OPTIONS)).hexdigest()
    return orjson.dumps({**rest, "manifest_sha256": digest}, option=_OPTIONS)


def read_manifest(root: Path) -> dict[str, Any]:
    """The manifest of a release directory. Raises CorruptBuild when it is missing, changed or names foreign paths."""
    path = root / MANIFEST
    try:
        data = path.read_bytes()
        fields = orjson.loads(data)
        files = [entry["path"] for entry in fields["files"]]
        whole = manifest_bytes(fields) == data
    except FileNotFoundError:
        raise CorruptBuild(f"{path}: missing; a release ends with its manifest") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CorruptBuild(f"{path}: cannot be read ({error}); write the release again") from None
    if not whole:
        raise CorruptBuild(f"{path}: differs from what was written; restore it or write the release again")
    for name in files:
        parts = PurePosixPath(name).parts
        if not parts or ".." in parts or PurePosixPath(name).is_absolute() or "\\" in name:
            raise CorruptBuild(f"{path}: names {name!r}, which is outside the release")
    return dict(fields)
