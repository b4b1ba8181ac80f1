"""One row of a file, and the ids of all, without reading its other rows. Imports nothing of the factory."""

from __future__ import annotations

from pathlib import Path

from release.files import StoredRow, format_of, opened_parquet, stored_rows, tar_rows
from release.tar_index import index_path, indexed_row, read_index
from schemas.rows.schema import RowSchema


def one_row(file: Path, schema: RowSchema, first: int, number: int) -> StoredRow:
    """A row of a file: one row group of Parquet is read; of a tar the row alone, or all up to it without an index.

    Args:
        first: number in its split of the file's first row.
        number: of the wanted row in its split.

    Raises one of `READ_ERRORS` where the file is damaged or follows another schema.
    """
    at = number - first
    if format_of(file) == "parquet":
        with opened_parquet(file, schema) as parquet:
            for group in range(parquet.num_row_groups):
                rows = parquet.metadata.row_group(group).num_rows
                if at < rows:
                    table = parquet.read_row_group(group).slice(at, 1).combine_chunks()
                    (stored,) = stored_rows(table.to_batches()[0])
                    return stored
                at -= rows
        raise ValueError(f"has no row {number - first}")
    if index_path(file).is_file():
        with file.open("rb") as tar:
            return indexed_row(tar, read_index(file, first)[at], schema)
    return next(row for place, row in enumerate(tar_rows(file, schema)) if place == at)


def row_ids(file: Path, schema: RowSchema, first: int) -> list[str]:
    """The ids of a file's rows in order: its column `id`, or what a tar's index says. Raises as `one_row`."""
    if format_of(file) == "parquet":
        with opened_parquet(file, schema) as parquet:
            ids: list[str] = parquet.read(columns=["id"])["id"].to_pylist()
            return ids
    if index_path(file).is_file():
        return [sample.id for sample in read_index(file, first)]
    return [row.values["id"] for row in tar_rows(file, schema)]
