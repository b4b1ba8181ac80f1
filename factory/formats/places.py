"""Formats that say a place: rows and the test table of MP16-Reason, rows of NaviClues."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import isfinite
from typing import Any, Final

from factory.formats.record import (
    ATTRIBUTION,
    BadRow,
    Picture,
    Record,
    answer_of,
    image,
    need,
    turn,
    words,
)
from factory.generators.asked import drawn
from factory.generators.mp16_reason import LEARNT_QUESTION, LEARNT_SYSTEM
from factory.generators.naviclues import QUESTIONS
from factory.geo.spreadsheet import marked, unmarked
from schemas.rows.naviclues import RELEASED, to_released

SOLUTION: Final = "__#solution"
_ANSWER: Final = re.compile(r"<think>(.*)</think>\s*<answer>(.*)</answer>\s*", re.DOTALL)
"""As GLOBE's preprocessor writes what is learnt."""
_TOLD: Final = re.compile(r"(?:country: (?P<country>[^\n]*))?\n?(?:city: (?P<city>[^\n]*))?")
_SOLVED: Final = re.compile(r"<country>(.*)</country>\s*<city>(.*)</city>", re.DOTALL)
ID_NAMES: Final = ("IMG_ID", "id")
"""Columns of the test table by which its published reader finds a picture, a latitude and a longitude: the first that
is there."""
LAT_NAMES: Final = ("LAT", "latitude")
LON_NAMES: Final = ("LON", "longitude")
_TEST: Final = ("IMG_ID", "LAT", "LON", "city", "country")
TEST_IMAGES: Final = "images"
"""Folder of the pictures beside a test table."""


def mp16_record(row: Mapping[str, Any], number: int) -> Record:
    """A row of MP16-Reason: `response`, `__#solution`, `images`, `entities`, as GLOBE's loader reads them."""
    response, solution = (need(row, name, str, what="mp16-reason") for name in ("response", SOLUTION))
    found = _SOLVED.fullmatch(solution)
    if found is None:
        raise BadRow(f"`{SOLUTION}` is {solution[:60]!r}; expected <country>...</country><city>...</city>")
    told = "\n".join(
        f"{name}: {value}" for name, value in zip(("country", "city"), found.groups(), strict=True) if value
    )
    paths = row.get("images") or []
    messages = [
        turn("system", words(LEARNT_SYSTEM)),
        turn("user", *(image() for _ in paths), words(LEARNT_QUESTION)),
        turn("assistant", words(f"<think>{response}</think><answer>{told}</answer>")),
    ]
    taken = {"id", "images", "response"}
    columns = {name: value for name, value in row.items() if name not in taken}
    name = row["id"] if isinstance(row.get("id"), str) else f"{number:06d}"
    form = {"format": "mp16-reason", "keys": [*row]}
    return Record(name, messages, tuple(Picture(path) for path in paths), columns, form)


def mp16_row(record: Record, *, home: bool) -> dict[str, Any]:
    """Its way back: the reasoning is what the last answer thinks, the place what it answers."""
    if len(record.pictures) != 1:
        raise BadRow(f"has {len(record.pictures)} pictures, and a row of mp16-reason one")
    answer = _ANSWER.fullmatch(answer_of(record) or "")
    columns = record.columns
    response = answer[1] if answer else columns.get("response")
    if not isinstance(response, str):
        raise BadRow("its last answer is not <think>...</think><answer>...</answer>, and it has no column `response`")
    solution = columns.get(SOLUTION)
    told = _TOLD.fullmatch(answer[2].strip()) if answer else None
    said = None if told is None else tuple(told[name] or "" for name in ("country", "city"))
    solved = _SOLVED.fullmatch(solution) if isinstance(solution, str) else None
    if said is not None and (solved is None or solved.groups() != said):
        solution = f"<country>{said[0]}</country><city>{said[1]}</city>"
    if not isinstance(solution, str) or not _SOLVED.fullmatch(solution):
        raise BadRow("its last answer names no `country: ...` and `city: ...`, and it has no column `__#solution`")
    seen = columns.get("entities", [])
    if not isinstance(seen, list) or not all(
        isinstance(one, Mapping) and [*one] == ["text"] and isinstance(one["text"], str) for one in seen
    ):
        raise BadRow('`entities` are no list of {"text": ...}')
    row = {"id": record.id, "response": response, SOLUTION: solution, "images": [record.pictures[0].path]}
    row |= {"entities": seen, **{name: columns[name] for name in ATTRIBUTION if isinstance(columns.get(name), str)}}
    keys = record.form.get("keys", ()) if home else ()
    return {**{key: row[key] for key in keys if key in row}, **row} if keys else row


