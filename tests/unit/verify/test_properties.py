"""What holds of every check, for any answers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from factory.plugins.contracts import Generator
from factory.plugins.registry import plugin
from factory.verify import grounded, localizable, near_truth, rules, teachers_agree
from factory.verify.judge import Judge, decide, examine
from schemas import Answered, Case, CheckResult, GeoAnswer, LocatedAnswer, Sample
from schemas.record import DOUBTS
from schemas.rows.messages import message
from schemas.rows.mp16_reason import ROW

CHECKS = ("localizable", "near_truth", "teachers_agree", "grounded", "no_leak")
CLUES = ("red tram", "white tram number 5", "palm tree", "sign «КАЗАНЬ»", "no sign", "")
SHARE = st.floats(0, 1)
KM = st.floats(0, 20_000)


@st.composite
def located_answers(draw: st.DrawFn, teacher: str) -> LocatedAnswer:
    if draw(st.integers(0, 4)) == 0:
        answered = Answered(teacher=teacher, model="m", failure="refused")
        return LocatedAnswer(answered=answered)
    point = draw(st.one_of(st.none(), st.tuples(st.floats(-90, 90), st.floats(-180, 180))))
    answer = GeoAnswer(
        localizable=draw(st.booleans()),
        confidence=draw(st.one_of(st.none(), SHARE)),
        clues=[{"text": text} for text in draw(st.lists(st.sampled_from(CLUES), max_size=4))],
        reasoning=draw(st.sampled_from(("", "A red tram by a palm.", "The EXIF says 5."))),
        city=draw(st.sampled_from((None, "Kazan", "Perm"))),
        country=draw(st.sampled_from((None, "Russia", "Chad"))),
        lat=point[0] if point else None,
        lon=point[1] if point else None,
    )
    return LocatedAnswer(
        answered=Answered(teacher=teacher, model="m", place=answer),
        country_code=draw(st.sampled_from((None, "RU", "TD"))),
        country_correct=draw(st.sampled_from((None, True, False))),
        named_level=draw(st.sampled_from((None, "city", "region", "country"))),
        distance_km=draw(KM) if point else None,
        named_distance_km=draw(st.one_of(st.none(), KM)),
    )


CASES = st.builds(
    lambda one, other, uncertainty: Case(
        sample=Sample(id="s-0001", lat=55.79, lon=49.12, uncertainty_km=uncertainty),
        answers=(one, other),
    ),
    located_answers("a"),
    located_answers("b"),
    st.floats(0, 50),
)
SAYS = [message("user", "Where?"), message("assistant", "Kazan.")]
FREE = Generator(name="free", version="1", row=ROW, record=lambda _case: ({"messages": SAYS},))
"""A family that states no place and makes a row of anything: what the checks say stands."""
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def run(name: str, case: Case, **given_settings: Any) -> CheckResult:
    result = plugin("check", name).function(case, **given_settings)
    assert isinstance(result, CheckResult)
    return result


@pytest.mark.parametrize("name", CHECKS)
@QUICK
@given(case=CASES)
def test_the_order_of_the_teachers_does_not_matter(name: str, case: Case) -> None:
    swapped = Case(sample=case.sample, answers=case.answers[::-1])
    one, other = run(name, case), run(name, swapped)
    assert (one.outcome, one.score, one.threshold) == (other.outcome, other.score, other.threshold)


@pytest.mark.parametrize("name", CHECKS)
@QUICK
@given(case=CASES)
def test_a_failed_call_never_fails_a_check(name: str, case: Case) -> None:
    nobody = Answered(teacher="c", model="m", failure="exhausted")
    before = run(name, case)
    after = run(name, Case(sample=case.sample, answers=(*case.answers, LocatedAnswer(answered=nobody))))
    assert (before.outcome, before.score) == (after.outcome, after.score)
    alone = run(name, Case(sample=case.sample, answers=(LocatedAnswer(answered=nobody),)))
    assert alone.outcome == "abstain"


@pytest.mark.parametrize("name", CHECKS)
@QUICK
@given(case=CASES)
def test_results_are_well_formed(name: str, case: Case) -> None:
    result = run(name, case)
    assert result.check == name
    assert result.reason
    assert "\n" not in result.detail
    if name in ("localizable", "teachers_agree", "grounded") and result.score is not None:
        assert 0.0 <= result.score <= 1.0


@QUICK
@given(CASES, SHARE, SHARE)
def test_a_stricter_confidence_never_turns_a_fail_into_a_pass(case: Case, one: float, other: float) -> None:
    low, high = sorted((one, other))
    for teachers in ("all", "any", "mean"):
        lenient = localizable(case, min_confidence=low, teachers=teachers)
        strict = localizable(case, min_confidence=high, teachers=teachers)
        assert not (lenient.outcome == "fail" and strict.outcome == "pass")


@QUICK
@given(CASES, KM, KM)
def test_a_larger_radius_never_turns_a_pass_into_a_fail(case: Case, one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert not (
        near_truth(case, radius_km=low).outcome == "pass" and near_truth(case, radius_km=high).outcome == "fail"
    )
    narrow = teachers_agree(case, radius_km=low, min_clue_overlap=0.0)
    wide = teachers_agree(case, radius_km=high, min_clue_overlap=0.0)
    assert not (narrow.outcome == "pass" and wide.outcome == "fail")


@QUICK
@given(CASES, SHARE, SHARE)
def test_a_stricter_share_never_turns_a_fail_into_a_pass(case: Case, one: float, other: float) -> None:
    low, high = sorted((one, other))
    pairs = [
        (teachers_agree(case, min_clue_overlap=low), teachers_agree(case, min_clue_overlap=high)),
        (grounded(case, min_precision=low), grounded(case, min_precision=high)),
        (grounded(case, min_recall=low), grounded(case, min_recall=high)),
        (grounded(case, min_mean=low), grounded(case, min_mean=high)),
        (teachers_agree(case, min_text_overlap=low), teachers_agree(case, min_text_overlap=high)),
        (grounded(case, min_match=low), grounded(case, min_match=high)),
    ]
    assert not any(lenient.outcome == "fail" and strict.outcome == "pass" for lenient, strict in pairs)


@QUICK
@given(CASES)
def test_the_verdict_carries_every_check_and_a_reason_for_every_fail_or_else_for_a_doubt(case: Case) -> None:
    chosen = tuple((name, plugin("check", name).settings()) for name in CHECKS)
    judge = Judge(generator=FREE, checks=chosen, decider=rules(), decider_name="rules")
    verdict = decide(case, examine(case, judge), judge, None).verdict
    assert verdict is not None
    assert [found.check for found in verdict.checks] == list(CHECKS)
    failed = [f"{found.check}:{found.reason}" for found in verdict.checks if found.outcome == "fail"]
    doubts = [f"{found.check}:{found.reason}" for found in verdict.checks if found.reason in DOUBTS]
    assert list(verdict.reasons) == (failed or doubts[:1])
    assert (verdict.decision == "accept") == (not failed and not doubts)
