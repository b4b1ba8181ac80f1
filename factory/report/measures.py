"""How good the teachers and the checks are: accuracy, agreement, calibration, score distributions.

Shares are over judged samples whose place is known: those with an answer from at least one teacher, and no place that
is a label, which is a teacher's own. A teacher without a usable guess for a judged sample counts as wrong, so that
silence never improves a score. A teacher that is asked several times has as many answers to each judged sample, and
shares are over all of them. Of a family that asks for no place, or where no place is known, there is nothing to measure
against the truth: its teachers have answers and failures, and no shares.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from factory.geo.distance import haversine
from factory.report.frames import TIERS_KM, Frames

RIGHT_KM = 25.0
"""A guess within the city tier counts as right in agreement and calibration."""
DISTANCE_EDGES = np.arange(-1.0, 4.51, 0.25)
"""log10 of kilometres, four bins a decade from 100 m to the antipode; nearer guesses fall in the first bin."""
MIN_CALIBRATION_ROWS = 40
LOG_SCORE_SPAN = 100.0
"""Scores that reach this value are drawn on a log axis: they are distances, not shares."""
SCORE_BINS = 24


@dataclass(frozen=True, slots=True)
class Bin:
    """One bar of a histogram; low and high in the unit of the axis."""

    low: float
    high: float
    count: int
    failed: int = 0


@dataclass(frozen=True, slots=True)
class Bucket:
    """Answers of one confidence band: mean confidence said, share right."""

    confidence: float
    right: float
    count: int


@dataclass(frozen=True, slots=True)
class Teacher:
    name: str
    judged: int
    """Answers it gave or owes about judged samples of known places: each of its draws, and one where it has none."""
    answered: int
    """Those it gave about judged samples, of known places or not."""
    draws: int
    says_places: bool
    """False where none of its answers is about a place: then shares are 0 and mean nothing."""
    tiers: tuple[float, ...]
    """Share of the judged within each of TIERS_KM."""
    country: float
    """Share with the right country."""
    median_km: float | None
    failures: tuple[tuple[str, int], ...]
    distances: tuple[Bin, ...]
    calibration: tuple[Bucket, ...]
    calibration_error: float | None
    """Mean |confidence - share right| over the bands, weighted by their answers (expected calibration error)."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Agreement of two teachers over the judged samples of known places: every draw of one with every of the other."""

    first: str
    second: str
    judged: int
    same_country: float
    within_radius: float
    both_right: int
    only_first: int
    only_second: int
    none_right: int
    right_when_agreeing: float | None


@dataclass(frozen=True, slots=True)
class Check:
    """Outcomes and scores of one check."""

    name: str
    passed: int
    failed: int
    abstained: int
    reasons: tuple[tuple[str, int], ...]
    """Most frequent reasons of failing or abstaining."""
    scores: tuple[Bin, ...]
    log_axis: bool
    threshold: float | None
    threshold_varies: bool


def teacher_statistics(frames: Frames) -> tuple[Teacher, ...]:
    """One entry a teacher, in the order of the answers."""
    known = _known(frames)
    return tuple(_teacher(name, frames.answers, known) for name in frames.teachers)


def judged_samples(frames: Frames) -> tuple[int, int]:
    """How many samples are judged, and of how many of them the place is known."""
    return _judged(frames.answers)["id"].n_unique(), _known(frames)["id"].n_unique()


def pair_statistics(frames: Frames) -> tuple[Pair, ...]:
    """One entry a pair of teachers that say places."""
    known = _known(frames)
    total = known["id"].n_unique()
    by_teacher = {name: known.filter(pl.col("teacher") == name) for name in frames.teachers} if total else {}
    places = [name for name, answers in by_teacher.items() if _says_places(answers)]
    return tuple(_pair(a, b, by_teacher[a], by_teacher[b], total) for a, b in combinations(places, 2))


