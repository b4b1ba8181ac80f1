"""What NAVIG's released data and paper say a row of NaviClues is, held against released rows. Imports nothing of ours.

From the data: a JSON object of seven keys; a place of five; `points` a whole number, or its text; a score of the game's
map of the world, 3,400 at least. From the paper: reasoning in plain prose about one picture, which a vision-language
model is trained to write when it is shown that picture. From our own promise: every sentence has words of the player.

    python -m tests.published.naviclues RELEASE
"""

from __future__ import annotations

import json
import math
import re
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

KEYS = {
    "youtube_url": str,
    "challenge_url": str,
    "points": (int, str),
    "distance": float,
    "image_path": str,
    "location": dict,
    "clues": str,
}
PLACE = {"round": int, "lat": float, "lng": float, "continent": str, "country": str}
CONTINENTS = ("Africa", "Asia", "Europe", "North America", "Oceania", "South America", "N/A")


def faults(row: dict[str, Any]) -> Iterator[str]:
    """Everything in a row that the data or the paper rule out."""
    name = row.get("id")
    shown = bool(row.get("image_path"))
    for key, kind in KEYS.items():
        if key == "image_path" and not shown:
            continue  # a round without a picture
        if not isinstance(row.get(key), kind):
            yield f"{name}: {key} is {row.get(key)!r}"
            return
    place = row["location"]
    if list(place) != list(PLACE) or not all(isinstance(place[key], kind) for key, kind in PLACE.items()):
        yield f"{name}: location is {place}"
        return
    if abs(place["lat"]) > 90 or abs(place["lng"]) > 180 or place["continent"] not in CONTINENTS:
        yield f"{name}: location is {place}"
    if (place["lat"], place["lng"]) != (row["lat"], row["lon"]):
        yield f"{name}: location and coordinates differ"
    points = int(row["points"])
    if not 3400 <= points <= 5000:
        yield f"{name}: {points} points"
    if abs(points - 5000 * math.exp(-row["distance"] / 1492.7)) > 2:
        yield f"{name}: {points} points for {row['distance']} km"
    if re.search(r"\b(?:guess|score|game|geoguessr|player|subscribe)\b", row["clues"], re.IGNORECASE):
        yield f"{name}: the clues speak of the game"
    yield from _sentences(name, row)
    yield from _turns(name, row, shown)


def _sentences(name: Any, row: dict[str, Any]) -> Iterator[str]:
    if " ".join(one["text"] for one in row["sentences"]) != row["clues"]:
        yield f"{name}: the clues are not their sentences"
    for one in row["sentences"]:
        if not one["quotes"] or not all(quote.strip() for quote in one["quotes"]):
            yield f"{name}: no words behind {one['text']!r}"
        if one["start_s"] is not None and not 0 <= one["start_s"] <= one["end_s"]:
            yield f"{name}: said from {one['start_s']} to {one['end_s']}"


def _turns(name: Any, row: dict[str, Any], shown: bool) -> Iterator[str]:
    turns = [(turn["role"], [(part["type"], part["text"]) for part in turn["content"]]) for turn in row["messages"]]
    if [who for who, _ in turns] != ["user", "assistant"]:
        yield f"{name}: turns of {[who for who, _ in turns]}"
        return
    asked, told = turns[0][1], turns[1][1]
    if [text for _, text in told] != [row["clues"]]:
        yield f"{name}: what is learnt is not the clues"
    if [kind for kind, _ in asked] != (["image", "text"] if shown else ["text"]):
        yield f"{name}: asks with {[kind for kind, _ in asked]}"
    if row["task"] != ("reasoning" if shown else "rewriting"):
        yield f"{name}: a {row['task']} row {'with' if shown else 'without'} a picture"
    question = asked[-1][1]
    if shown and any(word and word.casefold() in question.casefold() for word in (row["country"], row["city"])):
        yield f"{name}: the question tells the place"
    if not shown and not all(_bare(q) in _bare(question) for one in row["sentences"] for q in one["quotes"][:1]):
        yield f"{name}: the words behind a sentence are not in what was said"


def _bare(text: str) -> str:
    words = re.findall(r"[^\W_]+", text.casefold())
    return " ".join(word for at, word in enumerate(words) if word != (words[at - 1] if at else None))


def parquet_rows(release: Path) -> Iterator[dict[str, Any]]:
    for path in sorted(release.rglob("*.parquet")):
        for row in pq.read_table(path).to_pylist():
            assert bool(row["images"]) == bool(row["image_path"]), row["id"]
            yield row


def tar_rows(release: Path) -> Iterator[dict[str, Any]]:
    for path in sorted(release.rglob("*.tar")):
        with tarfile.open(path) as tar:
            for member in tar:
                if member.name.endswith(".json"):
                    file = tar.extractfile(member)
                    assert file is not None
                    yield json.load(file)


def main(release: str) -> int:
    found = [fault for rows in (parquet_rows, tar_rows) for row in rows(Path(release)) for fault in faults(row)]
    print("\n".join(found) or "every row is as the data and the paper say")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
