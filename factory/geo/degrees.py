"""Degrees as people write them: numbers or text, read row by row in polars, nothing guessed.

    48.8566    " 48,8566 "    48.8566N    W 2.35    48°51'24"N

A decimal comma is a decimal point. A letter gives the hemisphere and must suit the axis; a letter with a sign is not a
number.
"""

from __future__ import annotations

from typing import Final, Literal

import polars as pl

_NUMBER = r"\d{1,3}(?:[.,]\d{0,15})?"


_PATTERN: Final = (
    r"^(?P<before>[NSEWnsew])?\s*(?P<sign>[+\-\x{2212}])?\s*(?P<degrees>" + _NUMBER + r")\s*[°º]?\s*"
    r"(?:(?P<minutes>" + _NUMBER + r")\s*['′’]\s*)?(?:(?P<seconds>" + _NUMBER + r")\s*(?:[\"″”]|'')\s*)?"
    r"(?P<after>[NSEWnsew])?$"
)


def parse_degrees(values: pl.Series, *, axis: Literal["lat", "lon"]) -> pl.Series:
    """Signed decimal degrees as finite float64, null for what is not a number. Range is not checked here."""
    if values.dtype.is_numeric():
        numbers = values.cast(pl.Float64)
    elif values.dtype == pl.String:
        text = values.str.strip_chars()
        numbers = text.cast(pl.Float64, strict=False)
        odd = numbers.is_null() & text.is_not_null() & (text != "")
        if odd.any():
            numbers = numbers.scatter(odd.arg_true(), _parse_written(text.filter(odd), axis))
    else:
        numbers = pl.Series(values.name, [None] * len(values), dtype=pl.Float64)
    frame = numbers.to_frame("value")
    return frame.select(pl.when(pl.col("value").is_finite()).then("value")).to_series()


def _parse_written(text: pl.Series, axis: Literal["lat", "lon"]) -> pl.Series:
    groups = text.to_frame("text").select(pl.col("text").str.extract_groups(_PATTERN)).unnest("text")
    minutes, seconds = _number("minutes").fill_null(0.0), _number("seconds").fill_null(0.0)
    size = _number("degrees") + minutes / 60 + seconds / 3600
    letters = pl.concat_str("before", "after", ignore_nulls=True).str.to_uppercase()
    hemispheres = ["N", "S"] if axis == "lat" else ["E", "W"]
    unclear = (letters != "") & (~letters.is_in(hemispheres) | pl.col("sign").is_not_null())
    negative = pl.col("sign").is_in(["-", "\u2212"]).fill_null(False) | letters.is_in(["S", "W"])
    return groups.select(
        pl.when(~unclear & (minutes < 60) & (seconds < 60)).then(pl.when(negative).then(-size).otherwise(size))
    ).to_series()


def _number(group: str) -> pl.Expr:
    return pl.col(group).str.replace(",", ".", literal=True).cast(pl.Float64, strict=False)
