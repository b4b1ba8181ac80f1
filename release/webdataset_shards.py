"""WebDataset tars: `000042.jpg` and `000042.json`, plain ustar, the same bytes on every machine.

A row of several pictures has `000042.0.jpg`, `000042.1.jpg`, ..., one of none its JSON alone. Members are named by
number, never by id, so a hostile id cannot become a path. Tests read the result with `tarfile` and `webdataset`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO

from factory.store.ustar import END, member
from release.files import picture_names, sample_key


def shard_name(split: str, number: int) -> str:
    """File name of a split's n-th tar."""
    return f"{split}-{number:06d}.tar"


def write_sample(file: IO[bytes], number: int, text: bytes, jpegs: Sequence[bytes]) -> None:
    """Appends one row to an open tar: its pictures, then its JSON."""
    key = sample_key(number)
    for name, jpeg in zip(picture_names(key, len(jpegs)), jpegs, strict=True):
        file.write(member(name, jpeg))
    file.write(member(f"{key}.json", text))


def end_tar(file: IO[bytes]) -> None:
    """Writes the two empty blocks that end an archive."""
    file.write(END)
