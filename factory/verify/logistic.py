"""Penalised logistic regression with few parameters, signs of which are known: the arithmetic behind calibration.

Newton's method on plain arrays: the same data give the same coefficients, and no solver's tolerance enters a build.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Reals = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

_STEPS: Final = 60
_LONGEST_STEP: Final = 5.0
"""Newton steps are cut to this, so that separable data walk towards the penalised optimum instead of overshooting."""
_MAX_LOGIT: Final = 30.0


def sigmoid(logits: Reals) -> Reals:
    """Probabilities from log odds."""
    bounded: Reals = np.clip(logits, -_MAX_LOGIT, _MAX_LOGIT)
    return np.asarray(1.0 / (1.0 + np.exp(-bounded)), dtype=np.float64)


def log_odds(probabilities: Reals) -> Reals:
    """Log odds of probabilities strictly between 0 and 1."""
    return np.asarray(np.log(probabilities) - np.log1p(-probabilities), dtype=np.float64)


def fit_logistic(columns: Reals, right: Flags, *, penalty: Reals, nonnegative: Flags) -> Reals:
    """Coefficients of P(right) = sigmoid(columns @ coefficients).

    Args:
        columns: (rows, parameters), finite; a constant column is the caller's.
        right: (rows,) what happened.
        penalty: (parameters,) ridge penalty of each, as half of `penalty * coefficient**2` in the log likelihood; more
            than 0, so that the optimum exists for separable rows, too.
        nonnegative: (parameters,) those that may not be negative: one that would be is left out, the rest fitted again.

    Returns:
        (parameters,) coefficients, 0 where left out.
    """
    kept = np.ones(columns.shape[1], dtype=np.bool_)
    while True:
        found = np.zeros(columns.shape[1])
        found[kept] = _newton(columns[:, kept], right, penalty[kept])
        wrong = (found < 0) & nonnegative
        if not wrong.any():
            return found
        kept &= ~wrong


def _newton(columns: Reals, right: Flags, penalty: Reals) -> Reals:
    found = np.zeros(columns.shape[1])
    for _ in range(_STEPS):
        expected = sigmoid(columns @ found)
        slope = columns.T @ (expected - right) + penalty * found
        curve = (columns * (expected * (1.0 - expected))[:, None]).T @ columns + np.diag(penalty)
        step = np.linalg.solve(curve, slope)
        longest = float(np.abs(step).max(initial=0.0))
        found -= step * min(1.0, _LONGEST_STEP / longest) if longest else 0.0
        if longest < 1e-10:
            break
    return found
