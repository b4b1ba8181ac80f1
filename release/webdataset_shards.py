"""WebDataset tars: `000042.jpg` and `000042.json`, plain ustar, the same bytes on every machine.

Members are named by number, never by id, so a hostile id cannot become a path. Tests read the result with `tarfile`
and `webdataset`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

import orjson

from factory.store.ustar import END, member
from release.rows import json_values


def sample_key(number: int) -> str:
    """Member name of a split's n-th row without its ending."""
    return f"{number:06d}"


def shard_name(split: str, number: int) -> str:
    """File name of a split's n-th tar."""
    return f"{split}-{number:06d}.tar"


def write_sample(file: IO[bytes], number: int, values: Mapping[str, Any], jpeg: bytes) -> None:
    """Appends one sample to an open tar."""
    key = sample_key(number)
    text = orjson.dumps(json_values(values))
    file.write(member(f"{key}.jpg", jpeg) + member(f"{key}.json", text))


def end_tar(file: IO[bytes]) -> None:
    """Writes the two empty blocks that end an archive."""
    file.write(END)
