"""Whether a model meets what it was fitted on: the same models behind the teachers, as sure of themselves as then.

How sure they are is compared by the population stability index, the usual figure for a model's inputs after it was
fitted: the sum over bins of (share now - share then) ln(share now / share then).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from factory.verify.calibration import Said
from factory.verify.logistic import Reals
from factory.verify.said import Read

BINS: Final = 5
"""Of stated confidences, equally full when the model was fitted; a sixth is no place or no readable confidence."""
MAX_DRIFT: Final = 0.25
"""An index above it is by convention a changed population (credit scoring since the 1990s)."""


def stated(said: Said) -> list[dict[str, Any]]:
    """How sure each teacher is: the edges of its bins, how many rows fall into each, and last those without any."""
    found = []
    for teacher in range(said.confidence.shape[1]):
        sure = said.confidence[said.candidates[:, teacher], teacher]
        edges = np.unique(np.quantile(sure, np.arange(1, BINS) / BINS)) if len(sure) else np.zeros(0)
        found.append({"edges": edges.tolist(), "rows": _counted(said, teacher, edges)})
    return found


def drift(then: Sequence[Any], said: Said) -> list[float]:
    """How far each teacher is now stated otherwise than `then` (`stated`): the index, less what chance alone makes of
    so few rows; 0.0 without rows.

    What chance makes of it is its expectation for two draws of one population, (bins - 1) (1 / rows + 1 / rows then).
    """
    found = []
    for teacher, before in enumerate(then):
        old = np.asarray(before["rows"], dtype=np.float64)
        new = np.asarray(_counted(said, teacher, np.asarray(before["edges"], dtype=np.float64)), dtype=np.float64)
        if not new.sum() or not old.sum():
            found.append(0.0)
            continue
        shares, shares_then = ((counts + 0.5) / (counts + 0.5).sum() for counts in (new, old))
        index = float(((shares - shares_then) * np.log(shares / shares_then)).sum())
        chance = float((len(old) - 1) * (1.0 / new.sum() + 1.0 / old.sum()))
        found.append(round(max(0.0, index - chance), 6))
    return found


def models_of(rows: Read) -> list[list[int]]:
    """For each teacher the models that answered, as numbers."""
    return [sorted({int(number) for number in column[np.isfinite(column)]}) for column in rows.models.T]


def _counted(said: Said, teacher: int, edges: Reals) -> list[int]:
    sure = said.confidence[said.candidates[:, teacher], teacher]
    bins = np.bincount(np.searchsorted(edges, sure, side="left"), minlength=len(edges) + 1)
    return [*bins.tolist(), len(said.confidence) - len(sure)]
