"""The model that `calibrated` fits on a whole build, and a sample's probabilities by it. Plain JSON in between."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import nan
from typing import Any, Final

import numpy as np
import orjson
import polars as pl

from factory.plugins.contracts import Model
from factory.verify.calibration import Calibration, best, probabilities
from factory.verify.cross_fit import FOLDS, cross_fit, cross_scored, part_of
from factory.verify.drift import drift, models_of, stated
from factory.verify.logistic import Flags, Reals
from factory.verify.said import Read, read, teachers_in
from factory.verify.threshold import Threshold, aimed, promised

VERSION: Final = 2
"""Of the model's JSON. Version 1 did not say what it was fitted on (`models`, `stated`, `drift`)."""
CURVE_POINTS: Final = 50
BINS: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """What the accepted rows shall be worth."""

    target: float | None = None
    promise: float | None = None
    confidence: float = 0.95

    def __str__(self) -> str:
        if self.promise is not None:
            return f"`promise: {self.promise:g}`, `confidence: {self.confidence:g}`"
        return "no target" if self.target is None else f"`target: {self.target:g}`"


@dataclass(frozen=True, slots=True)
class Judged:
    """One sample by a fitted model."""

    teachers: tuple[str, ...]
    probabilities: tuple[float, ...]
    """That each teacher's place is right; nan where it names none with a readable confidence."""
    right: tuple[bool, ...]
    """Whether it is, where `known`."""
    known: bool
    fitted: bool
    """False where no model could be fitted without the sample's own group."""
    strangers: tuple[str, ...] = ()
    """Teachers behind whom another model answered than any that it was fitted on."""

    @property
    def best(self) -> tuple[float, str] | None:
        """The highest probability and whose place it is."""
        known = [(chance, name) for chance, name in zip(self.probabilities, self.teachers, strict=True) if chance >= 0]
        return max(known, key=lambda one: one[0], default=None)


def fitted(frame: pl.DataFrame, *, radius_km: float, aim: Aim, witnesses: Sequence[str] = ()) -> Model:
    """A model of the samples whose truth is known, as JSON values.

    Args:
        frame: features of `factory.verify.said` by sample, sorted by id.
        radius_km: within which places are right and the same.
        aim: the threshold that is looked for, if any.
        witnesses: whose word is fitted, too; a model of some has `witnesses` with their names.

    Returns:
        `teachers`, `rows` (with known truth), `groups` (among them), `parts` (a model each, null where there are no
        rows of other groups), `threshold` (null without an aim), `curve` and `reliability` (for people: what every
        threshold accepts and how much of it is right; how often rows of a probability are right), `models` and `stated`
        (whose answers they are, and how sure: for `transferred`), `drift` (how far samples without a known place are
        stated otherwise) and `fitted_on` (null: on this build).
    """
    teachers = teachers_in(frame.columns)
    every = read(frame, teachers, witnesses)
    known = _only(every, every.known)
    parts = part_of(known.groups)
    models = cross_fit(known.said, known.right, parts, radius_km=radius_km)
    scores, which = best(cross_scored(known.said, parts, models))
    right = known.right[np.arange(len(which)), which] & (which >= 0) if teachers else which >= 0
    return {
        "version": VERSION,
        "teachers": teachers,
        "rows": len(scores),
        "groups": len(np.unique(known.groups)),
        "parts": [None if model is None else model.plain() for model in models],
        "threshold": _threshold(scores, right, known.groups, aim),
        "curve": _curve(scores, right),
        "reliability": _reliability(scores, right),
        "models": models_of(known),
        "stated": stated(known.said),
        "drift": drift(stated(known.said), _only(every, ~every.known).said),
        "fitted_on": None,
        **({"witnesses": list(witnesses)} if witnesses else {}),
    }


def transferred(model: Model, frame: pl.DataFrame, *, name: str) -> Model:
    """A model of an earlier build for the samples of this one, whose truth it does not look at.

    Args:
        model: what `fitted` returned there; see `require_fit`.
        name: what is kept of where it comes from.
    """
    teachers = list(model["teachers"])
    return {**model, "drift": drift(model["stated"], read(frame, teachers, heard_by(model)).said), "fitted_on": name}


def heard_by(model: Model) -> list[str]:
    """The witnesses whose word a model weighs."""
    return list(model.get("witnesses", ()))


