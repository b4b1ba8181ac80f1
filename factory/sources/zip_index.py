"""Where each file of a zip lies, from its central directory alone: nothing is extracted, no data is read.

A small reader (PKWARE APPNOTE 6.3.10, zip64 included), because the standard library's takes a directory of any size
into memory and keeps an object a file: OSV-5M has five million files in its zips. What a picture cannot be is refused:
encrypted files, compressions other than deflate, a directory that leaves the archive.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from factory.errors import SourceError
from schemas import FilePart

STORED: Final = 0
DEFLATED: Final = 8
MAX_DIRECTORY: Final = 512 << 20
"""Bytes of a central directory; that of 50,000 pictures has 5 MB."""
MAX_PICTURE: Final = 256 << 20
"""Bytes of one unpacked file; the recipe's own limit (`images.max_bytes`) is asked afterwards."""
_TAIL: Final = 65_535 + 22
_END: Final = struct.Struct("<4s4H2LH")
_LOCATOR: Final = struct.Struct("<4sLQL")
_END_64: Final = struct.Struct("<4sQ2H2L4Q")
_ENTRY: Final = struct.Struct("<4s6H3L5H2L")
_LOCAL: Final = struct.Struct("<4s5H3L2H")


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


def read_member(path: Path, member: ZipMember, *, label: str) -> FilePart | bytes:
    """Where a stored file lies; a deflated one's bytes. Raises SourceError when it is not what the directory says."""
    try:
        with path.open("rb") as file:
            file.seek(member.header)
            head = file.read(_LOCAL.size)
            if len(head) < _LOCAL.size or head[:4] != b"PK\3\4":
                raise SourceError(f"{label}: no file begins where the directory says {member.name[:100]!r} does")
            *_, names, extra = _LOCAL.unpack(head)
            offset = member.header + _LOCAL.size + names + extra
            if member.method == STORED:
                return FilePart(path, offset, member.size)
            file.seek(offset)
            return _inflated(file.read(member.packed), member, label)
    except OSError as error:
        raise SourceError(f"{label}: cannot be read ({error.strerror or error})") from None


def _inflated(data: bytes, member: ZipMember, label: str) -> bytes:
    try:
        found = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, member.size + 1)
    except zlib.error as error:
        raise SourceError(f"{label}: {member.name[:100]!r} is damaged ({error})") from None
    if len(found) != member.size or zlib.crc32(found) != member.crc:
        raise SourceError(f"{label}: {member.name[:100]!r} is not what its directory says (size or CRC-32)")
    return found


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
    if flags & 1:
        raise SourceError(f"{label}: {name[:100]!r} is encrypted; unpack the zip and name the folder")
    if method not in (STORED, DEFLATED):
        raise SourceError(f"{label}: {name[:100]!r} is packed by method {method}; expected stored or deflated")
    if header + packed > total or (method == STORED and packed != size) or size > MAX_PICTURE:
        raise SourceError(f"{label}: {name[:100]!r} of {size:,} bytes does not fit the archive or is too large")
    return ZipMember(name, header, packed, size, method, crc), read


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
