"""Geometry of the charts: plain numbers in, SVG coordinates out. The template draws them and escapes every label."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from factory.report.frames import TIERS_KM
from factory.report.measures import Bin, Bucket

WIDTH, HEIGHT = 420.0, 132.0
LEFT, RIGHT, TOP, BOTTOM = 8.0, 8.0, 14.0, 22.0
PLOT_BOTTOM = HEIGHT - BOTTOM
PLOT_HEIGHT = PLOT_BOTTOM - TOP


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar with its failed part at the bottom; low and high are the values it covers."""

    x: float
    width: float
    y: float
    height: float
    failed_y: float
    failed_height: float
    low: float
    high: float
    count: int
    failed: int


@dataclass(frozen=True, slots=True)
class Mark:
    """A vertical line or a tick with its label."""

    x: float
    label: str


@dataclass(frozen=True, slots=True)
class Histogram:
    bars: tuple[Bar, ...]
    ticks: tuple[Mark, ...]
    lines: tuple[Mark, ...]
    largest: int


@dataclass(frozen=True, slots=True)
class Point:
    x: float
    y: float
    radius: float
    bucket: Bucket


def distance_histogram(bins: Sequence[Bin], *, largest: int) -> Histogram:
    """Distances on a logarithmic axis with the five tiers as lines; `largest` is the count at full height."""
    chart = _histogram(bins, log=True, largest=largest)
    lines = tuple(Mark(_x(bins, tier, log=True), f"{tier:,}") for tier in TIERS_KM) if bins else ()
    return Histogram(chart.bars, chart.ticks, lines, largest)


def score_histogram(bins: Sequence[Bin], *, log: bool, threshold: float | None) -> Histogram:
    """Scores of one check with its threshold."""
    chart = _histogram(bins, log=log, largest=max((b.count for b in bins), default=1))
    lines = () if threshold is None or not bins else (Mark(_x(bins, threshold, log=log), f"{threshold:.3g}"),)
    return Histogram(chart.bars, chart.ticks, lines, chart.largest)


def calibration_points(buckets: Sequence[Bucket], side: float) -> tuple[Point, ...]:
    """Buckets in a square of `side` units: confidence to the right, share right upwards, area by count."""
    most = max((b.count for b in buckets), default=1)
    return tuple(
        Point(
            round(b.confidence * side, 1),
            round((1 - b.right) * side, 1),
            round(3 + 6 * math.sqrt(b.count / most), 1),
            b,
        )
        for b in buckets
    )


def _histogram(bins: Sequence[Bin], *, log: bool, largest: int) -> Histogram:
    if not bins:
        return Histogram((), (), (), largest)
    step = (WIDTH - LEFT - RIGHT) / len(bins)
    bars = []
    for index, item in enumerate(bins):
        height, failed = (PLOT_HEIGHT * n / max(largest, 1) for n in (item.count, item.failed))
        bars.append(
            Bar(
                x=round(LEFT + index * step + 0.75, 1),
                width=round(step - 1.5, 1),
                y=round(PLOT_BOTTOM - height, 1),
                height=round(height, 1),
                failed_y=round(PLOT_BOTTOM - failed, 1),
                failed_height=round(failed, 1),
                low=item.low,
                high=item.high,
                count=item.count,
                failed=item.failed,
            )
        )
    return Histogram(tuple(bars), _ticks(bins, log=log), (), largest)


def _ticks(bins: Sequence[Bin], *, log: bool) -> tuple[Mark, ...]:
    low, high = bins[0].low, bins[-1].high
    if log:
        powers = range(math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high)) + 1)
        return tuple(Mark(_x(bins, 10.0**p, log=True), _power(p)) for p in powers)
    quarters = (low + (high - low) * step / 4 for step in range(5))
    return tuple(Mark(_x(bins, value, log=False), f"{value:.3g}") for value in quarters)


def _power(exponent: int) -> str:
    return f"{10**exponent:,}" if exponent >= 0 else f"{10.0**exponent:g}"


def _x(bins: Sequence[Bin], value: float, *, log: bool) -> float:
    low, high = bins[0].low, bins[-1].high
    if log:
        low, high, value = math.log10(low), math.log10(high), math.log10(max(value, low))
    share = (value - low) / (high - low)
    return round(LEFT + min(max(share, 0.0), 1.0) * (WIDTH - LEFT - RIGHT), 1)
