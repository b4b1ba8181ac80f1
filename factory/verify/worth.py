"""What each source of evidence is worth on places that are known: precision at coverage with it and without it.

Rows are ranked by probabilities of models that have not seen their author, once with the source and once without, and
the first so many of each ranking are counted. The intervals come from drawing whole authors anew, the same for both
rankings, so what they have in common cancels out. A source may change which teacher's place a row gets, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from factory.report.worths import At, Spoke, Verdict, Worth
from factory.verify.calibration import Said, best
from factory.verify.cross_fit import cross_fit, cross_scored, part_of
from factory.verify.logistic import Flags, Reals
from factory.verify.said import read, teachers_in

AGREEMENT: Final = "agreement"
"""The teachers' agreement, as a source: without it each place is judged by its own teacher's word alone."""
COVERAGES: Final = (0.5, 0.7, 0.8, 0.9, 1.0)
DRAWS: Final = 500
LEAST_ROWS: Final = 20
"""Of known places; of fewer nothing is said."""
_SEED: Final = 7
_GRID: Final = np.linspace(0.5, 1.0, 26)
"""Coverages whose precisions are averaged for the one number a source is judged by."""


def worths(frame: pl.DataFrame, witnesses: Sequence[str], *, radius_km: float) -> tuple[Worth, ...]:
    """The worth of the teachers' agreement and of each witness.

    Args:
        frame: features of `factory.verify.said` by sample, with the support of these witnesses, sorted by id.
        radius_km: within which two places are the same.

    Returns:
        None for any source where fewer than `LEAST_ROWS` places are known; no agreement where there is one teacher.
    """
    teachers = teachers_in(frame.columns)
    every = read(frame, teachers, witnesses)
    rows = np.flatnonzero(every.known)
    if len(rows) < LEAST_ROWS:
        return ()
    said, right, groups = every.said.rows(rows), every.right[rows], every.groups[rows]
    plain = replace(said, support=said.support[:, :, :0])
    alone = replace(plain, apart_km=np.full_like(plain.apart_km, np.nan))
    parts = part_of(groups)
    base = _ranked(plain, right, parts, radius_km)
    resampled, count = _resampled(groups), len(np.unique(groups))
    found = []
    if len(teachers) > 1:
        without = _ranked(alone, right, parts, radius_km)
        found.append(_worth(AGREEMENT, base, without, resampled, count))
    for number, witness in enumerate(witnesses):
        heard = replace(plain, support=said.support[:, :, number : number + 1])
        one = _worth(witness, _ranked(heard, right, parts, radius_km), base, resampled, count)
        spoken = heard.support[:, :, 0]
        spoke_for, against = (_spoke(right, side) for side in (spoken > 0, spoken < 0))
        silent: Verdict = "silent" if not np.isfinite(spoken).any() else one.verdict
        found.append(replace(one, verdict=silent, spoke_for=spoke_for, spoke_against=against))
    return tuple(found)


def _spoke(right: Flags, places: Flags) -> Spoke:
    return Spoke(int(places.sum()), int((right & places).sum()))


@dataclass(frozen=True, slots=True)
class _Ranking:
    order: npt.NDArray[np.int64]
    """Rows, the most probable first; of equals in the order given."""
    right: Flags
    """(rows,) whether the place that a row gets is right."""


def _ranked(said: Said, right: Flags, parts: npt.NDArray[np.int64], radius_km: float) -> _Ranking:
    models = cross_fit(said, right, parts, radius_km=radius_km)
    scores, which = best(cross_scored(said, parts, models))
    mine = right[np.arange(len(which)), which] & (which >= 0)
    return _Ranking(np.argsort(-scores, kind="stable"), mine)


def _resampled(groups: Reals) -> npt.NDArray[np.float64]:
    """(draws, rows) how often each row is drawn when whole groups are drawn with replacement."""
    _, member = np.unique(groups, return_inverse=True)
    count = int(member.max()) + 1
    drawn = np.random.default_rng(_SEED).multinomial(count, np.full(count, 1 / count), size=DRAWS)
    return drawn[:, member].astype(np.float64)


def _worth(source: str, with_it: _Ranking, without: _Ranking, resampled: npt.NDArray[np.float64], groups: int) -> Worth:
    rows = len(with_it.right)
    coverages = np.append(np.array(COVERAGES), _GRID)
    once = np.ones((1, rows))
    counted = _precisions(with_it, once, coverages) - _precisions(without, once, coverages)
    drawn = _precisions(with_it, resampled, coverages) - _precisions(without, resampled, coverages)
    ends = np.quantile(drawn, (0.025, 0.975), axis=0)
    mean = drawn[:, len(COVERAGES) :].mean(axis=1)
    low, high = (float(end) for end in np.quantile(mean, (0.025, 0.975)))
    at = []
    for number, coverage in enumerate(COVERAGES):
        accepted = max(1, round(coverage * rows))
        heard, unheard = (int(one.right[one.order[:accepted]].sum()) for one in (with_it, without))
        at.append(At(coverage, accepted, heard, unheard, float(ends[0, number]), float(ends[1, number])))
    verdict: Verdict = "adds" if low > 0 else "costs" if high < 0 else "not_shown"
    return Worth(source, verdict, rows, groups, float(counted[0, len(COVERAGES) :].mean()), low, high, tuple(at))


def _precisions(
    one: _Ranking, weights: npt.NDArray[np.float64], coverages: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """(draws, coverages) share of right rows among the first of a ranking, rows counted by their weights."""
    mine = weights[:, one.order]
    seen, right = np.cumsum(mine, axis=1), np.cumsum(mine * one.right[one.order], axis=1)
    total = seen[:, -1:]
    found = np.empty((len(weights), len(coverages)))
    for number, coverage in enumerate(coverages):
        ends = np.minimum((seen < coverage * total - 1e-9).sum(axis=1), seen.shape[1] - 1)
        at = np.arange(len(weights)), ends
        found[:, number] = right[at] / np.maximum(seen[at], 1.0)
    return found
