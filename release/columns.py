"""Rows of a Parquet file without pictures, looked at as columns: what nothing is wrong with is passed over at once.

Whatever is not plainly sound is handed on row by row to `release.check`, which says what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, get_args

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from factory.redact import told
from release.files import StoredRow, opened_parquet, stored_rows
from schemas.record import SawTruth
from schemas.rows.conversations import MESSAGES, conversations
from schemas.rows.schema import RowSchema

MOST_ROWS: Final = 8192
"""In a batch, where rows are short;"""
LEAST_ROWS: Final = 64
BATCH_BYTES: Final = 64_000_000
"""and about so many bytes of them, unpacked."""


@dataclass(frozen=True, slots=True)
class Plain:
    """Rows without pictures in which nothing is odd."""

    rows: pl.DataFrame
    """Their columns without `images`."""
    before: pl.Series
    """What a student is given before the last answer of each."""


def batches(file: Path, schema: RowSchema, split: str, secrets: Mapping[str, str]) -> Iterator[Plain | list[StoredRow]]:
    """The rows of a Parquet file in order, some at a time: as columns where none of them has a picture or a fault.

    Args:
        split: whose rows they should be.
        secrets: see `release.check.check_release`.

    Raises what `opened_parquet` raises.
    """
    with opened_parquet(file, schema) as parquet:
        size = _batch_size(parquet.metadata)
        for batch in parquet.iter_batches(batch_size=size):
            plain = _plain(batch, schema, split, secrets) if size > LEAST_ROWS else None
            if plain is not None:
                yield plain
                continue
            for start in range(0, batch.num_rows, LEAST_ROWS):
                yield list(stored_rows(batch.slice(start, LEAST_ROWS)))


def _batch_size(metadata: pq.FileMetaData) -> int:
    """Rows to be read together, by what the footer says of their size: wrong figures cost time or memory up to what
    `schemas.parquet_bounds` lets a file unpack to."""
    unpacked = sum(metadata.row_group(number).total_byte_size for number in range(metadata.num_row_groups))
    return max(LEAST_ROWS, min(MOST_ROWS, int(BATCH_BYTES * metadata.num_rows // max(1, unpacked))))


def _plain(batch: pa.RecordBatch, schema: RowSchema, split: str, secrets: Mapping[str, str]) -> Plain | None:
    batch.validate(full=True)  # polars takes bytes for UTF-8 as they come
    if pc.max(pc.list_value_length(batch["images"])).as_py() != 0 or batch["images"].null_count:
        return None
    rows = pl.from_arrow(batch.drop_columns(["images"]))
    assert isinstance(rows, pl.DataFrame)
    lacking = [name for name in rows.columns if name not in schema.nullable and rows[name].null_count()]
    if lacking or rows["messages"].null_count() or rows.schema["messages"] != MESSAGES:
        return None
    if not ((rows["split"] == split).all() and rows["saw_truth"].is_in(get_args(SawTruth)).all()):
        return None
    read = conversations(rows["messages"], pl.zeros(rows.height, eager=True))
    if not read["sound"].all():
        return None
    # A text without a line end holds no secret that these lines together do not hold.
    return None if secrets and any(told(secrets, rows.write_ndjson())) else Plain(rows, read["before"])
