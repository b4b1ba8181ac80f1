from __future__ import annotations

from collections.abc import Callable

import pytest

from factory.verify import localizable
from schemas import Case, LocatedAnswer

Answer = Callable[..., LocatedAnswer]
Make = Callable[..., Case]


def test_passes_when_every_teacher_is_sure_enough(make_case: Make, make_answer: Answer) -> None:
    found = localizable(
        make_case(make_answer("a", confidence=0.5), make_answer("b", confidence=0.9)), min_confidence=0.5
    )
    assert (found.outcome, found.reason, found.score, found.threshold) == ("pass", "localizable", 0.5, 0.5)


def test_one_unsure_teacher_fails_all_but_not_any(make_case: Make, make_answer: Answer) -> None:
    unsure = make_case(make_answer("a", confidence=0.2), make_answer("b", confidence=0.9))
    strict = localizable(unsure, min_confidence=0.5)
    assert (strict.outcome, strict.reason, strict.score) == ("fail", "low_confidence", 0.2)
    assert "a 0.20 < 0.50" in strict.detail
    assert localizable(unsure, min_confidence=0.5, teachers="any").outcome == "pass"


def test_mean_counts_a_no_as_zero(make_case: Make, make_answer: Answer) -> None:
    split = make_case(make_answer("a", localizable=False, confidence=0.9), make_answer("b", confidence=0.8))
    found = localizable(split, min_confidence=0.5, teachers="mean")
    assert (found.outcome, found.score) == ("fail", 0.4)
    assert localizable(split, min_confidence=0.4, teachers="mean").outcome == "pass"


@pytest.mark.parametrize("teachers", ["all", "any", "mean"])
def test_a_unanimous_no_fails_even_without_a_threshold(make_case: Make, make_answer: Answer, teachers: str) -> None:
    found = localizable(make_case(make_answer(localizable=False)), min_confidence=0.0, teachers=teachers)
    assert (found.outcome, found.reason) == ("fail", "not_localizable")


def test_a_missing_answer_abstains_for_that_teacher_only(make_case: Make, make_answer: Answer) -> None:
    half = make_case(make_answer("a"), make_answer("b", failure="refused"))
    found = localizable(half)
    assert found.outcome == "pass"
    assert "b gave no answer (refused)" in found.detail


@pytest.mark.parametrize("teachers", ["all", "any", "mean"])
def test_abstains_when_nobody_answered(make_case: Make, make_answer: Answer, teachers: str) -> None:
    found = localizable(make_case(make_answer("a", failure="empty")), teachers=teachers)
    assert (found.outcome, found.reason, found.score) == ("abstain", "no_answer", None)


def test_abstains_when_no_confidence_is_stated_but_one_is_asked_for(make_case: Make, make_answer: Answer) -> None:
    silent = make_case(make_answer(confidence=None))
    assert (localizable(silent).outcome, localizable(silent).reason) == ("abstain", "no_confidence")
    assert localizable(silent, min_confidence=0.0).outcome == "pass"


@pytest.mark.parametrize("statement", ["confidence", "localizable"])
def test_a_statement_that_cannot_be_read_is_no_pass(make_case: Make, make_answer: Answer, statement: str) -> None:
    unread = make_answer("a", confidence=None, unreadable=(statement,))
    for case in (make_case(unread), make_case(unread, make_answer("b")), make_case(make_answer("b"), unread)):
        for teachers in ("all", "mean"):
            found = localizable(case, teachers=teachers)
            assert (found.outcome, found.reason) == ("abstain", "unreadable"), teachers
    assert f"{statement}: cannot be read" in localizable(make_case(unread)).detail
    assert localizable(make_case(unread, make_answer("b")), teachers="any").outcome == "pass"
    assert localizable(make_case(unread, make_answer("b", confidence=0.1))).outcome == "fail"


def test_a_confidence_nobody_asks_for_need_not_be_read(make_case: Make, make_answer: Answer) -> None:
    unread = make_answer("a", confidence=None, unreadable=("confidence",))
    assert localizable(make_case(unread), min_confidence=0.0).outcome == "pass"
