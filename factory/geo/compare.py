"""Whether two written places are one, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from factory.geo.forward import forward
from factory.geo.inputs import name_of
from factory.geo.levels import LEVELS, Level
from factory.geo.normalise import fold

_FINENESS: Final = {level: rank for rank, level in enumerate(reversed(LEVELS))}


@dataclass(frozen=True, slots=True)
class SamePlace:
    """An answer that is true or false, with the reason in plain words."""

    same: bool
    reason: str

    def __bool__(self) -> bool:
        return self.same


def same_place(a: str | None, b: str | None, *, level: Level) -> SamePlace:
    """Whether two written places are one country, region or city, as `forward` resolves them.

    Other names of a place are the same place ("Bombay", "Mumbai, India"). A place that is not found, or is known less
    precisely than `level`, is the same as none, not even as itself: two answers "unknown" or "n/a" agree about nothing.

    Raises:
        ValueError: for a level that is not "city", "region" or "country".
        TypeError: for a place that is not text; None, NaN and numbers are empty places.
    """
    if level not in _FINENESS:
        raise ValueError(f"level must be one of {', '.join(LEVELS)}, not {level!r}")
    found = []
    for written, text in [(written, name_of(written)) for written in (a, b)]:
        if text is None and isinstance(written, str):
            return SamePlace(False, f"{written!r} was not found")
        if not text:
            return SamePlace(False, "one of the two is empty")
        place = _at_level(text, level)
        if place["level"] is None:
            return SamePlace(False, f"{text!r} was not found")
        if _FINENESS[place["level"]] < _FINENESS[level]:
            return SamePlace(False, f"{text!r} is only known as a {place['level']}")
        found.append((text, place))
    (first, here), (second, there) = found
    return SamePlace(True, "the same text") if fold(first) == fold(second) else _compared(here, there, level)


def _compared(first: Mapping[str, Any], second: Mapping[str, Any], level: Level) -> SamePlace:
    if first["country_code"] != second["country_code"]:
        return SamePlace(False, f"country {first['country_code']} is not {second['country_code']}")
    if level == "country":
        return SamePlace(True, f"both are in {first['country_code']}")
    if level == "region":
        if first["region"] is None or second["region"] is None:
            return SamePlace(False, f"one of the two lies in no region of {first['country_code']}")
        same = first["region"] == second["region"]
        words = "both are in" if same else f"region {first['region']} is not"
        return SamePlace(same, f"{words} {second['region']}, {second['country_code']}")
    same = first["city_id"] == second["city_id"]
    words = "both are" if same else f"city {first['city']} is not"
    return SamePlace(same, f"{words} {second['city']}, {second['country_code']} (GeoNames {second['city_id']})")


def _at_level(text: str, level: Level) -> Mapping[str, Any]:
    """The place; "Singapore" is read as "Singapore, Singapore" where a city is wanted."""
    place = _place(text)
    if place["level"] is None or _FINENESS[place["level"]] >= _FINENESS[level]:
        return place
    twice = _place(f"{text}, {text}")
    fitting = twice["level"] is not None and _FINENESS[twice["level"]] >= _FINENESS[level]
    return twice if fitting and twice["country_code"] == place["country_code"] else place


@lru_cache(maxsize=65_536)
def _place(text: str) -> Mapping[str, Any]:
    return forward([text]).row(0, named=True)
