"""Parquet files with embedded images, as the Hub's viewer and `datasets` want them.

Page checksums make every damaged byte show; content-defined chunking keeps unchanged pages identical between releases
(only the difference is uploaded); the page index lets readers seek. JPEG bytes are stored as they are, text with zstd.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import IO, Any, Final

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from release.files import named
from schemas.rows.schema import RowSchema, hub_features

GROUP_BYTES: Final = 64_000_000
"""A row group is closed beyond this many bytes of images; the Hub's viewer wants at most 100 MB."""
GROUP_ROWS: Final = 1000
_CHUNKING: Final = {"min_chunk_size": 256 * 1024, "max_chunk_size": 1024 * 1024}
_IMAGE_BYTES: Final = "images.list.element.bytes"


def file_schema(row: RowSchema) -> pa.Schema:
    """A family's columns with the metadata by which `datasets` knows what they are."""
    return row.columns.with_metadata(
        {
            "huggingface": orjson.dumps({"info": {"features": hub_features(row.columns)}}).decode(),
            "row_family": row.family,
            "row_version": str(row.version),
        }
    )


def file_name(split: str, number: int, files: int) -> str:
    """`train-00000-of-00002.parquet`"""
    return f"{split}-{number:05d}-of-{files:05d}.parquet"


def open_writer(file: IO[bytes], schema: pa.Schema) -> pq.ParquetWriter:
    """A Parquet file of rows with a column `images`, ready to be written."""
    leaves = leaf_paths(schema)
    return pq.ParquetWriter(
        file,
        schema,
        compression={leaf: "none" if leaf == _IMAGE_BYTES else "zstd" for leaf in leaves},
        use_dictionary=[leaf for leaf in leaves if leaf != _IMAGE_BYTES],
        write_statistics=[leaf for leaf in leaves if leaf != _IMAGE_BYTES],
        write_page_checksum=True,
        write_page_index=True,
        use_content_defined_chunking=_CHUNKING,
    )


class ParquetFile:
    """One open Parquet file; rows are buffered up to a row group."""

    def __init__(self, file: IO[bytes], row: RowSchema) -> None:
        self._schema = file_schema(row)
        self._writer = open_writer(file, self._schema)
        self._rows: list[dict[str, Any]] = []
        self._tables: list[pa.Table] = []
        self._held = self._bytes = 0

    def write(self, number: int, values: Mapping[str, Any], jpegs: Sequence[bytes]) -> None:
        """Adds the `number`-th row of a split; its pictures are called as in a tar."""
        self._rows.append({**values, "images": named(number, jpegs)})
        self._held += 1
        self._bytes += sum(map(len, jpegs))
        if self._bytes >= GROUP_BYTES or self._held >= GROUP_ROWS:
            self._flush()

    def write_table(self, rows: pa.Table) -> None:
        """Adds rows without pictures, of this file's schema; row groups end where they would for rows one by one."""
        while rows.num_rows:
            self._close_rows()
            part, rows = rows.slice(0, GROUP_ROWS - self._held), rows.slice(GROUP_ROWS - self._held)
            self._tables.append(part)
            self._held += part.num_rows
            if self._held == GROUP_ROWS:
                self._flush()

    def close(self) -> None:
        """Writes what is buffered and the footer; the file under it stays open."""
        self._flush()
        self._writer.close()

    def _close_rows(self) -> None:
        if self._rows:
            self._tables.append(pa.Table.from_pylist(self._rows, schema=self._schema))
            self._rows = []

    def _flush(self) -> None:
        self._close_rows()
        if self._tables:
            self._writer.write_table(pa.concat_tables(self._tables).combine_chunks(), row_group_size=GROUP_ROWS)
            self._tables, self._held, self._bytes = [], 0, 0


def leaf_paths(schema: pa.Schema) -> Sequence[str]:
    """Parquet names of all leaf columns, as per-column settings want them."""
    return [path for field in schema for path in _leaves(field.name, field.type)]


def _leaves(path: str, kind: pa.DataType) -> list[str]:
    if pa.types.is_list(kind):
        return _leaves(f"{path}.list.element", kind.value_type)
    if pa.types.is_struct(kind):
        fields = [kind.field(i) for i in range(kind.num_fields)]
        return [leaf for field in fields for leaf in _leaves(f"{path}.{field.name}", field.type)]
    return [path]
