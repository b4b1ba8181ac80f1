"""The decider that fits what each teacher's confidence is worth, on the build's own truth.

    pass one   what the teachers say about a sample, as numbers (`factory.verify.said`)
    fit        a model and a threshold, on all samples with known truth (`factory.verify.fitted`)
    pass two   the probability that a sample's place is right, against the bar

No row judges itself: a sample is judged by the model that has not seen its author.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import polars as pl
from pydantic import Field

from factory.errors import RecipeError
from factory.plugins.contracts import Decider, Model
from factory.plugins.registry import check_settings, register
from factory.store.files import MAX_JSON_BYTES
from factory.verify.decide import CheckName
from factory.verify.drift import MAX_DRIFT
from factory.verify.fitted import Aim, Judged, fitted, judged, require_fit, transferred
from factory.verify.said import features_of, teachers_in
from schemas import Case, CheckResult, Label, Outcome, Verdict
from schemas.plain_json import read_json
from schemas.record import CALIBRATED
from schemas.settings import OptionalFile, Share, WitnessRef

Precision = Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)]
WitnessName = Annotated[str, WitnessRef()]
Radius = Annotated[float, Field(gt=0, allow_inf_nan=False)]


def _one_aim(settings: object) -> None:
    if getattr(settings, "target", None) is not None and getattr(settings, "promise", None) is not None:
        raise ValueError("`target` and `promise` are two ways to set one threshold: give one of them")


class _Bars(NamedTuple):
    min_probability: float
    suspect_from: float
    by_threshold: bool


@register("decider", CALIBRATED)
@check_settings(_one_aim)
def calibrated(
    *,
    target: Precision | None = None,
    promise: Precision | None = None,
    confidence: Precision = 0.95,
    min_probability: Share = 0.6,
    suspect_from: Share = 0.9,
    radius_km: Radius = 25.0,
    fitted_on: OptionalFile = None,
    witnesses: tuple[WitnessName, ...] = (),
    reject: tuple[CheckName, ...] = (),
) -> Decider:
    """Accepts what is probably right by what the teachers say, each on a scale fitted for it.

    Args:
        target: Precision that what is accepted shall have as counted on this build, judged without the truth. For any
            number of rows; unproven.
        promise: Precision that holds among rows of this kind with `confidence`. Nothing is accepted where too few rows
            are known to promise it: 0.98 at 0.95 takes at least 183 without an error.
        confidence: In what share of builds a promise holds.
        min_probability: Least probability of answers that are near the truth; below it they were lucky guesses, right
            against their own evidence. 0.6 is measured: on two sets of photos it keeps 171 of 174 rows that both
            teachers have right, and none of forty guesses moved onto the truth by hand; 0.5 let one of these through.
        suspect_from: Where answers are far from the truth, and at least two teachers give their place this probability,
            the truth is doubted: people look at it.
        radius_km: Within which a place is right, with the uncertainty of the truth, and two places are one. 25 is the
            tier city.
        fitted_on: `model.json` of an earlier build of the same teachers with the same target or promise and radius: its
            model and threshold are taken, and no place of this build is learnt from.
        witnesses: Names of witnesses whose word for or against a place is weighed, each by what it is worth on this
            build's known places; one that is worth nothing there has no weight. None vetoes.
        reject: A fail of one of these checks rejects; every other fail goes to people.

    A sample without a known place (`plan: {truth: unknown}`) gets that of the teacher with the highest probability as
    its label, and is accepted by the threshold alone, so it takes a target or a promise.

    What is neither accepted nor rejected goes to people, with `calibrated:REASON`: `lucky_guess`, `below_threshold`,
    `truth_suspect`, `no_confidence` (nobody names a place with a readable confidence), `not_fitted` (no sample of
    another author has a known place), `no_threshold` (the target is not reached or the promise cannot be made; the
    detail says how many rows there are and how many it takes), `drifted` (a teacher is as sure as none was that the
    model was fitted on, or another model answers for it). The finding's score is the probability.
    """
    bars = _Bars(min_probability, suspect_from, target is not None or promise is not None)
    aim = Aim(target=target, promise=promise, confidence=0.95 if promise is None else confidence)

    def features(case: Case, _checks: Sequence[CheckResult]) -> Mapping[str, float]:
        return features_of(case, radius_km=radius_km, witnesses=witnesses)

    def fit(frame: pl.DataFrame) -> Model:
        if fitted_on is None:
            return fitted(frame, radius_km=radius_km, aim=aim, witnesses=witnesses)
        model = _earlier(fitted_on, teachers_in(frame.columns), aim, radius_km, witnesses)
        return transferred(model, frame, name=Path(fitted_on).resolve().parent.name)

    def ready(teachers: Sequence[str]) -> None:
        if fitted_on is not None:
            _earlier(fitted_on, teachers, aim, radius_km, witnesses)

    def decide(checks: Sequence[CheckResult], known: Mapping[str, float], model: Model | None) -> Verdict:
        sample = None if model is None else judged(known, model)
        own = _finding(sample, model, bars)
        failed = [found for found in checks if found.outcome == "fail"]
        forgiven = "near_truth" if own.reason == "truth_suspect" else ""
        rejected = any(found.check in reject and found.check != forgiven for found in failed)
        against = failed if own.outcome == "pass" else [*failed, own]
        return Verdict(
            decision="reject" if rejected else "review" if against else "accept",
            reasons=tuple(dict.fromkeys(f"{found.check}:{found.reason}" for found in against)),
            checks=(*checks, own),
            label=_label(sample, radius_km),
        )

    return Decider(decide=decide, features=features, fit=fit, labels=bars.by_threshold, ready=ready)


def _earlier(path: str, teachers: Sequence[str], aim: Aim, radius_km: float, witnesses: Sequence[str]) -> Model:
    """The model of an earlier build. Raises RecipeError when there is none that fits this one."""
    try:
        file = Path(path)
        if (size := file.stat().st_size) > MAX_JSON_BYTES:
            raise ValueError(f"{size:,} bytes, at most {MAX_JSON_BYTES:,} are read")
        model: Model = read_json(file.read_bytes())
        require_fit(model, teachers, aim=aim, radius_km=radius_km, witnesses=witnesses)
        return model
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RecipeError(f"verify.decide.fitted_on: {path}: no model for this build: {error}") from None


def _label(sample: Judged | None, radius_km: float) -> Label | None:
    """The most probable place, for a sample without a known one."""
    if sample is None or sample.known or sample.best is None:
        return None
    chance, teacher = sample.best
    return Label(teacher=teacher, probability=chance, radius_km=radius_km)


def _finding(sample: Judged | None, model: Model | None, bars: _Bars) -> CheckResult:
    """What the model says of a sample, as one of its checks."""
    if model is None or sample is None or not sample.fitted:
        return _abstains("not_fitted", "no sample of another author has a known place to learn from")
    if sample.best is None:
        return _abstains("no_confidence", "no teacher names a place with a confidence that can be read")
    if sample.known and (doubt := _against_truth(sample, bars.suspect_from)) is not None:
        return doubt
    chance, teacher = sample.best
    foreign = not sample.known or model["fitted_on"] is not None
    if foreign and (odd := _drifted(sample, model)) is not None:
        return _abstains("drifted", odd, chance)
    if not sample.known and not bars.by_threshold:
        return _abstains("no_threshold", "its place is unknown, and no `target` or `promise` is asked", chance)
    if bars.by_threshold:
        threshold = model["threshold"]
        if threshold["score"] is None:
            return _abstains("no_threshold", threshold["words"], chance)
        if chance < threshold["score"]:
            return _compared("fail", "below_threshold", chance, threshold["score"], f"{teacher}'s place")
    if not any(sample.right):
        return _compared("pass", "probable", chance, bars.min_probability, f"{teacher}'s place")
    return _not_lucky(sample, bars.min_probability)


def _drifted(sample: Judged, model: Model) -> str | None:
    """What keeps the model's probabilities from meaning here what they meant where it was fitted."""
    if sample.strangers:
        return f"another model answers as {sample.strangers[0]} than any that it was fitted on"
    far = max(zip(model["drift"], sample.teachers, strict=True), default=None)
    if far is None or far[0] <= MAX_DRIFT:
        return None
    return f"{far[1]} is otherwise sure than where it was fitted: stability index {far[0]:.2f}, at most {MAX_DRIFT:g}"


