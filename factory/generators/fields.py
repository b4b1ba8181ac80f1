"""Values as teachers write them, as typed values: names, coordinates, confidence, yes and no.

Nothing is invented: a value that cannot be read is absent, and a coordinate pair is whole and possible or absent.
"""

from __future__ import annotations

import math
import re
from typing import Any

from factory.geo.degrees import Axis, read_degrees, split_pair
from factory.text import tidy

_NULL_WORD = re.compile(
    r"unknown|n/a|n\.a|none|null|nil|unclear|undetermined|unspecified|uncertain|indeterminate|not available|—|"
    r"not applicable|cannot be determined|cannot determine|not determinable|not identifiable|unidentifiable|"
    r"unbekannt|inconnue?|desconocid[oa]|未知|不明|неизвестно"
)
"""Words for "I cannot tell". "NA" is not among them: it is Namibia's code."""

_CONFIDENCE_WORDS = {
    "very high": 0.95,
    "high": 0.85,
    "medium": 0.5,
    "moderate": 0.5,
    "low": 0.25,
    "very low": 0.1,
    "none": 0.0,
}
_YES = frozenset(("true", "yes", "y", "1", "localizable", "localisable", "positive"))
_NO = frozenset(("false", "no", "n", "0", "not localizable", "not localisable", "unlocalizable", "negative"))

_PERCENT = re.compile(r"\A(\d{1,3}(?:\.\d{1,9})?)\s*(%|/\s*10|/\s*100|percent)?\Z")


def words(value: Any, depth: int = 3) -> str:
    """Text from text, a number, or lists and mappings of them (a reasoning written as steps)."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or depth == 0:
        return ""
    if isinstance(value, int | float):
        return repr(_float(value)) if isinstance(value, float) or abs(value) > 2**63 else str(value)
    if isinstance(value, list | tuple):
        return "\n".join(filter(None, (words(item, depth - 1) for item in value[:256])))
    if isinstance(value, dict):
        pairs = ((key, words(item, depth - 1)) for key, item in list(value.items())[:256])
        return "\n".join(f"{key}: {text}" for key, text in pairs if text)
    return ""


def name(value: Any, limit: int = 200) -> str | None:
    """A place name, or None when it is absent or a word for not knowing."""
    if isinstance(value, list | tuple) and value:
        value = value[0]
    text = tidy(words(value, depth=1), limit) if not isinstance(value, list | tuple | dict) else ""
    bare = text.lower().strip(" .?-()[]\"'")
    return text if bare and not _NULL_WORD.fullmatch(bare) else None


def yes_no(value: Any) -> bool | None:
    """A boolean, a word for it, or a score (0.5 and more is yes)."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return None if math.isnan(value) else value >= 0.5
    if isinstance(value, str):
        word = value.strip().strip(".").lower()
        return True if word in _YES else False if word in _NO else None
    return None


def confidence(value: Any) -> float | None:
    """A probability from 0.85, 85, "85%", "8/10" or "high". Above 1 it is read as a percentage."""
    if isinstance(value, bool):
        return None
    unit = ""
    if isinstance(value, str):
        word = value.strip().lower()
        if word in _CONFIDENCE_WORDS:
            return _CONFIDENCE_WORDS[word]
        match = _PERCENT.match(word)
        if match is None:
            return None
        number, unit = float(match.group(1)), (match.group(2) or "").replace(" ", "")
    elif isinstance(value, int | float):
        number = _float(value)
    else:
        return None
    share = number / 10 if unit == "/10" else number / 100 if unit or number > 1 else number
    return share if 0 <= share <= 1 else None


def coordinates(lat: Any, lon: Any) -> tuple[float, float] | None:
    """A pair in degrees, or None: a half, an impossible or a swapped pair says nothing reliable."""
    latitude, longitude = _degrees(lat, "lat"), _degrees(lon, "lon")
    if latitude is None or longitude is None or abs(latitude) > 90 or abs(longitude) > 180:
        return None
    return latitude, longitude


def coordinate_pair(value: Any) -> tuple[Any, Any] | None:
    """The two halves of `[48.85, 2.35]`, `{"lat": ..., "lon": ...}` or "48.85, 2.35", unread."""
    if isinstance(value, str):
        return split_pair(value)
    if isinstance(value, dict):
        lowered = {str(key).lower(): item for key, item in value.items()}
        lat = lowered.get("lat", lowered.get("latitude"))
        lon = lowered.get("lon", lowered.get("lng", lowered.get("longitude")))
        return (lat, lon)
    return (value[0], value[1]) if isinstance(value, list | tuple) and len(value) == 2 else None


def _degrees(value: Any, axis: Axis) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        number = _float(value)
        return number if math.isfinite(number) else None
    return read_degrees(value, axis) if isinstance(value, str) else None


def _float(value: float) -> float:
    """A JSON number as a float; integers too large for one are not finite."""
    try:
        return float(value)
    except OverflowError:
        return math.inf
