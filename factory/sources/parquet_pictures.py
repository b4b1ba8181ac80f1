"""Pictures inside a Parquet table: a column of bytes, or of `{bytes, path}` as Hugging Face `datasets` writes it.

The plan reads which rows have a picture, not the pictures: from the statistics of each row group where it can, else a
few rows at a time. A picture is read when it is needed, with a cursor in its row group, so that rows asked for in the
order of the file are read once. Memory is bounded by a page; many writers make one of a whole row group, so a row group
with more than MAX_GROUP_BYTES of pictures, by the headers of its pages, is refused by the plan. Rows that point to one
picture of a dictionary are read a few at a time. Row groups of about a hundred rows, as `datasets` writes them, keep
every order cheap.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from typing import Any, Final

import polars as pl

from factory.errors import SourceError
from schemas.parquet_bounds import refuse_bomb, unpacked

MAX_PICTURE_BYTES: Final = 256_000_000
MAX_GROUP_BYTES: Final = 1 << 30
"""A thousand photos of 1 MB."""
MAX_BATCH_BYTES: Final = 32_000_000
"""Pictures are read so many bytes at a time, by the mean of their row group."""
MAX_BATCH_ROWS: Final = 64
_LOCATOR: Final = re.compile(r"(\d{1,18})/(.+)", re.DOTALL)


def holds_pictures(kind: pl.DataType) -> bool:
    """Whether a column of this type holds pictures."""
    if isinstance(kind, pl.Struct):
        return any(field.name == "bytes" and field.dtype == pl.Binary for field in kind.fields)
    return kind == pl.Binary


def picture_locators(path: Path, column: str, kind: pl.DataType) -> pl.Series:
    """A locator a row: `table.parquet::17/image` where the row holds a picture, else its `path`, else null.

    Raises OSError or pyarrow.ArrowException for a file that cannot be read.
    """
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        leaf = _leaf(column, kind)
        paths = _paths(file, path, column, kind)
        parts = [_held(file, path, leaf, group) for group in range(file.num_row_groups)]
    held = pl.concat([pl.Series([], dtype=pl.Boolean), *parts])
    rows = pl.int_range(len(held), eager=True).cast(pl.String)
    frame = pl.DataFrame({"held": held, "row": rows, "path": paths})
    inside = pl.lit(f"{path.name}::") + pl.col("row") + pl.lit(f"/{column}")
    return frame.select(pl.when("held").then(inside).otherwise("path").alias(column)).to_series()


def picture_place(path: Path, locator: str) -> tuple[int, str] | None:
    """Row and column of a locator inside the table, or None for another locator."""
    if not locator.startswith(f"{path.name}::"):
        return None
    match = _LOCATOR.fullmatch(locator, len(path.name) + 2)
    return (int(match[1]), match[2]) if match else None


def read_picture(path: Path, row: int, column: str) -> bytes:
    """The picture of one row. Raises SourceError when there is none, or none of a possible size."""
    import pyarrow as pa

    try:
        status = path.stat()
        data = _cursor(path, column, status.st_mtime_ns, status.st_size).read(row)
    except (OSError, ValueError, pa.ArrowException) as error:
        what = str(error).split("\n", 1)[0][:200]
        raise SourceError(f"{path.name}, row {row}: the picture in `{column}` cannot be read ({what})") from None
    if data is None:
        raise SourceError(f"{path.name}, row {row}: there is no picture in `{column}`")
    return data


def picture_stamp(path: Path, row: int, column: str) -> tuple[int, int] | None:
    """The mean bytes of a picture in the row's group, and the table's time: nothing is read but the footer."""
    import pyarrow as pa

    try:
        status = path.stat()
        return _cursor(path, column, status.st_mtime_ns, status.st_size).mean_bytes(row), status.st_mtime_ns
    except (OSError, pa.ArrowException, SourceError):
        return None


def _leaf(column: str, kind: pl.DataType) -> str:
    return f"{column}.bytes" if isinstance(kind, pl.Struct) else column


def _paths(file: Any, path: Path, column: str, kind: pl.DataType) -> pl.Series:
    """The texts beside the bytes; null where there are none."""
    has = isinstance(kind, pl.Struct) and any(each.name == "path" and each.dtype == pl.String for each in kind.fields)
    if not has:
        return pl.repeat(None, file.metadata.num_rows, dtype=pl.String, eager=True)
    try:
        refuse_bomb(path, [f"{column}.path"])
    except ValueError as error:
        raise SourceError(f"the paths in `{column}`: {error}") from None
    found = pl.DataFrame(file.read(columns=[f"{column}.path"]))
    return found.select(pl.col(column).struct.field("path")).to_series()


def _held(file: Any, path: Path, leaf: str, group: int) -> pl.Series:
    """Which rows of a row group have bytes."""
    facts, rows = _facts(file, leaf, group), file.metadata.row_group(group).num_rows
    said = facts.statistics
    nulls = said.null_count if said is not None and said.has_null_count else None
    if nulls == 0 or nulls == rows:
        return pl.repeat(nulls == 0, rows, dtype=pl.Boolean, eager=True)
    batches = _batches(file, _chunk(file, path, leaf, group))
    return pl.concat(pl.Series(_bytes_of(batch).is_valid()) for batch in batches)


def _facts(file: Any, leaf: str, group: int) -> Any:
    """What the footer says of a column in a row group. Raises SourceError when it is too large to be read."""
    number = next(each for each in range(len(file.schema.names)) if file.schema.column(each).path == leaf)
    facts = file.metadata.row_group(group).column(number)
    _refuse_large(facts.total_uncompressed_size, leaf, group)
    return facts


@dataclass(frozen=True, slots=True)
class _Chunk:
    """A column of pictures in one row group."""

    leaf: str
    group: int
    batch_rows: int
    """Rows that are read at a time."""


def _chunk(file: Any, path: Path, leaf: str, group: int) -> _Chunk:
    """What the pages of a column say, before one is read: nobody checks the footer. Raises SourceError for one that is
    too large, ValueError where they say nothing."""
    facts, rows = _facts(file, leaf, group), max(1, file.metadata.row_group(group).num_rows)
    size, dictionary = unpacked(facts, path)
    _refuse_large(size, leaf, group)
    each = max(1, size // rows, dictionary)
    batch_rows = max(1, min(MAX_BATCH_ROWS, MAX_BATCH_BYTES // each))
    return _Chunk(leaf, group, batch_rows)


def _refuse_large(size: int, leaf: str, group: int) -> None:
    if size > MAX_GROUP_BYTES:
        raise SourceError(
            f"row group {group} holds {size / 1e6:,.0f} MB in `{leaf}`, at most "
            f"{MAX_GROUP_BYTES / 1e6:,.0f} MB are read; write the table again with `row_group_size=100`"
        )


def _batches(file: Any, chunk: _Chunk) -> Iterator[Any]:
    yield from file.iter_batches(chunk.batch_rows, row_groups=[chunk.group], columns=[chunk.leaf], use_threads=False)


def _bytes_of(batch: Any) -> Any:
    import pyarrow as pa

    values = batch.column(0)
    if not pa.types.is_struct(values.type):
        return values
    return values.flatten()[0]  # a missing struct has missing bytes


@lru_cache(maxsize=8)
def _cursor(path: Path, column: str, modified_ns: int, size: int) -> _Cursor:
    """One cursor a column and state of the file."""
    return _Cursor(path, column)


class _Cursor:
    """Reads one column forward, some rows at a time, and begins a row group again for a row that lies behind."""

    def __init__(self, path: Path, column: str) -> None:
        import pyarrow.parquet as pq

        self._path = path
        self._file = pq.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20)
        if column not in self._file.schema_arrow.names:
            raise SourceError(f"{path.name}: no column `{column}`")
        kind = self._file.schema_arrow.field(column).type
        self._leaf = f"{column}.bytes" if kind.num_fields else column
        counts = [self._file.metadata.row_group(n).num_rows for n in range(self._file.num_row_groups)]
        self._starts = [0, *accumulate(counts)]
        self._means: dict[int, int] = {}
        self._group, self._first = -1, 0
        self._batch: Any = None
        self._batches: Any = iter(())

    def mean_bytes(self, row: int) -> int:
        group = self._group_of(row)
        if group not in self._means:
            rows = max(1, self._file.metadata.row_group(group).num_rows)
            self._means[group] = _facts(self._file, self._leaf, group).total_compressed_size // rows
        return self._means[group]

    def read(self, row: int) -> bytes | None:
        group = self._group_of(row)
        if group != self._group or row < self._first:
            self._batches = _batches(self._file, _chunk(self._file, self._path, self._leaf, group))
            self._group, self._first, self._batch = group, self._starts[group], None
        while self._batch is None or row >= self._first + len(self._batch):
            self._first += 0 if self._batch is None else len(self._batch)
            batch = next(self._batches, None)
            if batch is None:
                raise ValueError("the row group has fewer rows than it says")
            self._batch = _bytes_of(batch)
        value = self._batch[row - self._first]
        size = len(value.as_buffer()) if value.is_valid else 0
        if size > MAX_PICTURE_BYTES:
            raise SourceError(f"row {row}: a picture of {size} bytes, at most {MAX_PICTURE_BYTES} are read")
        found: bytes | None = value.as_py()
        return found

    def _group_of(self, row: int) -> int:
        if row >= self._starts[-1]:
            raise SourceError(f"row {row}: the table has {self._starts[-1]} rows")
        return bisect_right(self._starts, row) - 1
