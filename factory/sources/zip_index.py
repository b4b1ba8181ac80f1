"""Where each file of a zip lies, from its central directory alone: nothing is extracted, no data is read.

A small reader (PKWARE APPNOTE 6.3.10, zip64 included), because the standard library's takes a directory of any size
into memory and keeps an object a file: OSV-5M has five million files in its zips. What a picture cannot be (encrypted,
packed otherwise than by deflate, outside of the archive) is a fault of that file alone; a directory that cannot be read
is one of the archive.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import BinaryIO, Final

from factory.errors import SourceError
from schemas import Deflated, FilePart

STORED: Final = 0
DEFLATED: Final = 8
MAX_DIRECTORY: Final = 512 << 20
"""Bytes of a central directory; that of 50,000 pictures has 5 MB."""
MAX_PICTURE: Final = 256 << 20
"""Bytes of one unpacked file; the recipe's own limit (`images.max_file_mb`) is asked before one is read."""
_LONG: Final = (1 << 63) - 1
_TAIL: Final = 65_535 + 22
_END: Final = struct.Struct("<4s4H2LH")
_LOCATOR: Final = struct.Struct("<4sLQL")
_END_64: Final = struct.Struct("<4sQ2H2L4Q")
_ENTRY: Final = struct.Struct("<4s6H3L5H2L")
_LOCAL: Final = struct.Struct("<4s5H3L2H")
LOCAL_BYTES: Final = _LOCAL.size
"""Of a local header without its name: what lies between two files at the least."""


class Fault(IntEnum):
    """Why a file of a zip is not read."""

    NONE = 0
    ENCRYPTED = 1
    METHOD = 2
    OUTSIDE = 3
    TOO_LARGE = 4
    SWOLLEN = 5
    SHARED = 6


_TOLD: Final[Mapping[int, str]] = {
    Fault.ENCRYPTED: "is encrypted; unpack the zip and name the folder",
    Fault.METHOD: "is packed by method {0.method}; expected stored or deflated",
    Fault.OUTSIDE: "of {0.size:,} bytes does not fit the archive",
    Fault.TOO_LARGE: f"of {{0.size:,}} bytes is too large: at most {MAX_PICTURE:,}",
    Fault.SWOLLEN: "of {0.size:,} bytes takes {0.packed:,} in the zip, more than deflate ever needs",
    Fault.SHARED: "shares bytes of the zip with another file",
}


def most_packed(size: int) -> int:
    """Bytes that a deflated file of this size may take. Blocks that are stored cost 5 bytes for each 65,535 (RFC 1951,
    3.2.4); an eighth is left to packers that write small blocks."""
    return size + size // 8 + 1024


@dataclass(frozen=True, slots=True)
class ZipMember:
    """One file inside a zip."""

    name: str
    header: int
    """Bytes from the start of the zip to its local header."""
    packed: int
    size: int
    """Bytes as they lie there, and unpacked."""
    method: int
    crc: int
    fault: int = Fault.NONE


def zip_members(path: Path, *, label: str) -> Iterator[ZipMember]:
    """The files of a zip in the order of its directory, folders left out.

    Args:
        path: the archive.
        label: its name in messages.

    Raises:
        SourceError: naming the archive, the file and what is wrong.
    """
    try:
        with path.open("rb") as file:
            total = path.stat().st_size
            start, size, count = _directory(file, total, label)
            file.seek(start)
            left = size
            for _ in range(count):
                member, read = _entry(file, left, total, label)
                left -= read
                if member is not None:
                    yield member
    except OSError as error:
        raise SourceError(f"{label}: cannot be read ({error.strerror or error})") from None


