"""Files that appear whole or not at all, and what a full disk means."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from factory.errors import CorruptBuild, EnvironmentFault

_DISK_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS})


def read_json(path: Path) -> dict[str, Any]:
    """A small JSON file of a build. Raises CorruptBuild naming the file when it is damaged."""
    try:
        value = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError as error:
        raise CorruptBuild(f"{path}: is damaged ({error})") from None
    if not isinstance(value, dict):
        raise CorruptBuild(f"{path}: is damaged (not a JSON object)")
    return value


def write_bytes(data: bytes, path: Path) -> None:
    """A small file, durable before it has its name."""
    with durable(path) as file:
        file.write(data)


@contextmanager
def disk_faults(root: Path) -> Iterator[None]:
    """Turns a full or failing disk into an EnvironmentFault that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno not in _DISK_ERRORS:
            raise
        place = error.filename or root
        raise EnvironmentFault(
            f"{place}: cannot be written ({error.strerror}); what was recorded is kept. "
            "Make room and run the same command again: it goes on where it stopped"
        ) from error


@contextmanager
def durable(path: Path) -> Iterator[BinaryIO]:
    """A file that appears whole or not at all: written aside, synced, renamed, and the rename synced too."""
    temporary = path.with_name(path.name + ".tmp")
    with temporary.open("wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Makes the names in a directory durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def file_digest(path: Path) -> str:
    """sha256 of a file's bytes, as hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
