"""Held-out precision against coverage: every row judged by a rule whose model and threshold saw none of its group.

The truth decides nothing here: it is what the rules are measured by. `tests/acceptance/test_calibrated_real_photos.py`
does it on real photos, its twin in tests/integration on made teachers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import nan
from typing import NamedTuple

import numpy as np
import polars as pl

from factory.report.acceptance import interval
from factory.verify.calibration import best
from factory.verify.fitted import Aim, fitted, judged
from factory.verify.logistic import Flags
from factory.verify.said import read, teachers_in

Rows = Sequence[Mapping[str, float]]
"""Features by sample, `factory.verify.said`."""
RADIUS_KM = 25.0
PARTS = 10


class Found(NamedTuple):
    """What a rule accepted of some rows."""

    rows: int
    accepted: int
    right: int

    @property
    def precision(self) -> float:
        return self.right / self.accepted if self.accepted else 1.0

    @property
    def coverage(self) -> float:
        return self.accepted / self.rows

    def __str__(self) -> str:
        low, high = interval(self.right, self.accepted) if self.accepted else (0.0, 1.0)
        return (
            f"{self.accepted} -> {self.right}, precision {self.precision:.3f} [{low:.3f}, {high:.3f}], "
            f"coverage {self.coverage:.3f}"
        )


def held_out(rows: Rows, *, target: float, seed: int = 0) -> tuple[Flags, Flags]:
    """For each row whether it is accepted at the target, and whether the place it is accepted for is right.

    Rows are parted by group, one way a seed; model and threshold of a part come from all others, which are cross-fitted
    among themselves.
    """
    groups, members = np.unique([row["group"] for row in rows], return_inverse=True)
    members = np.random.default_rng(seed).permutation(len(groups))[members]
    accepted, right = np.zeros(len(rows), dtype=np.bool_), np.zeros(len(rows), dtype=np.bool_)
    for part in range(PARTS):
        mine = np.flatnonzero(members % PARTS == part)
        others = [rows[n] for n in np.flatnonzero(members % PARTS != part)]
        accepted[mine], right[mine] = used(others, [rows[n] for n in mine], target=target)
    return accepted, right


def used(known: Rows, fresh: Rows, *, target: float) -> tuple[Flags, Flags]:
    """What a model and a threshold of some rows make of others: accepted, and right."""
    model = fitted(pl.DataFrame(list(known)), radius_km=RADIUS_KM, aim=Aim(target=target))
    threshold = model["threshold"]["score"]
    teachers = model["teachers"]
    found = read(pl.DataFrame(list(fresh)), teachers)
    chances = np.array([judged(row, model).probabilities for row in fresh])
    scores, which = best(np.where(np.isnan(chances), nan, chances))
    accepted = scores >= (2.0 if threshold is None else threshold)
    return accepted, found.right[np.arange(len(which)), which] & (which >= 0)


def measured(accepted: Flags, right: Flags, among: Flags | None = None) -> Found:
    """What was accepted, of all rows or of some."""
    among = np.ones(len(accepted), dtype=np.bool_) if among is None else among
    return Found(int(among.sum()), int((accepted & among).sum()), int((accepted & right & among).sum()))


Rule = Callable[[Mapping[str, float]], bool]


def by_rule(rows: Rows, rule: Rule, whose: Sequence[int]) -> tuple[Flags, Flags]:
    """What a written rule accepts; a row is right where the places of all the teachers `whose` are."""
    frame = pl.DataFrame(list(rows))
    right = read(frame, teachers_in(frame.columns)).right[:, list(whose)].all(axis=1)
    return np.array([rule(row) for row in rows], dtype=np.bool_), right