def read_member(path: Path, member: ZipMember, *, label: str) -> FilePart:
    """Where a file lies and how it is packed; who decodes it unpacks it. Nothing but its local header is read.

    Raises SourceError naming the file and its fault.
    """
    if member.fault:
        raise SourceError(f"{label}: {member.name[:100]!r} {_TOLD[member.fault].format(member)}")
    try:
        with path.open("rb") as file:
            file.seek(member.header)
            head = file.read(_LOCAL.size)
    except OSError as error:
        raise SourceError(f"{label}: cannot be read ({error.strerror or error})") from None
    if len(head) < _LOCAL.size or head[:4] != b"PK\3\4":
        raise SourceError(f"{label}: no file begins where the directory says {member.name[:100]!r} does")
    *_, names, extra = _LOCAL.unpack(head)
    offset = member.header + _LOCAL.size + names + extra
    packed = Deflated(member.packed, member.crc) if member.method == DEFLATED else None
    return FilePart(path, offset, member.size, packed)


def _directory(file: BinaryIO, total: int, label: str) -> tuple[int, int, int]:
    """Start, size in bytes, and files of the central directory."""
    file.seek(max(0, total - _TAIL - _LOCATOR.size))
    tail = file.read(_TAIL + _LOCATOR.size)
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) - at < _END.size:
        raise SourceError(f"{label}: is no zip, or its end is missing: copy it again")
    _, disk, first, _, count, size, start, _ = _END.unpack_from(tail, at)
    if at >= _LOCATOR.size and tail[at - _LOCATOR.size : at - _LOCATOR.size + 4] == b"PK\6\7":
        file.seek(min(_LOCATOR.unpack_from(tail, at - _LOCATOR.size)[2], total))
        end = file.read(_END_64.size)
        if len(end) < _END_64.size or end[:4] != b"PK\6\6":
            raise SourceError(f"{label}: its zip64 end is not where it should be: copy it again")
        _, _, _, _, disk, first, _, count, size, start = _END_64.unpack(end)
    if disk or first:
        raise SourceError(f"{label}: is one part of a zip of several; join them first")
    if size > MAX_DIRECTORY or start + size > total or count * _ENTRY.size > size:
        raise SourceError(f"{label}: its directory of {size:,} bytes and {count:,} files does not fit the file")
    return start, size, count


def _entry(file: BinaryIO, left: int, total: int, label: str) -> tuple[ZipMember | None, int]:
    """The next file of the directory, None for a folder, and how many bytes of the directory it took."""
    fixed = file.read(_ENTRY.size) if left >= _ENTRY.size else b""
    if fixed[:4] != b"PK\1\2":
        raise SourceError(f"{label}: its directory is damaged: copy it again")
    _, _, _, flags, method, _, _, crc, packed, size, names, extras, note, *_, header = _ENTRY.unpack(fixed)
    read = _ENTRY.size + names + extras + note
    if read > left:
        raise SourceError(f"{label}: its directory is damaged: copy it again")
    name = file.read(names).decode("utf-8" if flags & 0x800 else "cp437", "replace")
    extra = file.read(extras)
    file.read(note)
    if name.endswith("/"):
        return None, read
    size, packed, header = _wide(extra, size, packed, header)
    fault = _fault(flags, method, size, packed, header, total)
    return ZipMember(name, min(header, _LONG), min(packed, _LONG), min(size, _LONG), method, crc, fault), read


def _fault(flags: int, method: int, size: int, packed: int, header: int, total: int) -> Fault:
    if flags & 1:
        return Fault.ENCRYPTED
    if method not in (STORED, DEFLATED):
        return Fault.METHOD
    if header + packed > total or (method == STORED and packed != size):
        return Fault.OUTSIDE
    if size > MAX_PICTURE:
        return Fault.TOO_LARGE
    return Fault.SWOLLEN if packed > most_packed(size) else Fault.NONE


def _wide(extra: bytes, *narrow: int) -> tuple[int, int, int]:
    """Size, packed size and header, those that do not fit 32 bits from the zip64 field of the extra data."""
    values = list(narrow)
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, at)
        if kind == 1:
            field = extra[at + 4 : at + 4 + length]
            for number, value in enumerate(values):
                if value == 0xFFFFFFFF and len(field) >= 8:
                    values[number], field = int.from_bytes(field[:8], "little"), field[8:]
        at += 4 + length
    return values[0], values[1], values[2]
