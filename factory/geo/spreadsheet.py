"""Cells of strangers that a spreadsheet would run: they leave in CSV and TSV with an apostrophe before them.

A file that is labelled for people is opened with a double click, and `=HYPERLINK(...)` in an author's name then acts
for whoever wrote it. Numbers and coordinates stay as they are, and so do JSON lines and Parquet, which nothing runs.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import polars as pl

MARK: Final = "'"
"""What spreadsheets read as: this is text."""
_STARTS: Final = "^[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]"
"""How formulas begin, also in full width: OWASP, "CSV Injection"."""
_NUMBER: Final = "^[+\\-][0-9\\s.,:°º'\"\u2032\u2033NSEWOnsewoe/+\\-]*$"
"""Signed numbers and written coordinates: no name of a function, no bracket, no bar."""


def guarded(frame: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """A table whose text cells no spreadsheet runs, and how many of them got the mark."""
    texts = pl.col(pl.String)
    runs = texts.str.contains(_STARTS) & ~texts.str.contains(_NUMBER)
    counts = frame.select(runs.sum())
    found = sum(counts.row(0)) if counts.width else 0
    if not found:
        return frame, 0
    return frame.with_columns(pl.when(runs).then(MARK + texts).otherwise(texts).name.keep()), found


def guarded_names(names: Sequence[str]) -> list[str]:
    """Names of columns, likewise."""
    return [MARK + name if re.search(_STARTS, name) and not re.search(_NUMBER, name) else name for name in names]
