"""From what teachers say to the probability that a place is right. No truth enters but through `right`, and no check.

Two steps with few parameters. Each teacher's stated confidence is a scale of its own, so each has a monotone map from
it to probability (beta calibration). A candidate, one teacher's place, is then judged by its own mapped confidence, by
the teachers that name a place near it and by those that name another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from factory.verify.logistic import Flags, Reals, fit_logistic, log_odds, sigmoid

MAX_FITTED: Final = 5_000
"""Rows a model is fitted on; of more, every n-th in the order given. So few parameters gain nothing from others."""

_STATED: Final = (0.005, 0.995)
"""Stated confidences are read within these: teachers write 0 and 1, which have no log odds."""
_MAPPED: Final = (0.002, 0.998)
"""No teacher's word alone is worth more: 1 in 500."""
_MAP_PENALTY: Final = np.array([0.01, 0.7, 0.7])
_WEIGHT_PENALTY: Final = np.array([0.01, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0])
"""Ridge penalties, the constants nearly free. Of penalties from 0.01 to 3 these had the least held-out log loss on 215
photos of four teachers; docs/acceptance.md has the figures, also of isotonic maps, which lost."""
_WITNESS_PENALTY: Final = 1.0
"""Of a witness's weight: as of the others. What speaks for a place never makes it less probable: a witness whose word
is worth nothing on the rows with a known place has no weight at all."""
_MAP_SIGNS: Final = np.array([False, True, True])
_WEIGHT_SIGNS: Final = np.array([False, True, False, True, False, True, True, True])
"""More confidence never makes a place less probable, nor does a more confident teacher that agrees; one that disagrees
never makes it more probable."""


@dataclass(frozen=True, slots=True)
class Said:
    """What the teachers say about rows, as arrays; nan is what was not said or could not be read."""

    confidence: Reals
    """(rows, teachers) stated, 0 to 1."""
    level: Reals
    """(rows, teachers) how fine the named place is: 1 city, 0.5 region, 0 country or nothing."""
    placed: Flags
    """(rows, teachers) whether the teacher gives a place at all."""
    apart_km: Reals
    """(rows, teachers, teachers) kilometres between two teachers' places."""
    support: Reals
    """(rows, teachers, witnesses) how far each witness speaks for the place, -1 to 1; nan where it says nothing."""

    def rows(self, which: npt.NDArray[Any]) -> Said:
        """The rows of a mask or of positions."""
        return Said(
            self.confidence[which], self.level[which], self.placed[which], self.apart_km[which], self.support[which]
        )

    @property
    def candidates(self) -> Flags:
        """(rows, teachers) whose place can be given a probability: there is one, and a confidence with it."""
        return self.placed & ~np.isnan(self.confidence)


@dataclass(frozen=True, slots=True)
class Calibration:
    """A fitted model."""

    maps: Reals
    """(teachers, 3): log odds = constant + a ln c - b ln(1 - c) of the stated confidence c."""
    weights: Reals
    """(8 + witnesses,) of the columns of `_columns`."""
    radius_km: float

    def plain(self) -> dict[str, Any]:
        """As JSON values, to twelve decimals: the last bits differ between processors."""
        return {
            "maps": np.round(self.maps, 12).tolist(),
            "weights": np.round(self.weights, 12).tolist(),
            "radius_km": self.radius_km,
        }

    @classmethod
    def read(cls, plain: Mapping[str, Any], teachers: int, witnesses: int = 0) -> Calibration:
        """A model from its JSON. Raises ValueError when it is none for so many teachers and witnesses."""
        try:
            maps = np.asarray(plain["maps"], dtype=np.float64)
            weights = np.asarray(plain["weights"], dtype=np.float64)
            radius_km = float(plain["radius_km"])
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"no calibration: {error!r}") from None
        whole = np.isfinite(maps).all() and np.isfinite(weights).all() and np.isfinite(radius_km)
        if maps.shape != (teachers, 3) or weights.shape != (len(_WEIGHT_PENALTY) + witnesses,) or not whole:
            raise ValueError(f"no calibration of {teachers} teachers: maps {maps.shape}, weights {weights.shape}")
        return cls(maps, weights, radius_km)


