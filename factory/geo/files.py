"""Tables with coordinates as files: CSV, TSV, Parquet and JSON lines, read and written a batch at a time.

What a file holds passes through untouched: a CSV's cells stay text ("NA" is Namibia, 007 keeps its zeros, a formula
stays the text it is), Parquet keeps its types and its metadata, and a JSON line keeps its own bytes, as new fields are
put before its closing brace. So a file leaves in the format it came in. Memory is bounded by the batch.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO, Final, Literal, Protocol

import polars as pl
import pyarrow as pa

from factory.errors import EnvironmentFault, RecipeError, SourceError

if TYPE_CHECKING:
    import pyarrow.parquet as pq

Format = Literal["csv", "tsv", "parquet", "jsonl"]

_FORMATS: Final[dict[str, Format]] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}
_LINE: Final = "line"
_BLOCK_BYTES: Final = 4 << 20
"""Bytes of CSV or JSON lines read at a time; also the longest row that can be read."""
_SEPARATOR: Final = {"csv": ",", "tsv": "\t"}
_MAX_HEADER: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows as they are, and how far into the file they end."""

    table: pa.Table
    """Columns of the file; for JSON lines the one column `line` (binary)."""
    first_row: int
    share_read: float


class Writer(Protocol):
    """Takes batches and what is added to them, row for row."""

    def __call__(self, table: pa.Table, added: pa.Table) -> None: ...


def format_of(path: Path) -> Format:
    """The format that a file's name says. Raises RecipeError for another one."""
    found = _FORMATS.get(path.suffix.lower())
    if found is None:
        known = ", ".join(_FORMATS)
        raise RecipeError(f"{path}: the name says no format that can be read; expected one of {known}")
    return found


def columns_of(path: Path) -> list[str] | None:
    """Names of a file's columns in order; None for JSON lines, whose rows need not agree.

    Raises SourceError for a file that is missing, empty, not what its name says, or has a column twice.
    """
    kind = format_of(path)
    with _read_faults(path):
        if kind == "jsonl":
            path.open("rb").close()
            return None
        names = _header(path, _SEPARATOR[kind]) if kind != "parquet" else _parquet(path).schema_arrow.names
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SourceError(f"{path}: the column {twice[0]!r} stands in it twice; rename one of them")
    return list(names)


def check_columns(path: Path, wanted: Sequence[str], added: Sequence[str] = ()) -> None:
    """Raises RecipeError where a wanted column is missing or an added one is there already."""
    names = columns_of(path)
    if names is None:
        return
    missing = [name for name in wanted if name not in names]
    if missing:
        raise RecipeError(f"{path}: there is no column {missing[0]!r}; the columns are {', '.join(names)}")
    _refuse_collision(path, [name for name in added if name in names])


def read_batches(path: Path, *, rows: int) -> Iterator[Batch]:
    """A file's rows in order, about `rows` at a time. Raises SourceError where it cannot be read."""
    kind = format_of(path)
    tables = {"parquet": _parquet_batches, "jsonl": _line_batches}.get(kind, _csv_batches)
    done = 0
    with _read_faults(path):
        for table, share in tables(path, rows):
            yield Batch(table, done, share)
            done += table.num_rows


def points_of(path: Path, batch: Batch, lat: str, lon: str, *, refuse: Sequence[str] = ()) -> pl.DataFrame:
    """lat, lon of a batch as float64, null for what is no number; text such as `48,85` or `48°51'N` is read.

    Raises SourceError for a JSON line that is no object, RecipeError for one that has a field named in `refuse`.
    """
    from factory.sources.coordinates import parse_degrees

    if format_of(path) == "jsonl":
        frame = _line_points(path, batch, lat, lon, refuse)
    else:
        columns = [batch.table.column(name) for name in (lat, lon)]
        frame = pl.DataFrame({"lat": pl.from_arrow(columns[0]), "lon": pl.from_arrow(columns[1])})
        frame = frame.with_columns(pl.col(pl.Categorical, pl.Enum).cast(pl.String))
    return pl.DataFrame(
        {"lat": parse_degrees(frame["lat"], axis="lat"), "lon": parse_degrees(frame["lon"], axis="lon")}
    )