def test_record(row: Mapping[str, Any], number: int) -> Record:
    """A row of `mp16-reason-test-12k.csv`, all of it text: the picture's name, its place, its labels."""
    name, lat, lon = (_first(row, names) for names in (ID_NAMES, LAT_NAMES, LON_NAMES))
    degrees = (_degrees(row[lat], lat, 90), _degrees(row[lon], lon, 180))
    labels = {key: unmarked(need(row, key, str, what="mp16-reason-test")) for key in ("country", "city")}
    told = "\n".join(f"{key}: {value}" for key, value in labels.items() if value)
    turns = [turn("user", image(), words(LEARNT_QUESTION)), *([turn("assistant", words(told))] if told else ())]
    rest = {key: value for key, value in row.items() if key not in (name, lat, lon, "country", "city")}
    called = unmarked(need(row, name, str, what="mp16-reason-test"))
    file = called if called.lower().endswith(".jpg") else f"{called}.jpg"
    columns = {"lat": degrees[0], "lon": degrees[1], **labels, **rest}
    form = {"format": "mp16-reason-test", "keys": [*row]}
    return Record(called, turns, (Picture(f"{TEST_IMAGES}/{file}"),), columns, form)


def test_row(record: Record, *, home: bool) -> dict[str, Any]:
    """Its way back. Raises BadRow without a picture, a place, a country and a city."""
    if len(record.pictures) != 1:
        raise BadRow(f"has {len(record.pictures)} pictures, and a row of mp16-reason-test one")
    called = record.pictures[0].path.removeprefix(f"{TEST_IMAGES}/")
    row: dict[str, Any] = {}
    keys = record.form["keys"] if home else _TEST
    for key in keys:
        if key in ID_NAMES and key == next(name for name in ID_NAMES if name in keys):
            row[key] = marked(record.id if home and called in (record.id, f"{record.id}.jpg") else called)
        elif key in (*LAT_NAMES, *LON_NAMES):
            row[key] = _number(record.columns, "lat" if key in LAT_NAMES else "lon")
        elif key in ("city", "country"):
            value = record.columns.get(key)
            if value is not None and not isinstance(value, str):
                raise BadRow(f"`{key}` is {str(value)[:40]!r}; expected text")
            if value is None and key not in record.columns:
                raise BadRow(f"has no column `{key}`, which mp16-reason-test has")
            row[key] = marked(value or "")
        else:
            row[key] = str(record.columns.get(key, ""))
    return row


def clues_record(row: Mapping[str, Any], number: int) -> Record:
    """A row of NaviClues' `filtered_clues.jsonl`, or of another of its files that has `clues`."""
    path, clues = (need(row, name, str, what="naviclues") for name in ("image_path", "clues"))
    need(row, "location", dict, what="naviclues")
    columns = {name: value for name, value in row.items() if name not in ("image_path", "clues")}
    turns = [turn("user", image(), words(drawn(QUESTIONS, path))), turn("assistant", words(clues))]
    return Record(path, turns, (Picture(path),), columns, {"format": "naviclues", "keys": [*row]})


def clues_row(record: Record, *, home: bool) -> dict[str, Any]:
    """Its way back: the clues are the last answer. Raises BadRow for what no record can make up: points, a location."""
    clues = answer_of(record)
    if clues is None or len(record.pictures) != 1:
        raise BadRow("a row of naviclues has one picture and an answer, its clues")
    columns = {**record.columns, "image_path": record.pictures[0].path, "clues": clues}
    keys = record.form["keys"] if home else RELEASED
    if lacking := [name for name in keys if name not in columns]:
        raise BadRow(f"has no {', '.join(f'`{name}`' for name in lacking)}, which rows of naviclues have")
    return to_released(columns) if "points_written" in columns and not home else {name: columns[name] for name in keys}


def _first(row: Mapping[str, Any], names: tuple[str, ...]) -> str:
    found = next((name for name in names if name in row), None)
    if found is None:
        raise BadRow(f"has no column `{'` or `'.join(names)}`; there are {', '.join(map(str, row))[:200]}")
    return found


def _degrees(text: Any, name: str, most: int) -> float:
    try:
        value = float(text)
    except (TypeError, ValueError):
        raise BadRow(f"`{name}` is {str(text)[:40]!r}; expected degrees") from None
    if not isfinite(value) or abs(value) > most:
        swapped = "; are LAT and LON swapped?" if most == 90 and abs(value) <= 180 else ""
        raise BadRow(f"`{name}` is {value:g}; expected at most {most} degrees{swapped}")
    return value


def _number(columns: Mapping[str, Any], name: str) -> str:
    value = columns.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise BadRow(f"has no number `{name}`, degrees of its place, which mp16-reason-test has")
    return repr(float(value))
