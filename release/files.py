"""The two kinds of files that hold released rows, read with every byte checked. Imports nothing of the factory.

parquet/train-00000-of-00002.parquet    one row a line, pictures within, pages with checksums
webdataset/train-000000.tar             `000042.json` and its pictures: `000042.jpg`; `000042.0.jpg`, `000042.1.jpg`
                                        where a row has several; none where it has none
webdataset/train-000000.tar.index       where each row of it lies: see `release.tar_index`
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.parquet_bounds import refuse_bomb
from schemas.plain_json import read_json
from schemas.rows.schema import RowSchema
from schemas.ustar import Member, members

READ_ERRORS: Final = (OSError, ValueError, KeyError, TypeError, AttributeError, pa.ArrowException)
"""What damaged or hostile files make these readers raise."""

MAX_JSON_BYTES: Final = 16_000_000
"""Of a row; one of a conversation of 32k tokens has 0.2 MB."""
MAX_PICTURES_BYTES: Final = 256_000_000
"""Of a row's pictures together."""
FURTHER: Final = r"/[0-9]+$"
"""How the id of a sample's further row ends: `/2`, `/3`, ..."""
_BATCH: Final = 64


class StoredRow(NamedTuple):
    """One row as a file holds it."""

    values: dict[str, Any]
    """Its columns without `images`."""
    jpegs: list[bytes]
    json: bytes | None
    """Its WebDataset JSON, where it was read from that: `orjson.dumps` of the schema's `json_row`."""


def sample_key(number: int) -> str:
    """Name of a split's n-th row in its tar, without ending."""
    return f"{number:06d}"


def picture_names(key: str, pictures: int) -> list[str]:
    """What a row's JPEGs are called, in order."""
    return [f"{key}.jpg"] if pictures == 1 else [f"{key}.{number}.jpg" for number in range(pictures)]


def named(number: int, jpegs: Sequence[bytes]) -> list[dict[str, Any]]:
    """The pictures of a split's n-th row as its column `images` has them."""
    names = picture_names(sample_key(number), len(jpegs))
    return [{"bytes": jpeg, "path": name} for jpeg, name in zip(jpegs, names, strict=True)]


def sample_of(row_id: str, samples: Container[str]) -> str:
    """The sample of a row, given the ids of samples: one's further rows are called `id/2`, `id/3`, ..., but a sample of
    its own may be called so, too."""
    return row_id if row_id in samples else re.sub(FURTHER, "", row_id)


def split_of(file: Path) -> str:
    """The split whose rows a file holds, by its name."""
    return file.name.split("-", 1)[0]


def format_of(file: Path) -> str:
    """`webdataset` or `parquet`, by the file's ending."""
    return "webdataset" if file.suffix == ".tar" else "parquet"


def with_firsts(
    files: Iterable[tuple[Path, Mapping[str, Any]]],
) -> Iterator[tuple[Path, Mapping[str, Any], int]]:
    """Files in order, each with the number of its first row, which its pictures are called by: rows are counted from 0
    in each folder and split."""
    firsts: Counter[tuple[Path, str]] = Counter()
    for file, entry in files:
        place = file.parent, split_of(file)
        yield file, entry, firsts[place]
        firsts[place] += entry["rows"]


def read_rows(file: Path, schema: RowSchema) -> Iterator[StoredRow]:
    """The rows of a file in order. Raises one of `READ_ERRORS` where it is damaged or follows another schema."""
    return tar_rows(file, schema) if format_of(file) == "webdataset" else parquet_rows(file, schema)


def parquet_rows(file: Path, schema: RowSchema) -> Iterator[StoredRow]:
    """Rows of a Parquet file, page checksums verified. Raises ValueError when its schema is another."""
    with opened_parquet(file, schema) as parquet:
        for batch in parquet.iter_batches(batch_size=_BATCH):
            yield from stored_rows(batch)


@contextmanager
def opened_parquet(file: Path, schema: RowSchema) -> Iterator[pq.ParquetFile]:
    """A Parquet file of these rows, once its footer was looked at; its pages are verified as they are read.

    Raises ValueError where it unpacks to more than any file may, or its schema is another.
    """
    refuse_bomb(file)
    with pq.ParquetFile(file, page_checksum_verification=True) as parquet:
        if not parquet.schema_arrow.equals(schema.columns):
            raise ValueError(f"its schema is not that of {schema.family} rows, version {schema.version}")
        yield parquet


def stored_rows(batch: pa.RecordBatch) -> Iterator[StoredRow]:
    """The rows of a batch."""
    for values in batch.to_pylist():
        jpegs = [image["bytes"] for image in values.pop("images") or ()]
        yield StoredRow(values, jpegs, None)


def tar_rows(file: Path, schema: RowSchema) -> Iterator[StoredRow]:
    """Rows of a WebDataset tar. Raises ValueError when members are no samples, or JSON differs from the schema."""
    with file.open("rb") as tar:
        pictures: list[Member] = []
        for member in members(tar):
            if not member.name.endswith(".json"):
                pictures.append(member)
                continue
            yield read_sample(tar, pictures, member, schema)
            pictures = []
        if pictures:
            raise ValueError(f"{pictures[0].name} has no JSON after it")


def read_sample(tar: BinaryIO, pictures: Sequence[Member], text: Member, schema: RowSchema) -> StoredRow:
    """The row of which these are the members. Raises ValueError where they are no sample of the schema."""
    names = [member.name for member in pictures]
    if names != picture_names(text.name.removesuffix(".json"), len(names)):
        raise ValueError(f"{', '.join(names[:4])} and {text.name} are not one sample")
    large = sum(member.size for member in pictures) > MAX_PICTURES_BYTES
    if large or text.size > MAX_JSON_BYTES:
        raise ValueError(f"{text.name}: is larger than any row")
    data = _bytes(tar, text)
    try:
        values = schema.from_json(data)
    except ValueError:
        raise ValueError(f"{text.name} {_odd(data, schema) or 'has a number that no column holds'}") from None
    return StoredRow(values, [_bytes(tar, member) for member in pictures], data)


def _odd(data: bytes, schema: RowSchema) -> str | None:
    """In what a row's JSON is another than the schema's; None for what JSON itself does not tell apart."""
    try:
        values = read_json(data)
        if not isinstance(values, dict) or set(values) != set(schema.json_keys):
            odd = sorted(set(values) ^ set(schema.json_keys))
            return f"has other keys than the schema: {', '.join(map(str, odd))}"
        whole = schema.json_row(values)
    except ValueError as error:
        return f"is no row ({error})"
    odd = [name for name in whole if values[name] != whole[name]]
    return f"is not as the schema writes it: {', '.join(odd)}" if odd else None


def _bytes(tar: BinaryIO, member: Member) -> bytes:
    tar.seek(member.offset)
    return tar.read(member.size)


def given_row(
    schema: RowSchema, values: Mapping[str, Any], images: Any, columns: Sequence[str] | None = None
) -> dict[str, Any]:
    """A stored row as readers get it, in the schema's order or that of `columns`: None for what is unknown, however its
    file says so; a part of a message that is a picture has no text."""
    row = {name: images if name == "images" else values[name] for name in columns or schema.names}
    for name in schema.nullable & row.keys():
        if row[name] == "":
            row[name] = None
    if turns := row.get("messages"):
        row["messages"] = [{**turn, "content": [_part(part) for part in turn["content"] or ()]} for turn in turns]
    return row


def _part(part: dict[str, Any]) -> dict[str, Any]:
    return {**part, "text": part["text"] or None} if part["type"] == "image" else part
