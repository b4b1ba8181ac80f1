"""Flat frames for the report: one row a sample, one row an answer, one row a check result.

Every number of the page is an aggregate of these three. Parts are read shard by shard and only their short columns are
kept: the teachers' texts of a large build never lie in memory at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from factory.geo.distance import DISTANCE_TIERS_KM
from factory.geo.names import country_name
from factory.store.layout import Build
from factory.store.tables import read_columns

DECISIONS = ("accept", "review", "reject", "quarantine")
PENDING = "pending"
"""Planned, but its shard is not finished."""
TIERS_KM = tuple(DISTANCE_TIERS_KM.values())


@dataclass(frozen=True, slots=True)
class Frames:
    """The build as flat tables.

    samples: id, shard, position, lat, lon, uncertainty_km, country (name), country_code, place, scene, decision,
        reasons, kept, split, removed_by, order.
    answers: id, decision, teacher, failure, confidence, country_code, lat, lon (of the guess), distance_km.
    checks: check, outcome, reason, score, threshold.
    """

    samples: pl.DataFrame
    answers: pl.DataFrame
    checks: pl.DataFrame
    teachers: tuple[str, ...]


def read_frames(build: Build) -> Frames:
    """The three tables of a build in any state; each may be empty."""
    decisions, answers, checks = [_NO_DECISIONS], [_NO_ANSWERS], [_NO_CHECKS]
    for shard in build.paths.shards():
        if shard.report.exists():
            part = _short_columns(shard.part)
            decisions.append(part.select("id", "decision", "reasons"))
            answers.append(_answers(part))
            checks.append(_checks(part))
    answered = pl.concat(answers, rechunk=True)
    teachers = tuple(answered["teacher"].unique(maintain_order=True))
    return Frames(_samples(build, pl.concat(decisions)), answered, pl.concat(checks, rechunk=True), teachers)


def dropped(build: Build) -> pl.DataFrame:
    """Rows the plan left out, counted by rule and reason: columns rule, reason, count."""
    if not build.paths.dropped.is_file():
        return pl.DataFrame(schema={"rule": pl.String, "reason": pl.String, "count": pl.UInt32})
    counted = build.dropped.group_by("rule", "reason").agg(count=pl.len())
    return counted.sort(["count", "rule", "reason"], descending=[True, False, False])


@dataclass(frozen=True, slots=True)
class LedgerTotals:
    """Sums over all sealed ledgers. Calls, tokens, cost and latency are of what this build paid itself."""

    calls: int
    replayed: int
    """Answers recorded by somebody else."""
    reused: int
    """Answers that an earlier build paid for."""
    prompt_tokens: int
    completion_tokens: int
    cost: float
    latency_s: float | None
    """Median of the calls."""


def ledger_totals(build: Build) -> LedgerTotals:
    """The totals of a build, from its ledgers without their texts."""
    columns = ["origin", "http_calls", "prompt_tokens", "completion_tokens", "cost", "latency_s"]
    sealed = [read_columns(shard.ledger, columns) for shard in build.paths.shards() if shard.ledger.exists()]
    if not sealed:
        return LedgerTotals(0, 0, 0, 0, 0, 0.0, None)
    ledger = pl.concat(sealed)
    paid = ledger.filter(pl.col("origin") == "call")
    latency = paid["latency_s"].median()
    return LedgerTotals(
        calls=int(paid["http_calls"].sum()),
        replayed=ledger.filter(pl.col("origin") == "replay").height,
        reused=ledger.filter(pl.col("origin") == "ledger").height,
        prompt_tokens=int(paid["prompt_tokens"].sum()),
        completion_tokens=int(paid["completion_tokens"].sum()),
        cost=float(paid["cost"].sum()),
        latency_s=latency if isinstance(latency, float) else None,
    )


def country_label(code: str | None) -> str:
    """The English name of a country code; the code itself when it has none."""
    return country_name(code) or code or "unknown country"


def _samples(build: Build, decisions: pl.DataFrame) -> pl.DataFrame:
    plan_file = build.paths.plan
    plan = read_columns(plan_file, list(_PLAN_COLUMNS)) if plan_file.is_file() else pl.DataFrame(schema=_PLAN_COLUMNS)
    codes = plan["country_code"].unique().to_list()
    places = pl.concat_str(pl.col("city"), pl.col("region"), pl.col("country"), separator=", ", ignore_nulls=True)
    samples = plan.with_columns(
        country=pl.col("country_code").replace_strict(codes, [country_label(code) for code in codes], default=None)
        if codes
        else pl.lit(None, pl.String)
    ).with_columns(place=places, scene=pl.col("scene").fill_null("not given"), order=pl.int_range(pl.len()))
    samples = samples.drop("region", "city")
    samples = samples.join(decisions, on="id", how="left", maintain_order="left")
    samples = samples.with_columns(pl.col("decision").fill_null(PENDING))
    return samples.join(_selection(build.paths.selection), on="id", how="left", maintain_order="left")


def _selection(path: Path) -> pl.DataFrame:
    return read_columns(path, list(_SELECTION_COLUMNS)) if path.is_file() else pl.DataFrame(schema=_SELECTION_COLUMNS)


def _short_columns(path: Path) -> pl.DataFrame:
    """A part without its long texts. Columns of a struct are read alone, so the texts are never decoded."""
    columns = ["id", "decision", "reasons"]
    columns += [f"answers.list.element.{name}" for name in _ANSWER_FIELDS]
    columns += [f"checks.list.element.{name}" for name in _CHECK_FIELDS]
    return read_columns(path, columns)


def _answers(parts: pl.DataFrame) -> pl.DataFrame:
    answer = pl.col("answers").struct
    named = answer.field("lat").is_null() | answer.field("lon").is_null()
    exploded = parts.select("id", "decision", "answers").explode("answers")
    rows = exploded.select(
        "id",
        "decision",
        *(answer.field(name) for name in _SAID_FIELDS),
        lat=pl.when(named).then(answer.field("named_lat")).otherwise(answer.field("lat")),
        lon=pl.when(named).then(answer.field("named_lon")).otherwise(answer.field("lon")),
        distance_km=pl.coalesce(answer.field("distance_km"), answer.field("named_distance_km")),
    )
    return rows.filter(pl.col("teacher").is_not_null()).cast(_NO_ANSWERS.schema)


def _checks(parts: pl.DataFrame) -> pl.DataFrame:
    check = pl.col("checks").struct
    exploded = parts.select("checks").explode("checks")
    rows = exploded.select(check.field(name) for name in _CHECK_FIELDS).filter(pl.col("check").is_not_null())
    return rows.cast(_NO_CHECKS.schema)


_CHECK_FIELDS = ("check", "outcome", "reason", "score", "threshold")
_GUESS_FIELDS = ("lat", "lon", "named_lat", "named_lon", "distance_km", "named_distance_km")
_SAID_FIELDS = ("teacher", "failure", "localizable", "confidence", "country_code", "country_correct")
_ANSWER_FIELDS = (*_SAID_FIELDS, *_GUESS_FIELDS)
_PLAN_COLUMNS: dict[str, type[pl.DataType]] = {
    "id": pl.String,
    "shard": pl.Int32,
    "position": pl.Int32,
    "lat": pl.Float64,
    "lon": pl.Float64,
    "uncertainty_km": pl.Float64,
    "country_code": pl.String,
    "region": pl.String,
    "city": pl.String,
    "scene": pl.String,
}
_SELECTION_COLUMNS: dict[str, type[pl.DataType]] = {
    "id": pl.String,
    "kept": pl.Boolean,
    "split": pl.String,
    "removed_by": pl.String,
    "reason": pl.String,
    "detail": pl.String,
}
_NO_DECISIONS = pl.DataFrame(schema={"id": pl.String, "decision": pl.String, "reasons": pl.List(pl.String)})
_NO_ANSWERS = pl.DataFrame(
    schema={
        "id": pl.String,
        "decision": pl.Categorical,
        "teacher": pl.Categorical,
        "failure": pl.Categorical,
        "localizable": pl.Boolean,
        "confidence": pl.Float64,
        "country_code": pl.Categorical,
        "country_correct": pl.Boolean,
        "lat": pl.Float64,
        "lon": pl.Float64,
        "distance_km": pl.Float64,
    }
)
_NO_CHECKS = pl.DataFrame(
    schema={
        "check": pl.Categorical,
        "outcome": pl.Categorical,
        "reason": pl.Categorical,
        "score": pl.Float64,
        "threshold": pl.Float64,
    }
)
