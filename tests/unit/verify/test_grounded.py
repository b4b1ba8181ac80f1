from __future__ import annotations

from collections.abc import Callable

import pytest

from factory.verify import grounded
from schemas import Case, Evidence, Finding, LocatedAnswer

Answer = Callable[..., LocatedAnswer]
Make = Callable[..., Case]


def seen(source: str, *entities: str) -> Evidence:
    return Evidence(source=source, findings=tuple(Finding(kind="entity", text=text) for text in entities))


SEEN = ["red and white tram", "onion domes behind a brick tower"]


def test_passes_when_each_confirms_the_other(make_case: Make, make_answer: Answer) -> None:
    found = grounded(
        make_case(make_answer("a", clues=SEEN), make_answer("b", clues=["white tram", "brick tower with domes"]))
    )
    assert (found.outcome, found.reason, found.score, found.threshold) == ("pass", "grounded", 1.0, 0.4)
    assert "a precision 1.00, recall 1.00" in found.detail


def test_invented_clues_cost_precision(make_case: Make, make_answer: Answer) -> None:
    inventor = make_answer("a", clues=[SEEN[0], "kangaroo on a beach", "Eiffel Tower", "yellow taxi cab"])
    found = grounded(make_case(inventor, make_answer("b", clues=[SEEN[0]])), min_precision=0.3)
    assert (found.outcome, found.reason, found.score, found.threshold) == ("fail", "unconfirmed_clues", 0.25, 0.3)
    lenient = grounded(make_case(inventor, make_answer("b", clues=[SEEN[0]])), min_precision=0.25, min_recall=0.25)
    assert lenient.outcome == "pass"


def test_overlooked_entities_cost_recall(make_case: Make, make_answer: Answer) -> None:
    detector = seen("detector", *("tram", "traffic light", "bus stop", "fence"))
    found = grounded(make_case(make_answer("a", clues=["red tram"]), evidence=[detector]), min_recall=0.3)
    assert (found.outcome, found.reason, found.score, found.threshold) == ("fail", "known_clues_missing", 0.25, 0.3)


FIVE = ["red tram on rails", "onion domes", "birch trees", "sign «КАЗАНЬ»", "wet asphalt"]


@pytest.mark.parametrize(
    ("terse", "outcome", "score"),
    [
        (["tram on rails", "sign «КАЗАНЬ»", "a kiosk"], "pass", (2 / 5 + 2 / 3) / 2),
        (["tram on rails", "a kiosk"], "fail", (1 / 5 + 1 / 2) / 2),
        (["tram on rails", "a kiosk", "a bench"], "fail", (1 / 5 + 1 / 3) / 2),
    ],
)
def test_a_short_list_may_leave_clues_of_a_long_one_unconfirmed(
    make_case: Make, make_answer: Answer, terse: list[str], outcome: str, score: float
) -> None:
    found = grounded(make_case(make_answer("a", clues=FIVE), make_answer("b", clues=terse)))
    assert (found.outcome, found.score, found.threshold) == (outcome, pytest.approx(score), 0.4)


def test_the_lower_of_precision_and_recall_names_a_low_mean(make_case: Make, make_answer: Answer) -> None:
    pair = make_case(make_answer("a", clues=FIVE), make_answer("b", clues=["tram on rails", "a kiosk"]))
    assert grounded(pair).reason == "unconfirmed_clues"
    listed = seen("detector", *FIVE)
    alone = make_case(make_answer("a", clues=["red tram on rails", "a kiosk"]), evidence=[listed])
    assert grounded(alone).reason == "known_clues_missing"


def test_a_mean_saves_no_teacher_of_whom_nobody_confirms_anything(make_case: Make, make_answer: Answer) -> None:
    liar = make_answer("a", clues=["kangaroo", "palm tree"], reasoning="A white tram, a brick tower with domes.")
    found = grounded(make_case(liar, make_answer("b", clues=SEEN)))
    assert (found.outcome, found.reason, found.score, found.threshold) == ("fail", "unconfirmed_clues", 0.0, 0.15)


def test_reasoning_counts_as_mention_and_as_confirmation(make_case: Make, make_answer: Answer) -> None:
    writer = make_answer("a", clues=["red and white tram"], reasoning="Onion domes stand behind a brick tower.")
    assert grounded(make_case(writer, make_answer("b", clues=SEEN))).score == 1.0


def test_what_a_reasoning_denies_confirms_nothing(make_case: Make, make_answer: Answer) -> None:
    denier = make_answer("a", clues=["red tram"], reasoning="A red tram. No kangaroo or taxi is visible.")
    found = grounded(make_case(denier, make_answer("b", clues=["kangaroo"])))
    assert (found.outcome, found.score) == ("fail", 0.0)


def test_a_detector_grounds_a_single_teacher(make_case: Make, make_answer: Answer) -> None:
    detector = seen("detector", *("tram", "dome"))
    assert grounded(make_case(make_answer("a", clues=SEEN), evidence=[detector])).outcome == "pass"


def test_a_teacher_is_no_evidence_for_itself(make_case: Make, make_answer: Answer) -> None:
    own = seen("a", *("tram", "dome"))
    found = grounded(make_case(make_answer("a", clues=SEEN), evidence=[own]))
    assert (found.outcome, found.reason) == ("abstain", "no_other_source")


def test_abstains_with_one_teacher_or_without_clues(make_case: Make, make_answer: Answer) -> None:
    alone = grounded(make_case(make_answer("a", clues=SEEN), make_answer("b", failure="refused")))
    assert (alone.outcome, alone.reason) == ("abstain", "no_other_source")
    silent = grounded(make_case(make_answer("a"), make_answer("b")))
    assert (silent.outcome, silent.reason) == ("abstain", "no_clues")
    assert grounded(make_case()).reason == "no_answer"
