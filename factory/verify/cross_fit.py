"""No row judges itself: rows are scored by models that were fitted without their group (author, trip)."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from factory.verify.calibration import Calibration, Said, fit, probabilities, thinned
from factory.verify.logistic import Flags, Reals

FOLDS: Final = 10
"""Parts of the groups that are left out in turn."""

Parts = npt.NDArray[np.int64]


def part_of(groups: Reals) -> Parts:
    """(rows,) which part a row's group belongs to; groups are whole numbers below 2**53."""
    return (groups.astype(np.int64) % FOLDS).astype(np.int64)


def cross_fit(said: Said, right: Flags, parts: Parts, *, radius_km: float) -> list[Calibration | None]:
    """One model a part, fitted on the rows of all others; None for a part that has no others to learn from."""
    learnt = [thinned(np.flatnonzero(parts != part)) for part in range(FOLDS)]
    return [fit(said.rows(rows), right[rows], radius_km=radius_km) for rows in learnt]


def cross_scored(said: Said, parts: Parts, models: list[Calibration | None]) -> Reals:
    """(rows, teachers) probabilities, each row's by the model of its part; nan where there is none."""
    found = np.full(said.confidence.shape, np.nan)
    for part, model in enumerate(models):
        mine = parts == part
        if model is not None and mine.any():
            found[mine] = probabilities(said.rows(mine), model)
    return found
