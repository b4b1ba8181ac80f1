"""`factory explain`: one sample's whole story, from the source's row to where it went."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Any

import polars as pl

from factory.errors import RecipeError
from factory.store import Build


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """Everything a build knows of one sample, as plain data."""

    id: str
    outcome: str
    """Where it went, in words: `train`, `rejected by near_truth`, `removed by near_duplicates`, ..."""
    truth: dict[str, Any]
    image: dict[str, Any]
    answers: list[dict[str, Any]]
    calls: list[dict[str, Any]]
    """Ledger rows: every question asked about it, with tokens, cost, latency and errors."""
    checks: list[dict[str, Any]]
    reasons: list[str]
    selection: dict[str, Any] | None


def explain_sample(build: Build, sample_id: str) -> Story:
    """The story of one sample. Raises RecipeError, with near ids, when the build has none of this id."""
    planned = build.plan.filter(pl.col("id") == sample_id)
    if planned.is_empty():
        return _dropped_story(build, sample_id)
    truth = planned.row(0, named=True)
    part = build.parts.filter(pl.col("id") == sample_id)
    if part.is_empty():
        raise RecipeError(f"{sample_id}: its shard {truth['shard']} is not finished yet")
    row = part.row(0, named=True)
    selected = build.selection.filter(pl.col("id") == sample_id) if build.paths.selection.exists() else pl.DataFrame()
    selection = selected.row(0, named=True) if not selected.is_empty() else None
    calls = build.ledger.filter(pl.col("sample_id") == sample_id).sort("teacher", "attempt")
    return Story(
        id=sample_id,
        outcome=_outcome(row, selection),
        truth=truth,
        image={key.removeprefix("image_"): value for key, value in row.items() if key.startswith("image_")},
        answers=row["answers"],
        calls=calls.to_dicts(),
        checks=row["checks"],
        reasons=row["reasons"],
        selection=selection,
    )


def _outcome(row: dict[str, Any], selection: dict[str, Any] | None) -> str:
    because = ", ".join(row["reasons"])
    if row["decision"] == "accept":
        if selection is None:
            return "accepted, not selected yet"
        return f"released in {selection['split']}" if selection["kept"] else f"removed by {selection['removed_by']}"
    return {"review": "waits for review", "reject": "rejected", "quarantine": "quarantined"}[row["decision"]] + (
        f": {because}" if because else ""
    )


def _dropped_story(build: Build, sample_id: str) -> Story:
    dropped = build.dropped.filter(pl.col("id") == sample_id)
    if dropped.is_empty():
        near = difflib.get_close_matches(sample_id, build.plan["id"].head(50_000).to_list(), n=3)
        hint = f"; near: {', '.join(near)}" if near else ""
        raise RecipeError(f"{build.paths.root}: no sample `{sample_id}`{hint}")
    row = dropped.row(0, named=True)
    return Story(
        id=sample_id,
        outcome=f"dropped by {row['phase']}: {row['rule']}",
        truth={"source_row": row["source_row"]},
        image={},
        answers=[],
        calls=[],
        checks=[],
        reasons=[f"{row['rule']}:{row['reason']} {row['detail']}".strip()],
        selection=None,
    )
