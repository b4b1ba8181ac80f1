"""What a lead says on the command line, written down as annotations: `ID=accept` and the other words of `LEAD_SAYS`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

import orjson
import polars as pl

from annotation.heard import Content
from annotation.privacy import seen_by_lead
from annotation.screens.shown import shown_of
from annotation.words import AS_SHOWN, LEAD, NOT_PRIVATE, NOWHERE
from factory.errors import RecipeError
from factory.generators.labelled import speaker
from factory.store.annotations import TIME, Row, change_annotations
from factory.store.cases import AnsweredSample, read_cases
from factory.store.decided import laid_over, read_decided, unedited
from factory.store.layout import Build, BuildPaths
from factory.text import did_you_mean
from release.rows import build_generator
from schemas import Sample, arrow

LEAD_SAYS: Final[Mapping[str, tuple[str | None, tuple[str, ...]]]] = {
    "accept": ("accept", ()),
    AS_SHOWN: ("accept", (AS_SHOWN,)),
    "reject": ("reject", ()),
    NOWHERE: (NOWHERE, ()),
    NOT_PRIVATE: (None, (NOT_PRIVATE,)),
}
"""Verdict and flags of each word; texts are edited on the screen."""


def read_word(text: str) -> tuple[str, str]:
    """Sample and word of `ID=WORD`. Raises RecipeError."""
    name, _, word = text.rpartition("=")
    if not name or word not in LEAD_SAYS:
        near = did_you_mean(word, [*LEAD_SAYS])
        raise RecipeError(f"{text!r:.80}: expected ID=VERDICT with one of {', '.join(LEAD_SAYS)}{near}")
    return name, word


def write_down(
    paths: BuildPaths,
    words: Sequence[tuple[str, str]],
    lead: str | None,
    contents: Mapping[str, Content],
    shown: Mapping[str, Sequence[str]],
) -> None:
    """A lead's words as annotations; their numbers are below 0, where no server's are. They are about the answer that
    reviewers saw last; where none did, about the one that a screen would show.

    Args:
        contents: what these samples show now, of those that the build has.
        shown: the ledger keys of the answer that a screen would show of each, as far as they are verified.

    Raises RecipeError for a sample that is not there, and where nobody says it.
    """
    if not lead:
        raise RecipeError("who says it? name the lead with --lead NAME")
    if unknown := [name for name, _ in words if name not in contents]:
        raise RecipeError(f"{paths.root}: has no sample {unknown[0]!r:.80}, or its shard is not answered yet")

    def with_them(rows: list[Row]) -> list[Row]:
        number = min([0, *(row["annotation"] for row in rows)])
        for name, word in words:
            number -= 1
            there = [row for row in rows if not row["deleted"] and _is_seen(row, name, contents[name])]
            rows.append(_row(name, word, lead, number, contents[name], there, shown.get(name)))
        return rows

    change_annotations(paths, with_them)


def shown_keys(build: Build, ids: Collection[str]) -> dict[str, tuple[str, ...]]:
    """The ledger keys of the answer that a screen shows of each of these samples, by the family's one function; of
    those whose shard is verified."""
    people, speaks = read_decided(build.paths), speaker(build_generator(build))

    def over(sample: Sample, found: AnsweredSample) -> tuple[Sample, AnsweredSample]:
        return laid_over(sample, found, unedited(people.get(sample.id)))

    shards = build.plan.filter(pl.col("id").is_in(list(ids)))["shard"].unique().sort().to_list()
    there = (number for number in shards if build.paths.shard(number).verdicts.exists())
    cases = (case for number in there for case in read_cases(build.paths, number, over) if case.sample.id in ids)
    shown = ((case.sample.id, shown_of(case, speaks)) for case in cases)
    return {name: found.answered.keys for name, found in shown if found is not None}


def _is_seen(row: Row, name: str, content: Content) -> bool:
    """Whether a lead's word about a sample is about this, too: all that is said of its first picture."""
    return row["id"] == name or (bool(content.images) and row["images"][:1] == [content.images[0]])


def _row(
    name: str, word: str, lead: str, number: int, content: Content, there: Sequence[Row], shown: Sequence[str] | None
) -> Row:
    verdict, flags = LEAD_SAYS[word]
    seen = [row["keys"] for row in there if row["id"] == name and tuple(row["keys"]) in content.keys]
    keys = seen[-1] if seen else shown if shown is not None and tuple(shown) in content.keys else min(content.keys)
    raw = orjson.dumps(seen_by_lead(there) if NOT_PRIVATE in flags else {}).decode()
    empty: Row = {field.name: None for field in arrow.ANNOTATIONS}
    return {
        **empty,
        **{"annotation": number, "task": number, "project": 0, "external": f"{name}:{LEAD}", "id": name, "slot": LEAD},
        **{"kind": "dispute", "reviewer": lead, "verdict": verdict, "flags": [*flags], "clues": [], "boxes": []},
        "updated_at": datetime.now(UTC).strftime(TIME),
        **{"skipped": False, "deleted": False, "images": list(content.images), "keys": list(keys), "raw": raw},
    }
