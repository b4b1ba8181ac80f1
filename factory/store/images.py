"""The prepared images of a shard: one tar with deterministic bytes, readable by position while it grows.

Teachers read an image back from here when its call is due, so a shard never holds its images in memory.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final

from factory.errors import CorruptBuild
from factory.store.files import open_aside, remove, rename, write_all
from factory.store.ustar import BLOCK, END, member_parts
from schemas.sample import FilePart
from schemas.ustar import members

MAX_BYTES: Final = 256_000_000
"""Of a prepared picture: no decoder makes a larger one of the pixels that a recipe may allow."""


def member_name(position: int, index: int = 0) -> str:
    """`000017.jpg`, `000017.1.jpg`: images are named by their place in the shard and in the sample, never by a foreign
    id."""
    return f"{position:06d}.{index}.jpg" if index else f"{position:06d}.jpg"


class ImageStore:
    """Reads a finished tar, or writes one aside that gets its name when it is finished."""

    _descriptor = -1
    _aside: Path | None = None
    _hasher: hashlib._Hash | None = None
    """Of what was written so far: the file of a shard is not read again for its digest."""

    def __init__(self, path: Path) -> None:
        """Opens a finished tar for reading. Raises FileNotFoundError when there is none."""
        self._path, self._end, self._finished = path, 0, True
        self._index = _index(path)
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    @classmethod
    def create(cls, path: Path) -> ImageStore:
        """Starts a tar. One left half-written by a killed run is started again: decoding is cheap, answers are not."""
        store = cls.__new__(cls)
        store._path, store._end, store._finished, store._index = path, 0, False, {}
        store._aside, store._descriptor = open_aside(path)
        store._hasher = hashlib.sha256()
        return store

    @property
    def finished(self) -> bool:
        return self._finished

    @property
    def digest(self) -> str | None:
        """sha256 of a tar that this store has finished, as hex; None of one that it only reads."""
        return self._hasher.hexdigest() if self._hasher is not None and self._finished else None

    def add(self, position: int, jpeg: bytes, index: int = 0) -> None:
        """Appends the `index`-th image of a sample. They come in plan order, so that the tar's bytes are the same on
        every run."""
        at = self._end
        self._write(member_parts(member_name(position, index), jpeg))
        self._index[position, index] = (at + BLOCK, len(jpeg))

    def read(self, position: int, index: int = 0) -> bytes:
        """One image. Raises KeyError when the store has none at this place, CorruptBuild for one that nobody made."""
        offset, size = self._index[position, index]
        if size > MAX_BYTES:
            raise CorruptBuild(f"{self._path}: {member_name(position, index)} has {size:,} bytes; none is so large")
        return os.pread(self._descriptor, size, offset)

    def part(self, position: int, index: int = 0) -> FilePart:
        """Where one image of a finished tar lies, for decoders that read it themselves. Raises KeyError as `read`."""
        offset, size = self._index[position, index]
        return FilePart(self._path, offset, size)

    def finish(self) -> None:
        """Makes the tar durable and gives it its name."""
        if self._aside is None:
            return
        self._write((END,))
        os.fsync(self._descriptor)
        rename(self._aside, self._path)
        self._aside, self._finished = None, True

    def close(self) -> None:
        """Lets go of the file; of one that is not finished nothing is left."""
        if self._aside is not None:
            with suppress(CorruptBuild):
                remove(self._aside)
            self._aside = None
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __del__(self) -> None:
        """A descriptor is only a number: nobody else closes it when a store is dropped without `close`."""
        self.close()

    def _write(self, parts: Sequence[bytes]) -> None:
        assert self._hasher is not None
        for part in parts:
            self._hasher.update(part)
        write_all(self._descriptor, parts)
        self._end += sum(map(len, parts))

    def __enter__(self) -> ImageStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _index(path: Path) -> dict[tuple[int, int], tuple[int, int]]:
    try:
        with path.open("rb") as tar:
            return {_place(found.name): (found.offset, found.size) for found in members(tar)}
    except ValueError as error:
        raise CorruptBuild(f"{path}: {error}; `factory check` names every damaged file") from None


def _place(name: str) -> tuple[int, int]:
    position, _, index = name.removesuffix(".jpg").partition(".")
    return int(position), int(index or 0)
