"""WebDataset tars: `000042.jpg` and `000042.json`, plain ustar, the same bytes on every machine; an index beside each.

A row of several pictures has `000042.0.jpg`, `000042.1.jpg`, ..., one of none its JSON alone. Members are named by
number, never by id, so a hostile id cannot become a path. Tests read the result with `tarfile` and `webdataset`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO

from factory.store.ustar import BLOCK, END, member
from release.files import picture_names, sample_key
from release.tar_index import IndexedSample, header_line, sample_digest, sample_line
from schemas.ustar import Member


def shard_name(split: str, number: int) -> str:
    """File name of a split's n-th tar."""
    return f"{split}-{number:06d}.tar"


class TarFile:
    """One open tar; where its samples lie is held until it is closed."""

    def __init__(self, file: IO[bytes], name: str) -> None:
        self._file, self._name = file, name
        self._lines: list[bytes] = []
        self._end = 0

    def write(self, number: int, row_id: str, text: bytes, jpegs: Sequence[bytes]) -> None:
        """Appends the `number`-th row of a split: its pictures, then its JSON."""
        key = sample_key(number)
        places = []
        for name, data in zip((*picture_names(key, len(jpegs)), f"{key}.json"), (*jpegs, text), strict=True):
            written = member(name, data)
            self._file.write(written)
            places.append(Member(name, self._end + BLOCK, len(data)))
            self._end += len(written)
        self._lines.append(sample_line(IndexedSample(key, row_id, sample_digest((*jpegs, text)), tuple(places))))

    def close(self) -> bytes:
        """Writes the two empty blocks that end an archive, and gives its index; the file stays open."""
        self._file.write(END)
        return header_line(self._name, self._end + len(END), len(self._lines)) + b"".join(self._lines)