def _against_truth(sample: Judged, suspect_from: float) -> CheckResult | None:
    """Two teachers or more whose place is as good as certain, and nobody near the truth."""
    sure = [
        (chance, name)
        for chance, name in zip(sample.probabilities, sample.teachers, strict=True)
        if chance >= suspect_from
    ]
    if len(sure) < 2 or any(sample.right):
        return None
    names = " and ".join(name for _, name in sure)
    return _abstains("truth_suspect", f"{names} name a place far from the truth with this probability", min(sure)[0])


def _not_lucky(sample: Judged, least: float) -> CheckResult:
    """Whether the answers near the truth, any of which may be released, were probable by what the teachers say."""
    near = [
        (chance, name)
        for chance, name, right in zip(sample.probabilities, sample.teachers, sample.right, strict=True)
        if right
    ]
    silent = [name for chance, name in near if not chance >= 0]
    if silent:
        return _abstains("no_confidence", f"{silent[0]} is near the truth, and how sure it is cannot be read")
    chance, teacher = min(near)
    if chance >= least:
        return _compared("pass", "probable", chance, least, f"{teacher}'s place")
    return _compared("fail", "lucky_guess", chance, least, f"{teacher}'s place, right against its own evidence")


def _abstains(reason: str, detail: str, score: float | None = None) -> CheckResult:
    return CheckResult(check=CALIBRATED, outcome="abstain", reason=reason, score=score, detail=detail)


def _compared(outcome: Outcome, reason: str, score: float, threshold: float, detail: str) -> CheckResult:
    return CheckResult(
        check=CALIBRATED,
        outcome=outcome,
        reason=reason,
        score=score,
        threshold=threshold,
        detail=f"{detail}: {score:.3f}",
    )
