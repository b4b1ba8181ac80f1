"""Tables with coordinates written as files: what came in with columns added, a batch at a time.

A table leaves in the format that the output's name says; JSON lines, whose fields need not agree, stay JSON lines.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, BinaryIO, Final, Protocol

import polars as pl
import pyarrow as pa

from factory.errors import RecipeError
from factory.geo.files import LINE, SEPARATOR, Format, Header, format_of, header_of, parquet_of, read_faults
from factory.geo.spreadsheet import guarded, guarded_names
from factory.geo.whole_file import whole_file


class Writer(Protocol):
    """Takes batches and what is added to them, row for row."""

    marked: int
    """Cells that a spreadsheet would have run, and that got a mark: see `factory.geo.spreadsheet`."""

    def __call__(self, table: pa.Table, added: pa.Table) -> None: ...


@contextmanager
def new_file(path: Path, like: Path, added: pa.Schema) -> Iterator[Writer]:
    """Writes a file in the format of its name aside, and gives it that name when the block ends well.

    Args:
        added: columns that every batch brings besides those of `like`; an empty file has them too.

    Raises RecipeError when `like` cannot be written in that format, or `path` is `like` itself.
    """
    kind = format_of(path)
    if kind != format_of(like):
        _refuse_conversion(path, like, kind)
    if path.exists() and path.samefile(like):
        raise RecipeError(f"{path}: the output would replace the input; give it another name")
    with whole_file(path) as file:
        writer = _WRITERS[kind](file, like, kind)
        yield writer
        writer.close(added)


def _refuse_conversion(path: Path, like: Path, kind: Format) -> None:
    if "jsonl" in (kind, format_of(like)):
        raise RecipeError(
            f"{path}: {like.name} is {format_of(like)}; JSON lines become no table and tables no JSON lines: "
            "give the output the input's ending"
        )
    with read_faults(like):
        schema = _schema(like)
        if kind == "parquet" and (odd := [name for name in schema.names if not name or schema.names.count(name) > 1]):
            raise RecipeError(f"{path}: {like.name} has {odd[0]!r} as a column's name; Parquet needs one name a column")
        nested = [field.name for field in schema if pa.types.is_nested(field.type) or pa.types.is_binary(field.type)]
        if kind != "parquet" and nested:
            raise RecipeError(f"{path}: the column {nested[0]!r} of {like.name} holds no text; keep it as parquet")


def _schema(path: Path) -> pa.Schema:
    """Columns of a table; those of a CSV are text."""
    if format_of(path) == "parquet":
        return parquet_of(path).schema_arrow
    return pa.schema([pa.field(name, pa.large_string()) for name in header_of(path).names])


class _CsvWriter:
    def __init__(self, file: BinaryIO, like: Path, kind: Format) -> None:
        self._file, self._separator, self._empty = file, SEPARATOR[kind], True
        self.marked = 0
        self._header = header_of(like) if format_of(like) == kind else self._new_header(like)
        if (names := guarded_names(self._header.names)) != self._header.names:
            self._header = replace(self._header, names=names, raw=self._written(names).encode())

    def _new_header(self, like: Path) -> Header:
        names = guarded_names(_schema(like).names)
        return Header(names, self._written(names).encode(), "\n", 0)

    def _written(self, names: Sequence[str]) -> str:
        text = io.StringIO(newline="")
        csv.writer(text, delimiter=self._separator, lineterminator="").writerow(names)
        return text.getvalue()

    def __call__(self, table: pa.Table, added: pa.Table) -> None:
        if self._empty:
            self._write_header(added.column_names)
        # Numbers for names: polars has none twice. And null, not "", makes it write nothing instead of two quotes.
        own = pl.DataFrame(table.rename_columns([f"own{i}" for i in range(table.num_columns)]))
        own = own.with_columns(pl.col(pl.Categorical, pl.Enum).cast(pl.String))
        new = pl.DataFrame(added.rename_columns([f"new{i}" for i in range(added.num_columns)]))
        cells = own.with_columns(pl.when(pl.col(pl.String) != "").then(pl.col(pl.String)).name.keep())
        frame, marked = guarded(pl.concat([cells, new], how="horizontal") if new.width else cells)
        self.marked += marked
        text = io.BytesIO()  # and not the file: polars hides the number of a disk's error
        frame.write_csv(
            text, separator=self._separator, include_header=False, null_value="", line_terminator=self._header.line_end
        )
        self._file.write(text.getbuffer())

    def close(self, added: pa.Schema) -> None:
        if self._empty:
            self._write_header(added.names)

    def _write_header(self, added: Sequence[str]) -> None:
        new = (self._separator + self._written(added) if added else "") + self._header.line_end
        self._file.write(self._header.raw + new.encode())
        self._empty = False


class _ParquetWriter:
    marked = 0

    def __init__(self, file: BinaryIO, like: Path, kind: Format) -> None:
        self._file, self._like = file, like
        self._writer: Any = None

    def __call__(self, table: pa.Table, added: pa.Table) -> None:
        import pyarrow.parquet as pq

        for name in added.column_names:
            table = table.append_column(name, added.column(name))
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._file, table.schema, compression="zstd")
        self._writer.write_table(table)

    def close(self, added: pa.Schema) -> None:
        if self._writer is None:
            self(_schema(self._like).empty_table(), added.empty_table())
        self._writer.close()


class _LineWriter:
    marked = 0

    def __init__(self, file: IO[bytes], like: Path, kind: Format) -> None:
        self._file = file

    def __call__(self, table: pa.Table, added: pa.Table) -> None:
        import orjson

        lines = table.column(LINE).to_pylist()
        if added.num_columns:
            fields = (orjson.dumps(row)[1:] for row in added.to_pylist())
            lines = [_before_brace(line, new) for line, new in zip(lines, fields, strict=True)]
        self._file.write(b"".join(line + b"\n" for line in lines))

    def close(self, added: pa.Schema) -> None:
        pass


def _before_brace(line: bytes, fields: bytes) -> bytes:
    body = line[:-1].rstrip()
    return body + (b"" if body == b"{" else b",") + fields


_WRITERS: Final[dict[Format, Any]] = {
    "csv": _CsvWriter,
    "tsv": _CsvWriter,
    "parquet": _ParquetWriter,
    "jsonl": _LineWriter,
}
