"""Whether a model knows how sure it may be: expected calibration error, and risk against coverage.

An answer is right where it lies within a radius of the truth. Answers without a confidence cannot be calibrated and are
counted apart; against coverage they come last, behind every answer that has one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BINS: Final = 15
"""Of equal width, as Guo et al. 2017, "On Calibration of Modern Neural Networks"."""
RADIUS_KM: Final = 25.0


@dataclass(frozen=True, slots=True)
class Bin:
    low: float
    high: float
    n: int
    confidence: float
    """Mean, 0 to 1."""
    right: float
    """Share."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """How confidence and being right go together."""

    bins: tuple[Bin, ...]
    """Those with answers."""
    ece: float
    """Mean over answers of |confidence - share right| of their bin; NaN without any confidence."""
    brier: float
    """Mean squared distance of confidence from being right."""
    n: int
    """Answers with a confidence."""
    without: int
    coverage: Floats
    """Share of rows that are answered, falling confidence; a value for each different confidence."""
    risk: Floats
    """Share of these that are wrong."""
    aurc: float
    """Area under risk over coverage: the mean risk over all rows as the last one answered."""


def calibration(confidence: Floats, right: Floats, *, bins: int = BINS) -> Calibration:
    """Of answers with a confidence (0 to 1, NaN for none) that are right (1) or not (0).

    Answers of one confidence have no order among themselves: each is given the risk of all of them, so that no order of
    the file makes a curve better.
    """
    known = np.isfinite(confidence)
    sure, hits = confidence[known], right[known]
    number = np.minimum((sure * bins).astype(np.int64), bins - 1)
    found = []
    for at in np.unique(number):
        here = number == at
        mean, share = float(sure[here].mean()), float(hits[here].mean())
        found.append(Bin(int(at) / bins, (int(at) + 1) / bins, int(here.sum()), mean, share))
    n = int(known.sum())
    ece = sum(one.n * abs(one.confidence - one.right) for one in found) / n if n else float("nan")
    brier = float(((sure - hits) ** 2).mean()) if n else float("nan")
    coverage, risk, aurc = _risk(np.where(known, confidence, -1.0), right)
    return Calibration(tuple(found), ece, brier, n, confidence.size - n, coverage, risk, aurc)


def _risk(confidence: Floats, right: Floats) -> tuple[Floats, Floats, float]:
    if not confidence.size:
        return np.empty(0), np.empty(0), float("nan")
    order = np.argsort(-confidence, kind="stable")
    sure, wrong = confidence[order], 1 - right[order]
    ends = np.flatnonzero(np.append(np.diff(sure) != 0, True))
    sizes = np.diff(np.append(-1, ends))
    errors = np.add.reduceat(wrong, np.append(0, ends[:-1] + 1))
    before = np.append(0, np.cumsum(errors)[:-1])
    answered = np.append(0, ends[:-1] + 1)
    total = 0.0
    for size, failed, earlier, done in zip(sizes, errors, before, answered, strict=True):
        steps = np.arange(1, size + 1)  # within a tie errors come evenly
        total += float(((earlier + failed * steps / size) / (done + steps)).sum())
    n = confidence.size
    return (ends + 1) / n, np.cumsum(errors) / (ends + 1), total / n
