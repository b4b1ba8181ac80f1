"""Flat frames for the report: one row a sample, one row a teacher's answer, one row a check result.

Every number of the page is an aggregate of these three. They come from the plan, the verdicts, people's decisions and
the selection alone: what the teachers wrote stays in the answers' files, which only the gallery opens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from factory.geo.distance import DISTANCE_TIERS_KM
from factory.geo.names import country_name
from factory.store.decided import moved
from factory.store.layout import Build
from factory.store.paid import PAID_COLUMNS, added_up, paid, taken_from
from factory.store.places import PLACE, has_label, placed
from factory.store.reviews import final_decision, read_reviews
from factory.store.tables import beside, read_columns

DECISIONS = ("accept", "review", "reject", "quarantine")
PENDING = "pending"
"""Planned, but its shard is not answered."""
ANSWERED = "answered"
"""Its shard is answered, but not verified yet."""
TIERS_KM = tuple(DISTANCE_TIERS_KM.values())


@dataclass(frozen=True, slots=True)
class Frames:
    """The build as flat tables.

    samples: id, shard, position, lat, lon, uncertainty_km, country (name), country_code, place, scene, verdict (of the
        checks), decision (in the end: verdict, a person's decision over it, PENDING or ANSWERED), reasons, person
        (accept, reject or null), by, at, rule, note, kept, split, removed_by, reason (of the removal), order,
        labelled (where the place is a label: whose, and how probable). lat and lon are null where no place is known.
    answers: id, decision, teacher, draw, failure, localizable (null where no place was asked for), confidence,
        country_code, country_correct, lat, lon (of the guess), distance_km. What a teacher was shown of the truth it
        did not guess: country or place are null then. What a family combined of several answers is no teacher's word
        and not among them.
    checks: check, outcome, reason, score, threshold.
    """

    samples: pl.DataFrame
    answers: pl.DataFrame
    checks: pl.DataFrame
    teachers: tuple[str, ...]


def read_frames(build: Build) -> Frames:
    """The three tables of a build in any state; each may be empty."""
    decisions, answers, checks = [_NO_DECISIONS], [_NO_ANSWERS], [_NO_CHECKS]
    answered: list[int] = []
    for shard in build.paths.shards():
        if not shard.report.exists():
            continue
        if not shard.verdicts.exists():
            answered.append(int(shard.root.name))
            continue
        verdicts = _short_columns(shard.verdicts)
        decisions.append(verdicts.select("id", "reasons", "unreleasable", "label", verdict="decision"))
        answers.append(_answers(verdicts, _told(shard.answers)))
        checks.append(_checks(verdicts))
    told = pl.concat(answers, rechunk=True)
    teachers = tuple(told["teacher"].unique(maintain_order=True))
    samples = _samples(build, pl.concat(decisions), answered)
    return Frames(samples, told, pl.concat(checks, rechunk=True), teachers)


def read_samples(build: Build) -> pl.DataFrame:
    """`Frames.samples` alone, of a build in any state: nothing is read of what was said and measured."""
    decisions: list[pl.DataFrame] = [_NO_DECISIONS]
    answered: list[int] = []
    for shard in build.paths.shards():
        if shard.report.exists() and shard.verdicts.exists():
            columns = ["id", "decision", "reasons", "unreleasable", *(f"label.{name}" for name in _LABEL)]
            verdicts = read_columns(shard.verdicts, columns)
            decisions.append(verdicts.select("id", "reasons", "unreleasable", "label", verdict="decision"))
        elif shard.report.exists():
            answered.append(int(shard.root.name))
    return _samples(build, pl.concat(decisions), answered)


def dropped(build: Build) -> pl.DataFrame:
    """Rows the plan left out, counted by rule and reason: columns rule, reason, count."""
    if not build.paths.dropped.is_file():
        return pl.DataFrame(schema={"rule": pl.String, "reason": pl.String, "count": pl.UInt32})
    counted = build.dropped.group_by("rule", "reason").agg(count=pl.len())
    return counted.sort(["count", "rule", "reason"], descending=[True, False, False])


@dataclass(frozen=True, slots=True)
class LedgerTotals:
    """Sums over all sealed ledgers. Calls, tokens, cost and latency are of what this build paid itself; a shard that
    was taken over whole is all reused."""

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
    sums, latencies = [], [pl.Series(dtype=pl.Float64)]
    replayed = reused = 0
    for shard in build.paths.shards():
        if not shard.ledger.exists():
            continue
        rows = read_columns(shard.ledger, [*PAID_COLUMNS, "latency_s"])
        recorded = rows.filter(pl.col("origin") == "replay").height
        mine = rows.filter(pl.col("origin") == "call") if taken_from(shard) is None else rows.clear()
        replayed += recorded
        reused += rows.height - recorded - mine.height
        sums.append(paid(mine))
        latencies.append(mine["latency_s"])
    total = added_up(sums)
    latency = pl.concat(latencies).median()
    return LedgerTotals(
        calls=int(total["calls"].sum()),
        replayed=replayed,
        reused=reused,
        prompt_tokens=int(total["prompt_tokens"].sum()),
        completion_tokens=int(total["completion_tokens"].sum()),
        cost=float(total["cost"].sum()),
        latency_s=latency if isinstance(latency, float) else None,
    )


def country_label(code: str | None) -> str:
    """The English name of a country code; the code itself when it has none."""
    return country_name(code) or code or "unknown country"


def _samples(build: Build, decisions: pl.DataFrame, answered: Sequence[int]) -> pl.DataFrame:
    plan_file = build.paths.plan
    plan = read_columns(plan_file, list(_PLAN_COLUMNS)) if plan_file.is_file() else pl.DataFrame(schema=_PLAN_COLUMNS)
    plan = _placed(moved(plan, build.paths), decisions.select("id", "label"))
    codes = plan["country_code"].unique().to_list()
    places = pl.concat_str(pl.col("city"), pl.col("region"), pl.col("country"), separator=", ", ignore_nulls=True)
    samples = plan.with_columns(
        country=pl.col("country_code").replace_strict(codes, [country_label(code) for code in codes], default=None)
        if codes
        else pl.lit(None, pl.String)
    ).with_columns(place=places, scene=pl.col("scene").fill_null("not given"), order=pl.int_range(pl.len()))
    samples = samples.drop("region", "city")
    samples = beside(samples, decisions.drop("label"))
    people = read_reviews(build.paths).select("id", "by", "at", "rule", "note", person="decision")
    samples = beside(samples, people)
    waiting = pl.when(pl.col("shard").is_in(list(answered))).then(pl.lit(ANSWERED)).otherwise(pl.lit(PENDING))
    decision = pl.coalesce(final_decision(pl.col("verdict"), pl.col("person"), pl.col("unreleasable")), waiting)
    samples = samples.with_columns(decision=decision)
    return beside(samples, _selection(build.paths.selection))


def _placed(plan: pl.DataFrame, labels: pl.DataFrame) -> pl.DataFrame:
    """The plan with labels in the place of places that are not known: null where there is no label either."""
    label, known = pl.col("label").struct, has_label()
    chance = (label.field("probability") * 100).round(1).cast(pl.String)
    return (
        beside(plan, labels)
        .with_columns(
            *placed(),
            uncertainty_km=pl.when(known).then(label.field("radius_km")).otherwise("uncertainty_km"),
            labelled=pl.when(known).then(pl.lit("label of ") + label.field("teacher") + ", " + chance + " %"),
        )
        .with_columns(pl.col("lat", "lon").fill_nan(None))
        .drop("label")
    )


def _selection(path: Path) -> pl.DataFrame:
    return read_columns(path, list(_SELECTION_COLUMNS)) if path.is_file() else pl.DataFrame(schema=_SELECTION_COLUMNS)


def _short_columns(path: Path) -> pl.DataFrame:
    """Verdicts without the details of their checks: members of a struct are read alone."""
    columns = ["id", "decision", "reasons", "unreleasable", *(f"label.{name}" for name in _LABEL)]
    columns += [f"located.list.element.{name}" for name in _ANSWER_FIELDS]
    columns += [f"checks.list.element.{name}" for name in _CHECK_FIELDS]
    return read_columns(path, columns)


def _told(path: Path) -> pl.DataFrame:
    """How much of the truth each answer's teacher was shown: id, teacher, draw, saw_truth."""
    fields = ("teacher", "draw", "combined", "saw_truth")
    answer = pl.col("answers").struct
    rows = read_columns(path, ["id", *(f"answers.list.element.{name}" for name in fields)]).explode("answers")
    given = rows.select("id", *(answer.field(name) for name in fields)).filter(~pl.col("combined"))
    return given.filter(pl.col("saw_truth") != "none").drop("combined")


def _unless(told: pl.Expr, *columns: str) -> list[pl.Expr]:
    return [pl.when(~told).then(pl.col(name)).alias(name) for name in columns]


def _answers(verdicts: pl.DataFrame, told: pl.DataFrame) -> pl.DataFrame:
    answer = pl.col("located").struct
    named = answer.field("lat").is_null() | answer.field("lon").is_null()
    exploded = verdicts.select("id", "decision", "located").explode("located").filter(~answer.field("combined"))
    rows = exploded.select(
        "id",
        "decision",
        *(answer.field(name) for name in _SAID_FIELDS),
        lat=pl.when(named).then(answer.field("named_lat")).otherwise(answer.field("lat")),
        lon=pl.when(named).then(answer.field("named_lon")).otherwise(answer.field("lon")),
        distance_km=pl.coalesce(answer.field("distance_km"), answer.field("named_distance_km")),
    )
    rows = rows.join(told, on=["id", "teacher", "draw"], how="left", maintain_order="left")
    country, place = pl.col("saw_truth").is_not_null(), (pl.col("saw_truth") == "place").fill_null(value=False)
    rows = rows.with_columns(
        *_unless(country, "country_code", "country_correct"), *_unless(place, "lat", "lon", "distance_km", "confidence")
    )
    return rows.drop("saw_truth").cast(_NO_ANSWERS.schema)


def _checks(verdicts: pl.DataFrame) -> pl.DataFrame:
    check = pl.col("checks").struct
    exploded = verdicts.select("checks").explode("checks")
    rows = exploded.select(check.field(name) for name in _CHECK_FIELDS).filter(pl.col("check").is_not_null())
    return rows.cast(_NO_CHECKS.schema)


_CHECK_FIELDS = ("check", "outcome", "reason", "score", "threshold")
_GUESS_FIELDS = ("lat", "lon", "named_lat", "named_lon", "distance_km", "named_distance_km")
_SAID_FIELDS = ("teacher", "draw", "failure", "localizable", "confidence", "country_code", "country_correct")
_ANSWER_FIELDS = ("combined", *_SAID_FIELDS, *_GUESS_FIELDS)
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
_LABEL: dict[str, type[pl.DataType]] = {
    "teacher": pl.String,
    "probability": pl.Float64,
    "radius_km": pl.Float64,
    **PLACE,
}
_NO_DECISIONS = pl.DataFrame(
    schema={
        "id": pl.String,
        "reasons": pl.List(pl.String),
        "unreleasable": pl.String,
        "label": pl.Struct(_LABEL),
        "verdict": pl.String,
    }
)
_NO_ANSWERS = pl.DataFrame(
    schema={
        "id": pl.String,
        "decision": pl.Categorical,
        "teacher": pl.Categorical,
        "draw": pl.Int32,
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
