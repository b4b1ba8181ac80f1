"""Degrees as people and tools write them: the only place where a text that is a coordinate is read. Nothing is guessed.
Coordinates among other words are found by `release.sexagesimal` and by checks of `factory.verify`.

    48.8566    " 48,8566 "    48.8566N    W 2.35    33.87° South
    48°51'24"N    48 deg 51' 24.00" N (exiftool)    48:51:24    48d51m24sN
    43,27.5N    43,27,52.038N (XMP)    48.8566, 2.3522 (a pair in one cell)

A decimal comma is a decimal point. A letter or word gives the hemisphere; it must suit the axis, and a sign beside it
must say the same. Minutes need a mark behind whole degrees, seconds one behind whole minutes: `48.8566'` and `451'` are
nothing.
"""

from __future__ import annotations

import math
import re
from typing import Final, Literal

import polars as pl

Axis = Literal["lat", "lon"]

MAX_TEXT: Final = 100
"""Characters of one written coordinate; longer text is none."""
DEGREE_SIGNS: Final = "°º˚"
"""Characters, for the class of a pattern."""
MINUTE_SIGNS: Final = "'′’‘ʹ`´"
"""Likewise."""
SECOND_SIGN: Final = r"(?:[\"″”“]|''|′′|’’)"
"""A pattern, as two characters may be one sign."""

_SIDE: Final = r"[NSEWnsew]|[Nn]orth|[Ss]outh|[Ee]ast|[Ww]est|NORTH|SOUTH|EAST|WEST"
_MINUS: Final = "\u2212"
_SIGN: Final = rf"[+\-{_MINUS}]"
_NUMBER: Final = r"[0-9]{1,3}(?:[.,][0-9]*)?"
_WHOLE: Final = r"[0-9]{1,3}(?:[.,]0+)?"
_PART: Final = r"[0-9]{1,2}(?:[.,][0-9]*)?"
_DEGREE_MARK: Final = rf"(?:[{DEGREE_SIGNS}]|[Dd]eg(?:rees?)?\.?)"
_MINUTE_MARK: Final = f"[{MINUTE_SIGNS}]"
_START: Final = rf"^(?P<before>{_SIDE})?\s*(?P<sign>{_SIGN})?\s*"
_END: Final = rf"\s*(?P<after>{_SIDE})?$"

_WRITTEN: Final = (
    rf"{_START}(?P<degrees>{_NUMBER})\s*{_DEGREE_MARK}?(?P<minutes>)(?P<seconds>){_END}",
    rf"{_START}(?P<degrees>{_WHOLE})\s*(?:{_DEGREE_MARK}|:)\s*(?P<minutes>{_PART})\s*{_MINUTE_MARK}?(?P<seconds>){_END}",
    rf"{_START}(?P<degrees>{_WHOLE})\s*(?:{_DEGREE_MARK}|:)\s*(?P<minutes>{_PART})\s*(?:{_MINUTE_MARK}|:)\s*"
    rf"(?P<seconds>{_PART})\s*{SECOND_SIGN}?{_END}",
    rf"{_START}(?P<degrees>{_WHOLE})\s*d\s*(?P<minutes>{_PART})\s*m(?P<seconds>){_END}",
    # The s of seconds could be South: it needs the hemisphere behind it.
    rf"{_START}(?P<degrees>{_WHOLE})\s*d\s*(?P<minutes>{_PART})\s*m\s*(?P<seconds>{_PART})\s*s\s*(?P<after>{_SIDE})$",
    rf"^(?P<before>)(?P<sign>)(?P<degrees>[0-9]{{1,3}}),(?P<minutes>[0-9]{{1,2}}\.[0-9]+)(?P<seconds>)\s*(?P<after>{_SIDE})$",
    rf"^(?P<before>)(?P<sign>)(?P<degrees>[0-9]{{1,3}}),(?P<minutes>[0-9]{{1,2}}),(?P<seconds>[0-9]{{1,2}}(?:\.[0-9]*)?)\s*"
    rf"(?P<after>{_SIDE})$",
)
"""Decimal degrees; degrees and minutes; and seconds; the same with letters for marks; and the two forms of XMP."""

_PAIRS: Final = (
    r"^([^;]+);([^;]+)$",
    r"^([^;]+?),\s+([^;]+)$",
    # Set apart by a bare comma only where a point or a letter shows that neither is half a number.
    rf"^([^,;]*[.{DEGREE_SIGNS}NSEWnsew][^,;]*),([^,;]*[.{DEGREE_SIGNS}NSEWnsew][^,;]*)$",
    r"^(\S+)\s+(\S+)$",
)
_BRACKETS: Final = "()[] \t"
_PATTERNS: Final = tuple(re.compile(pattern) for pattern in _WRITTEN)
_PLUS_SIDES: Final[dict[Axis, tuple[str, str]]] = {"lat": ("N", "NORTH"), "lon": ("E", "EAST")}
_MINUS_SIDES: Final[dict[Axis, tuple[str, str]]] = {"lat": ("S", "SOUTH"), "lon": ("W", "WEST")}


def read_degrees(text: str, axis: Axis) -> float | None:
    """One text as signed decimal degrees; None for what is no coordinate of this axis. Range is not checked here."""
    text = text.strip()
    if len(text) > MAX_TEXT:
        return None
    try:
        number = float(text if text.isascii() and "_" not in text else "")
    except ValueError:
        fits = (match for pattern in _PATTERNS if (match := pattern.match(text)))
        match = next(fits, None)
        number = _value(match, axis) if match else math.nan
    return number if math.isfinite(number) else None


