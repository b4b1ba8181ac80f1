"""The JSONL files that NaviClues released, read and written without loss.

`points` is a number in some rows and a text in others, continents are "N/A", `challenge_info` is the `repr` of a Python
object: all of it is kept as it stands and nothing of it is ever evaluated.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from factory.errors import SourceError
from schemas.plain_json import not_deep, refuse_many
from schemas.rows.naviclues import WITHHELD

MAX_LINE_BYTES: Final = 1_000_000
"""The longest released row has 1.9 KB of clues, or some KB of transcript."""


def read_records(path: Path, *, label: str) -> Iterator[dict[str, Any]]:
    """Each line's object with the types that it has.

    Raises SourceError naming the line that is none, is too long or cannot be decoded.
    """
    with path.open("rb") as file:
        number = 0
        while line := file.readline(MAX_LINE_BYTES + 1):
            number += 1
            if len(line) > MAX_LINE_BYTES:
                raise SourceError(f"{label}:{number}: longer than {MAX_LINE_BYTES:,} bytes: no row of NaviClues")
            if not (text := line.removeprefix(b"\xef\xbb\xbf").strip()):
                continue
            try:
                refuse_many(text)
                record = not_deep(json.loads(text))
            except (ValueError, RecursionError) as error:
                raise SourceError(f"{label}:{number}: not a JSON object ({error})") from None
            if not isinstance(record, dict):
                raise SourceError(f"{label}:{number}: expected a JSON object, found {type(record).__name__}")
            yield record


def write_records(records: Iterable[Mapping[str, Any]]) -> str:
    """The lines of a released file: what `read_records` gives back equal, types included."""
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


def is_released(record: Mapping[str, Any]) -> bool:
    """Whether a record has the shape of a released row, which no flat table has."""
    return isinstance(record.get("location"), dict) and "image_path" in record


def flat(record: Mapping[str, Any]) -> dict[str, Any]:
    """A released row with the columns of a table of rounds. `said` is its `split_transcript`, which finished
    clues lack; the place's `city`, which holds names of streets, is left out."""
    place = record["location"]
    names = ("points", "distance", "youtube_url", "challenge_url")
    said = record.get("split_transcript")
    row = {name: record.get(name) for name in names} | {name: place.get(name) for name in ("round", "lat", "lng")}
    row |= {"continent": place.get("continent"), "country": place.get("country")}
    row |= {"id": record["image_path"], "image": record["image_path"], "said": said}
    row |= {name: None for name in ("youtube_url", "challenge_url") if row[name] == WITHHELD}
    return row
