"""Tables with coordinates as files: CSV, TSV, Parquet and JSON lines, read and written a batch at a time.

What a file holds passes through untouched: a CSV's cells stay text ("NA" is Namibia, 007 keeps its zeros, a formula
stays the text it is) and its first line its bytes, also where columns have no name, or two have one; Parquet keeps its
types and its metadata, and a JSON line its own bytes, as new fields are put before its closing brace. Memory is bounded
by the batch. `factory.geo.file_writers` writes them again.
"""

from __future__ import annotations

import csv
import io
from codecs import BOM_UTF8
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import polars as pl
import pyarrow as pa

from factory.errors import RecipeError, SourceError
from factory.geo.spherical import wrapped
from factory.store.files import no_file
from schemas.parquet_bounds import MAX_COLUMNS, refuse_bomb
from schemas.plain_json import read_json

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
LINE: Final = "line"
_BLOCK_BYTES: Final = 4 << 20
"""Bytes of CSV or JSON lines read at a time; also the longest row that can be read."""
SEPARATOR: Final = {"csv": ",", "tsv": "\t"}
_MAX_HEADER: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows as they are, and how far into the file they end."""

    table: pa.Table
    """Columns of the file; for JSON lines the one column `line` (binary)."""
    first_row: int
    share_read: float


def format_of(path: Path) -> Format:
    """The format that a file's name says. Raises RecipeError for another one."""
    found = _FORMATS.get(path.suffix.lower())
    if found is None:
        known = ", ".join(_FORMATS)
        raise RecipeError(f"{path}: the name says no format that can be read; expected one of {known}")
    return found


def columns_of(path: Path) -> list[str] | None:
    """Names of a file's columns in order; None for JSON lines, whose rows need not agree.

    A CSV's may be empty, and a name may stand there twice. Raises SourceError for a file that is missing, empty or not
    what its name says.
    """
    kind = format_of(path)
    with read_faults(path):
        if kind == "jsonl":
            path.open("rb").close()
            return None
        return header_of(path).names if kind != "parquet" else list(parquet_of(path).schema_arrow.names)


def check_columns(path: Path, wanted: Sequence[str], added: Sequence[str] = ()) -> None:
    """Raises RecipeError where a wanted column is missing or an added one is there already.

    Raises SourceError where a wanted column is there twice; others may be, they are only passed on.
    """
    names = columns_of(path)
    if names is None:
        return
    missing = [name for name in wanted if name not in names]
    if missing:
        raise RecipeError(f"{path}: there is no column {missing[0]!r}; the columns are {', '.join(names)}")
    twice = [name for name in wanted if names.count(name) > 1]
    if twice:
        raise SourceError(f"{path}: the column {twice[0]!r} stands in it twice; rename one of them")
    _refuse_collision(path, [name for name in added if name in names])


def read_batches(path: Path, *, rows: int) -> Iterator[Batch]:
    """A file's rows in order, about `rows` at a time. Raises SourceError where it cannot be read."""
    kind = format_of(path)
    tables = {"parquet": _parquet_batches, "jsonl": _line_batches}.get(kind, _csv_batches)
    done = 0
    with read_faults(path):
        for table, share in tables(path, rows):
            yield Batch(table, done, share)
            done += table.num_rows


def points_of(path: Path, batch: Batch, lat: str, lon: str, *, refuse: Sequence[str] = ()) -> pl.DataFrame:
    """lat, lon of a batch as float64, null for what is no number; text such as `48,85` or `48°51'N` is read.

    Longitudes one turn off are turned back, others out of range are null. Latitudes are not judged.
    Raises SourceError for a JSON line that is no object, RecipeError for one that has a field named in `refuse`.
    """
    from factory.geo.degrees import parse_places

    if format_of(path) == "jsonl":
        frame = _line_points(path, batch, lat, lon, refuse)
    else:
        columns = [batch.table.column(name) for name in (lat, lon)]
        frame = pl.DataFrame({"lat": pl.from_arrow(columns[0]), "lon": pl.from_arrow(columns[1])})
        frame = frame.with_columns(pl.col(pl.Categorical, pl.Enum).cast(pl.String))
    return parse_places(frame["lat"], frame["lon"]).with_columns(wrapped(pl.col("lon")).alias("lon"))


def texts_of(path: Path, batch: Batch, name: str) -> pl.Series:
    """One column of a batch as text, null where a row has none. Raises RecipeError for lists and other nests."""
    if format_of(path) != "jsonl":
        values = pl.Series(batch.table.column(name))
        if values.dtype.is_nested() or values.dtype == pl.Binary:
            raise RecipeError(f"{path}: the column {name!r} is {values.dtype}; expected text or numbers")
        return values.cast(pl.String)
    rows = (read_json(line) for line in batch.table.column(LINE).to_pylist())
    return pl.Series([None if row.get(name) is None else str(row[name]) for row in rows], dtype=pl.String)


@dataclass(frozen=True, slots=True)
class Header:
    """The first line of a CSV, as names and as the bytes it is."""

    names: list[str]
    raw: bytes
    """With a byte order mark, without the end of the line."""
    line_end: str
    size: int
    """Bytes before the first row."""