def fit(said: Said, right: Flags, *, radius_km: float) -> Calibration | None:
    """A model of rows whose truth is known.

    Args:
        right: (rows, teachers) whether the place of each teacher is right.
        radius_km: within which two places are the same; more than 0.

    Returns:
        None where no teacher's place can be judged: there is nothing to learn from.
    """
    if len(right) > MAX_FITTED:
        few = thinned(np.arange(len(right)))
        said, right = said.rows(few), right[few]
    candidates = said.candidates
    if not candidates.any():
        return None
    maps = np.zeros((right.shape[1], 3))
    for teacher, known in enumerate(candidates.T):
        if known.any():
            columns = _powers(said.confidence[known, teacher])
            maps[teacher] = fit_logistic(columns, right[known, teacher], penalty=_MAP_PENALTY, nonnegative=_MAP_SIGNS)
    mapped = _mapped(said, maps)
    columns = np.concatenate([_columns(said, mapped, n, radius_km)[known] for n, known in enumerate(candidates.T)])
    outcomes = np.concatenate([right[known, n] for n, known in enumerate(candidates.T)])
    heard = said.support.shape[2]
    penalty = np.append(_WEIGHT_PENALTY, np.full(heard, _WITNESS_PENALTY))
    signs = np.append(_WEIGHT_SIGNS, np.ones(heard, dtype=np.bool_))
    weights = fit_logistic(columns, outcomes, penalty=penalty, nonnegative=signs)
    return Calibration(maps, weights, radius_km)


def thinned(positions: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """At most `MAX_FITTED` of some rows, evenly spread."""
    return positions[:: max(1, -(-len(positions) // MAX_FITTED))]


def probabilities(said: Said, model: Calibration) -> Reals:
    """(rows, teachers) that the place of each teacher is right; nan where it gives none, or no confidence."""
    mapped = _mapped(said, model.maps)
    found = np.full(said.confidence.shape, np.nan)
    for teacher, known in enumerate(said.candidates.T):
        found[known, teacher] = sigmoid(_columns(said, mapped, teacher, model.radius_km)[known] @ model.weights)
    return found


def best(found: Reals) -> tuple[Reals, npt.NDArray[np.int64]]:
    """(rows,) the highest probability of each row and the position of the teacher whose place it is; of equals the
    first. -1 for both where there is no candidate."""
    if not found.shape[1]:
        return np.full(len(found), -1.0), np.full(len(found), -1)
    known = np.nan_to_num(found, nan=-1.0)
    highest = known.max(axis=1)
    return highest, np.where(highest < 0, -1, known.argmax(axis=1))


def _powers(confidence: Reals) -> Reals:
    """The columns of beta calibration (Kull, Silva Filho and Flach 2017): 1, ln c, -ln(1 - c)."""
    stated = np.clip(confidence, *_STATED)
    return np.stack([np.ones_like(stated), np.log(stated), -np.log1p(-stated)], axis=1)


def _mapped(said: Said, maps: Reals) -> Reals:
    """(rows, teachers) log odds of being right by each teacher's own word; nan where it states no confidence."""
    found = np.full(said.confidence.shape, np.nan)
    for teacher, known in enumerate(~np.isnan(said.confidence.T)):
        chances = sigmoid(_powers(said.confidence[known, teacher]) @ maps[teacher])
        found[known, teacher] = log_odds(np.clip(chances, *_MAPPED))
    return found


def _columns(said: Said, mapped: Reals, teacher: int, radius_km: float) -> Reals:
    """(rows, 8 + witnesses) what a teacher's place is judged by: 1; its own log odds; how many others agree, and the
    best of their log odds; how many disagree, the best of theirs (negated) and how far off the nearest of them is
    (negated log of radii); how fine a place it names; how far each witness speaks for it.

    A voice without a readable confidence still disagrees, by its place; agreeing, it counts for nothing.
    """
    others = [other for other in range(mapped.shape[1]) if other != teacher]
    apart, odds = said.apart_km[:, teacher, others], mapped[:, others]
    agree = (apart <= radius_km) & ~np.isnan(odds)
    disagree = apart > radius_km
    known = np.nan_to_num(odds)
    agreeing = np.where(agree, known, -np.inf).max(axis=1, initial=-np.inf)
    against = np.where(disagree, known, -np.inf).max(axis=1, initial=-np.inf)
    nearest = np.where(disagree, apart, np.inf).min(axis=1, initial=np.inf)
    distance = np.where(np.isfinite(nearest), np.log(np.maximum(nearest, radius_km) / radius_km), 0.0)
    return np.stack(
        [
            np.ones(len(mapped)),
            np.nan_to_num(mapped[:, teacher]),
            agree.sum(axis=1).astype(np.float64),
            np.where(np.isfinite(agreeing), agreeing, 0.0),
            disagree.sum(axis=1).astype(np.float64),
            np.where(np.isfinite(against), -np.logaddexp(0.0, against), 0.0),
            -distance,
            np.nan_to_num(said.level[:, teacher]),
            *np.nan_to_num(said.support[:, teacher]).T,
        ],
        axis=1,
    )
