"""Made teachers whose true chances are known: skills, scales of confidence, shared errors, regions, a change.

What is drawn is what `factory.verify.calibration` reads, with the truth beside it. Everything follows from the seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from factory.verify.calibration import Said
from factory.verify.logistic import Flags, Reals, sigmoid

REGIONS = np.array([1.8, 0.8, -0.8])
REGION_SHARES = (0.5, 0.3, 0.2)
"""How easy photos of three regions are (log odds), and how many there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Teacher:
    """One teacher: how good it is, and how it talks about that."""

    skill: float = 0.4
    """Added to the log odds of every photo."""
    noise: float = 0.7
    """Spread of its stated log odds around its true ones."""
    floor: float = 0.0
    width: float = 1.0
    """It states floor + width * what it should: 0.5 and 0.5 is overconfident, 0 and 0.5 underconfident."""
    later_skill: float = 0.0
    later_floor: float = 0.0
    """From the middle of the rows on: added to its skill, and to its floor, as if it had been exchanged."""


@dataclass(frozen=True, slots=True)
class Made:
    """Rows with their truth."""

    said: Said
    right: Flags
    """(rows, teachers)"""
    groups: Reals
    """(rows,) whole numbers: who took the photos."""
    chance: Reals
    """(rows, teachers) of being right as the maker knows it, from the true odds and from whether the teachers agree; it
    says more about a rule's precision than outcomes do. Of two teachers; of others the outcomes themselves."""


def drawn(
    rng: np.random.Generator,
    rows: int,
    teachers: Sequence[Teacher],
    *,
    ease: float = 0.0,
    common: float = 1.4,
    same_error: float = 0.15,
    group_size: int = 8,
    group_spread: float = 0.0,
) -> Made:
    """Rows of made photos.

    Args:
        ease: added to the log odds of every photo.
        common: spread of what makes a photo easy or hard for all teachers alike.
        same_error: share of photos where teachers who are wrong name the same wrong place.
        group_size: photos of one author, on average.
        group_spread: spread of how easy an author's photos are.
    """
    groups = rng.integers(0, max(1, rows // group_size), rows)
    region = rng.choice(len(REGIONS), rows, p=REGION_SHARES)
    easy = ease + REGIONS[region] + common * rng.normal(size=rows)
    easy += group_spread * rng.normal(size=groups.max(initial=0) + 1)[groups]
    together = rng.random(rows) < same_error
    late = np.arange(rows) >= rows / 2
    shape = (rows, len(teachers))
    right, confidence, odds = np.zeros(shape, dtype=np.bool_), np.zeros(shape), np.zeros(shape)
    for number, teacher in enumerate(teachers):
        odds[:, number] = 1.6 * (easy + teacher.skill + teacher.later_skill * late + 0.6 * rng.normal(size=rows))
        right[:, number] = rng.random(rows) < sigmoid(odds[:, number])
        meant = sigmoid(odds[:, number] - 1.2 + teacher.noise * rng.normal(size=rows))
        floor = teacher.floor + teacher.later_floor * late
        confidence[:, number] = np.round(floor + np.minimum(teacher.width, 1 - floor) * meant, 2)
    said = _said(rng, confidence, right, together)
    chance = _chance(sigmoid(odds), said, same_error) if len(teachers) == 2 else right.astype(np.float64)
    return Made(said, right, groups.astype(np.float64), chance)


def _chance(alone: Reals, said: Said, same_error: float) -> Reals:
    """What two teachers' chances become once it is seen whether they agree (Bayes)."""
    one, other = alone.T
    agree = said.apart_km[:, 0, 1] <= 25
    both, neither = one * other, (1 - one) * (1 - other)
    apart = one * (1 - other) + (1 - one) * other + neither * (1 - same_error)
    together = both / (both + neither * same_error)
    return np.stack(
        [np.where(agree, together, one * (1 - other) / apart), np.where(agree, together, (1 - one) * other / apart)],
        axis=1,
    )


def _said(rng: np.random.Generator, confidence: Reals, right: Flags, together: Flags) -> Said:
    """What is seen of it: right places lie within some kilometres of each other, wrong ones anywhere, or together."""
    rows, count = right.shape
    apart = np.zeros((rows, count, count))
    for one in range(count):
        for other in range(one + 1, count):
            near = (right[:, one] & right[:, other]) | (~right[:, one] & ~right[:, other] & together)
            far = 30 + np.exp(rng.normal(6, 1.5, rows))
            apart[:, one, other] = apart[:, other, one] = np.where(near, np.minimum(rng.gamma(1, 4, rows), 25), far)
    placed = np.ones((rows, count), dtype=np.bool_)
    return Said(confidence, np.ones((rows, count)), placed, apart, np.zeros((rows, count, 0)))
