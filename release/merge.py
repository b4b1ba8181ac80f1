"""The union of releases of one family: every row once, as it stands."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TypedDict

import orjson

from factory.errors import RecipeError
from factory.text import counted
from release.files import sample_of
from release.joined import Whole, require_new, write_joined
from release.manifest import DamagedRelease
from release.parts import NAMED, Part, Taken, open_part, told_of, withdrawn_by
from release.shared_pictures import HAMMING, Pictures

NEAR: Final = {"split": {"keep_together": ["near_duplicates"], "max_hamming": HAMMING}}
"""The rule by which `factory check` looks again whether one picture is in two splits."""


class Merged(TypedDict):
    """What a merge came to."""

    root: str
    rows: int
    splits: dict[str, int]
    parts: dict[str, int]
    """Rows of each."""
    equal: int
    """Rows that several parts have alike, and that are there once."""
    withdrawn: int
    """Rows that another part lists as withdrawn, and that were left out."""
    leaks: int
    """Rows left out because another split has their picture."""


def merge_releases(paths: Sequence[Path], out: Path, *, title: str | None = None, drop_leaks: bool = False) -> Merged:
    """Writes the union of releases.

    Args:
        drop_leaks: leave out rows whose picture a split that measures has, rather than refuse.

    Raises RecipeError where their rows have other columns, an id stands for two rows, a picture would be in two splits,
    or one is damaged.
    """
    require_new(out)
    parts = [open_part(path) for path in paths]
    parts = [_numbered(part, parts, number) for number, part in enumerate(parts)]
    _refuse_other_columns(parts)
    try:
        taken = _Taken(parts, drop_leaks=drop_leaks)
        rows = _rows(parts, taken.left_out)
        whole = _whole(parts, taken, title or out.name)
        facts = write_joined(out, parts, rows, parts[0].schema, whole)
    except DamagedRelease as error:
        raise RecipeError(str(error)) from None
    return {
        "root": str(out),
        "rows": facts["counts"]["rows"],
        "splits": facts["counts"]["splits"],
        "parts": {part.name: taken.rows[number] for number, part in enumerate(parts)},
        "equal": taken.equal,
        "withdrawn": taken.withdrawn,
        "leaks": taken.leaks,
    }


def _numbered(part: Part, parts: Sequence[Part], number: int) -> Part:
    """A part whose name no other has."""
    if sum(one.name == part.name for one in parts) == 1:
        return part
    return replace(part, name=f"{part.name}-{number + 1}")


def _refuse_other_columns(parts: Sequence[Part]) -> None:
    first = parts[0].schema
    for part in parts[1:]:
        if (part.schema.family, part.schema.version) != (first.family, first.version):
            raise RecipeError(
                f"{part.root}: holds rows of {part.schema.family}, version {part.schema.version}; {parts[0].root} "
                f"those of {first.family}, version {first.version}. Only releases of one family merge; `factory mix` "
                "takes several"
            )
        if not part.schema.columns.equals(first.columns):
            raise RecipeError(f"{part.root}: its columns are others than those of {parts[0].root}")


class _Taken:
    """A first look at all rows: which are left out, and whether the rest go together."""

    def __init__(self, parts: Sequence[Part], *, drop_leaks: bool) -> None:
        self.left_out: set[tuple[int, str]] = set()
        """Number of the part, and id."""
        self.rows = [0] * len(parts)
        self.equal = self.withdrawn = self.leaks = 0
        gone = withdrawn_by(parts)
        first: dict[str, tuple[int, bytes]] = {}
        pictures, twice = Pictures(), list[tuple[str, int, int]]()
        for number, part in enumerate(parts):
            for taken in part.each():
                name = str(taken.values["id"])
                if name in gone or sample_of(name, gone) in gone:
                    self.left_out.add((number, name))
                    self.withdrawn += 1
                    continue
                digest = _digest(taken)
                there = first.setdefault(name, (number, digest))
                if there[0] != number:
                    if there[1] != digest:
                        twice.append((name, there[0], number))
                        continue
                    self.left_out.add((number, name))
                    self.equal += 1
                    continue
                self.rows[number] += 1
                pictures.add(name, taken)
        if twice:
            more = [f"... and {len(twice) - NAMED} more"] if len(twice) > NAMED else []
            told = [_conflict(name, parts[one], parts[other]) for name, one, other in twice[:NAMED]]
            raise RecipeError(f"{counted(len(twice), 'id')} would stand for two rows each:", *told, *more)
        if not drop_leaks:
            pictures.refuse_leaks()
            return
        for name in pictures.leaking():
            number = first[name][0]
            self.left_out.add((number, name))
            self.rows[number] -= 1
            self.leaks += 1


def _digest(taken: Taken) -> bytes:
    """Of all that a row says and shows."""
    text = orjson.dumps(taken.part.schema.json_row(taken.values))
    parts = (text, *taken.jpegs, orjson.dumps([dict(line) for line in taken.withheld]))
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).digest()


def _conflict(name: str, one: Part, other: Part) -> str:
    """In what two rows of one id differ."""
    rows = [next(row for opened in part.opened for row in _found(opened, name)) for part in (one, other)]
    pairs = [{**row, "images": [image["bytes"] for image in row["images"] or ()]} for row in rows]
    odd = [column for column in pairs[0] if pairs[0][column] != pairs[1][column]]
    return f"{name!r} of {one.name} and of {other.name} differ in {', '.join(odd) or 'their withheld pictures'}"


def _found(opened: Any, name: str) -> Iterator[dict[str, Any]]:
    try:
        yield opened.find(name)
    except KeyError:
        return


def _rows(parts: Sequence[Part], left_out: set[tuple[int, str]]) -> Iterator[Taken]:
    for number, part in enumerate(parts):
        for taken in part.each():
            if (number, taken.values["id"]) not in left_out:
                yield taken


def _whole(parts: Sequence[Part], taken: _Taken, title: str) -> Whole:
    told = [told_of(part, taken.rows[number]) for number, part in enumerate(parts)]
    drops = [
        {"phase": "merge", "rule": rule, "reason": reason, "rows": rows}
        for rule, reason, rows in (
            ("id", "equal_rows", taken.equal),
            ("withdrawn", "withdrawn", taken.withdrawn),
            ("leaks", "picture_in_two_splits", taken.leaks),
        )
        if rows
    ]
    names = {re.sub(r"-[0-9]+$", "", part.name) for part in parts}
    settings = {"parts": [{"name": one["name"], "build": one["fingerprint"][:8], "rows": one["rows"]} for one in told]}
    name = names.pop() if len(names) == 1 else "merge"
    return Whole("merge", name, title, settings, told, drops, _rules(parts), withdrawn_by(parts))


def _rules(parts: Sequence[Part]) -> list[Any]:
    """The rules of splits that all parts have, else that no picture, nearly, is in two of them."""
    every = [part.manifest["recipe"].get("select") for part in parts]
    same = all(one == every[0] for one in every)
    return list(every[0]) if same and every[0] else [NEAR]
