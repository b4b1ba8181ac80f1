"""CSV, strictly: every record is a row, a row with a named problem, or the file is refused with the line.

A reader that looks at some columns only is lenient about the others: a stray quote in a title swallows the rows up to
the next one, and a comma too many shifts a longitude into the latitude. So every field is counted and every quote is
judged, as Python's `csv` does with `strict=True`, whatever is mapped. Arrow parses, a block at a time; a regular
expression without backtracking judges the quotes of blocks that have any; and a block with an odd record goes through
`csv` itself.

Measured in CPU seconds for a million rows of MP-16 (103 MB, five columns taken): 0.5; 1.7 where every field is quoted;
6 where every block holds an odd record.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, Final

import polars as pl

from factory.errors import SourceError
from factory.sources.contract import DETAIL, PROBLEM
from schemas.parquet_bounds import MAX_COLUMNS

BLOCK_BYTES: Final = 4 << 20
MAX_HEADER_BYTES: Final = 1_000_000
"""A longer first line is no header."""
MAX_FIELD_BYTES: Final = 16 << 20
"""Longest field; longer ones come from a quote that was never closed. Tables with pictures as base64 have 10 MB."""
_UTF8: Final = ("utf-8", "utf-8-sig", "utf8")


@dataclass(frozen=True, slots=True)
class Header:
    """The first record of a CSV."""

    names: list[str]
    delimiter: str
    lines: int
    """Physical lines up to its end, blank ones before it included."""
    size: int
    """Bytes up to its end, as UTF-8."""


@dataclass(frozen=True, slots=True)
class _Block:
    """Whole records as UTF-8."""

    data: bytes
    line: int
    """Number of its first physical line, from 1."""


def read_header(path: Path, *, label: str, encoding: str, delimiter: str | None) -> Header:
    """The header of a CSV; without a `delimiter` the commonest of comma, semicolon and tab in its first line.

    Raises:
        SourceError: no header, or one that has no end.
        OSError, UnicodeDecodeError, LookupError: the file cannot be read in this encoding.
    """
    with path.open("rb") as file:
        start = next(utf8_blocks(file, encoding, MAX_HEADER_BYTES), b"")
    lines = io.TextIOWrapper(io.BytesIO(start), "utf-8", "surrogateescape", newline="")
    size = count = 0
    record: list[str] = []
    while not record:
        first = lines.readline()
        if not first:
            raise SourceError(f"{label}: the file is empty; expected a first line with the names of its columns")
        found = delimiter or max(",;\t", key=first.count)
        if len(found) != 1 or not found.isascii() or found in '"\r\n':
            raise SourceError(f"{label}: `delimiter` must be one ASCII character and no quote, not {found!r}")
        taken = [first]
        reader = csv.reader(_noting(first, lines, taken), delimiter=found, strict=True)
        try:
            record = next(reader, [])
        except csv.Error as error:
            raise SourceError(
                f"{label}:{count + 1}: the header cannot be read ({error}); is a quote left open?"
            ) from None
        size += sum(len(line.encode("utf-8", "surrogateescape")) for line in taken)
        count += len(taken)
    if size >= MAX_HEADER_BYTES:
        raise SourceError(f"{label}: the first line is longer than {MAX_HEADER_BYTES:,} bytes: no names of columns")
    if len(record) > MAX_COLUMNS:
        raise SourceError(f"{label}: {len(record):,} columns; at most {MAX_COLUMNS:,} are read")
    for name in record:
        name.encode("utf-8", "surrogateescape").decode()
    return Header(record, found, count, size)


def read_rows(path: Path, wanted: Sequence[str], *, label: str, encoding: str, header: Header) -> pl.DataFrame:
    """The wanted columns of every record as text, with the columns PROBLEM and DETAIL, in order.

    A record with another number of fields than the header is a row of nulls with the problem `too_many_fields` or
    `too_few_fields`; blank lines are none.

    Raises:
        SourceError: a quote that is not closed, or closed within a field; a mapped cell that is no text in this
            encoding; not one record with the header's number of fields.
        OSError, UnicodeDecodeError, LookupError: as above.
    """
    columns = {name: header.names.index(name) for name in wanted}
    parts = [_as_slow([], [], columns)]
    with path.open("rb") as file:
        for block in _blocks(file, encoding, header, label):
            part = _fast(block, header, columns)
            parts.append(_slow(block, header, columns, label) if part is None else part)
    table = pl.concat(parts).rechunk()
    first = table.row(0, named=True) if table.height else None
    if first and first[PROBLEM] and table[PROBLEM].null_count() == 0:
        raise SourceError(
            f"{label}: {first[DETAIL]}, and so has every other line another number; is the `delimiter` "
            f"{header.delimiter!r}, and does the first line name every column?"
        )
    return table


def utf8_blocks(file: BinaryIO, encoding: str, size: int) -> Iterator[bytes]:
    """A file's text as UTF-8, about `size` bytes at a time, without a byte-order mark."""
    plain = encoding.lower().replace("_", "-") in _UTF8
    start = b"\xef\xbb\xbf"
    if plain:
        read = iter(lambda: file.read(size), b"")
    else:
        text = io.TextIOWrapper(file, encoding, newline="")
        read = (part.encode() for part in iter(lambda: text.read(size), ""))
    first = next(read, b"")
    if plain and first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        first.decode()  # raises, and the message names `encoding`
    yield first.removeprefix(start)
    yield from read


def _noting(first: str, lines: io.TextIOWrapper, taken: list[str]) -> Iterator[str]:
    yield first
    for line in lines:
        taken.append(line)
        yield line


