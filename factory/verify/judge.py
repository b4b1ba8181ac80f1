"""What the checks decide for the samples of a shard, from stored answers. No call is made and no file written.

    answers -> located (measured against the truth) -> checks -> [features, fitted model] -> decider -> gates -> verdict

The gates behind the decider fail closed: a row that states a place must have been measured against the truth, no check
may have stopped at a statement nobody can read or at a doubt of the truth itself, the family must have a row to make,
and its messages must be a conversation that shows the row's pictures and does not tell the truth before it should.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from pydantic import BaseModel

from factory.errors import PluginFault
from factory.generators.labelled import labelled
from factory.plugins import promises
from factory.plugins.blocks import Call, settings_at
from factory.plugins.contracts import Decider, Generator, Model
from factory.plugins.registry import Kind, plugin
from factory.recipe.model import Recipe, teacher_settings
from factory.store.cases import IMAGE_CHECK, AnsweredSample, case_of, nothing_to_check
from factory.verify.checks import run_check, run_decider
from factory.verify.label import Names, Point, contradiction, placed_label
from factory.verify.locate import locate, place_queries, resolve
from factory.verify.messages import truth_told
from factory.verify.near_truth import nearness
from schemas import Case, CheckResult, Label, Sample, Verdict
from schemas.record import DOUBTS
from schemas.rows.messages import message_faults

Rows = Sequence[Mapping[str, Any]]
"""What a family makes of one sample."""
NEAR_TRUTH: Final = "near_truth"
"""The check that measures a stated place against the truth."""
LABEL_CHECK: Final = "label"
"""Name under which what is wrong with a pseudo-label stands among a row's checks."""
ROW_CHECK: Final = "row"
"""Name under which an accepted sample that makes no releasable row stands among a row's checks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """A recipe's rules, ready to be applied."""

    generator: Generator
    checks: tuple[tuple[str, BaseModel], ...] = ()
    decider: Decider | None = None
    """None where the recipe has no `verify`: what decodes is accepted."""
    decider_name: str = ""
    asks: bool = True
    worldview: str = "default"


def judge_of(recipe: Recipe, root: Path = Path()) -> Judge:
    """The rules of a recipe. `root` is the folder from which its relative paths start; no file is read yet."""
    from factory.generators import open_generator

    generator = open_generator(recipe.generator, root)
    rules = Judge(generator=generator, asks=generator.needs.calls[1] > 0, worldview=recipe.geo.worldview)
    if recipe.verify is None:
        return rules
    decide = recipe.verify.decide
    decider = promises.opened("decider", decide.name, Decider, **dict(settings_at(decide.settings, root)))
    checks = tuple((check.name, settings_at(check.settings, root)) for check in recipe.verify.checks)
    return replace(rules, checks=checks, decider=decider, decider_name=decide.name)


def require_ready(recipe: Recipe, root: Path) -> None:
    """Raises what the recipe's decider has against it, and what its generator and its checks have against a file that
    they name, before anybody is paid."""
    for kind, call in _reading(recipe):
        look = getattr(plugin(kind, call.name).function, "before_asking", None)
        if look is not None:
            look(settings_at(call.settings, root))
    decider = judge_of(recipe, root).decider
    if decider is not None and decider.ready is not None:
        settings = map(teacher_settings, recipe.teachers)
        decider.ready([teacher.name for teacher in settings if teacher.role == "answer"])


def _reading(recipe: Recipe) -> Iterator[tuple[Kind, Call]]:
    yield "generator", recipe.generator
    for check in () if recipe.verify is None else recipe.verify.checks:
        yield "check", check


def located_cases(answered: Sequence[tuple[Sample, AnsweredSample]], judge: Judge) -> list[Case]:
    """Every answer measured against the truth, in plan order; names are resolved once for all of them."""
    said = [answer for _, found in answered for answer in found.answers]
    places = resolve(place_queries(said), worldview=judge.worldview)
    cases = [case_of(sample, found, locate(sample, found.answers, places)) for sample, found in answered]
    return [_with_nearness(case, judge) for case in cases]


def examine(case: Case, judge: Judge) -> tuple[CheckResult, ...]:
    """What each check finds. Raises PluginFault when one raises."""
    return tuple(run_check(name, settings, case) for name, settings in judge.checks)


def unjudgeable(found: AnsweredSample, judge: Judge) -> Verdict | None:
    """The verdict of a sample without a usable picture or without any usable answer: there is nothing to check."""
    reasons = nothing_to_check(found, asked=judge.asks)
    if not reasons:
        return None
    refusals = tuple(
        CheckResult(check=IMAGE_CHECK, outcome="fail", reason=photo.refused, detail=photo.detail)
        for photo in found.photos
        if photo.refused is not None
    )
    return Verdict(decision="quarantine", reasons=reasons, checks=refusals)


def features_of(case: Case, checks: Sequence[CheckResult], judge: Judge) -> Mapping[str, float]:
    """What the decider knows a sample by. Raises PluginFault when it raises."""
    assert judge.decider is not None and judge.decider.features is not None
    try:
        return promises.numbers(judge.decider.features(case, checks))
    except Exception as error:
        raise PluginFault(
            f"decider `{judge.decider_name}` failed on sample `{case.sample.id}`: {type(error).__name__}: {error}. "
            "This is a fault of the decider, not of the sample: mend it; stored answers are kept"
        ) from error


