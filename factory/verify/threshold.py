"""Where to accept: the lowest score above which as many rows are right as were asked for.

Two ways, and they are not the same. A *target* is met by what is expected and was counted (a point estimate, for any
number of rows, no proof). A *promise* is kept with a stated confidence: thresholds are tested from strict to loose,
each by the exact binomial test that its precision is below the promise, in an order fixed by ranks before any outcome
is looked at ("Learn then Test", Angelopoulos et al. 2021). Rows of one group (an author, a trip) err together; they
count as the number of independent rows they are worth.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor, log
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from factory.verify.logistic import Flags, Reals

Kind = Literal["target", "promise"]

STARTS: Final = (0.2, 0.5)
"""Shares of the rows at which chains of tests begin; each chain has an equal part of the error allowed. A chain that
begins strict dies of one early error, one that begins loose of a poor teacher. docs/acceptance.md has other choices."""
WORST: Final = 5.0
"""How much likelier wrong than the target allows on average a row accepted by a target may be: at 0.98, one in ten.
Measured on 138 and 77 photos, parted in twelve ways: without it 0.969 of held-out rows were right, with it 0.980."""
FINENESS: Final = 1.01
"""Ratio of the row counts of two tests in a row."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """A score to accept from, and what it rests on."""

    kind: Kind
    asked: float
    """The precision asked for."""
    confidence: float | None
    """Of a promise: in how many of a hundred builds it holds, as a share."""
    score: float | None
    """Rows with at least this score are accepted; None where nothing can be."""
    rows: int
    """Rows with known truth that it was chosen on."""
    accepted: int
    """Of these, accepted ones."""
    right: int
    """Of these, right ones."""
    worth: float
    """Independent rows that the accepted ones are worth; fewer where the rows of a group err together."""
    words: str
    """For people: what was found, or why nothing can be accepted."""

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "kind": self.kind,
            "asked": self.asked,
            "confidence": self.confidence,
            "score": self.score,
            "rows": self.rows,
            "accepted": self.accepted,
            "right": self.right,
            "worth": round(self.worth, 6),
            "words": self.words,
        }


def rows_needed(promise: float, confidence: float) -> int:
    """Independent rows without an error that prove a promise: 149 for 0.98 at 0.95."""
    return ceil(log(1.0 - confidence) / log(promise) - 1e-9)


def aimed(scores: Reals, right: Flags, *, target: float) -> Threshold:
    """The lowest score above which rows are expected to be right as often as the target says.

    On few rows a count jumps with every error, the first of which is often a wrong truth. So the mean score must reach
    the target, which is smooth; the count must not contradict it by more than one row; and no row may be more than
    `WORST` times as likely wrong as the target allows on average.

    Args:
        scores: (rows,) probabilities of rows whose truth is known, each by a model that has not seen its group; -1
            where a row cannot be accepted.
        right: (rows,) whether it is right.
        target: precision asked for.
    """
    ranked = _ranked(scores, right)
    counts = np.arange(1, len(ranked.scores) + 1)
    allowed = (1.0 - target) * counts + 1e-9
    expected, errors = np.cumsum(1.0 - ranked.scores), np.cumsum(~ranked.right)
    bearable = ranked.scores >= 1.0 - WORST * (1.0 - target)
    good = np.flatnonzero(ranked.last & bearable & (expected <= allowed) & (errors - 1 <= allowed))
    if not len(good):
        words = f"no threshold reaches {target:g} on {len(scores):,} rows with known truth"
        return Threshold("target", target, None, None, len(scores), 0, 0, 0.0, words)
    accepted = int(good[-1]) + 1
    correct = int(ranked.right[:accepted].sum())
    words = f"{correct:,} of {accepted:,} accepted rows with known truth are right; unproven"
    score = float(ranked.scores[accepted - 1])
    return Threshold("target", target, None, score, len(scores), accepted, correct, float(accepted), words)


def promised(
    scores: Reals, right: Flags, groups: npt.NDArray[Any], *, promise: float, confidence: float = 0.95
) -> Threshold:
    """The lowest score whose precision is at least the promise in a share `confidence` of builds like this one.

    Args:
        scores, right: as of `aimed`.
        groups: (rows,) who belongs together.
        promise: precision, below 1.
        confidence: in how many builds it must hold, below 1.

    What is promised is the precision among further rows of the same kind and the same teachers.
    """
    ranked = _ranked(scores, right, groups)
    allowed = (1.0 - confidence) / len(STARTS)
    tests = _tests(ranked, allowed, promise)
    correlation = group_correlation(ranked.scores, ranked.right, ranked.groups)
    proven, most = 0, 0.0
    for start in STARTS:
        begin = max(start * len(scores), float(rows_needed(promise, 1.0 - allowed)))
        for accepted in tests[tests >= begin]:
            worth = accepted / design_effect(ranked.groups[:accepted], correlation)
            most = max(most, worth)
            errors = accepted - int(ranked.right[:accepted].sum())
            if _chance(errors * worth / accepted, worth, 1.0 - promise) > allowed:
                break
            proven = max(proven, int(accepted))
    if proven:
        return _proven(ranked, proven, correlation, promise, confidence, len(scores))
    words = _unproven(ranked, correlation, promise, rows_needed(promise, 1.0 - allowed))
    return Threshold("promise", promise, confidence, None, len(scores), 0, 0, 0.0, words)


def group_correlation(scores: Reals, right: Flags, groups: npt.NDArray[np.int64]) -> float:
    """How far the errors of two rows of one group go together beyond what their scores say: 0 not at all, 1 wholly.

    The ratio of the residuals' products over all pairs within groups to their variances; 0 where no group has two rows.

    Args:
        groups: (rows,) whole numbers from 0.
    """
    residuals = right - scores
    spread = np.sqrt(np.maximum(scores * (1.0 - scores), 1e-6))
    together = np.bincount(groups, residuals) ** 2 - np.bincount(groups, residuals**2)
    possible = np.bincount(groups, spread) ** 2 - np.bincount(groups, spread**2)
    total = float(possible.sum())
    return min(1.0, max(0.0, float(together.sum()) / total)) if total > 1e-9 else 0.0


def design_effect(groups: npt.NDArray[np.int64], correlation: float) -> float:
    """How many rows of these are worth one independent row (Kish): 1 + (mean group size of a row - 1) * correlation.

    Args:
        groups: (rows,) whole numbers from 0.
    """
    if not len(groups) or not correlation:
        return 1.0
    sizes = np.bincount(groups).astype(np.float64)
    return 1.0 + (float((sizes**2).sum()) / len(groups) - 1.0) * correlation


@dataclass(frozen=True, slots=True)
class _Ranked:
    """Rows that may be accepted, the best first."""

    scores: Reals
    right: Flags
    groups: npt.NDArray[np.int64]
    """Whole numbers from 0."""
    last: Flags
    """The last of its score: a threshold cannot stand between equals."""


def _ranked(scores: Reals, right: Flags, groups: npt.NDArray[Any] | None = None) -> _Ranked:
    order = np.argsort(-scores, kind="stable")
    order = order[scores[order] >= 0]
    found = scores[order]
    last = np.ones(len(found), dtype=np.bool_)
    last[:-1] = found[1:] < found[:-1]
    members = np.arange(len(order)) if groups is None else np.unique(groups[order], return_inverse=True)[1]
    return _Ranked(found, right[order], members, last)


def _tests(ranked: _Ranked, allowed: float, promise: float) -> npt.NDArray[np.int64]:
    """How many rows each threshold of the sequence accepts, rising: chosen by rank, blind to what is right."""
    total = len(ranked.scores)
    least = rows_needed(promise, 1.0 - allowed)
    if total < least:
        return np.zeros(0, dtype=np.int64)
    steps = floor(log(total / least) / log(FINENESS)) + 1
    wanted = np.minimum(np.ceil(least * FINENESS ** np.arange(steps + 1)).astype(np.int64), total)
    ends = np.flatnonzero(ranked.last) + 1
    return np.unique(ends[np.searchsorted(ends, wanted)])


def _chance(errors: float, rows: float, share: float) -> float:
    """P(at most so many errors among so many independent rows) where a share of rows is wrong; both may be broken."""
    from scipy.special import betainc  # type: ignore[import-untyped]

    return 1.0 if errors >= rows else float(betainc(rows - errors, errors + 1.0, 1.0 - share))


def _proven(
    ranked: _Ranked, accepted: int, correlation: float, promise: float, confidence: float, rows: int
) -> Threshold:
    correct = int(ranked.right[:accepted].sum())
    worth = accepted / design_effect(ranked.groups[:accepted], correlation)
    words = f"{correct:,} of {accepted:,} accepted rows with known truth are right: {promise:g} at {confidence:.0%}"
    if worth < accepted - 0.5:
        words += f"; they count as {worth:,.0f} independent ones"
    score = float(ranked.scores[accepted - 1])
    return Threshold("promise", promise, confidence, score, rows, accepted, correct, worth, words)


def _unproven(ranked: _Ranked, correlation: float, promise: float, needed: int) -> str:
    total = len(ranked.scores)
    worth = floor(total / design_effect(ranked.groups, correlation) + 1e-9)
    if worth < needed:
        together = f"; {total:,} rows of {ranked.groups.max() + 1:,} groups count as so many" if worth < total else ""
        return f"not enough rows to promise {promise:g}: {worth:,} of {needed:,}{together}"
    errors = needed - int(ranked.right[:needed].sum())
    return f"{promise:g} cannot be promised: {errors:,} of the best {needed:,} rows are wrong"
