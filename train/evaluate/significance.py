"""How sure a number is, and whether two runs differ: bootstrap intervals, and a paired permutation test.

Rows are what is drawn, all measures of a row together. Everything is drawn from a seed: the same file gives the same
interval on every machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from train.evaluate.scores import Metric

Floats = NDArray[np.float64]

RESAMPLES: Final = 1_000
FLIPS: Final = 10_000
LEVEL: Final = 0.95
_CELLS: Final = 4_000_000
"""Numbers of a block: 32 MB."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A value with the bounds between which `LEVEL` of its resamples lie; NaN where there is nothing."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True)
class Difference:
    """A run less another, row by row: its bounds, and how often chance alone gives a mean as far from 0."""

    value: float
    low: float
    high: float
    p: float
    """Two-sided, of a paired permutation test (signs of the rows' differences flipped), (more extreme + 1) / (flips +
    1); NaN for a median, which has no such test here: its bounds say whether it differs."""
    n: int


def how_sure(resamples: int = RESAMPLES, flips: int = FLIPS, seed: int = 0) -> str:
    """The methods in words, for the table."""
    return (
        f"{LEVEL:.0%} percentile bootstrap over rows, {resamples:,} resamples; p of a two-sided paired permutation "
        f"test, {flips:,} flips; seed {seed}"
    )


def intervals(metrics: tuple[Metric, ...], *, seed: int = 0, resamples: int = RESAMPLES) -> tuple[Interval, ...]:
    """The bootstrap interval of each metric; all have as many values, and the same rows are drawn for all."""
    if not metrics:
        return ()
    drawn = _resampled(metrics, _order(metrics), seed, resamples)
    return tuple(
        Interval(metric.value, *_bounds(values), metric.n) for metric, values in zip(metrics, drawn, strict=True)
    )


def differences(
    ours: tuple[Metric, ...],
    theirs: tuple[Metric, ...],
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
    flips: int = FLIPS,
) -> tuple[Difference, ...]:
    """Each metric of a run less the same of another run on the same rows in the same order.

    Raises ValueError where the two do not have the same metrics and rows.
    """
    if [(one.name, one.values.size) for one in ours] != [(one.name, one.values.size) for one in theirs]:
        raise ValueError("the two runs do not have the same metrics over the same rows")
    order = _order(ours)  # of both: what is drawn are the same rows
    first, second = (_resampled(run, order, seed, resamples) for run in (ours, theirs))
    found = []
    for one, other, here, there in zip(ours, theirs, first, second, strict=True):
        paired = one.values - other.values
        known = paired[np.isfinite(paired)]
        p = float("nan") if one.median else sign_flip_p(known, seed=seed, flips=flips)
        found.append(Difference(one.value - other.value, *_bounds(here - there), p, known.size))
    return tuple(found)


def sign_flip_p(paired: Floats, *, seed: int = 0, flips: int = FLIPS) -> float:
    """How often flipped signs give a sum as far from 0 as that of the paired differences; 1 where none differs, NaN of
    nothing."""
    if not paired.size:
        return float("nan")
    apart = paired[paired != 0]
    if not apart.size:
        return 1.0
    total = float(apart.sum())
    least = abs(total) * (1 - 1e-12)
    rng, more = np.random.default_rng(seed), 0
    block = max(1, _CELLS // apart.size)
    for start in range(0, flips, block):
        flipped = rng.integers(0, 2, size=(min(block, flips - start), apart.size), dtype=np.int8)
        more += int((np.abs(total - 2 * (flipped @ apart)) >= least).sum())
    return (more + 1) / (flips + 1)


def _order(metrics: tuple[Metric, ...]) -> NDArray[np.int64]:
    """The rows by the first median's values, so that it need not be ordered anew in every resample."""
    first = next((metric.values for metric in metrics if metric.median), metrics[0].values)
    return np.argsort(first, kind="stable")


def _resampled(metrics: tuple[Metric, ...], order: NDArray[np.int64], seed: int, resamples: int) -> list[Floats]:
    """Each metric in each resample, NaN where it drew no row that counts.

    Args:
        order: the rows as the seed numbers them.
    """
    values = np.stack([metric.values for metric in metrics])[:, order]
    medians = {at: np.argsort(values[at], kind="stable") for at, metric in enumerate(metrics) if metric.median}
    rows = values.shape[1]
    counted = np.isfinite(values)
    known, sometimes = np.where(counted, values, 0.0), np.flatnonzero(~counted.all(axis=1))
    found = np.empty((len(metrics), resamples))
    rng, block = np.random.default_rng(seed), max(1, _CELLS // rows)
    for start in range(0, resamples, block):
        size = min(block, resamples - start)
        drawn = rng.integers(0, rows, size=(size, rows)) + rows * np.arange(size)[:, None]
        times = np.bincount(drawn.reshape(-1), minlength=size * rows).reshape(size, rows).astype(np.float64)
        divided = np.full((len(metrics), size), float(rows))
        divided[sometimes] = counted[sometimes].astype(np.float64) @ times.T
        with np.errstate(invalid="ignore", divide="ignore"):
            found[:, start : start + size] = (known @ times.T) / divided
        for at, ordered in medians.items():
            few = ordered[: int(counted[at].sum())]
            in_order = times[:, : few.size] if (few[1:] > few[:-1]).all() else times[:, few]
            found[at, start : start + size] = _medians(values[at][few], in_order)
    return list(found)


def _medians(ordered: Floats, times: Floats) -> Floats:
    """The median of values that each count some times, a row of `times` each; NaN where none counts."""
    if not ordered.size:
        return np.full(times.shape[0], np.nan)
    last = ordered.size - 1
    found = np.full(times.shape[0], np.nan)
    for at, reached in enumerate(np.cumsum(times, axis=1)):
        if total := reached[-1]:
            low, high = np.searchsorted(reached, [np.ceil(total / 2), np.floor(total / 2) + 1])
            found[at] = (ordered[min(low, last)] + ordered[min(high, last)]) / 2
    return found


def _bounds(values: Floats) -> tuple[float, float]:
    known = values[np.isfinite(values)]
    if not known.size:
        return float("nan"), float("nan")
    low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
