"""Where each file of a tar lies, from its headers alone: nothing is extracted, no data block is read.

A small reader of ustar with GNU and pax long names (POSIX.1-2001), because the standard library's reads headers of any
size into memory. Whatever a dataset has no use for is refused by name: links, devices, sparse files, names that leave
the archive, a name given twice, a truncated end.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, Final

from factory.errors import SourceError

BLOCK: Final = 512
MAX_EXTENDED_HEADER: Final = 64 * 1024
MAX_NAME: Final = 1024
_ZERO: Final = bytes(BLOCK)
_KINDS: Final = {
    b"1": "a hard link",
    b"2": "a symbolic link",
    b"3": "a character device",
    b"4": "a block device",
    b"6": "a pipe",
    b"S": "a sparse file",
}


@dataclass(frozen=True, slots=True)
class Member:
    """One regular file inside a tar, in bytes."""

    offset: int
    size: int


def tar_members(path: Path, *, max_members: int, label: str) -> dict[str, Member]:
    """Regular files of an uncompressed tar by name, in archive order.

    Args:
        path: the archive.
        max_members: headers beyond this count are a bomb.
        label: the archive's name in messages.

    Raises:
        SourceError: naming the archive, the member and what is wrong.
    """
    try:
        with path.open("rb") as file:
            return _read_members(file, path.stat().st_size, max_members, label)
    except OSError as error:
        raise SourceError(f"{label}: cannot be read ({error.strerror or error})") from None


def listed_members(path: Path, *, max_members: int, label: str) -> dict[str, Member]:
    """`tar_members`, remembered while the tar has the same size and time: one that was written again is read again."""
    try:
        status = path.stat()
    except OSError as error:
        raise SourceError(f"{label}: cannot be read ({error.strerror or error})") from None
    return _members_then(path, max_members, label, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=16)
def _members_then(path: Path, max_members: int, label: str, size: int, modified_ns: int) -> dict[str, Member]:
    return tar_members(path, max_members=max_members, label=label)


def _read_members(file: BinaryIO, total: int, max_members: int, label: str) -> dict[str, Member]:
    members: dict[str, Member] = {}
    extended: dict[str, str] = {}
    position = count = 0
    while True:
        header = file.read(BLOCK)
        if header == _ZERO:
            return members
        if len(header) < BLOCK:
            raise SourceError(f"{label}: ends without its end mark: truncated; copy it again")
        count += 1
        if count > max_members:
            raise SourceError(f"{label}: more than {max_members} members; raise `max_members` if that is right")
        kind = header[156:157]
        _refuse_checksum(header, label)
        name = extended.get("path") or _text(_name(header))
        size = int(extended.get("size") or _octal(header[124:136], label))
        data = position + BLOCK
        position = data + -(-size // BLOCK) * BLOCK
        if position > total:
            raise SourceError(f"{label}: {name[:100]!r} reaches past the end: truncated; copy it again")
        if kind in (b"x", b"L", b"g", b"K"):
            if size > MAX_EXTENDED_HEADER:
                raise SourceError(f"{label}: a name header of {size} bytes (at most {MAX_EXTENDED_HEADER})")
            extended |= _extension(kind, file.read(size), label)
        else:
            extended = {}
            if kind in (b"0", b"\0", b"7"):
                _refuse_name(name, members, label)
                members[name] = Member(data, size)
            elif kind != b"5":
                what = _KINDS.get(kind, f"of unknown type {kind!r}")
                raise SourceError(f"{label}: {name[:100]!r} is {what}; only regular files are read")
        file.seek(position)


def _refuse_checksum(header: bytes, label: str) -> None:
    if sum(header) - sum(header[148:156]) + 8 * 32 != _octal(header[148:156], label):
        raise SourceError(f"{label}: not a plain tar (a header's checksum is wrong); compressed tars are not read")


def _name(header: bytes) -> bytes:
    name = header[:100].split(b"\0", 1)[0]
    prefix = header[345:500].split(b"\0", 1)[0] if header[257:263] == b"ustar\0" else b""
    return prefix + b"/" + name if prefix else name


def _octal(number: bytes, label: str) -> int:
    if number[0] == 0x80:
        return int.from_bytes(number[1:], "big")
    digits = number.strip(b" \0")
    if not re.fullmatch(rb"[0-7]*", digits):
        raise SourceError(f"{label}: not a plain tar (a header has no number where one stands); is it compressed?")
    return int(digits or b"0", 8)


def _extension(kind: bytes, data: bytes, label: str) -> dict[str, str]:
    """What a long-name header says of the next member; global headers and long link names say nothing we use."""
    if kind == b"L":
        return {"path": _text(data.split(b"\0", 1)[0])}
    found: dict[str, str] = {}
    while kind == b"x" and data.strip(b"\0"):
        record = re.match(rb"(\d{1,6}) ([^=\n]{1,100})=", data)
        length = int(record[1]) if record else 0
        if record is None or not record.end() < length <= len(data) or data[length - 1 : length] != b"\n":
            raise SourceError(f"{label}: a pax header is broken")
        key, value = record[2], data[record.end() : length - 1]
        if key.startswith(b"GNU.sparse"):
            raise SourceError(f"{label}: holds a sparse file; only regular files are read")
        if key in (b"path", b"size"):
            found[key.decode()] = _text(value)
        data = data[length:]
    if not found.get("size", "0").isascii() or not found.get("size", "0").isdigit() or len(found.get("size", "0")) > 18:
        raise SourceError(f"{label}: a pax header gives a size that is no number")
    return found


def _text(name: bytes) -> str:
    """A name; bytes that are no UTF-8 become lone surrogates, as in names of files."""
    return name.decode("utf-8", "surrogateescape")


def _refuse_name(name: str, members: dict[str, Member], label: str) -> None:
    shown = name[:100]
    if not name or len(name) > MAX_NAME or "\0" in name:
        raise SourceError(f"{label}: {shown!r} is no name for a file")
    if name.startswith("/") or "\\" in name or ".." in name.split("/"):
        raise SourceError(f"{label}: {shown!r} leads out of the archive")
    if name in members:
        raise SourceError(f"{label}: {shown!r} is there twice")