def _value(match: re.Match[str], axis: Axis) -> float:
    found = match.groupdict()
    side = ((found["before"] or "") + (found["after"] or "")).upper()
    degrees, minutes, seconds = (
        float(found[part].replace(",", ".") or 0) for part in ("degrees", "minutes", "seconds")
    )
    plus, minus = side in _PLUS_SIDES[axis], side in _MINUS_SIDES[axis]
    negative = found["sign"] in ("-", _MINUS)
    contradicts = side and (not (plus or minus) or (found["sign"] and negative == plus))
    broken = found["seconds"] and minutes != int(minutes)
    if contradicts or broken or minutes >= 60 or seconds >= 60:
        return math.nan
    size = degrees + minutes / 60 + seconds / 3600
    return -size if minus or negative else size


def split_pair(text: str) -> tuple[str, str] | None:
    """The two halves of a pair in one text, unread; None where it is no pair."""
    text = text.strip(_BRACKETS)
    found = (match for pattern in _PAIRS if len(text) <= 2 * MAX_TEXT and (match := re.match(pattern, text)))
    match = next(found, None)
    return (match[1], match[2]) if match else None


def parse_degrees(values: pl.Series, *, axis: Axis) -> pl.Series:
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


def parse_places(lat: pl.Series, lon: pl.Series) -> pl.DataFrame:
    """Columns lat and lon as `parse_degrees` gives them, of two columns of cells.

    Where both cells hold the same text it may be a pair, such as `48.8566, 2.3522`: latitude first, unless letters say
    otherwise. So a column of pairs is read by naming it twice; what is no pair in it is nothing, for no number is both.
    """
    found = pl.DataFrame({"lat": parse_degrees(lat, axis="lat"), "lon": parse_degrees(lon, axis="lon")})
    if lat.dtype != pl.String or lon.dtype != pl.String:
        return found
    twice = (lat == lon).fill_null(False) & found["lat"].is_null() & found["lon"].is_null()
    if not twice.any():
        return found
    pairs = _parse_pairs(lat.filter(twice))
    rows = twice.arg_true()
    if pairs["lat"].is_not_null().any() and not lat.ne_missing(lon).any():
        found = pl.DataFrame({axis: pl.repeat(None, len(lat), dtype=pl.Float64, eager=True) for axis in ("lat", "lon")})
    return found.with_columns(found[axis].scatter(rows, pairs[axis]) for axis in ("lat", "lon"))


def _parse_pairs(text: pl.Series) -> pl.DataFrame:
    bare = pl.when(pl.col("text").str.len_chars() <= 2 * MAX_TEXT).then(pl.col("text").str.strip_chars(_BRACKETS))
    groups = [bare.str.extract_groups(pattern).struct.rename_fields(["a", "b"]) for pattern in _PAIRS]
    split = [pl.when(group.struct.field("a").is_not_null()).then(group) for group in groups]
    halves = text.to_frame("text").select(pl.coalesce(split).alias("pair")).unnest("pair")
    read = {f"{half}_{axis}": parse_degrees(halves[half], axis=axis) for half in ("a", "b") for axis in ("lat", "lon")}
    straight = pl.col("a_lat").is_not_null() & pl.col("b_lon").is_not_null()
    turned = pl.col("b_lat").is_not_null() & pl.col("a_lon").is_not_null()
    return pl.DataFrame(read).select(
        pl.when(straight).then(f"{first}_{axis}").when(turned).then(f"{second}_{axis}").alias(axis)
        for axis, first, second in (("lat", "a", "b"), ("lon", "b", "a"))
    )


def _parse_written(text: pl.Series, axis: Axis) -> pl.Series:
    """`_value` for a column: each text by the first pattern that it fits."""
    short = pl.when(pl.col("text").str.len_chars() <= MAX_TEXT).then("text")
    names = ["before", "sign", "degrees", "minutes", "seconds", "after"]
    fits = []
    for pattern in _WRITTEN:
        groups = short.str.extract_groups(pattern)
        ordered = pl.struct(groups.struct.field(name) for name in names)
        fits.append(pl.when(groups.struct.field("degrees").is_not_null()).then(ordered))
    found = text.to_frame("text").select(pl.coalesce(fits).alias("found")).unnest("found")
    side = pl.concat_str("before", "after", ignore_nulls=True).str.to_uppercase()
    plus, minus = side.is_in(_PLUS_SIDES[axis]), side.is_in(_MINUS_SIDES[axis])
    signed = (pl.col("sign") != "").fill_null(False)
    negative = pl.col("sign").is_in(["-", _MINUS]).fill_null(False)
    degrees, minutes, seconds = (_number(part) for part in ("degrees", "minutes", "seconds"))
    contradicts = (side != "") & (~(plus | minus) | (signed & (negative == plus)))
    broken = (pl.col("seconds") != "") & (minutes != minutes.floor())
    size = degrees + minutes / 60 + seconds / 3600
    good = ~contradicts & ~broken & (minutes < 60) & (seconds < 60)
    return found.select(pl.when(good).then(pl.when(minus | negative).then(-size).otherwise(size))).to_series()


def _number(group: str) -> pl.Expr:
    written = pl.when(pl.col(group) == "").then(pl.lit("0")).otherwise(group)
    return written.str.replace(",", ".", literal=True).cast(pl.Float64, strict=False)
