"""JSON lines as a table of text: a row a line, its columns the keys that a table could be mapped by."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

import polars as pl

from factory.errors import SourceError
from factory.sources.csv_table import utf8_blocks
from factory.sources.json_text import read_json, scalar_text

MAX_LINE_BYTES: Final = 1_000_000
"""A longer line is no row of a table."""
MAX_SPELLINGS: Final = 200
"""Names of columns that any line may use: capitals count, and every row has a cell for each of them."""
_BATCH_ROWS: Final = 1 << 16


def read_json_lines(path: Path, wanted: Collection[str], *, label: str, encoding: str) -> pl.DataFrame:
    """The keys of `wanted` (in small letters) that any line has, as text; null where a line has none or no scalar.

    Raises:
        SourceError: naming the line that is no JSON object, longer than MAX_LINE_BYTES, or brings the name after
            MAX_SPELLINGS others.
        OSError, UnicodeDecodeError, LookupError: the file cannot be read in this encoding.
    """
    parts: list[pl.DataFrame] = []
    batch: list[dict[str, str | None]] = []
    names: set[str] = set()
    with path.open("rb") as file:
        for number, record in _records(file, label, encoding):
            batch.append({key: scalar_text(value) for key, value in record.items() if key.lower() in wanted})
            if not names.issuperset(batch[-1]):
                names |= batch[-1].keys()
                if len(names) > MAX_SPELLINGS:
                    raise SourceError(
                        f"{label}:{number}: more than {MAX_SPELLINGS} columns, spelt alike but for capitals"
                    )
            if len(batch) == _BATCH_ROWS:
                parts.append(_frame(batch))
                batch = []
    return pl.concat([*parts, _frame(batch)], how="diagonal").rechunk()


def _frame(batch: list[dict[str, str | None]]) -> pl.DataFrame:
    names = dict.fromkeys(key for record in batch for key in record)
    columns = {name: pl.Series([record.get(name) for record in batch], dtype=pl.String) for name in names}
    # A line without any of the keys is a row, too.
    return pl.DataFrame({"": pl.repeat(None, len(batch), dtype=pl.String, eager=True), **columns})


def _records(file: BinaryIO, label: str, encoding: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each line's number, from 1, and its object."""
    for number, line in enumerate(_lines(file, encoding), 1):
        if len(line) > MAX_LINE_BYTES:
            raise SourceError(f"{label}:{number}: longer than {MAX_LINE_BYTES:,} bytes: no row of a table")
        text = line.strip()
        if not text:
            continue
        try:
            record = read_json(text)
        except UnicodeDecodeError:
            raise
        except ValueError as error:
            raise SourceError(f"{label}:{number}: not a JSON object ({error})") from None
        if not isinstance(record, dict):
            raise SourceError(f"{label}:{number}: expected a JSON object, found {type(record).__name__}")
        yield number, record


def _lines(file: BinaryIO, encoding: str) -> Iterator[bytes]:
    """Lines as UTF-8; one that is longer than allowed is given out as far as it was read."""
    rest = b""
    for block in utf8_blocks(file, encoding, MAX_LINE_BYTES):
        *whole, rest = (rest + block).split(b"\n")
        yield from whole
        if len(rest) > MAX_LINE_BYTES:
            break
    yield rest
