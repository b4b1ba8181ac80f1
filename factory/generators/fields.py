"""Values as teachers write them, as typed values: texts, names, coordinates.

Nothing is invented: a value that cannot be read is absent, and a coordinate pair is whole and possible or absent.
"""

from __future__ import annotations

import math
from typing import Any

from factory.generators.statements import as_float, is_unknown
from factory.geo.degrees import Axis, read_degrees, split_pair
from factory.text import tidy


def words(value: Any, depth: int = 3) -> str:
    """Text from text, a number, or lists and mappings of them (a reasoning written as steps)."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or depth == 0:
        return ""
    if isinstance(value, int | float):
        return repr(as_float(value)) if isinstance(value, float) or abs(value) > 2**63 else str(value)
    if isinstance(value, list | tuple):
        return "\n".join(filter(None, (words(item, depth - 1) for item in value[:256])))
    if isinstance(value, dict):
        pairs = ((key, words(item, depth - 1)) for key, item in list(value.items())[:256])
        return "\n".join(f"{key}: {text}" for key, text in pairs if text)
    return ""


def name(value: Any, limit: int = 200) -> str | None:
    """A place name, or None when it is absent, a word for not knowing (`statements.is_unknown`), a number, or several
    names: who names two says neither."""
    if isinstance(value, list | tuple) and value:
        value = value[0] if all(other == value[0] for other in value) else None
    if isinstance(value, dict):
        value = value.get("name")
    if isinstance(value, int | float):
        return None
    text = tidy(words(value, depth=1), limit) if not isinstance(value, list | tuple | dict) else ""
    return None if is_unknown(text) else text


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
        number = as_float(value)
        return number if math.isfinite(number) else None
    return read_degrees(value, axis) if isinstance(value, str) else None