def _blocks(file: BinaryIO, encoding: str, header: Header, label: str) -> Iterator[_Block]:
    """The records behind the header, cut where one ends; quotes are judged on the way."""
    quotes = _Quotes(header.delimiter)
    line, skip, rest = header.lines + 1, header.size, b""
    for data in chain(utf8_blocks(file, encoding, BLOCK_BYTES), (None,)):
        rest += data or b""
        if skip:
            skip, rest = max(0, skip - len(rest)), rest[skip:]
        end = len(rest) if data is None else _last_line_end(rest)
        whole = rest[:end]
        if (odd := quotes.first_odd(whole)) is not None:
            if data is None or quotes.is_closed(whole, odd) or len(rest) - odd > MAX_FIELD_BYTES:
                raise _odd_quote(label, line + _line_ends(whole[:odd]), closed=quotes.is_closed(whole, odd))
            continue
        if not end and len(rest) > MAX_FIELD_BYTES:
            raise SourceError(f"{label}:{line}: a line of more than {MAX_FIELD_BYTES:,} bytes; is it a CSV?")
        if whole:
            yield _Block(whole, line)
            line += _line_ends(whole)
            rest = rest[end:]


class _Quotes:
    """Judges quotes as `csv` does: one at the start of a field opens it, and the one that closes it ends the field."""

    def __init__(self, delimiter: str) -> None:
        edge = re.escape(delimiter.encode()) + rb"\r\n"
        quoted = rb'"[^"]*+(?:""[^"]*+)*+"'
        self._quoted = re.compile(quoted)
        # Possessive throughout: linear on any input. A quote inside an unquoted field is a character like others.
        self._fine = re.compile(rb'(?:[^"]++|(?<=[^%b])"|(?<![^%b])%b(?![^%b]))*+' % (edge, edge, quoted, edge))

    def first_odd(self, data: bytes) -> int | None:
        """Where the first quote stands that opens a field and does not end it, or is never closed."""
        if b'"' not in data:
            return None
        match = self._fine.match(data)
        end = match.end() if match else 0
        return end if end < len(data) else None

    def is_closed(self, data: bytes, start: int) -> bool:
        return self._quoted.match(data, start) is not None


def _odd_quote(label: str, line: int, *, closed: bool) -> SourceError:
    what = "a quoted field goes on behind its closing quote" if closed else "a quote is opened and never closed"
    return SourceError(
        f'{label}:{line}: {what}; write a field with quotes as "...""..."'
        + ("" if closed else ", or take the quote out")
    )


def _last_line_end(data: bytes) -> int:
    """Behind the last line end; a carriage return at the very end may be half of one."""
    return (data.rfind(b"\n") + 1) or (data.rfind(b"\r", 0, -1) + 1)


def _line_ends(data: bytes) -> int:
    return data.count(b"\n") or data.count(b"\r")


def _fast(block: _Block, header: Header, columns: dict[str, int]) -> pl.DataFrame | None:
    """The block by Arrow, or None where a record is odd."""
    import pyarrow as pa
    import pyarrow.csv as pv

    quoted = b'"' in block.data
    every = [str(number) for number in range(len(header.names))]
    wanted = [str(number) for number in columns.values()]
    try:
        table = pv.read_csv(
            pa.BufferReader(block.data),
            read_options=pv.ReadOptions(column_names=every, block_size=len(block.data) if quoted else 1 << 20),
            parse_options=pv.ParseOptions(
                delimiter=header.delimiter, quote_char='"' if quoted else False, newlines_in_values=quoted
            ),
            convert_options=pv.ConvertOptions(
                column_types=dict.fromkeys(wanted, pa.string()), strings_can_be_null=False, include_columns=wanted
            ),
        )
    except pa.ArrowInvalid:
        return None
    frame = pl.DataFrame(table)
    frame.columns = list(columns)
    return frame.with_columns(pl.lit(None, pl.String).alias(name) for name in (PROBLEM, DETAIL))


def _slow(block: _Block, header: Header, columns: dict[str, int], label: str) -> pl.DataFrame:
    """The block by Python's `csv`, which knows lines."""
    csv.field_size_limit(max(csv.field_size_limit(), MAX_FIELD_BYTES))
    text = io.StringIO(block.data.decode("utf-8", "surrogateescape"), newline="")
    reader = csv.reader(text, delimiter=header.delimiter, strict=True)
    width = len(header.names)
    rows: list[Sequence[str | None]] = []
    problems: list[tuple[str, str] | tuple[None, None]] = []
    line = block.line
    try:
        for record in reader:
            cells = [record[at] for at in columns.values()] if len(record) == width else [None] * len(columns)
            if any("\ud800" <= letter <= "\udfff" for cell in cells if cell for letter in cell if not cell.isascii()):
                raise SourceError(
                    f"{label}:{line}: no UTF-8 text; name the file's `encoding:` (gbk, latin-1, utf-16, ...)"
                )
            if len(record) == width:
                rows.append(cells)
                problems.append((None, None))
            elif record:
                rows.append(cells)
                reason = "too_many_fields" if len(record) > width else "too_few_fields"
                problems.append((reason, f"line {line} has {len(record)} fields, the header has {width}"))
            line = block.line + reader.line_num
    except csv.Error as error:
        raise SourceError(f"{label}:{line}: cannot be read as csv ({error})") from None
    return _as_slow(rows, problems, columns)


def _as_slow(rows: list[Any], problems: list[Any], columns: dict[str, int]) -> pl.DataFrame:
    cells = pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row")
    named = pl.DataFrame(problems, schema=dict.fromkeys((PROBLEM, DETAIL), pl.String), orient="row")
    return cells.hstack(named) if columns else named
