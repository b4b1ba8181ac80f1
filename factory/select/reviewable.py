"""What is worth a person's look: rows that would be released if people said yes.

Selection runs first, over accepted and disputed rows together, so that nobody looks at a duplicate of another row, at
one that a benchmark holds, or at one for which a country's quota is full.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import polars as pl

from factory.recipe.model import Recipe
from factory.select.accepted import accepted_rows, selection_rules
from factory.select.run import run_selection
from factory.store.layout import Build, ShardPaths
from factory.store.tables import read_columns
from schemas.record import CALIBRATED

_COLUMNS: Final[dict[str, pl.DataType]] = {
    "id": pl.String(),
    "shard": pl.Int32(),
    "kind": pl.String(),
    "reasons": pl.List(pl.String()),
    "uncertainty": pl.Float64(),
}
REVIEWABLE: Final = pl.Schema(_COLUMNS)
"""Columns of `reviewable_rows`; `kind` is dispute, or audit for a row that the machines accepted."""
_UNKNOWN: Final = 0.5


def reviewable_rows(build: Build, recipe: Recipe, root: Path) -> pl.DataFrame:
    """One row a sample, as `REVIEWABLE`, in plan order: all that selection keeps of accepted and disputed rows.

    `uncertainty` is from 0 (sure) to 1: 1 - |2 p - 1| of the probability p that a sample is right, where the decider
    states one; else the share of checks that did not pass.
    """
    candidates = accepted_rows(build, disputed=True)
    selection = run_selection(candidates, selection_rules(recipe.select, root))
    kept = selection.filter("kept").select("id", "shard")
    found = [_judged(shard) for shard in build.paths.shards() if shard.verdicts.exists()]
    judged = pl.concat(found) if found else REVIEWABLE.to_frame().drop("shard")
    return kept.join(judged, on="id", how="left", maintain_order="left").select(REVIEWABLE.names()).cast(REVIEWABLE)


def _judged(shard: ShardPaths) -> pl.DataFrame:
    fields = (f"checks.list.element.{name}" for name in ("check", "outcome", "score"))
    verdicts = read_columns(shard.verdicts, ["id", "decision", "reasons", *fields])
    return verdicts.select(
        "id",
        kind=pl.when(pl.col("decision") == "review").then(pl.lit("dispute")).otherwise(pl.lit("audit")),
        reasons="reasons",
        uncertainty=pl.Series([uncertainty(checks) for checks in verdicts["checks"].to_list()], dtype=pl.Float64),
    )


def uncertainty(checks: list[dict[str, Any]]) -> float:
    """How little the checks of a sample say, from 0 to 1."""
    for found in checks:
        if found["check"] == CALIBRATED and found["score"] is not None:
            return 1.0 - abs(2.0 * min(1.0, max(0.0, float(found["score"]))) - 1.0)
    passed = sum(found["outcome"] == "pass" for found in checks)
    return 1.0 - passed / len(checks) if checks else _UNKNOWN
