"""Tars for tests: what a decoder reads of one, and members that are large and take no room on disk."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Sequence
from pathlib import Path

from factory.plugins.contracts import Source
from factory.store.ustar import member_parts
from schemas import FilePart


def member(name: str, data: bytes) -> bytes:
    """A file as a tar of ours has it, ready to be appended."""
    return b"".join(member_parts(name, data))


def bytes_at(source: Source, locator: str) -> bytes:
    """What a decoder reads of a member."""
    part = source.read(locator)
    assert isinstance(part, FilePart)
    with part.path.open("rb") as file:
        file.seek(part.offset)
        return file.read(part.size)


def write_sparse_tar(path: Path, members: Sequence[tuple[str, bytes, int]]) -> None:
    """A tar of (name, first bytes, size): what follows the first bytes is a hole in the file, and reads as zeros."""
    with path.open("wb") as file:
        for name, start, size in members:
            info = tarfile.TarInfo(name)
            info.size = size
            header = info.tobuf(tarfile.USTAR_FORMAT)
            file.write(header + start)
            file.seek(-(-size // 512) * 512 - len(start), io.SEEK_CUR)
        file.write(bytes(1024))
