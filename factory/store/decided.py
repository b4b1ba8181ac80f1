"""What people decided, laid over what is stored: their truth over the plan's, their text over the answer they read.

The same for verification and release, so that what is released is what was checked. Files of shards are never changed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final

import orjson
import polars as pl

from factory.store.cases import AnsweredSample
from factory.store.files import digest_of
from factory.store.layout import BuildPaths
from factory.store.reviews import read_reviews
from schemas import Answered, Sample, arrow
from schemas.rows.schema import PEOPLE_FIELDS

DROPPED: Final = ("wrong", "not_visible")
"""Judgements of a clue that take it out of the row."""
WITHHELD: Final = "withheld"
"""Among the flags of a decision: something of the picture is private, and what to blur is not known."""
DESCRIPTION: Final = "description"
"""Among the values of an answer without a place: what it says of the picture."""
_TRUTH: Final = ("lat", "lon", "uncertainty_km", "country_code", "region", "city")

Box = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What people decided about one sample, as far as it changes the row."""

    row: Mapping[str, Any]
    """Its row of decisions.parquet."""
    chosen: tuple[str, ...] = ()
    """Ledger keys of the answer that they read and accepted."""
    text: str | None = None
    dropped: frozenset[int] = frozenset()
    """Numbers of the clues that leave."""
    private: tuple[Box, ...] = ()
    """What is blurred in the sample's first picture."""

    withheld: bool = False
    """Whether it was accepted, by a row of another program, while it is not known what to blur."""

    @property
    def moved(self) -> bool:
        """Whether they corrected the truth."""
        return self.row["lat"] is not None and self.row["lon"] is not None

    @property
    def hides(self) -> bool:
        """Whether something in the first picture is private, be it marked or not."""
        return bool(self.private) or WITHHELD in (self.row.get("flags") or ())

    @property
    def edited(self) -> bool:
        """Whether the row says something else than the teacher did."""
        return self.text is not None or bool(self.dropped)


def read_decided(paths: BuildPaths) -> Mapping[str, Decided]:
    """What people decided, by sample. Raises CorruptBuild as `read_reviews` does."""
    if not paths.decisions.exists():
        return {}
    found = paths.decisions.stat()
    return _read_then(paths, found.st_size, found.st_mtime_ns)


@lru_cache(maxsize=2)
def _read_then(paths: BuildPaths, size: int, modified_ns: int) -> Mapping[str, Decided]:
    """Once for each state of the file: a process verifies many shards."""
    return {row["id"]: decided_of(row) for row in read_reviews(paths).iter_rows(named=True)}


def decided_of(row: Mapping[str, Any]) -> Decided:
    """A row of decisions.parquet, read. A row that another program wrote names no answer."""
    kept = row["decision"] == "accept" and row["rule"] is not None
    return Decided(
        row=row,
        chosen=tuple(row["keys"] or ()) if kept else (),
        text=row["text"] if kept else None,
        dropped=frozenset(c["index"] for c in row["clues"] or () if c["judgement"] in DROPPED) if kept else frozenset(),
        private=tuple(box for box in row["boxes"] or () if box["kind"] == "privacy"),
        withheld=row["decision"] == "accept" and WITHHELD in (row.get("flags") or ()),
    )


def laid_over(sample: Sample, found: AnsweredSample, decided: Decided | None) -> tuple[Sample, AnsweredSample]:
    """A sample and its answers as people left them."""
    if decided is None:
        return sample, found
    if decided.moved:
        sample = replace(sample, **{name: decided.row[name] for name in _TRUTH})
    if decided.chosen and any(answered.keys == decided.chosen for answered in found.answers):
        answers = tuple(_edited(one, decided) if one.keys == decided.chosen else one for one in found.answers)
        found = replace(found, answers=answers, chosen=decided.chosen)
    return sample, found


def unedited(decided: Decided | None) -> Decided | None:
    """The same without what was written anew or taken out of the answer."""
    return None if decided is None else replace(decided, text=None, dropped=frozenset())


def text_of(answered: Answered) -> str | None:
    """The one text of an answer that a row takes as it stands, and that people may rewrite: the reasoning of its place,
    else its description; None where it has neither."""
    if answered.place is not None:
        return answered.place.reasoning
    described = answered.values.get(DESCRIPTION)
    return described if isinstance(described, str) else None


def _edited(answered: Answered, decided: Decided) -> Answered:
    place, before = answered.place, text_of(answered)
    if before is None or not decided.edited:
        return answered
    text = before if decided.text is None else decided.text
    if place is None:
        return replace(answered, values={**answered.values, DESCRIPTION: text})
    clues = tuple(clue for number, clue in enumerate(place.clues) if number not in decided.dropped)
    return replace(answered, place=place.model_copy(update={"reasoning": text, "clues": clues}))


def can_edit(found: AnsweredSample, decided: Decided) -> bool:
    """Whether the answer that people rewrote has a text that can be rewritten."""
    return any(one.keys == decided.chosen and text_of(one) is not None for one in found.answers)


def moved(plan: pl.DataFrame, paths: BuildPaths) -> pl.DataFrame:
    """A frame with columns of the plan, `id` among them, with the corrected truth in them where there is one."""
    corrected = [one.row for one in read_decided(paths).values() if one.moved]
    names = [name for name in _TRUTH if name in plan.columns]
    if not corrected or not names:
        return plan
    rows = [{name: row[name] for name in ("id", *names)} for row in corrected]
    known = pl.DataFrame(rows, schema={name: pl.Schema(arrow.REVIEWS)[name] for name in ("id", *names)})
    theirs = known.select("id", *(pl.col(name).alias(f"_{name}") for name in names), _moved=pl.lit(1))
    joined = plan.join(theirs, on="id", how="left", maintain_order="left")
    chosen = [pl.when(pl.col("_moved") == 1).then(f"_{name}").otherwise(name).alias(name) for name in names]
    return joined.with_columns(chosen).select(plan.columns)


def laid_digest(paths: BuildPaths) -> str:
    """One digest over what verification reads of decisions; empty where nobody said anything that it does. A plain
    accept or reject of another program is not among it."""
    parts = [
        [name, one.chosen, one.text, sorted(one.dropped), bool(one.private), *(one.row[key] for key in _TRUTH)]
        + ([WITHHELD] if one.withheld else [])
        for name, one in sorted(read_decided(paths).items())
        if one.chosen or one.moved or one.private or one.withheld
    ]
    return hashlib.sha256(orjson.dumps(parts)).hexdigest() if parts else ""


def released_with(info: Mapping[str, Any], paths: BuildPaths) -> bool:
    """Whether decisions.parquet is the one with which a finished build was released; `info` is its build.json."""
    noted: str | None = info.get("phases", {}).get("release", {}).get("decisions")
    return noted == digest_of(paths.decisions)


def told(decided: Decided | None) -> dict[str, str]:
    """What a released row says of people, as its column `people`: texts, empty where nobody decided."""
    if decided is None:
        return dict.fromkeys(PEOPLE_FIELDS, "")
    row = decided.row
    text, clues = decided.text is not None, bool(decided.dropped)
    done = {"text": text, "clues": clues, "place": decided.moved, "blurred": bool(decided.private)}
    return {
        "decision": row["decision"] or "",
        "by": ", ".join(row["by"] or ()),
        "at": row["at"] or "",
        "rule": row["rule"] or "",
        "changed": ", ".join(name for name, is_so in done.items() if is_so),
    }
