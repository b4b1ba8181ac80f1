"""Pictures inside a Parquet table: a column of bytes, or of `{bytes, path}` as Hugging Face `datasets` writes it.

The plan reads which rows have a picture, not the pictures: from the statistics of each row group where it can, else a
few rows at a time. A picture is read when it is needed, with a cursor in its row group, so that rows asked for in the
order of the file are read once. Memory is bounded by a page; many writers make one of a whole row group, so a row group
with more than MAX_GROUP_BYTES of pictures is refused by the plan. Row groups of about a hundred rows, as `datasets`
writes them, keep every order cheap.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from typing import Any, Final

import polars as pl

from factory.errors import SourceError

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
        paths = _paths(file, column, kind)
        held = pl.concat([pl.Series([], dtype=pl.Boolean), *(_held(file, leaf, n) for n in range(file.num_row_groups))])
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
    except (OSError, pa.ArrowException) as error:
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


def _paths(file: Any, column: str, kind: pl.DataType) -> pl.Series:
    """The texts beside the bytes; null where there are none."""
    has = isinstance(kind, pl.Struct) and any(each.name == "path" and each.dtype == pl.String for each in kind.fields)
    if not has:
        return pl.repeat(None, file.metadata.num_rows, dtype=pl.String, eager=True)
    found = pl.DataFrame(file.read(columns=[f"{column}.path"]))
    return found.select(pl.col(column).struct.field("path")).to_series()


def _held(file: Any, leaf: str, group: int) -> pl.Series:
    """Which rows of a row group have bytes."""
    facts = _chunk(file, leaf, group)
    rows = file.metadata.row_group(group).num_rows
    nulls = facts.statistics.null_count if facts.statistics is not None and facts.statistics.has_null_count else None
    if nulls == 0 or nulls == rows:
        return pl.repeat(nulls == 0, rows, dtype=pl.Boolean, eager=True)
    parts = [
        pl.Series(_bytes_of(batch).is_valid())
        for batch in file.iter_batches(_batch_rows(facts, rows), row_groups=[group], columns=[leaf], use_threads=False)
    ]
    return pl.concat(parts)


def _chunk(file: Any, leaf: str, group: int) -> Any:
    """The metadata of a column in a row group. Raises SourceError when it is too large to be read."""
    facts = file.metadata.row_group(group)
    columns = (facts.column(number) for number in range(facts.num_columns))
    found = next(column for column in columns if column.path_in_schema == leaf)
    if found.total_uncompressed_size > MAX_GROUP_BYTES:
        raise SourceError(
            f"row group {group} holds {found.total_uncompressed_size / 1e6:,.0f} MB in `{leaf}`, at most "
            f"{MAX_GROUP_BYTES / 1e6:,.0f} MB are read; write the table again with `row_group_size=100`"
        )
    return found


def _bytes_of(batch: Any) -> Any:
    import pyarrow as pa

    values = batch.column(0)
    if not pa.types.is_struct(values.type):
        return values
    return values.flatten()[0]  # a missing struct has missing bytes


def _batch_rows(facts: Any, rows: int) -> int:
    mean = max(1, facts.total_uncompressed_size // max(1, rows))
    return int(max(1, min(MAX_BATCH_ROWS, MAX_BATCH_BYTES // mean)))


@lru_cache(maxsize=8)
def _cursor(path: Path, column: str, modified_ns: int, size: int) -> _Cursor:
    """One cursor a column and state of the file."""
    return _Cursor(path, column)


class _Cursor:
    """Reads one column forward, some rows at a time, and begins a row group again for a row that lies behind."""

    def __init__(self, path: Path, column: str) -> None:
        import pyarrow.parquet as pq

        self._file = pq.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20)
        if column not in self._file.schema_arrow.names:
            raise SourceError(f"{path.name}: no column `{column}`")
        kind = self._file.schema_arrow.field(column).type
        self._leaf = f"{column}.bytes" if kind.num_fields else column
        counts = [self._file.metadata.row_group(n).num_rows for n in range(self._file.num_row_groups)]
        self._starts = [0, *accumulate(counts)]
        self._group, self._first = -1, 0
        self._batch: Any = None
        self._batches: Any = iter(())

    def mean_bytes(self, row: int) -> int:
        group = self._group_of(row)
        facts = _chunk(self._file, self._leaf, group)
        return int(facts.total_compressed_size // max(1, self._file.metadata.row_group(group).num_rows))

    def read(self, row: int) -> bytes | None:
        group = self._group_of(row)
        if group != self._group or row < self._first:
            facts = _chunk(self._file, self._leaf, group)
            rows = _batch_rows(facts, self._file.metadata.row_group(group).num_rows)
            self._batches = self._file.iter_batches(rows, row_groups=[group], columns=[self._leaf], use_threads=False)
            self._group, self._first, self._batch = group, self._starts[group], None
        while self._batch is None or row >= self._first + len(self._batch):
            self._first += 0 if self._batch is None else len(self._batch)
            self._batch = _bytes_of(next(self._batches))
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
