"""Where an answer's body goes: into memory, or into a file that a later run goes on with.

A file is gone on with only where the server says that it is the same one (RFC 9110, 13.1.5 and 14.2): its strong `ETag`
or its `Last-Modified` is sent back as `If-Range`, and a 206 must begin at the byte that was asked for. Else it begins
anew. What was noted of a body lies beside it, and is on the disk before its first byte.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final, Protocol

import orjson

from factory.errors import CorruptBuild
from factory.store.files import open_itself, read_json, remove, write_bytes

_RANGE: Final = re.compile(r"bytes ([0-9]{1,18})-[0-9]{1,18}/(?:[0-9]{1,18}|\*)")
_MAX_VALIDATOR: Final = 200
WORTH_BYTES: Final = 500_000
"""Smaller files begin anew: noting what they are takes a disk longer than they take a network."""


class Body(Protocol):
    """What an answer is written to."""

    @property
    def size(self) -> int:
        """Bytes so far."""

    def asks(self, url: str) -> Mapping[str, str]:
        """Headers that ask for the rest; none where it begins anew."""

    def begin(self, url: str, status: int, headers: Mapping[str, str]) -> bool:
        """Readies it for the body of a 200 or 206; False where that is another part than was asked for."""

    def add(self, piece: bytes) -> None: ...

    def drop(self) -> None:
        """Forgets what came."""


@dataclass(slots=True)
class InMemory:
    """A body in memory: each try begins anew."""

    data: bytearray = field(default_factory=bytearray)

    @property
    def size(self) -> int:
        return len(self.data)

    def asks(self, url: str) -> Mapping[str, str]:
        return {}

    def begin(self, url: str, status: int, headers: Mapping[str, str]) -> bool:
        self.data.clear()
        return status == 200

    def add(self, piece: bytes) -> None:
        self.data += piece

    def drop(self) -> None:
        self.data.clear()


@dataclass(slots=True)
class InRange:
    """Some bytes of a file that does not change, into memory: nothing else than a 206 from the right byte is taken."""

    start: int
    stop: int
    data: bytearray = field(default_factory=bytearray)

    @property
    def size(self) -> int:
        return len(self.data)

    @property
    def whole(self) -> bool:
        return len(self.data) == self.stop - self.start

    def asks(self, url: str) -> Mapping[str, str]:
        return {"Range": f"bytes={self.start + self.size}-{self.stop - 1}"}

    def begin(self, url: str, status: int, headers: Mapping[str, str]) -> bool:
        found = _RANGE.fullmatch(headers.get("Content-Range", ""))
        return status == 206 and found is not None and int(found[1]) == self.start + self.size

    def add(self, piece: bytes) -> None:
        self.data += piece

    def drop(self) -> None:
        self.data.clear()


@dataclass(slots=True)
class InFile:
    """A body in a file of ours, `path`, with what is known of it in `path.json`. Opened by the first byte."""

    path: Path
    _file: BinaryIO | None = None

    @property
    def size(self) -> int:
        if self._file is not None:
            return os.fstat(self._file.fileno()).st_size
        try:
            return self.path.lstat().st_size
        except FileNotFoundError:
            return 0

    @property
    def _note(self) -> Path:
        return self.path.with_name(f"{self.path.name}.json")

    def asks(self, url: str) -> Mapping[str, str]:
        known = self._known()
        if not self.size or known.get("url") != url or not isinstance(same := known.get("same"), str):
            return {}
        return {"Range": f"bytes={self.size}-", "If-Range": same}

    def begin(self, url: str, status: int, headers: Mapping[str, str]) -> bool:
        if status == 206:
            found = _RANGE.fullmatch(headers.get("Content-Range", ""))
            return found is not None and int(found[1]) == self.size
        remove(self._note)  # before what it speaks of
        self._open().truncate(0)
        same, length = _validator(headers), headers.get("Content-Length", "")
        if same and not (length.isdecimal() and int(length[:18]) < WORTH_BYTES):
            write_bytes(orjson.dumps({"url": url, "same": same}), self._note)
        return True

    def add(self, piece: bytes) -> None:
        file = self._open()
        file.seek(0, os.SEEK_END)
        left = memoryview(piece)
        while left:
            left = left[file.write(left) :]

    def drop(self) -> None:
        self.close()
        remove(self.path)
        remove(self._note)

    def read(self) -> bytes:
        """All that came."""
        file = self._open()
        file.seek(0)
        return file.read()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self) -> BinaryIO:
        if self._file is None:
            self._file = open_itself(self.path)
        return self._file

    def _known(self) -> Mapping[str, object]:
        try:
            return read_json(self._note)
        except (FileNotFoundError, CorruptBuild):
            return {}


def _validator(headers: Mapping[str, str]) -> str | None:
    """What says that a file is the same one byte for byte; a weak ETag does not."""
    tag, modified = headers.get("ETag", ""), headers.get("Last-Modified", "")
    told = tag if tag.startswith('"') else modified
    return told if 0 < len(told) <= _MAX_VALIDATOR and told.isascii() and told.isprintable() else None
