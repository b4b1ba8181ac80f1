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


_PARTS: Final = "[;\t\r\n]"
"""Where a program that parts columns by semicolons, as Excel does in half of Europe, begins a cell inside of ours: a
quote that stands behind a comma is a letter to it."""
_WITHIN: Final = rf"({_PARTS}[\s\"]*)([=@\uff1d\uff20]|[+\-\uff0b\uff0d][^;\t\r\n]*[(|!])"
"""A formula that begins there; behind a sign with what a formula needs to act, since lists begin with dashes, too."""


def guarded(frame: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """A table whose text cells no spreadsheet runs, and how many of them got the mark."""
    texts = pl.col(pl.String)
    starts = texts.str.contains(_STARTS) & ~texts.str.contains(_NUMBER)
    within = texts.str.contains(_PARTS) & texts.str.contains(_WITHIN)
    counts = frame.select((starts | within).sum())
    found = sum(counts.row(0)) if counts.width else 0
    if not found:
        return frame, 0
    marked = texts.str.replace_all(_WITHIN, f"${{1}}{MARK}${{2}}")
    return frame.with_columns(pl.when(starts).then(MARK + marked).otherwise(marked).name.keep()), found


def guarded_names(names: Sequence[str]) -> list[str]:
    """Names of columns, likewise."""
    marked = [re.sub(_WITHIN, rf"\g<1>{MARK}\g<2>", name) for name in names]
    return [MARK + name if re.search(_STARTS, name) and not re.search(_NUMBER, name) else name for name in marked]