def check_statistics(checks: pl.DataFrame) -> tuple[Check, ...]:
    """One entry a check, in the recipe's order."""
    return tuple(_check(str(name), rows) for (name,), rows in checks.group_by("check", maintain_order=True))


def score_directions(checks: pl.DataFrame) -> dict[str, str]:
    """The side of the threshold on which each check passes: `≥` or `≤`; checks that do not tell are left out."""
    passed = checks.filter(
        (pl.col("outcome") == "pass") & pl.col("score").is_finite() & pl.col("threshold").is_not_null()
    )
    sides = passed.group_by("check").agg(
        above=(pl.col("score") >= pl.col("threshold")).all(), below=(pl.col("score") <= pl.col("threshold")).all()
    )
    return {name: "≥" if above else "≤" for name, above, below in sides.iter_rows() if above != below}


def _judged(answers: pl.DataFrame) -> pl.DataFrame:
    return answers.filter(pl.col("decision") != "quarantine")


def _known(frames: Frames) -> pl.DataFrame:
    """The answers about judged samples whose place is known: a label is what teachers said, and measures nobody."""
    if frames.answers.is_empty():
        return frames.answers
    known = pl.col("lat").is_not_null() & pl.col("labelled").is_null()
    ids = frames.samples.select("id", known=known).filter("known").select("id")
    return _judged(frames.answers).join(ids, on="id", how="semi")


def _says_places(answers: pl.DataFrame) -> bool:
    """Whether a place was asked for at all: an answer about a place always says whether one can be told."""
    given = answers.filter(pl.col("failure").is_null())
    return given.is_empty() or bool(given["localizable"].is_not_null().any())


def _teacher(name: str, answers: pl.DataFrame, known: pl.DataFrame) -> Teacher:
    told = _judged(answers).filter(pl.col("teacher") == name)
    rows = known.filter(pl.col("teacher") == name)
    judged = rows.height + known["id"].n_unique() - rows["id"].n_unique()
    distance = rows["distance_km"].drop_nulls()
    failed = answers.filter((pl.col("teacher") == name) & pl.col("failure").is_not_null())
    failures = failed["failure"].value_counts().sort(["count", "failure"], descending=[True, False])
    median = distance.median()
    buckets = _calibration(rows)
    size = sum(bucket.count for bucket in buckets)
    gap = sum(bucket.count * abs(bucket.confidence - bucket.right) for bucket in buckets)
    return Teacher(
        name=name,
        judged=judged,
        answered=told.height - told["failure"].count(),
        draws=told["draw"].n_unique(),
        says_places=_says_places(told),
        tiers=tuple(_share(int((distance <= tier).sum()), judged) for tier in TIERS_KM),
        country=_share(int(rows["country_correct"].sum() or 0), judged),
        median_km=median if isinstance(median, float) else None,
        failures=tuple(failures.iter_rows()),
        distances=_distance_bins(distance.to_numpy()),
        calibration=buckets,
        calibration_error=gap / size if size else None,
    )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _distance_bins(distance: NDArray[np.float64]) -> tuple[Bin, ...]:
    if not distance.size:
        return ()
    logs = np.log10(np.clip(distance, 10 ** float(DISTANCE_EDGES[0]), 10 ** float(DISTANCE_EDGES[-1]) * 0.999))
    counts, edges = np.histogram(logs, DISTANCE_EDGES)
    return tuple(Bin(10**low, 10**high, int(n)) for low, high, n in zip(edges, edges[1:], counts, strict=False))


def _calibration(rows: pl.DataFrame) -> tuple[Bucket, ...]:
    """Ten bands of confidence; none when there are too few answers to say anything."""
    said = rows.filter(pl.col("confidence").is_not_null() & pl.col("failure").is_null())
    if said.height < MIN_CALIBRATION_ROWS:
        return ()
    right = (pl.col("distance_km") <= RIGHT_KM).fill_null(value=False)
    bands = (
        said.group_by((pl.col("confidence") * 10).floor().clip(0, 9).alias("band"))
        .agg(pl.col("confidence").mean().alias("mean"), right.mean().alias("right"), pl.len().alias("count"))
        .sort("band")
    )
    return tuple(Bucket(mean, share, count) for _, mean, share, count in bands.iter_rows())


