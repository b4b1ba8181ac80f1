"""What a release's viewer knows of every row before it opens one: a few values each, packed as columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any, Final, NamedTuple

import orjson

from factory.report.words import shorten

MOST_CHARACTERS: Final = 200
"""Of a place, licence, scene or author: a card shows one in a line or two, a row's own page all of it."""
FAILED, PEOPLE, SAW_TRUTH, WITHHELD, LABEL = 1, 2, 4, 8, 16
"""Flags of a row: an answer failed, people decided, its writer saw the truth, its pictures are not passed on, its place
is a label."""
_CODED: Final = frozenset({"split", "country", "place", "licence", "scene", "author", "checks"})
"""Columns of few values, which are written once each."""
_DEGREES: Final = 100_000
"""Coordinates are whole numbers of 1e-5 degrees, about a metre."""


class Entry(NamedTuple):
    """One row as map, filters and cards see it."""

    id: str
    lat: int | None
    lon: int | None
    """In 1e-5 degrees."""
    km: float | None
    """Of the answer that is nearest to the truth; combined ones are nobody's."""
    split: str | None
    country: str | None
    place: str | None
    """City and region."""
    licence: str | None
    scene: str | None
    author: str | None
    checks: tuple[str, ...]
    """`near_truth:pass`"""
    flags: int


def entry(row: Mapping[str, Any], *, withheld: bool) -> Entry:
    """What is shown of a row before it is opened.

    Args:
        row: its WebDataset JSON, read.
        withheld: whether its pictures are not passed on.
    """
    answers = [one for one in _structs(row, "answers") if "teacher" in one]
    apart = [_number(one.get("distance_km")) for one in answers if not one.get("combined")]
    if not answers and isinstance(row.get("answer"), Mapping):
        apart = [_number(row["answer"].get("distance_km"))]
    near = min((km for km in apart if km is not None), default=None)
    people = row.get("people")
    decided = isinstance(people, Mapping) and any(people.values())
    named = [text for name in ("city", "region") if (text := _text(row, name))]
    checks = _structs(row, "checks")
    return Entry(
        id=str(row["id"]),
        lat=_degrees(row.get("lat")),
        lon=_degrees(row.get("lon")),
        km=None if near is None else round(near, 3),
        split=_text(row, "split"),
        country=_text(row, "country") or _text(row, "country_code"),
        place=", ".join(dict.fromkeys(named)) or None,
        licence=_text(row, "licence"),
        scene=_text(row, "scene"),
        author=_text(row, "author"),
        checks=tuple(f"{shorten(str(one.get('check')), 80)}:{shorten(str(one.get('outcome')), 20)}" for one in checks),
        flags=FAILED * any(one.get("failure") for one in answers)
        | PEOPLE * decided
        | SAW_TRUTH * (row.get("saw_truth") not in (None, "", "none"))
        | WITHHELD * withheld
        | LABEL * (row.get("placed_by") == "teachers"),
    )


def packed(entries: Sequence[Entry], firsts: Mapping[str, Sequence[int]]) -> list[str]:
    """The columns of all rows, a line of JSON each.

    `{"name": "km", "values": [...]}`, or `{"name": "split", "of": ["train", null], "codes": [0, 0, 1]}` where values
    repeat; the last is `{"name": "pages", "rows": [0, 100], "pictures": []}`, the first row of each page.
    """
    lines = []
    columns = zip(*entries, strict=True) if entries else [()] * len(Entry._fields)
    for name, values in zip(Entry._fields, columns, strict=True):
        if name in _CODED:
            of = {value: code for code, value in enumerate(dict.fromkeys(values))}
            column: dict[str, Any] = {"name": name, "of": [*of], "codes": [of[value] for value in values]}
        else:
            column = {"name": name, "values": values}
        lines.append(orjson.dumps(column).decode())
    return [*lines, orjson.dumps({"name": "pages", **firsts}).decode()]


def _structs(row: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    value = row.get(name)
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def _number(value: Any) -> float | None:
    whole = isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
    return float(value) if whole else None


def _degrees(value: Any) -> int | None:
    number = _number(value)
    return None if number is None or abs(number) > 360 else round(number * _DEGREES)


def _text(row: Mapping[str, Any], name: str) -> str | None:
    value = row.get(name)
    return shorten(value, MOST_CHARACTERS) or None if isinstance(value, str) else None
