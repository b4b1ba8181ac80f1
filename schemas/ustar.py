"""Where each file of one of our own tars lies, from its headers alone: regular files with plain names, nothing else.

The standard library's reader unpacks sparse files and reads headers of any size into memory; no tar that the factory
writes has either.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Final, NamedTuple

BLOCK: Final = 512
_ZERO: Final = bytes(BLOCK)


class Member(NamedTuple):
    """A file inside a tar, in bytes."""

    name: str
    offset: int
    size: int


def members(file: BinaryIO) -> Iterator[Member]:
    """The files of a tar in order. Raises ValueError for one that is cut, damaged, or holds anything else."""
    total, position = file.seek(0, 2), 0
    while True:
        file.seek(position)
        header = file.read(BLOCK)
        if header == _ZERO:
            return
        if len(header) < BLOCK:
            raise ValueError("ends without its end mark")
        try:
            stated, size = int(header[148:155].rstrip(b"\0 "), 8), int(header[124:136].rstrip(b"\0 "), 8)
            name = header[:100].rstrip(b"\0").decode("ascii")
        except ValueError:
            raise ValueError(f"has no header at byte {position:,}") from None
        if sum(header) - sum(header[148:156]) + 8 * 32 != stated:
            raise ValueError(f"has a damaged header at byte {position:,}")
        if header[156:157] not in (b"0", b"\0"):
            raise ValueError(f"{name!r} is not a plain file")
        offset = position + BLOCK
        position = offset + -(-size // BLOCK) * BLOCK
        if size < 0 or position > total:
            raise ValueError(f"{name!r} reaches past the end")
        yield Member(name, offset, size)
