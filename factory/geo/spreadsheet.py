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
_BEFORE: Final = rf"({_PARTS}(?:[^\S\t\r\n]|\")*)"
"""From the last break on: a run of breaks is not looked at again from each of them."""
_ACTS: Final = r"([=@\uff1d\uff20]|[+\-\uff0b\uff0d][^;\t\r\n]*[(|!])"
_WITHIN: Final = _BEFORE + _ACTS
"""A formula that begins there; behind a sign with what a formula needs to act, since lists begin with dashes, too."""
_QUOTED: Final = rf"{_BEFORE}({MARK}*){_ACTS}"
_MARKED: Final = rf"{_BEFORE}{MARK}({MARK}*){_ACTS}"


def guarded(frame: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """A table whose text cells no spreadsheet runs, and how many of them got the mark."""
    texts = pl.col(pl.String)
    starts = texts.str.contains(_STARTS) & ~texts.str.contains(_NUMBER)
    within = texts.str.contains(_PARTS) & texts.str.contains(_WITHIN)
    counts = frame.select((starts | within).sum())
    found = sum(counts.row(0)) if counts.width else 0
    if not found:
        return frame, 0
    inside = texts.str.replace_all(_WITHIN, f"${{1}}{MARK}${{2}}")
    return frame.with_columns(pl.when(starts).then(MARK + inside).otherwise(inside).name.keep()), found


def guarded_names(names: Sequence[str]) -> list[str]:
    """Names of columns, likewise."""
    inside = [re.sub(_WITHIN, rf"\g<1>{MARK}\g<2>", name) for name in names]
    return [MARK + name if _begins(name) else name for name in inside]


def marked(cell: str) -> str:
    """A cell that no spreadsheet runs, and that `unmarked` makes what it was: one that has apostrophes there already
    gets another."""
    cell = re.sub(_QUOTED, rf"\g<1>{MARK}\g<2>\g<3>", cell)
    return MARK + cell if _begins(cell.lstrip(MARK)) else cell


def unmarked(cell: str) -> str:
    """What `marked` was given; any other cell with one apostrophe less before each formula."""
    cell = cell[1:] if cell.startswith(MARK) and _begins(cell.lstrip(MARK)) else cell
    return re.sub(_MARKED, r"\g<1>\g<2>\g<3>", cell)


def _begins(cell: str) -> bool:
    return re.search(_STARTS, cell) is not None and re.search(_NUMBER, cell) is None
