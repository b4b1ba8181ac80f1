"""Pairs of two releases: rows about the same picture that say something else of it."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from annotation.controls import MOST_REASONING
from annotation.pairs import Pair, drawn
from annotation.screens.inset import Mark
from factory.errors import RecipeError
from factory.text import tidy
from release.folder import release_folder
from release.manifest import DamagedRelease
from release.read import Release, open_release

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Compared:
    """Two releases side by side."""

    first: Release
    second: Release
    column: str
    """What is compared: `response` where both have it, else `messages`."""
    ids: tuple[str, ...]
    """Rows that can be compared, of which some may be drawn, sorted."""
    left_out: Mapping[str, int]
    """The others by the reason why they cannot."""

    @property
    def title(self) -> str:
        """What is compared, by the digests of both manifests."""
        return "pairs " + " ".join(str(one.manifest["manifest_sha256"])[:8] for one in (self.first, self.second))


def open_side(folder: Path) -> Release:
    """A release's folder, or the release of a build. Raises RecipeError naming the folder."""
    try:
        return open_release(release_folder(folder))
    except DamagedRelease as error:
        raise RecipeError(str(error)) from None


def compare(first: Path, second: Path) -> Compared:
    """Which rows of two releases can be compared. Raises RecipeError where none can, and for a damaged release."""
    one, other = open_side(first), open_side(second)
    column = "response" if all("response" in side.schema.json_keys for side in (one, other)) else "messages"
    mine, theirs = _facts(one, column), _facts(other, column)
    ids, left_out = [], Counter[str]()
    for name in sorted({*mine, *theirs}):
        if (why := why_not(mine.get(name), theirs.get(name))) is None:
            ids.append(name)
        else:
            left_out[why] += 1
    if not ids:
        told = ", ".join(f"{count:,} {why}" for why, count in sorted(left_out.items())) or "both are empty"
        raise RecipeError(f"{first} and {second}: no two rows can be compared ({told})")
    return Compared(one, other, column, tuple(ids), dict(sorted(left_out.items())))


@dataclass(frozen=True, slots=True)
class Fact:
    """What of a row decides whether it can be compared."""

    source: str | None
    """`image_sha256`, where the row tells it."""
    picture: str | None
    """sha256 of the picture's bytes; None without one."""
    text: bytes
    length: int


def _facts(release: Release, column: str) -> dict[str, Fact]:
    found: dict[str, Fact] = {}
    for row in _rows(release):
        found.setdefault(row["id"], fact_of(row, column))
    return found


def fact_of(row: Row, column: str) -> Fact:
    """What of a row that is compared by this column."""
    text, jpeg = text_of(row, column), _jpeg(row)
    picture = None if jpeg is None else hashlib.sha256(jpeg).hexdigest()
    return Fact(row.get("image_sha256") or None, picture, hashlib.sha256(text.encode()).digest(), len(text))


def _jpeg(row: Row) -> bytes | None:
    """A row's first picture."""
    first = next(iter(row["images"] or ()), None)
    data = None if first is None else first["bytes"]
    return data if isinstance(data, bytes) and data else None


def why_not(mine: Fact | None, theirs: Fact | None) -> str | None:
    """Why two rows of one id cannot be compared; None where they can."""
    if mine is None or theirs is None:
        return "only in the second" if mine is None else "only in the first"
    if mine.picture is None or theirs.picture is None:
        return "without a picture"
    both = mine.source is not None and theirs.source is not None
    if mine.source != theirs.source if both else mine.picture != theirs.picture:
        return "with another picture"
    if not mine.length or not theirs.length:
        return "without a text"
    if max(mine.length, theirs.length) > MOST_REASONING:
        return "too long to be read on a screen"
    return "with the same text" if mine.text == theirs.text else None


def pairs(compared: Compared, *, most: int, seed: int, truth: str | None) -> Iterator[Pair]:
    """At most so many pairs, those that a seeded hash draws, in the order of the first release. Those of the second lie
    in memory meanwhile.

    Args:
        truth: what the true place is called on the screen; None shows none.
    """
    wanted = {*drawn(compared.ids, most, seed)}
    second = {row["id"]: row for row in _chosen(compared.second, wanted, compared.column)}
    for row in _chosen(compared.first, wanted, compared.column):
        other = second[row["id"]]
        blurred = "blurred" in str((other.get("people") or {}).get("changed"))
        place = None if truth is None else _place(row, truth)
        picture = (other if blurred else row)["jpeg"]
        yield Pair(id=row["id"], first=row["text"], second=other["text"], jpeg=picture, place=place)


def _chosen(release: Release, wanted: Collection[str], column: str) -> Iterator[dict[str, Any]]:
    left = {*wanted}  # of two rows of one id, which no release of ours has, the first
    for row in _rows(release):
        if row["id"] in left:
            left.remove(row["id"])
            yield {**row, "text": text_of(row, column), "jpeg": _jpeg(row)}


def _rows(release: Release) -> Iterator[dict[str, Any]]:
    try:
        for split in release.splits:
            yield from (row for row in release.rows(split) if row["id"])
    except DamagedRelease as error:
        raise RecipeError(str(error)) from None


def text_of(row: Row, column: str) -> str:
    """What people compare of a row: its `response`, or what its `messages` say after the system's words: the answer
    alone where there is one question, else questions and answers."""
    if column != "messages":
        return _tidied(str(row[column] or ""))
    said = [(turn["role"], _said(turn)) for turn in row["messages"] or () if turn and turn["role"] != "system"]
    answers = [text for role, text in said if role == "assistant"]
    return _tidied("\n\n".join(answers if len(answers) <= 1 else [text for _, text in said]))


def _said(turn: Row) -> str:
    return "\n".join(part["text"] or "" for part in turn["content"] or () if part and part["type"] == "text")


def _tidied(text: str) -> str:
    return tidy(text, MOST_REASONING + 1, lines=True)


_NAMES: Final = ("city", "region", "country")


def _place(row: Row, title: str) -> Mark | None:
    """Where a row says its picture was taken; None where it does not."""
    lat, lon = row.get("lat"), row.get("lon")
    if not isinstance(lat, float) or not isinstance(lon, float) or not math.isfinite(lat) or not math.isfinite(lon):
        return None
    if abs(lat) > 90 or abs(lon) > 180:
        return None
    name = ", ".join(str(row[key]) for key in _NAMES if row.get(key))
    return Mark(kind="truth", title=title, name=name, lat=lat, lon=lon)