def texts_of(path: Path, batch: Batch, name: str) -> pl.Series:
    """One column of a batch as text, null where a row has none. Raises RecipeError for lists and other nests."""
    if format_of(path) != "jsonl":
        values = pl.Series(batch.table.column(name))
        if values.dtype.is_nested() or values.dtype == pl.Binary:
            raise RecipeError(f"{path}: the column {name!r} is {values.dtype}; expected text or numbers")
        return values.cast(pl.String)
    import orjson

    rows = (orjson.loads(line) for line in batch.table.column(_LINE).to_pylist())
    return pl.Series([None if row.get(name) is None else str(row[name]) for row in rows], dtype=pl.String)


@contextmanager
def new_file(path: Path, like: Path, added: pa.Schema) -> Iterator[Writer]:
    """Writes a file of `like`'s format aside, and gives it its name when the block ends well.

    Args:
        added: columns that every batch brings besides those of `like`; an empty file has them too.

    Raises RecipeError when the name says another format or `path` is `like` itself.
    """
    kind = format_of(path)
    if kind != format_of(like):
        raise RecipeError(
            f"{path}: {like.name} is {format_of(like)} and leaves as it came; give the output that ending too"
        )
    if path.exists() and path.samefile(like):
        raise RecipeError(f"{path}: the output would replace the input; give it another name")
    with whole_file(path) as file:
        writer = _WRITERS[kind](file, like)
        yield writer.write
        writer.close(added)


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file that is written aside, and gets its name only when the block ends well; else nothing is left.

    Raises RecipeError when its folder does not exist, EnvironmentFault when it may not be written.
    """
    if not path.parent.is_dir():
        raise RecipeError(f"{path.parent}: there is no such folder to write {path.name} into")
    aside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with aside.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except (PermissionError, IsADirectoryError) as error:
        raise EnvironmentFault(f"{path}: cannot be written ({error.strerror}); choose another place") from error
    finally:
        with suppress(OSError):
            aside.unlink(missing_ok=True)


def _header(path: Path, separator: str) -> list[str]:
    with path.open("rb") as file:
        start = file.read(_MAX_HEADER).decode("utf-8-sig", errors="replace")
    names = next(csv.reader(io.StringIO(start, newline=""), delimiter=separator), [])
    if not names:
        raise SourceError(f"{path}: the file is empty; expected a first line with the names of its columns")
    return names


def _csv_batches(path: Path, rows: int) -> Iterator[tuple[pa.Table, float]]:
    """Every cell as text. Rows with too few or too many cells end the reading with an error."""
    import pyarrow.csv as pv

    separator = _SEPARATOR[format_of(path)]
    names = _header(path, separator)
    total = max(path.stat().st_size, 1)
    with pa.OSFile(str(path)) as raw:  # not a Python file: arrow's threads read it, also while Python shuts down
        reader = pv.open_csv(
            raw,
            read_options=pv.ReadOptions(block_size=_BLOCK_BYTES, use_threads=True),
            parse_options=pv.ParseOptions(delimiter=separator, newlines_in_values=True),
            convert_options=pv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.large_string()), strings_can_be_null=False
            ),
        )
        for number, block in enumerate(reader, start=1):
            # By blocks given out: arrow reads the file itself far ahead.
            share = min(1.0, number * _BLOCK_BYTES / total)
            for start in range(0, block.num_rows, rows):
                yield pa.Table.from_batches([block.slice(start, rows)]), share


def _parquet(path: Path) -> pq.ParquetFile:
    import pyarrow.parquet as pq

    return pq.ParquetFile(path)


def _parquet_batches(path: Path, rows: int) -> Iterator[tuple[pa.Table, float]]:
    with _parquet(path) as file:
        total, done = max(file.metadata.num_rows, 1), 0
        for block in file.iter_batches(batch_size=rows):
            done += block.num_rows
            yield pa.Table.from_batches([block], schema=file.schema_arrow), done / total


def _line_batches(path: Path, rows: int) -> Iterator[tuple[pa.Table, float]]:
    total, done = max(path.stat().st_size, 1), 0
    lines: list[bytes] = []
    size = 0
    with path.open("rb") as file:
        while line := file.readline(_BLOCK_BYTES):
            if len(line) == _BLOCK_BYTES:
                raise SourceError(f"{path}: a line is longer than {_BLOCK_BYTES:,} bytes; is it JSON lines?")
            done += len(line)
            size += len(line)
            lines.append(line.strip(b"\xef\xbb\xbf \t\r\n"))
            if len(lines) == rows or size >= _BLOCK_BYTES:
                yield _line_table(lines), done / total
                lines, size = [], 0
    if lines:
        yield _line_table(lines), 1.0


def _line_table(lines: list[bytes]) -> pa.Table:
    return pa.table({_LINE: pa.array([line for line in lines if line], pa.large_binary())})


def _line_points(path: Path, batch: Batch, lat: str, lon: str, refuse: Sequence[str]) -> pl.DataFrame:
    import orjson

    values: dict[str, list[Any]] = {"lat": [], "lon": []}
    for number, line in enumerate(batch.table.column(_LINE).to_pylist(), start=batch.first_row + 1):
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise SourceError(f"{path}, row {number}: not JSON ({error}); expected one object a line") from error
        if not isinstance(row, dict):
            raise SourceError(f"{path}, row {number}: a {type(row).__name__}; expected one object a line")
        _refuse_collision(path, [name for name in refuse if name in row])
        values["lat"].append(_number_or_text(row.get(lat)))
        values["lon"].append(_number_or_text(row.get(lon)))
    return pl.DataFrame({axis: pl.Series(found, dtype=pl.String) for axis, found in values.items()})


def _number_or_text(value: Any) -> str | None:
    return str(value) if isinstance(value, (str, int, float)) and not isinstance(value, bool) else None


def _refuse_collision(path: Path, there: Sequence[str]) -> None:
    if there:
        raise RecipeError(f"{path}: it has a column {there[0]!r} already; rename that one, or choose another --prefix")


class _CsvWriter:
    def __init__(self, file: BinaryIO, like: Path) -> None:
        self._file, self._separator, self._empty = file, _SEPARATOR[format_of(like)], True
        self._names = columns_of(like) or []

    def write(self, table: pa.Table, added: pa.Table) -> None:
        own, new = pl.DataFrame(table), pl.DataFrame(added)
        # Null and not "" makes polars write nothing instead of a pair of quotes.
        cells = own.with_columns(pl.when(pl.col(pl.String) != "").then(pl.col(pl.String)).name.keep())
        frame = pl.concat([cells, new], how="horizontal") if new.width else cells
        text = io.BytesIO()  # and not the file: polars hides the number of a disk's error
        frame.write_csv(text, separator=self._separator, include_header=self._empty, null_value="")
        self._file.write(text.getbuffer())
        self._empty = False

    def close(self, added: pa.Schema) -> None:
        if self._empty:
            self.write(pa.table({name: pa.array([], pa.string()) for name in self._names}), added.empty_table())


class _ParquetWriter:
    def __init__(self, file: BinaryIO, like: Path) -> None:
        self._file, self._like = file, like
        self._writer: Any = None

    def write(self, table: pa.Table, added: pa.Table) -> None:
        import pyarrow.parquet as pq

        for name in added.column_names:
            table = table.append_column(name, added.column(name))
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._file, table.schema, compression="zstd")
        self._writer.write_table(table)

    def close(self, added: pa.Schema) -> None:
        if self._writer is None:
            self.write(_parquet(self._like).schema_arrow.empty_table(), added.empty_table())
        self._writer.close()


class _LineWriter:
    def __init__(self, file: IO[bytes], like: Path) -> None:
        self._file = file

    def write(self, table: pa.Table, added: pa.Table) -> None:
        import orjson

        lines = table.column(_LINE).to_pylist()
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


@contextmanager
def _read_faults(path: Path) -> Iterator[None]:
    """Faults of a file a person gave, as SourceError."""
    try:
        yield
    except FileNotFoundError as error:
        raise SourceError(f"{path}: there is no such file") from error
    except (IsADirectoryError, PermissionError) as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror})") from error
    except (pa.ArrowInvalid, csv.Error, UnicodeDecodeError) as error:
        # The message quotes the file: no more than a line of it, and no character that moves a cursor.
        detail = "".join(char for char in str(error)[:200].split("\n")[0] if char.isprintable()) or type(error).__name__
        raise SourceError(f"{path}: cannot be read as {format_of(path)}: {detail}") from error