def _pair(first: str, second: str, a: pl.DataFrame, b: pl.DataFrame, samples: int) -> Pair:
    both = a.join(b, on="id", how="full", suffix="_b", coalesce=True)
    judged = both.height + samples - both["id"].n_unique()
    apart = both.select(haversine(pl.col("lat"), pl.col("lon"), pl.col("lat_b"), pl.col("lon_b"))).to_series()
    close = (apart <= RIGHT_KM).fill_null(value=False)
    same = (both["country_code"] == both["country_code_b"]).fill_null(value=False)
    same |= (both["country_correct"] & both["country_correct_b"]).fill_null(value=False)  # a territory, its sovereign
    left = (both["distance_km"] <= RIGHT_KM).fill_null(value=False)
    right = (both["distance_km_b"] <= RIGHT_KM).fill_null(value=False)
    agreeing = int(close.sum())
    both_right, only_first, only_second = (int(rows.sum()) for rows in (left & right, left & ~right, ~left & right))
    return Pair(
        first=first,
        second=second,
        judged=judged,
        same_country=_share(int(same.sum()), judged),
        within_radius=_share(agreeing, judged),
        both_right=both_right,
        only_first=only_first,
        only_second=only_second,
        none_right=judged - both_right - only_first - only_second,
        right_when_agreeing=_share(int((close & left & right).sum()), agreeing) if agreeing else None,
    )


def _check(name: str, rows: pl.DataFrame) -> Check:
    outcomes = dict(rows["outcome"].value_counts().iter_rows())
    other = rows.filter(pl.col("outcome") != "pass")
    reasons = other["reason"].value_counts().sort(["count", "reason"], descending=[True, False]).head(4)
    thresholds = rows["threshold"].drop_nulls()
    threshold = thresholds.median()
    bins, log_axis = _score_bins(rows)
    return Check(
        name=name,
        passed=outcomes.get("pass", 0),
        failed=outcomes.get("fail", 0),
        abstained=outcomes.get("abstain", 0),
        reasons=tuple(reasons.iter_rows()),
        scores=bins,
        log_axis=log_axis,
        threshold=threshold if isinstance(threshold, float) else None,
        threshold_varies=thresholds.n_unique() > 1,
    )


def _score_bins(rows: pl.DataFrame) -> tuple[tuple[Bin, ...], bool]:
    """Histogram of the finite scores with the part that failed; logarithmic for distances."""
    scored = rows.filter(pl.col("score").is_finite())
    if scored.is_empty():
        return (), False
    values = scored["score"].to_numpy()
    failed = (scored["outcome"] == "fail").to_numpy()
    limits = np.concatenate([values, scored["threshold"].drop_nulls().to_numpy()])
    log_axis = float(limits.max()) >= LOG_SCORE_SPAN and float(limits.min()) >= 0
    if log_axis:
        top = math.ceil(math.log10(float(limits.max())) * 4) / 4
        edges = np.arange(-1.0, top + 0.26, 0.25)
        values = np.log10(np.clip(values, 0.1, 10**top * 0.999))
    else:
        low, high = min(0.0, float(limits.min())), max(1.0, float(limits.max()))
        edges = np.linspace(low, high, SCORE_BINS + 1)
    counts, _ = np.histogram(values, edges)
    fails, _ = np.histogram(values[failed], edges)
    scale = (lambda edge: 10.0**edge) if log_axis else float
    triples = zip(edges, edges[1:], counts, fails, strict=False)
    return tuple(Bin(scale(lo), scale(hi), int(n), int(bad)) for lo, hi, n, bad in triples), log_axis