def require_fit(
    model: Model, teachers: Sequence[str], *, aim: Aim, radius_km: float, witnesses: Sequence[str] = ()
) -> None:
    """Raises ValueError, KeyError or TypeError when this is no model that `fitted` returned, or one of other teachers,
    of another radius within which a place is right, or of another aim than its threshold was looked for with: the rows
    that it was counted on stay where they were."""
    if not isinstance(model, dict) or not {"parts", "teachers", "threshold", "models", "stated"} <= model.keys():
        raise ValueError("it is no `model.json` that `calibrated` fitted")
    parts = _opened(orjson.dumps(model["parts"]), len(model["teachers"]), len(heard_by(model)), model.get("version"))
    if odd := {part.radius_km for part in parts if part is not None} - {radius_km}:
        raise ValueError(f"was made with `radius_km: {min(odd):g}`, and this recipe has `radius_km: {radius_km:g}`")
    if sorted(model["teachers"]) != sorted(teachers):
        was, are = _listed(model["teachers"]), _listed(sorted(teachers))
        raise ValueError(f"is of the teachers {was}; those of this build are {are}")
    if heard_by(model) != list(witnesses):
        heard, asked = _listed(heard_by(model)), _listed(witnesses)
        raise ValueError(f"weighs the witnesses {heard}; this recipe's decider the witnesses {asked}")
    had = _aim_of(model["threshold"])
    if had != aim:
        raise ValueError(
            f"was made with {had}, and this recipe has {aim}; build it again with the same, without a call"
        )


def _aim_of(threshold: Mapping[str, Any] | None) -> Aim:
    if threshold is None:
        return Aim()
    given = {threshold["kind"]: threshold["asked"]}
    return Aim(**given) if threshold["confidence"] is None else Aim(**given, confidence=threshold["confidence"])


def judged(features: Mapping[str, float], model: Model) -> Judged:
    """A sample's probabilities by the model that has not seen its group.

    Raises ValueError for JSON that is no model.
    """
    teachers, heard = tuple(model["teachers"]), heard_by(model)
    models = _opened(orjson.dumps(model["parts"]), len(teachers), len(heard), model.get("version"))
    one = read(features, teachers, heard)
    calibration = models[int(part_of(one.groups)[0])]
    right, known = tuple(one.right[0].tolist()), bool(one.known[0])
    if calibration is None:
        return Judged(teachers, (nan,) * len(teachers), right, known, fitted=False)
    chances = tuple(probabilities(one.said, calibration)[0].tolist())
    answered = zip(teachers, one.models[0], model["models"], strict=True)
    strangers = tuple(name for name, number, known_models in answered if number >= 0 and number not in known_models)
    return Judged(teachers, chances, right, known, fitted=True, strangers=strangers)


@lru_cache(maxsize=4)
def _opened(parts: bytes, teachers: int, witnesses: int, version: Any) -> tuple[Calibration | None, ...]:
    plain = orjson.loads(parts)
    if version != VERSION or len(plain) != FOLDS:
        raise ValueError(f"no fitted model: version {version!r} with {len(plain)} parts, expected {VERSION}, {FOLDS}")
    return tuple(None if part is None else Calibration.read(part, teachers, witnesses) for part in plain)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "nobody"


def _only(every: Read, which: Flags) -> Read:
    return Read(
        every.said.rows(which), every.right[which], every.known[which], every.groups[which], every.models[which]
    )


def _threshold(scores: Reals, right: Flags, groups: Reals, aim: Aim) -> dict[str, Any] | None:
    found: Threshold | None = None
    if aim.target is not None:
        found = aimed(scores, right, target=aim.target)
    elif aim.promise is not None:
        found = promised(scores, right, groups, promise=aim.promise, confidence=aim.confidence)
    return None if found is None else found.plain()


def _curve(scores: Reals, right: Flags) -> list[dict[str, float]]:
    """What the thresholds between the strictest and none accept: at most `CURVE_POINTS`, evenly spread over rows."""
    order = np.argsort(-scores, kind="stable")
    order = order[scores[order] >= 0]
    ends = np.flatnonzero(np.append(scores[order][1:] < scores[order][:-1], True)) + 1 if len(order) else order
    chosen = ends[np.unique(np.linspace(0, len(ends) - 1, CURVE_POINTS).round().astype(int))] if len(ends) else ends
    hits = np.cumsum(right[order])
    return [
        {"score": round(float(scores[order[n - 1]]), 6), "accepted": int(n), "right": int(hits[n - 1])} for n in chosen
    ]


def _reliability(scores: Reals, right: Flags) -> list[dict[str, float]]:
    """Rows by their probability, `BINS` of equal width: how many, their mean probability, how many are right."""
    places = np.minimum((scores * BINS).astype(int), BINS - 1)
    return [
        {
            "rows": int(mine.sum()),
            "mean": round(float(scores[mine].mean()), 6),
            "right": int(right[mine].sum()),
        }
        for place in range(BINS)
        if (mine := (places == place) & (scores >= 0)).any()
    ]
