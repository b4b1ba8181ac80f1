"""Degrees with minutes and seconds inside a text, with every sign that `factory.geo.degrees` reads, and spelt in more
ways.

Not found, though read where they are a whole text: `48:51:24` without a letter, which is a time as well, colons beside
signs (`48:51'24"`), and whole minutes or seconds behind a space that nothing marks (`48° 51`), as any number may be.

    48°51'23.76"N    48° 51.396′    N48°51.396    48 51 23.76 N    N 48 51.396    48:51:24 N
    48 deg 51' 23.76" N    48 degrees 51 minutes    48d51m24s    48,51.396N    48,51,24N (XMP)
"""

from __future__ import annotations

import re
from typing import Final

from factory.geo.degrees import DEGREE_SIGNS, MINUTE_SIGNS, SECOND_SIGN

_DEGREE: Final = rf"(?:[{DEGREE_SIGNS}]|(?i:d(?:eg(?:rees?)?)?)(?![^\W\d_])\.?)"
_MINUTE: Final = rf"(?:[{MINUTE_SIGNS}]|(?i:m(?:in(?:utes?)?)?)(?![^\W\d_])\.?)"
_SECOND: Final = rf"(?:{SECOND_SIGN}|(?i:s(?:ec(?:onds?)?)?)(?![^\W\d_])\.?)"
_SIDE: Final = r"(?:[NSEWO]|(?i:north|south|east|west))"
_AFTER: Final = rf"\s?{_SIDE}(?![^\W_])"
_BEFORE: Final = rf"(?<![^\W_]){_SIDE}\s?"
_START: Final = r"(?<![\d.,٫:])"
_WHOLE: Final = r"(?P<degrees>\d{1,3})(?:[.,]0+)?"
_DECIMAL: Final = r"\d{1,2}[.,٫]\d+"
_MARKED: Final = (
    rf"\s?{_DEGREE}\s?(?P<minutes>{_DECIMAL}|\d{{1,2}}(?=\s?(?:{_MINUTE}|{_SIDE}))|(?<=[{DEGREE_SIGNS}])\d{{1,2}}(?!\d))"
    rf"(?:\s?{_MINUTE})?"
    rf"(?:\s?(?P<seconds>{_DECIMAL}|\d{{1,2}}(?=\s?(?:{_SECOND}|{_SIDE}))|(?<=[{MINUTE_SIGNS}])\d{{1,2}}(?!\d))"
    rf"(?:\s?{_SECOND})?)?"
)
"""Minutes and seconds need a mark before or behind them, decimals, or a side of the world."""
_SIXTY: Final = r"[0-5]?\d"
_BARE: Final = rf"(?:\s|:\s?)(?P<minutes>{_SIXTY}(?:[.,٫]\d+)?)(?:(?:\s|:\s?)(?P<seconds>{_SIXTY}(?:[.,٫]\d+)?))?"

SEXAGESIMAL: Final = (
    re.compile(rf"{_START}{_WHOLE}{_MARKED}"),
    re.compile(rf"{_START}(?P<degrees>\d{{1,3}}){_BARE}(?={_AFTER})"),
    re.compile(rf"(?P<before>{_BEFORE})(?P<degrees>\d{{1,3}}){_BARE}(?![\d:])"),
    re.compile(rf"{_START}(?P<degrees>\d{{1,3}}),(?P<minutes>\d{{1,2}}\.\d+)(?P<seconds>)(?={_AFTER})"),
    re.compile(rf"{_START}(?P<degrees>\d{{1,3}}),(?P<minutes>\d{{1,2}}),(?P<seconds>\d{{1,2}}(?:\.\d+)?)(?={_AFTER})"),
)
"""With marks; bare before a side of the world, and behind one (`before`); the two forms of XMP."""


def stated(found: re.Match[str]) -> tuple[float, float]:
    """Degrees without a sign that a match of `SEXAGESIMAL` states, and one step of its last digit, in degrees."""
    written = (found[name] for name in ("degrees", "minutes", "seconds"))
    parts = [part.replace(",", ".").replace("٫", ".") for part in written if part]
    degrees = sum(float(part) / 60**at for at, part in enumerate(parts))
    decimals = len(parts[-1].partition(".")[2])
    return degrees, 10.0**-decimals / 60 ** (len(parts) - 1)
