"""What each source of evidence is worth on a build's known places, for its report."""

from __future__ import annotations

from typing import Final

import polars as pl

from factory.report.worths import Worth
from factory.store.cases import read_cases
from factory.store.layout import Build
from factory.verify.said import features_of
from factory.verify.worth import worths
from schemas import Case, Evidence
from schemas.record import SUPPORT

MAX_ROWS: Final = 2_000
"""Samples that are looked at, shard by shard from evenly spread ones: more would say little more, and a report of a
large build may not take minutes."""
RADIUS_KM: Final = 25.0
"""Within which a place is right: the tier city."""


def worths_of(build: Build) -> tuple[Worth, ...]:
    """The worth of the teachers' agreement and of every witness that speaks for places or compares clues; nothing where
    too few places are known, or answers state none.

    Raises CorruptBuild when a file of the build cannot be read.
    """
    cases = _cases(build)
    sources = sorted({evidence.source for case in cases for evidence in case.evidence if _speaks(evidence)})
    rows = [
        {"id": case.sample.id, **features_of(case, radius_km=RADIUS_KM, witnesses=sources)}
        for case in cases
        if any(found.answered.place is not None for found in case.answers)
    ]
    if not rows:
        return ()
    return worths(pl.DataFrame(rows, infer_schema_length=None).sort("id"), sources, radius_km=RADIUS_KM)


def _speaks(evidence: Evidence) -> bool:
    return bool(evidence.vectors) or any(finding.kind == SUPPORT for finding in evidence.findings)


def _cases(build: Build) -> list[Case]:
    shards = [shard for shard in build.paths.shards() if shard.report.exists() and shard.verdicts.exists()]
    found: list[Case] = []
    for shard in _spread(len(shards)):
        found += [case for case in read_cases(build.paths, int(shards[shard].root.name)) if case.sample.placed]
        if len(found) >= MAX_ROWS:
            break
    return found[:MAX_ROWS]


def _spread(count: int) -> list[int]:
    """Every shard once, the first ones spread over all: halves, quarters, eighths."""
    step, order = max(1, count), dict[int, None]()
    while True:
        order |= dict.fromkeys(range(0, count, step))
        if step == 1:
            return list(order)
        step = max(1, step // 2)