def decide(
    case: Case,
    checks: Sequence[CheckResult],
    judge: Judge,
    model: Model | None,
    rows: Rows | None = None,
    names: Mapping[Point, Names] = MappingProxyType({}),
    held: CheckResult | None = None,
) -> Case:
    """The case with its verdict.

    Args:
        rows: what the family's `records` made of the sample, where it makes its rows at once.
        names: of the points that its answers state, where the sample's own place is unknown (`names_of`).
        held: what keeps it from being released, whoever accepts it (`factory.verify.people`).
    """
    if judge.decider is None:
        verdict = Verdict(decision="accept", reasons=(), checks=tuple(checks))
    else:
        features = features_of(case, checks, judge) if judge.decider.features is not None else {}
        verdict = run_decider(judge.decider, judge.decider_name, case, checks, features, model)
        verdict = replace(verdict, label=_label(case, verdict.label, judge, names))
    case = replace(case, verdict=verdict)
    unreleasable = held or _unreleasable(labelled(case), judge, rows)
    if unreleasable is not None:
        verdict = replace(verdict, unreleasable=unreleasable.reason)
    failed = _in_doubt(checks) or _unmeasured(case, checks, judge) or unreleasable
    if verdict.decision == "accept" and failed is not None:
        listed = verdict.checks if failed in verdict.checks else (*verdict.checks, failed)
        reasons = (*verdict.reasons, f"{failed.check}:{failed.reason}")
        verdict = replace(verdict, decision="review", reasons=reasons, checks=listed)
    return replace(case, verdict=verdict)


def _with_nearness(case: Case, judge: Judge) -> Case:
    """The case with each answer measured by itself, where `near_truth` is among the checks."""
    settings = next((settings for name, settings in judge.checks if name == NEAR_TRUTH), None)
    if settings is None:
        return case
    found = nearness(case, **vars(settings))
    combined = found[-1] if case.combined is not None else None
    return replace(case, answers=found[: len(case.answers)], combined=combined)


def _in_doubt(checks: Sequence[CheckResult]) -> CheckResult | None:
    """The check that abstained for a reason that speaks against the row, in any family."""
    return next((found for found in checks if found.outcome == "abstain" and found.reason in DOUBTS), None)


def _label(case: Case, label: Label | None, judge: Judge, names: Mapping[Point, Names]) -> Label | None:
    """The decider's label with its place; none for a sample whose place is known."""
    if label is None or case.sample.placed:
        return None
    try:
        return placed_label(case, label, names)
    except ValueError as error:
        raise PluginFault(f"decider `{judge.decider_name}` on sample `{case.sample.id}`: {error}") from error


def _unmeasured(case: Case, checks: Sequence[CheckResult], judge: Judge) -> CheckResult | None:
    """Why a stated place counts as unmeasured: `near_truth` abstained, or is not among the checks. Where there is no
    truth to measure with, the decider's label must not contradict what the source says."""
    if not judge.generator.states_place:
        return None
    label = None if case.verdict is None else case.verdict.label
    if not case.sample.placed and label is not None:
        odd = contradiction(case.sample, label)
        if odd is None:
            return None
        return CheckResult(check=LABEL_CHECK, outcome="fail", reason="country_differs", detail=odd)
    found = next((check for check in checks if check.check == NEAR_TRUTH), None)
    if found is None:
        detail = "rows of this family state a place, and no check measured it against the truth"
        return CheckResult(check=NEAR_TRUTH, outcome="abstain", reason="not_measured", detail=detail)
    return None if found.outcome == "pass" else found


def _unreleasable(case: Case, judge: Judge, rows: Rows | None) -> CheckResult | None:
    """What keeps a sample from becoming a row, whoever accepts it. The case is a labelled one."""
    generator = judge.generator
    if generator.states_place and not case.sample.placed:
        detail = "its place is unknown, and no answer names one with a confidence that can be read"
        return CheckResult(check=LABEL_CHECK, outcome="fail", reason="no_place", detail=detail)
    if generator.record is not None:
        try:
            rows = promises.rows(generator.record(case))
        except Exception as error:
            raise _family_fault(generator, "`record`", case, error) from error
    if not rows:
        detail = "the family makes no row of it"
        return CheckResult(check=ROW_CHECK, outcome="fail", reason="nothing_to_release", detail=detail)
    pictures = sum(image.embed and image.role in generator.needs.shown for image in case.sample.images)
    for row in rows:
        try:
            unsound = next(message_faults(row["messages"], pictures), None)
            told = truth_told(row["messages"], case.sample, generator.row.truth_in_messages)
        except (KeyError, TypeError, AttributeError) as error:
            raise _family_fault(generator, "the `messages` of a row", case, error) from error
        if unsound is not None:
            return CheckResult(check=ROW_CHECK, outcome="fail", reason="unsound_messages", detail=f"a row {unsound}")
        if told is not None:
            return CheckResult(check=ROW_CHECK, outcome="fail", reason="tells_the_truth", detail=told)
    return None


def _family_fault(generator: Generator, what: str, case: Case, error: Exception) -> PluginFault:
    return PluginFault(
        f"generator `{generator.name}` failed in {what} on sample `{case.sample.id}`: {type(error).__name__}: {error}. "
        "This is a fault of the generator, not of the sample: mend it; stored answers are kept"
    )
