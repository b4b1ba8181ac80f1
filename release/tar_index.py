"""The index beside a WebDataset tar: where each sample lies, so that one is read without reading the tar.

webdataset/train-000000.tar.index    JSON lines: the first describes the tar, then one a sample, in order

    {"index":2,"tar":"train-000000.tar","bytes":1048576,"rows":2}
    {"key":"000000","id":"s000","crc32":305419896,"members":{"jpg":[512,30512],"json":[31744,900]}}

`members` are (offset, size) in bytes by ending; `crc32` is zlib's of their bytes, one after the other. The manifest has
the digest of the index: what is read by it is as sure as a row of Parquet, whose pages have the same checksum. Whoever
must know that nobody changed a byte reads `rows`, or runs `factory check`: both hold the whole tar against its SHA-256,
which takes as long as reading it. Imports nothing of the factory.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from itertools import zip_longest
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

import orjson

from release.files import MAX_JSON_BYTES, MAX_PICTURES_BYTES, StoredRow, picture_names, read_sample, sample_key
from schemas.plain_json import read_json
from schemas.rows.schema import RowSchema
from schemas.ustar import BLOCK, Member, members

VERSION: Final = 2
MAX_LINE: Final = 64_000
"""Bytes of a line; one of a sample of a picture has 120."""
SUFFIX: Final = ".index"


class IndexedSample(NamedTuple):
    """Where one sample of a tar lies."""

    key: str
    id: str
    """Of its row."""
    crc32: int
    """Of its members' bytes, in order."""
    members: tuple[Member, ...]
    """Its pictures, then its JSON."""


def index_path(tar: Path) -> Path:
    """The index of a tar lies beside it."""
    return tar.with_name(tar.name + SUFFIX)


def sample_checksum(parts: Iterable[bytes]) -> int:
    """CRC-32 of a sample's members."""
    return reduce(lambda value, part: zlib.crc32(part, value), parts, 0)


def header_line(tar: str, size: int, rows: int) -> bytes:
    """The first line of an index."""
    return orjson.dumps({"index": VERSION, "tar": tar, "bytes": size, "rows": rows}) + b"\n"


def sample_line(sample: IndexedSample) -> bytes:
    """The line of a sample."""
    places = {member.name.partition(".")[2]: (member.offset, member.size) for member in sample.members}
    told = {"key": sample.key, "id": sample.id, "crc32": sample.crc32, "members": places}
    return orjson.dumps(told) + b"\n"


def read_index(tar: Path, first: int) -> list[IndexedSample]:
    """The index of a tar, held against itself; the tar is not read.

    Args:
        first: number in its split of the tar's first row.

    Raises ValueError or OSError for one that is damaged, of another tar, or leads out of it.
    """
    with index_path(tar).open("rb") as file:
        head = _line(file)
        names = {"index", "tar", "bytes", "rows"}
        if not isinstance(head, dict) or head.keys() != names or head["index"] != VERSION or head["tar"] != tar.name:
            raise ValueError(f"is no index, version {VERSION}, of {tar.name}")
        if type(head["rows"]) is not int or head["bytes"] != tar.stat().st_size:
            raise ValueError(f"is of a {tar.name} of another size")
        samples: list[IndexedSample] = []
        end = 0
        while line := _line(file):
            samples.append(_sample(line, first + len(samples), end, head["bytes"]))
            last = samples[-1].members[-1]
            end = last.offset + last.size
        if len(samples) != head["rows"]:
            raise ValueError(f"has {len(samples)} samples, and says {head['rows']}")
    return samples


def _line(file: BinaryIO) -> Any:
    """The next line as JSON, None at the end."""
    line = file.readline(MAX_LINE)
    if line and not line.endswith(b"\n"):
        raise ValueError("has a line that is too long, or cut")
    return read_json(line) if line else None


def _sample(told: Any, number: int, begin: int, end: int) -> IndexedSample:
    """A line as a sample, whose members lie between these bytes, one behind the other."""
    key = sample_key(number)
    if not isinstance(told, dict) or told.keys() != {"key", "id", "crc32", "members"} or told["key"] != key:
        raise ValueError(f"has another line than that of sample {key}")
    places, checksum = told["members"], told["crc32"]
    if not (isinstance(told["id"], str) and type(checksum) is int and isinstance(places, dict)):
        raise ValueError(f"has no place of sample {key}")
    names = [name.partition(".")[2] for name in (*picture_names(key, len(places) - 1), f"{key}.json")]
    if list(places) != names:
        raise ValueError(f"has other members of sample {key} than a picture, or several, and its JSON")
    found = []
    for name, place in places.items():
        if not (isinstance(place, list) and len(place) == 2 and all(type(at) is int for at in place)):
            raise ValueError(f"has no place of {key}.{name}")
        offset, size = place
        if size < 0 or offset < begin + BLOCK or offset + size > end:
            raise ValueError(f"has a place of {key}.{name} that is outside of the tar")
        found.append(Member(f"{key}.{name}", offset, size))
        begin = offset + size
    large = sum(member.size for member in found[:-1]) > MAX_PICTURES_BYTES
    if large or found[-1].size > MAX_JSON_BYTES:
        raise ValueError(f"says that sample {key} is larger than any row")
    return IndexedSample(key, told["id"], checksum, tuple(found))


def indexed_row(tar: BinaryIO, sample: IndexedSample, schema: RowSchema) -> StoredRow:
    """One row of an open tar. Raises ValueError where its bytes are not those that were indexed."""
    row = read_sample(tar, sample.members[:-1], sample.members[-1], schema)
    if sample_checksum((*row.jpegs, row.json or b"")) != sample.crc32:
        raise ValueError(f"sample {sample.key} differs from what was written (CRC-32)")
    return row


def index_faults(tar: Path, first: int, rows: Sequence[tuple[str, int]]) -> Iterator[str]:
    """Every difference of a tar's index from the tar.

    Args:
        first: see `read_index`.
        rows: id of each row of the tar and `sample_checksum` of its members, in order, as they were read.
    """
    try:
        told = read_index(tar, first)
        with tar.open("rb") as file:
            there = list(members(file))
    except (OSError, ValueError) as error:
        yield f"{index_path(tar)}: {error}"
        return
    if [member for sample in told for member in sample.members] != there:
        yield f"{index_path(tar)}: says other places than where the members of {tar.name} lie"
    pairs = zip_longest([(sample.id, sample.crc32) for sample in told], rows)
    odd = next((number for number, (one, other) in enumerate(pairs, first) if one != other), None)
    if odd is not None:
        yield f"{index_path(tar)}: sample {sample_key(odd)} is another than in {tar.name}"
