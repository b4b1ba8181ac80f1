"""Members of a plain ustar archive, the same bytes on every machine: a file's header, its data, its padding.

Headers are written here because `tarfile` spends more time on them than on the data, and because what it writes into
unused fields has changed between Python versions. Tests read the result with `tarfile`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

BLOCK: Final = 512
"""Size of a header, bytes; data is padded to a multiple of it."""
END: Final = bytes(2 * BLOCK)
"""The two empty blocks that end an archive."""

_MAX_NAME: Final = 100
_MAX_SIZE: Final = 8**11 - 1
_OWNERSHIP: Final = b"0000644\0" + b"0000000\0" * 2
_EPOCH: Final = b"00000000000\0"


def member(name: str, data: bytes) -> bytes:
    """One regular file (mode 644, owner 0, time 0), ready to be appended; its data begins `BLOCK` bytes in.

    Raises:
        ValueError: the name is not 1 to 100 ASCII characters, or the data is 8 GiB or more.
    """
    if not (name.isascii() and 0 < len(name) <= _MAX_NAME) or len(data) > _MAX_SIZE:
        raise ValueError(f"{name!r} with {len(data)} bytes does not fit a ustar header")
    head = name.encode("ascii").ljust(_MAX_NAME, b"\0") + _OWNERSHIP + b"%011o\0" % len(data) + _EPOCH
    tail = b"0" + bytes(100) + b"ustar\x0000" + bytes(80)
    checksum = sum(head) + sum(tail) + 8 * ord(" ")
    header = (head + b"%06o\0 " % checksum + tail).ljust(BLOCK, b"\0")
    return header + data + bytes(-len(data) % BLOCK)


def archive_size(members: Iterable[int]) -> int:
    """Bytes of a whole archive whose members have these sizes."""
    return sum(BLOCK + size + -size % BLOCK for size in members) + len(END)
