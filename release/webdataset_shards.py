"""WebDataset tars: `000042.jpg` and `000042.json`, plain ustar, the same bytes on every machine.

Members are named by number, never by id, so a hostile id cannot become a path. Headers are written here because
`tarfile` spends more time on them than on the data; tests read the result with `tarfile` and `webdataset`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any, Final

import orjson

from release.rows import json_values

_BLOCK: Final = 512
_OWNERSHIP: Final = b"0000644\0" + b"0000000\0" * 2
_EPOCH: Final = b"00000000000\0"


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
    file.write(_member(f"{key}.jpg", jpeg) + _member(f"{key}.json", text))


def end_tar(file: IO[bytes]) -> None:
    """Writes the two empty blocks that end an archive."""
    file.write(bytes(2 * _BLOCK))


def _member(name: str, data: bytes) -> bytes:
    head = name.encode("ascii").ljust(100, b"\0") + _OWNERSHIP + b"%011o\0" % len(data) + _EPOCH
    tail = b"0" + bytes(100) + b"ustar\x0000" + bytes(80)
    checksum = sum(head) + sum(tail) + 8 * ord(" ")
    header = (head + b"%06o\0 " % checksum + tail).ljust(_BLOCK, b"\0")
    return header + data + bytes(-len(data) % _BLOCK)
