"""Flat frames for the report: one row a sample, one row an answer, one row a check result.

Every number of the page is an aggregate of these three. Parts are read shard by shard and only their short columns are
kept: the teachers' texts of a large build never lie in memory at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

from factory.store import Build, read_table
from schemas import arrow

DECISIONS = ("accept", "review", "reject", "quarantine")
PENDING = "pending"
"""Planned, but its shard is not finished."""
EARTH_RADIUS_KM = 6371.0088
"""Mean radius (IUGG)."""
TIERS_KM = (1, 25, 200, 750, 2500)
"""Street, city, region, country, continent: the five distances of the IM2GPS line of work."""


@dataclass(frozen=True, slots=True)
class Frames:
    """The build as flat tables.

    samples: id, shard, position, lat, lon, uncertainty_km, country (name), country_code, place, scene, decision,
        reasons, kept, split, removed_by, order.
    answers: id, decision, teacher, failure, confidence, country_code, lat, lon (of the guess), distance_km.
    checks: id, check, outcome, reason, score, threshold.
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
            part = read_table(shard.part, arrow.PART)
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


def ledger_totals(build: Build) -> dict[str, float]:
    """Calls, replayed answers, tokens, cost and the median latency of all sealed ledgers."""
    ledger = build.ledger
    called = ledger.filter(pl.col("origin") == "call")
    latency = called["latency_s"].median() if called.height else None
    return {
        "calls": float(called["http_calls"].sum()),
        "replayed": float(ledger.filter(pl.col("origin") == "replay").height),
        "prompt_tokens": float(ledger["prompt_tokens"].sum()),
        "completion_tokens": float(ledger["completion_tokens"].sum()),
        "cost": float(ledger["cost"].sum()),
        "latency_s": latency if isinstance(latency, float) else float("nan"),
    }


def haversine_km(lat1: pl.Series, lon1: pl.Series, lat2: pl.Series, lon2: pl.Series) -> NDArray[np.float64]:
    """Great-circle kilometres between columns of degrees; NaN where a coordinate is missing."""
    a, b, c, d = (np.radians(column.cast(pl.Float64).to_numpy()) for column in (lat1, lon1, lat2, lon2))
    half = np.sin((c - a) / 2) ** 2 + np.cos(a) * np.cos(c) * np.sin((d - b) / 2) ** 2
    result: NDArray[np.float64] = 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.clip(half, 0.0, 1.0)))
    return result


@cache
def country_name(code: str | None) -> str:
    """The usual English name of an ISO 3166-1 alpha-2 code; the code itself when it has none."""
    if not code:
        return "unknown country"
    import pycountry

    found = pycountry.countries.get(alpha_2=code)
    name = getattr(found, "common_name", None) or getattr(found, "name", None) or code
    return str(name).split(",", maxsplit=1)[0]


def _samples(build: Build, decisions: pl.DataFrame) -> pl.DataFrame:
    plan = build.plan if build.paths.plan.is_file() else pl.DataFrame(schema=_PLAN_COLUMNS)
    plan = plan.select(*_PLAN_COLUMNS)
    codes = plan["country_code"].unique().to_list()
    places = pl.concat_str(pl.col("city"), pl.col("region"), pl.col("country"), separator=", ", ignore_nulls=True)
    samples = plan.with_columns(
        country=pl.col("country_code").replace_strict(codes, [country_name(code) for code in codes], default=None)
        if codes
        else pl.lit(None, pl.String)
    ).with_columns(place=places, scene=pl.col("scene").fill_null("not given"), order=pl.int_range(pl.len()))
    samples = samples.join(decisions, on="id", how="left", maintain_order="left")
    samples = samples.with_columns(pl.col("decision").fill_null(PENDING))
    selection_file = build.paths.selection
    selection = build.selection if selection_file.is_file() else pl.DataFrame(schema=_SELECTION_COLUMNS)
    return samples.join(selection.select(*_SELECTION_COLUMNS), on="id", how="left", maintain_order="left")


def _answers(parts: pl.DataFrame) -> pl.DataFrame:
    answer = pl.col("answers").struct
    named = answer.field("lat").is_null() | answer.field("lon").is_null()
    exploded = parts.select("id", "decision", "answers").explode("answers")
    return exploded.select(
        "id",
        "decision",
        *(answer.field(name) for name in ("teacher", "failure", "localizable", "confidence", "country_code")),
        answer.field("country_correct"),
        lat=pl.when(named).then(answer.field("named_lat")).otherwise(answer.field("lat")),
        lon=pl.when(named).then(answer.field("named_lon")).otherwise(answer.field("lon")),
        distance_km=pl.coalesce(answer.field("distance_km"), answer.field("named_distance_km")),
    ).filter(pl.col("teacher").is_not_null())


def _checks(parts: pl.DataFrame) -> pl.DataFrame:
    check = pl.col("checks").struct
    fields = ("check", "outcome", "reason", "score", "threshold")
    exploded = parts.select("id", "checks").explode("checks")
    return exploded.select("id", *(check.field(name) for name in fields)).filter(pl.col("check").is_not_null())


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
        "decision": pl.String,
        "teacher": pl.String,
        "failure": pl.String,
        "localizable": pl.Boolean,
        "confidence": pl.Float64,
        "country_code": pl.String,
        "country_correct": pl.Boolean,
        "lat": pl.Float64,
        "lon": pl.Float64,
        "distance_km": pl.Float64,
    }
)
_NO_CHECKS = pl.DataFrame(
    schema={
        "id": pl.String,
        "check": pl.String,
        "outcome": pl.String,
        "reason": pl.String,
        "score": pl.Float64,
        "threshold": pl.Float64,
    }
)
