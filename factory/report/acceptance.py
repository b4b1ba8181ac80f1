"""What a fitted decider knows: which threshold accepts how much, and how much of it is right.

Read from the build's `model.json`, whose words are `factory.verify.fitted`'s; a build whose decider fits nothing, or
something else, has no such section. Shares are of the samples whose place is known, judged without it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from factory.errors import CorruptBuild
from factory.report.charts import LEFT, PLOT_BOTTOM, PLOT_HEIGHT, RIGHT, WIDTH, Mark
from factory.report.measures import Bucket
from factory.store.files import read_json
from factory.store.layout import Build

WISHES = (0.9, 0.95, 0.98, 0.99, 0.995)
"""Precisions an annotation lead may want."""
LABELS = 26.0
"""Room for the labels of the upright axis, in units of the chart."""
_Z = 1.959964


@dataclass(frozen=True, slots=True)
class Choice:
    """What a threshold would accept."""

    wish: float
    """The precision that it would be chosen for."""
    score: float | None
    """None where no threshold reaches it."""
    accepted: int = 0
    right: int = 0
    coverage: float = 0.0
    low: float = 0.0
    high: float = 1.0
    """95 % interval of the precision (Wilson)."""

    @property
    def precision(self) -> float:
        return self.right / self.accepted if self.accepted else 0.0


@dataclass(frozen=True, slots=True)
class Curve:
    """Precision over coverage as a line, with the lower end of its interval, in the units of the charts."""

    line: str
    lower: str
    """Path data; empty without points."""
    ticks: tuple[Mark, ...]
    levels: tuple[tuple[float, str], ...]
    """(y, label) of the grid."""
    asked: float | None
    """y of the precision asked for."""
    chosen: tuple[float, float] | None
    """Where the threshold stands."""


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The section's content."""

    rows: int
    groups: int
    kind: str
    """target, promise or nothing."""
    asked: float | None
    confidence: float | None
    words: str
    chosen: Choice | None
    choices: tuple[Choice, ...]
    curve: Curve
    reliability: tuple[Bucket, ...]
    audited: int
    """Accepted samples that people looked at."""
    upheld: int
    """Of these, those they accept, too."""


def acceptance(build: Build, samples: pl.DataFrame) -> Acceptance | None:
    """The section of a build, or None where nothing of the kind was fitted.

    Raises CorruptBuild when the model cannot be read.
    """
    if not build.paths.model.is_file():
        return None
    model = read_json(build.paths.model)
    if not isinstance(model, Mapping) or not {"curve", "reliability", "threshold", "rows", "groups"} <= model.keys():
        return None
    try:
        return _acceptance(model, samples)
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        raise CorruptBuild(f"{build.paths.model}: no model as the decider writes it ({error!r})") from None


def _acceptance(model: Mapping[str, Any], samples: pl.DataFrame) -> Acceptance:
    rows, points = int(model["rows"]), [(p["score"], int(p["accepted"]), int(p["right"])) for p in model["curve"]]
    threshold = model["threshold"] or {}
    chosen = None
    if threshold.get("score") is not None:
        chosen = _choice(threshold["asked"], (threshold["score"], threshold["accepted"], threshold["right"]), rows)
    seen = samples.filter((pl.col("verdict") == "accept") & pl.col("person").is_in(["accept", "reject"]))
    return Acceptance(
        rows=rows,
        groups=int(model["groups"]),
        kind=str(threshold.get("kind", "")),
        asked=threshold.get("asked"),
        confidence=threshold.get("confidence"),
        words=str(threshold.get("words", "")),
        chosen=chosen,
        choices=tuple(_wished(wish, points, rows) for wish in WISHES) if points else (),
        curve=_curve(points, rows, threshold.get("asked"), chosen),
        reliability=tuple(
            Bucket(float(b["mean"]), int(b["right"]) / int(b["rows"]), int(b["rows"])) for b in model["reliability"]
        ),
        audited=seen.height,
        upheld=seen.filter(pl.col("person") == "accept").height,
    )


def _wished(wish: float, points: Sequence[tuple[float, int, int]], rows: int) -> Choice:
    """The loosest threshold whose counted precision is the wish."""
    good = [point for point in points if point[2] >= wish * point[1]]
    return _choice(wish, good[-1], rows) if good else Choice(wish, None)


def _choice(wish: float, point: tuple[float, int, int], rows: int) -> Choice:
    score, accepted, right = point
    low, high = interval(right, accepted)
    return Choice(wish, float(score), accepted, right, accepted / rows, low, high)


def interval(right: int, rows: int) -> tuple[float, float]:
    """The 95 % interval of a share of `rows`, at least one (Wilson)."""
    share, size = right / rows, 1 + _Z**2 / rows
    middle, half = share + _Z**2 / (2 * rows), _Z * math.sqrt(share * (1 - share) / rows + (_Z / (2 * rows)) ** 2)
    return max(0.0, (middle - half) / size), min(1.0, (middle + half) / size)


def _curve(points: Sequence[tuple[float, int, int]], rows: int, asked: float | None, chosen: Choice | None) -> Curve:
    if not points:
        return Curve("", "", (), (), None, None)
    shares = [right / accepted for _, accepted, right in points]
    floor = min(0.9, math.floor(min(shares) * 10) / 10)
    left = LEFT + LABELS

    def x(coverage: float) -> float:
        return round(left + coverage * (WIDTH - left - RIGHT), 1)

    def y(precision: float) -> float:
        return round(PLOT_BOTTOM - max(0.0, precision - floor) / (1 - floor) * PLOT_HEIGHT, 1)

    across = [x(accepted / rows) for _, accepted, _ in points]
    lower = [interval(right, accepted)[0] for _, accepted, right in points]
    return Curve(
        line=_path(across, [y(share) for share in shares]),
        lower=_path(across, [y(share) for share in lower]),
        ticks=tuple(Mark(x(share), f"{share:.0%}") for share in (0.0, 0.25, 0.5, 0.75, 1.0)),
        levels=tuple((y(level), f"{level:.3g}") for level in (floor, (1 + floor) / 2, 1.0)),
        asked=None if asked is None else y(asked),
        chosen=None if chosen is None else (x(chosen.coverage), y(chosen.precision)),
    )


def _path(across: Sequence[float], up: Sequence[float]) -> str:
    return "M" + "L".join(f"{x} {y}" for x, y in zip(across, up, strict=True))
