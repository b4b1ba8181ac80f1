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
_OWNED: Final = b"0000644\0" + b"0000000\0" * 2
_EPOCH: Final = b"00000000000\0"
_TAIL: Final = b"0" + bytes(100) + b"ustar\x0000" + bytes(247)
_ALWAYS: Final = sum(_OWNED) + sum(_EPOCH) + sum(_TAIL) + 8 * ord(" ")
"""What of a header's checksum is the same for every member."""
_ZERO: Final = bytes(BLOCK)


def member_parts(name: str, data: bytes) -> tuple[bytes, bytes, bytes]:
    """One regular file (mode 644, owner 0, time 0) as its header of `BLOCK` bytes, its data, and its padding.

    Raises:
        ValueError: the name is not 1 to 100 ASCII characters, or the data is 8 GiB or more.
    """
    length = len(data)
    if not (name.isascii() and 0 < len(name) <= _MAX_NAME) or length > _MAX_SIZE:
        raise ValueError(f"{name!r} with {length} bytes does not fit a ustar header")
    called, size = name.encode("ascii"), b"%011o\0" % length
    checksum = b"%06o\0 " % (_ALWAYS + sum(called) + sum(size))
    header = b"".join((called, _ZERO[len(called) : _MAX_NAME], _OWNED, size, _EPOCH, checksum, _TAIL))
    return header, data, _ZERO[: -length % BLOCK]


def archive_size(members: Iterable[int]) -> int:
    """Bytes of a whole archive whose members have these sizes."""
    return sum(BLOCK + size + -size % BLOCK for size in members) + len(END)
