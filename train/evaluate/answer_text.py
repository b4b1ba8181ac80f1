"""What a model said, as the fields of an answer: JSON, `<answer>` blocks, `country: X` lines, a pair, a written place.

The text is hostile and the work bounded: its last MAX_TEXT characters are read, and at most MAX_STARTS braces tried.
Nothing is guessed: prose that is no answer has no fields, and so it is a failed answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

from factory.geo.degrees import split_pair
from factory.text import THINK_TAG, tidy
from schemas.plain_json import not_deep

MAX_TEXT: Final = 50_000
MAX_STARTS: Final = 64
"""Braces of a text at which an object is looked for, the last ones."""
MAX_PLACE: Final = 200
"""Characters of a written place; what is longer is prose."""
MAX_WRAPPERS: Final = 4

KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "lat": ("lat", "latitude"),
    "lon": ("lon", "lng", "long", "longitude"),
    "country": ("country", "country_name", "nation"),
    "region": ("region", "admin1", "state", "province", "region_name", "state_or_province"),
    "city": ("city", "city_name", "town", "locality", "municipality"),
    "place": ("place", "location", "address"),
    "confidence": ("confidence", "confidence_score", "certainty"),
    "reasoning": ("reasoning", "explanation", "rationale", "analysis", "clues"),
}
"""Names of an answer's fields, in small letters; the first that is there counts."""
_IN_ONE: Final = "coordinates"
_COORDINATES: Final = ("coordinates", "coords", "gps", "location")
_WRAPPERS: Final = ("answer", "final_answer", "prediction", "result", "response", "output", "data", "arguments")
_ANSWER: Final = re.compile(r"<answer>(.*?)(?:</answer>|\Z)", re.IGNORECASE | re.DOTALL)
_KEY: Final = "|".join(sorted((name for names in KEYS.values() for name in names), key=len, reverse=True))
_LINE: Final = re.compile(
    rf"(?:^|[\n,;])[ \t*#-]{{0,8}}({_KEY}|coordinates|coords|gps)[ \t*]{{0,4}}[:=]"
    rf"([^\n]*?)(?=[,;][ \t*]{{0,4}}(?:{_KEY})[ \t*]{{0,4}}[:=]|\n|\Z)",
    re.IGNORECASE,
)
_COMMA: Final = re.compile(r",(?=\s{0,200}[}\]])")
_DECODER: Final = json.JSONDecoder(strict=False)


def read_answer(text: Any) -> dict[str, Any]:
    """The fields of KEYS that a model's whole answer has, with the words around it as `reasoning`; {} for none.

    Args:
        text: what it said, or the object that somebody has made of that.
    """
    if not isinstance(text, str):
        return _unwrapped(text, 0)
    text = text[-MAX_TEXT:].strip()
    if text.startswith("{") and (fields := _json_fields(text)):  # tags may stand inside its strings
        return fields
    thought, said = _parted(text)
    blocks = _ANSWER.findall(said)
    inner = blocks[-1].strip() if blocks else said.strip()
    fields = _json_fields(inner) or _line_fields(inner) or _bare(inner)
    if fields and "reasoning" not in fields:
        around = thought or _ANSWER.sub("", said).split("{")[0].split("```")[0].strip()
        if around and around != inner:
            fields["reasoning"] = around
    return fields


def fields_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of KEYS in an object or a row of a table, whatever their letters' case; empty ones are left out."""
    found, places = {}, _columns(tuple(row))
    for field, names in places.items():
        value = next((row[name] for name in names if not is_empty(row[name])), None)
        if value is not None and field in KEYS:
            found[field] = value
    if isinstance(found.get("place"), Mapping):
        found = {**fields_of(found.pop("place")), **found}
    if "lat" not in found and "lon" not in found:
        pair = next((pair for name in places[_IN_ONE] if (pair := _pair(row[name])) is not None), None)
        if pair is not None:
            found["lat"], found["lon"] = pair
            if "place" in found and _pair(found["place"]) == pair:
                del found["place"]
    return found


def stated_by(names: tuple[Any, ...]) -> frozenset[str]:
    """Which fields of KEYS columns of these names give; coordinates in one are both."""
    given = {field for field, found in _columns(names).items() if found}
    return frozenset(given - {_IN_ONE} | ({"lat", "lon"} if _IN_ONE in given else set()))


