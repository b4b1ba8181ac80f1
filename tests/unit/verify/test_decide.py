from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from factory.plugins.registry import plugin
from factory.verify import rules
from schemas import CheckResult, Outcome, Verdict

NAMES = ("localizable", "near_truth", "teachers_agree", "grounded", "no_leak")
OUTCOMES: tuple[Outcome, ...] = ("pass", "fail", "abstain")
BADNESS = {"accept": 0, "review": 1, "reject": 2}


def decided(checks: Sequence[CheckResult], **settings: Any) -> Verdict:
    """What the rules make of some checks."""
    return rules(**settings).decide(checks, {}, None)


def result(check: str, outcome: Outcome, reason: str = "because") -> CheckResult:
    return CheckResult(check=check, outcome=outcome, reason=reason)


def test_accepts_when_nothing_fails() -> None:
    verdict = decided([result("localizable", "pass"), result("teachers_agree", "abstain")])
    assert (verdict.decision, verdict.reasons) == ("accept", ())
    assert len(verdict.checks) == 2


def test_a_reject_keeps_every_reason() -> None:
    checks = [result("near_truth", "fail", "too_far"), result("grounded", "fail", "unconfirmed_clues")]
    verdict = decided(checks)
    assert verdict.decision == "reject"
    assert verdict.reasons == ("near_truth:too_far", "grounded:unconfirmed_clues")


def test_an_abstention_goes_to_review_only_when_asked() -> None:
    checks = [result("teachers_agree", "abstain", "single_answer")]
    assert decided(checks).decision == "accept"
    verdict = decided(checks, review_abstained=("teachers_agree",))
    assert (verdict.decision, verdict.reasons) == ("review", ("teachers_agree:single_answer",))


def test_a_fail_that_no_list_names_is_never_accepted() -> None:
    assert decided([result("grounded", "fail")], reject=(), review=()).decision == "review"


def test_reject_wins_over_review() -> None:
    assert decided([result("grounded", "fail")], reject=("grounded",), review=("grounded",)).decision == "reject"


def test_a_misspelt_check_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ValidationError, match="near_truth"):
        plugin("decider", "rules").settings(reject=("near_thruth",))


def test_they_need_no_features_and_fit_nothing() -> None:
    assert (rules().features, rules().fit) == (None, None)


LISTS = st.lists(st.sampled_from(NAMES), unique=True).map(tuple)


@given(st.lists(st.sampled_from(OUTCOMES), min_size=5, max_size=5), LISTS, LISTS, LISTS, st.integers(0, 4))
def test_turning_a_pass_into_a_fail_never_helps(
    outcomes: list[Outcome],
    reject: tuple[str, ...],
    review: tuple[str, ...],
    review_abstained: tuple[str, ...],
    position: int,
) -> None:
    settings = {"reject": reject, "review": review, "review_abstained": review_abstained}
    checks = [result(name, outcome) for name, outcome in zip(NAMES, outcomes, strict=True)]
    checks[position] = replace(checks[position], outcome="pass")
    worse = [*checks]
    worse[position] = replace(checks[position], outcome="fail")
    before, after = decided(checks, **settings), decided(worse, **settings)
    assert BADNESS[after.decision] >= BADNESS[before.decision]
    assert after.decision != "accept"
    assert set(before.reasons) <= set(after.reasons)
