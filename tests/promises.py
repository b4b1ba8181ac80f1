"""Do promises hold? One build in miniature: made teachers, a cross-fitted model, a promised threshold, fresh rows.

`tests/benchmarks/bench_promises.py` repeats it a thousand times a cell for docs/acceptance.md, the integration test
sixty times.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from factory.verify.calibration import Calibration, best
from factory.verify.cross_fit import cross_fit, cross_scored, part_of
from factory.verify.logistic import Flags, Reals
from factory.verify.threshold import Threshold, promised
from tests.made_teachers import Made, Teacher, drawn

RADIUS_KM = 25.0
PAIR = (Teacher(), Teacher(skill=-0.2, noise=0.9))


def _pair(**both: float) -> tuple[Teacher, Teacher]:
    return Teacher(**both), Teacher(**{"skill": -0.2, "noise": 0.9, **both})


Draw = Callable[[np.random.Generator, int], Made]

WORLDS: Mapping[str, Draw] = {
    "plain": lambda rng, rows: drawn(rng, rows, PAIR),
    "overconfident": lambda rng, rows: drawn(rng, rows, _pair(floor=0.5, width=0.5)),
    "underconfident": lambda rng, rows: drawn(rng, rows, _pair(width=0.5)),
    "errors shared": lambda rng, rows: drawn(rng, rows, PAIR, same_error=0.5),
    "authors differ": lambda rng, rows: drawn(rng, rows, PAIR, group_spread=1.0),
    "teacher exchanged": lambda rng, rows: drawn(
        rng, rows, (PAIR[0], Teacher(skill=-0.2, noise=0.9, later_skill=-1.5, later_floor=0.4))
    ),
    "hard photos": lambda rng, rows: drawn(rng, rows, PAIR, ease=-1.6),
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one build's promise was worth."""

    threshold: Threshold
    coverage: float
    """Share of fresh rows it accepts."""
    precision: float
    """Expected share of these that are right; 1 where it accepts none."""
    oracle: float
    """Coverage of the loosest threshold on the same scores whose true precision is what was promised."""


def one_build(draw: Draw, rows: int, seed: int, fresh: Made, *, promise: float = 0.98) -> Outcome:
    """One build of `rows` rows with known truth, and what its threshold does to fresh rows of the same world."""
    made = draw(np.random.default_rng(seed), rows)
    models = _models(made)
    threshold = promised(*_scored(made, models), made.groups, promise=promise)
    coverage, precision, oracle = _on_fresh(models, fresh, threshold.score, promise)
    return Outcome(threshold, coverage, precision, oracle)


def counted_instead(draw: Draw, rows: int, seed: int, fresh: Made, *, promise: float = 0.98) -> float:
    """True precision where the threshold is put at the loosest that looks good enough."""
    made = draw(np.random.default_rng(seed), rows)
    models = _models(made)
    scores, right = _scored(made, models)
    order = np.argsort(-scores, kind="stable")
    good = np.flatnonzero(np.cumsum(right[order]) / np.arange(1, rows + 1) >= promise)
    return _on_fresh(models, fresh, float(scores[order[good[-1]]]) if len(good) else None, promise)[1]


def _models(made: Made) -> list[Calibration | None]:
    return cross_fit(made.said, made.right, part_of(made.groups), radius_km=RADIUS_KM)


def _scored(made: Made, models: list[Calibration | None]) -> tuple[Reals, Flags]:
    scores, which = best(cross_scored(made.said, part_of(made.groups), models))
    return scores, made.right[np.arange(len(which)), which] & (which >= 0)


def _on_fresh(
    models: list[Calibration | None], fresh: Made, score: float | None, promise: float
) -> tuple[float, float, float]:
    """Coverage and precision of a threshold among fresh rows, and the oracle's coverage."""
    scores, which = best(cross_scored(fresh.said, part_of(fresh.groups), models))
    right = np.where(which >= 0, fresh.chance[np.arange(len(which)), which], 0.0)
    accepted = scores >= score if score is not None else np.zeros(len(scores), dtype=np.bool_)
    precision = float(right[accepted].mean()) if accepted.any() else 1.0
    return float(accepted.mean()), precision, _oracle(scores, right, promise)


def _oracle(scores: Reals, right: Reals, promise: float) -> float:
    order = np.argsort(-scores, kind="stable")
    good = np.flatnonzero(np.cumsum(right[order]) / np.arange(1, len(order) + 1) >= promise)
    return (int(good[-1]) + 1) / len(order) if len(good) else 0.0