@lru_cache(maxsize=256)
def _columns(names: tuple[Any, ...]) -> Mapping[str, tuple[Any, ...]]:
    """Of a row's names those of each field, the first that counts first, and those of coordinates in one."""
    lowered = {_key(str(name)): name for name in names}
    fields = {**KEYS, _IN_ONE: _COORDINATES}
    return {field: tuple(lowered[one] for one in ways if one in lowered) for field, ways in fields.items()}


def _parted(text: str) -> tuple[str, str]:
    """(what was thought, what was said): behind the last tag that closes a thought. One that never closes was cut off:
    nothing in it was said."""
    tags = list(THINK_TAG.finditer(text))
    closing = [tag for tag in tags if "/" in tag.group()]
    if tags and "/" not in tags[-1].group():
        return THINK_TAG.sub("", text[tags[-1].end() :]).strip(), text[: tags[-1].start()] if not closing else ""
    if not closing:
        return "", text
    return THINK_TAG.sub("", text[: closing[-1].start()]).strip(), text[closing[-1].end() :]


def _json_fields(text: str) -> dict[str, Any]:
    """Of the last object that is an answer."""
    for value in json_objects(text):
        if fields := _unwrapped(value, 0):
            return fields
    return {}


def json_objects(text: str) -> Iterator[Any]:
    """Objects of a text, the outermost and last first."""
    starts = [match.start() for match in re.finditer(r"\{", text)][-MAX_STARTS:]
    found: list[tuple[int, int, Any]] = []
    end = -1
    for start in starts:
        if start < end:
            continue
        for tried in (text[start:], _COMMA.sub("", text[start:])):
            try:
                value, length = _DECODER.raw_decode(tried)
                found.append((start, start + length, not_deep(value)))
                end = start + length
                break
            except (ValueError, RecursionError):
                continue
    yield from (value for _, _, value in reversed(found))


def _unwrapped(value: Any, depth: int) -> dict[str, Any]:
    if isinstance(value, str):
        return read_answer(value) if depth < MAX_WRAPPERS and len(value) < MAX_TEXT else {}
    if not isinstance(value, Mapping) or depth >= MAX_WRAPPERS:
        return {}
    fields = fields_of(value)
    if fields.keys() & {"lat", "country", "region", "city", "place"}:
        return fields
    lowered = {_key(str(name)): inner for name, inner in value.items()}
    for name in _WRAPPERS:
        if lowered.get(name) and (inner := _unwrapped(lowered[name], depth + 1)):
            return {**fields, **inner}
    return {}


def _line_fields(text: str) -> dict[str, Any]:
    found = {_key(match[1]): match[2].strip(" \t*.`\"'") for match in _LINE.finditer(text[-10_000:])}
    fields = fields_of(found)
    return fields if fields.keys() & {"lat", "country", "region", "city", "place"} else {}


def _bare(text: str) -> dict[str, Any]:
    """A text that is nothing but a pair of degrees, or the name of a place."""
    one = tidy(text, MAX_PLACE + 1).strip(" .*`\"'")
    if not one or len(one) > MAX_PLACE or "{" in one:
        return {}
    pair = _pair(one)
    return {"lat": pair[0], "lon": pair[1]} if pair is not None else {"place": one}


def _pair(value: Any) -> tuple[Any, Any] | None:
    """Both halves of coordinates that stand in one field, unread; words are no pair."""
    if isinstance(value, str):
        split = split_pair(value)
        return split if split and all(any(char.isdigit() for char in half) for half in split) else None
    if isinstance(value, Mapping):
        lowered = {_key(str(name)): inner for name, inner in value.items()}
        lat, lon = (next((lowered[n] for n in KEYS[axis] if n in lowered), None) for axis in ("lat", "lon"))
        return None if lat is None or lon is None else (lat, lon)
    return (value[0], value[1]) if isinstance(value, list | tuple) and len(value) == 2 else None


def is_empty(value: Any) -> bool:
    """Whether a field says nothing."""
    return value is None or (isinstance(value, str) and not value.strip()) or value == [] or value == {}


def _key(name: str) -> str:
    return name.strip().lower().replace(" ", "_").replace("-", "_")
