"""`factory explain`: one sample's whole story, from the source's row to where it went.

Of a build's shards only the sample's own is read, and of its tables only the sample's rows, so it answers at once for a
build of any size and while it runs.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from factory.calls.of_shard import shard_rows
from factory.errors import CorruptBuild, RecipeError
from factory.store.layout import Build, ShardPaths
from factory.store.tables import read_columns
from schemas import arrow

NEAR_AMONG = 50_000
"""Ids among which one like a mistyped id is looked for."""


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
    """Ledger rows: every question asked about its picture, with tokens, cost, latency and errors. Where another sample
    of the shard has the same picture, they may stand under its `sample_id`."""
    checks: list[dict[str, Any]]
    reasons: list[str]
    selection: dict[str, Any] | None


def explain_sample(build: Build, sample_id: str) -> Story:
    """The story of one sample; of one whose shard is still at work, what is known so far.

    Raises RecipeError, with near ids, when the build has none of this id, and CorruptBuild for a damaged file.
    """
    paths = build.paths
    if not paths.plan.exists():
        raise RecipeError(f"{paths.root}: its plan is not made yet")
    truth = _row(paths.plan, arrow.PLAN, sample_id)
    if truth is None:
        return _dropped_story(build, sample_id)
    shard = paths.shard(truth["shard"])
    part = _row(shard.part, arrow.PART, sample_id) if shard.report.exists() else None
    selection = _row(paths.selection, arrow.SELECTION, sample_id) if paths.selection.exists() else None
    answers = part["answers"] if part else []
    return Story(
        id=sample_id,
        outcome=_outcome(part, selection) if part else f"planned; its shard {truth['shard']} is not finished yet",
        truth=truth,
        image={key.removeprefix("image_"): value for key, value in (part or {}).items() if key.startswith("image_")},
        answers=answers,
        calls=_calls(shard, sample_id, [answer["request_key"] for answer in answers]).to_dicts(),
        checks=part["checks"] if part else [],
        reasons=part["reasons"] if part else [],
        selection=selection,
    )


def _row(path: Path, schema: pa.Schema, sample_id: str) -> dict[str, Any] | None:
    """The sample's row of one table."""
    try:
        table = pq.read_table(
            path, schema=schema, filters=[("id", "=", sample_id)], page_checksum_verification=True, partitioning=None
        )
    except (OSError, pa.ArrowException) as error:
        raise CorruptBuild(f"{path}: cannot be read ({error}); `factory check` names every damaged file") from error
    rows: list[dict[str, Any]] = table.slice(0, 1).to_pylist()
    return rows[0] if rows else None


def _calls(shard: ShardPaths, sample_id: str, keys: Sequence[str]) -> pl.DataFrame:
    """Ledger rows about the sample's picture: its own, and all of the question that one of its answers came from."""
    ledger = shard_rows(shard)
    owners = ledger.filter(pl.col("key").is_in(list(keys))).select("sample_id", "teacher")
    mine = ledger.filter(pl.col("sample_id") == sample_id)
    shared = ledger.join(owners.unique(), on=["sample_id", "teacher"], how="semi")
    return pl.concat([mine, shared]).unique().sort("teacher", "attempt", "key", "created_at")


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
    row = _row(build.paths.dropped, arrow.DROPPED, sample_id)
    if row is None:
        planned = read_columns(build.paths.plan, ("id",))["id"].head(NEAR_AMONG)
        near = difflib.get_close_matches(sample_id, planned.to_list(), n=3)
        hint = f"; near: {', '.join(near)}" if near else ""
        raise RecipeError(f"{build.paths.root}: no sample `{sample_id}`{hint}")
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
