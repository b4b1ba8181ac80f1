"""WebDataset tars: `000042.jpg` and `000042.json`, plain ustar, the same bytes on every machine; an index beside each.

A row of several pictures has `000042.0.jpg`, `000042.1.jpg`, ..., one of none its JSON alone. Members are named by
number, never by id, so a hostile id cannot become a path. Tests read the result with `tarfile` and `webdataset`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO, Final

from factory.store.files import write_all
from factory.store.ustar import BLOCK, END, member_parts
from release.files import picture_names, sample_key
from release.tar_index import IndexedSample, header_line, sample_checksum, sample_line
from schemas.ustar import Member

_HELD: Final = 1_000_000
"""Bytes of rows that wait to be written."""


def shard_name(split: str, number: int) -> str:
    """File name of a split's n-th tar."""
    return f"{split}-{number:06d}.tar"


class TarFile:
    """One open tar. Where its samples lie is held until it is closed, and what is written up to a megabyte, as one
    call for many parts costs what one part does."""

    def __init__(self, file: IO[bytes], name: str) -> None:
        self._file, self._name = file, name
        self._lines: list[bytes] = []
        self._parts: list[bytes] = []
        self._held = self._end = 0

    def write(self, number: int, row_id: str, text: bytes, jpegs: Sequence[bytes]) -> None:
        """Appends the `number`-th row of a split: its pictures, then its JSON."""
        key = sample_key(number)
        names = (*picture_names(key, len(jpegs)), f"{key}.json")
        places = []
        for name, data in zip(names, (*jpegs, text), strict=True):
            self._parts += member_parts(name, data)
            places.append(Member(name, self._end + BLOCK, len(data)))
            self._end += BLOCK + len(data) + -len(data) % BLOCK
            self._held += len(data)
        self._lines.append(sample_line(IndexedSample(key, row_id, sample_checksum((*jpegs, text)), tuple(places))))
        if self._held >= _HELD:
            self._flush()

    def close(self) -> bytes:
        """Writes the two empty blocks that end an archive, and gives its index; the file stays open."""
        self._parts.append(END)
        self._flush()
        return header_line(self._name, self._end + len(END), len(self._lines)) + b"".join(self._lines)

    def _flush(self) -> None:
        self._file.flush()
        write_all(self._file.fileno(), self._parts)
        self._parts, self._held = [], 0