def header_of(path: Path) -> Header:
    with path.open("rb") as file:
        start = file.read(_MAX_HEADER)
    mark = start[: len(BOM_UTF8)] if start.startswith(BOM_UTF8) else b""
    # One character a byte, so that places in the text are places in the file; separators and quotes are ASCII.
    text = io.StringIO(start[len(mark) :].decode("latin-1"), newline="")
    lines = csv.reader(text, delimiter=SEPARATOR[format_of(path)])
    begin, fields = 0, next(lines, None)
    while fields == []:  # blank lines, which are no rows either
        begin, fields = text.tell(), next(lines, None)
    if fields is None:
        raise SourceError(f"{path}: the file is empty; expected a first line with the names of its columns")
    written = text.getvalue()[begin : text.tell()]
    raw = written.rstrip("\r\n")
    cut = raw == written and len(start) == _MAX_HEADER
    if cut or (begin + len(written) == len(text.getvalue()) and "\n" in fields[-1] and not raw.endswith('"')):
        raise SourceError(f"{path}: the first line, with the names of the columns, has no end; is a quote left open?")
    if len(fields) > MAX_COLUMNS:
        raise SourceError(f"{path}: {len(fields):,} columns; at most {MAX_COLUMNS:,} are read")
    names = [field.encode("latin-1").decode("utf-8", errors="replace") for field in fields]
    if told := parted_otherwise(names, SEPARATOR[format_of(path)]):
        raise SourceError(f"{path}: one column, {names[0][:80]!r}{told}")
    line_end = "\r\n" if written.endswith("\r\n") else "\n"
    return Header(names, mark + raw.encode("latin-1"), line_end, len(mark) + text.tell())


def parted_otherwise(names: Sequence[str], separator: str = ",") -> str:
    """What is said of a first line that is one name and looks like several; nothing of any other. One column alone is
    no table of ours: there are an id and a place, or two coordinates."""
    if len(names) != 1:
        return ""
    other = max((one for one in ",;\t|" if one != separator), key=names[0].count)
    told = {"\t": "a tab", ",": "`,`", ";": "`;`", "|": "`|`"}
    return f"; it is parted by {told[other]}, expected {told[separator]}" if other in names[0] else ""


def _csv_batches(path: Path, rows: int) -> Iterator[tuple[pa.Table, float]]:
    """Every cell as text. Rows with too few or too many cells end the reading with an error."""
    import pyarrow.csv as pv

    header, total = header_of(path), path.stat().st_size
    if total <= header.size:
        return
    numbers = [str(number) for number in range(len(header.names))]  # names may be empty, or stand there twice
    with pa.OSFile(str(path)) as raw:  # not a Python file: arrow's threads read it, also while Python shuts down
        raw.seek(header.size)
        reader = pv.open_csv(
            raw,
            read_options=pv.ReadOptions(block_size=_BLOCK_BYTES, use_threads=True, column_names=numbers),
            parse_options=pv.ParseOptions(delimiter=SEPARATOR[format_of(path)], newlines_in_values=True),
            convert_options=pv.ConvertOptions(
                column_types=dict.fromkeys(numbers, pa.large_string()), strings_can_be_null=False
            ),
        )
        for number, block in enumerate(reader, start=1):
            # By blocks given out: arrow reads the file itself far ahead.
            share = min(1.0, number * _BLOCK_BYTES / total)
            for start in range(0, block.num_rows, rows):
                yield pa.Table.from_batches([block.slice(start, rows)]).rename_columns(header.names), share


def parquet_of(path: Path) -> pq.ParquetFile:
    import pyarrow.parquet as pq

    try:
        refuse_bomb(path)
    except ValueError as error:
        raise SourceError(f"{path}: cannot be read as parquet: {error}") from None
    return pq.ParquetFile(path)


def _parquet_batches(path: Path, rows: int) -> Iterator[tuple[pa.Table, float]]:
    with parquet_of(path) as file:
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
    return pa.table({LINE: pa.array([line for line in lines if line], pa.large_binary())})


def _line_points(path: Path, batch: Batch, lat: str, lon: str, refuse: Sequence[str]) -> pl.DataFrame:
    values: dict[str, list[Any]] = {"lat": [], "lon": []}
    for number, line in enumerate(batch.table.column(LINE).to_pylist(), start=batch.first_row + 1):
        try:
            row = read_json(line)
        except ValueError as error:
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


@contextmanager
def read_faults(path: Path) -> Iterator[None]:
    """Faults of a file a person gave, as SourceError: of one that is none, before it is opened."""
    if (kind := no_file(path)) is not None:
        raise SourceError(f"{path}: is {kind}, expected a file")
    try:
        yield
    except FileNotFoundError as error:
        raise SourceError(f"{path}: there is no such file") from error
    except (IsADirectoryError, PermissionError) as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror})") from error
    except (pa.ArrowException, csv.Error, UnicodeError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # of the system; those of Arrow about a damaged file have no number
        # The message quotes the file: no more than a line of it, and no character that moves a cursor.
        detail = "".join(char for char in str(error)[:200].split("\n")[0] if char.isprintable()) or type(error).__name__
        raise SourceError(f"{path}: cannot be read as {format_of(path)}: {detail}") from error
