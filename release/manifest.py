"""manifest.json: what a release consists of, with the digest of every file and of itself.

The file is canonical JSON (sorted keys, two spaces, one newline at the end) and carries the SHA-256 of its own other
fields, so a damaged manifest is found as surely as a damaged shard. Imports nothing of the factory: `release.read` uses
it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Final

import orjson

from schemas.plain_json import read_json

MANIFEST: Final = "manifest.json"
MAX_BYTES: Final = 64_000_000
"""Of a manifest: one of 100,000 files has 20 MB."""
_OPTIONS: Final = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE


class DamagedRelease(ValueError):
    """A release is not what its manifest says, or has none that can be believed. Names the file."""


def file_entry(root: Path, path: Path, rows: int | None) -> dict[str, Any]:
    """One line of the manifest: path below the release, bytes, sha256, rows where the file holds any."""
    entry = {"path": path.relative_to(root).as_posix(), "bytes": path.stat().st_size, "sha256": digest_of(path)}
    return entry if rows is None else {**entry, "rows": rows}


def rows_digest(entries: Iterable[Mapping[str, Any]]) -> str:
    """sha256 of all files of rows together, by their entries, as hex: other rows have another."""
    files = sorted((entry["path"], entry["sha256"]) for entry in entries)
    return hashlib.sha256(orjson.dumps(files)).hexdigest()


def digest_of(path: Path) -> str:
    """sha256 of a file's bytes, as hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def manifest_bytes(fields: Mapping[str, Any]) -> bytes:
    """The manifest's file for these fields."""
    rest = {key: value for key, value in fields.items() if key != "manifest_sha256"}
    digest = hashlib.sha256(orjson.dumps(rest, option=_OPTIONS)).hexdigest()
    return orjson.dumps({**rest, "manifest_sha256": digest}, option=_OPTIONS)


def read_manifest(root: Path) -> dict[str, Any]:
    """The manifest of a release directory. Raises DamagedRelease when it is missing, changed or names foreign paths."""
    path = root / MANIFEST
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ValueError(f"of more than {MAX_BYTES:,} bytes")
        data = path.read_bytes()
    except FileNotFoundError:
        raise DamagedRelease(f"{path}: missing; a release ends with its manifest") from None
    except (OSError, ValueError) as error:
        raise DamagedRelease(f"{path}: cannot be read ({error}); write the release again") from None
    return manifest_of(data, path)


def manifest_of(data: bytes, path: Path | str) -> dict[str, Any]:
    """The manifest in a file's bytes. Raises DamagedRelease, naming the file, where it was changed or names foreign
    paths."""
    try:
        fields = read_json(data)
        files = [entry["path"] for entry in fields["files"]]
        whole = manifest_bytes(fields) == data
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedRelease(f"{path}: cannot be read ({error}); write the release again") from None
    if not whole:
        raise DamagedRelease(f"{path}: differs from what was written; restore it or write the release again")
    for name in files:
        if not isinstance(name, str) or not _is_inside(name):
            raise DamagedRelease(f"{path}: names {name!r}, which is outside the release")
    if twice := next((name for name, times in Counter(files).items() if times > 1), None):
        raise DamagedRelease(f"{path}: names {twice!r} twice")  # each time it would be read once more
    return dict(fields)


def _is_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and not {"..", "\\", "\0", ":"} & {*path.parts, *name}
