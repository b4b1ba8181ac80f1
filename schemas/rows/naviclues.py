"""The released row of NAVICLUES (NAVIG, 2025): a play-through's round as clues, and the rows that NaviClues released.

The seven keys of a released row are columns of ours with the same names, so that both can stand in one table and either
is written back without loss. An Arrow column has one type, and `points` was released as a number or as text:
`points_written` says which.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pyarrow as pa

from schemas.rows.schema import ANSWERS, CHECK, RowSchema

RELEASED: Final = ("youtube_url", "challenge_url", "points", "distance", "image_path", "location", "clues")
"""Keys of a row of `filtered_clues.jsonl`, in its order."""
UNKNOWN: Final = "N/A"
"""What released rows have where continent or country is not known."""
WITHHELD: Final = "XXXX"
"""What they have in the place of every address."""
_TEXT, _NUMBER = pa.string(), pa.float64()
LOCATION: Final = pa.struct(
    [
        pa.field("round", pa.int64()),
        pa.field("lat", _NUMBER),
        pa.field("lng", _NUMBER),
        pa.field("continent", _TEXT),
        pa.field("country", _TEXT),
    ]
)
SENTENCE: Final = pa.struct(
    [
        pa.field("text", _TEXT),
        pa.field("quotes", pa.list_(_TEXT)),
        pa.field("start_s", _NUMBER),
        pa.field("end_s", _NUMBER),
    ]
)

ABOUT: Final = """\
Rows of two tasks, told apart by `task`. `reasoning` shows a picture, asks where it is and teaches the clues.
`rewriting` are rounds without a picture: they show what the player said, which may name the place, and teach to make
clues of it. Learn reasoning from the first alone. The keys of a row of NaviClues (`youtube_url` to `clues`) are columns
with its names; `schemas.rows.naviclues.to_released` writes them as its loaders read them."""

MADE: Final = """\
A player talked through a round of a game that asks where a street view is. A teacher was shown the words of that round
and nothing else, neither picture nor place, and rewrote them as sentences, each with the words that it comes from
(`sentences`). A round was kept only if it scored enough, the words are the player's, and the country that the text
names is the true one. What players believe about a place may be wrong all the same."""

ROW: Final = RowSchema.of(
    "naviclues",
    3,
    {
        "task": (_TEXT, "`reasoning` (a picture is shown) or `rewriting` (what was said is shown)"),
        "youtube_url": (_TEXT, "of the play-through; `XXXX` where it is withheld or not known"),
        "challenge_url": (_TEXT, "of the game; likewise"),
        "points": (pa.int64(), "of the player's guess, 0 to 5,000"),
        "points_written": (_TEXT, "how NaviClues wrote them: `int` or `str`"),
        "distance": (_NUMBER, "from the guess to the truth in kilometres, as the game tells it"),
        "image_path": (_TEXT, "of the picture in its source"),
        "location": (LOCATION, "as NaviClues has it: round, WGS84 degrees, continent and country in English, or `N/A`"),
        "clues": (_TEXT, "the text"),
        "sentences": (
            pa.list_(SENTENCE),
            "of the text, each with the player's words behind it and when they were said, seconds of the recording",
        ),
        "country_said": (_TEXT, "which the player settled on, as the teacher understood it"),
        "guess_lat": (_NUMBER, "where the player guessed, WGS84 degrees"),
        "guess_lon": (_NUMBER, "likewise"),
        "country": (_TEXT, "of the truth, in English"),
        "country_code": (_TEXT, "ISO 3166-1 alpha-2"),
        "region": (_TEXT, "of the truth, in English"),
        "city": (_TEXT, "of the truth, in English"),
        "lat": (_NUMBER, "the truth, WGS84 degrees"),
        "lon": (_NUMBER, "likewise"),
        "uncertainty_km": (_NUMBER, "how far off the truth may be"),
        "teacher": (_TEXT, "who rewrote"),
        "model": (_TEXT, "its model"),
        "answers": ANSWERS,
        "checks": (pa.list_(CHECK), "each check's outcome, score, threshold and reason"),
        "licence": (_TEXT, "as the source states it"),
        "author": (_TEXT, "likewise"),
        "source_url": (_TEXT, "likewise"),
        "image_sha256": (_TEXT, "of the picture's file, where there is one"),
        "requests": (pa.list_(_TEXT), "ledger keys of the teacher's calls"),
        "source_row": (pa.int64(), "position in the source's table"),
    },
    nullable=frozenset(
        {
            *("points", "distance", "image_path", "country_said", "guess_lat", "guess_lon", "country", "country_code"),
            *("region", "city", "licence", "author", "source_url", "image_sha256"),
        }
    ),
    truth_in_messages="place",  # the player's words name places; a question that shows a picture never does
    summary="rounds of play-throughs: what a player said about a place, as clues with the words behind each",
    about=ABOUT,
    made=MADE,
)


def from_released(record: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of a row of `filtered_clues.jsonl`.

    Raises:
        ValueError: it has other keys, or a value that a column could not keep as it is.
    """
    points, place = record.get("points"), record.get("location")
    if tuple(record) != RELEASED or not isinstance(place, Mapping) or tuple(place) != tuple(f.name for f in LOCATION):
        raise ValueError(f"a released row has the keys {', '.join(RELEASED)}, and in `location` round to country")
    number = int(points) if isinstance(points, str) and points.isascii() and points.isdecimal() else points
    if type(number) is not int or (isinstance(points, str) and str(number) != points):
        raise ValueError(f"points are {str(points)[:40]!r}, no whole number")
    kept = {**record, "location": dict(place), "points": number, "points_written": type(points).__name__}
    own = pa.schema([ROW.columns.field(name) for name in kept])
    if pa.Table.from_pylist([kept], own).to_pylist() != [kept] or not _same_types(record):
        raise ValueError("a value is of another type than its column")
    return kept


def _same_types(record: Mapping[str, Any]) -> bool:
    place = record["location"]
    floats = (record["distance"], place["lat"], place["lng"])
    return type(place["round"]) is int and all(type(value) is float for value in floats)


def to_released(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row with the keys and types of `filtered_clues.jsonl`, in its order: what `from_released` was given, or a row
    of this family for whoever reads NaviClues."""
    points = str(row["points"]) if row["points_written"] == "str" else row["points"]
    place = {field.name: row["location"][field.name] for field in LOCATION}
    return {**{name: row[name] for name in RELEASED}, "points": points, "location": place}
