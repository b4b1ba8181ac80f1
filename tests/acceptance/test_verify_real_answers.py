"""Verification of two real teachers' recorded answers, judged by truth that the accepting checks never saw."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from factory.plugins.registry import plugin
from factory.verify import near_truth, no_leak, rules
from factory.verify.checks import run_check
from factory.verify.clues import overlap
from schemas import Case, LocatedAnswer
from tests import recorded

SHARED = Path(os.environ.get("FACTORY_SHARED", Path(__file__).parents[2].parent / "shared"))
PHOTOS = SHARED / "photos"
TEACHERS = ("teacher_a", "teacher_b")

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not (PHOTOS / "responses").is_dir(), reason="real answers are missing: set FACTORY_SHARED"),
]


@pytest.fixture(scope="module")
def cases() -> dict[str, Case]:
    return recorded.cases(PHOTOS / "photos.csv", [PHOTOS / "responses" / f"{teacher}.jsonl" for teacher in TEACHERS])


def accepted(cases: dict[str, Case], **confidence: float) -> list[Case]:
    """What is accepted when no check may look at the truth."""
    checks = [("localizable", plugin("check", "localizable").settings(**confidence))]
    checks += [(name, plugin("check", name).settings()) for name in ("teachers_agree", "grounded", "no_leak")]
    decide = rules(review_abstained=("teachers_agree",)).decide
    results = {
        case.sample.id: [run_check(name, settings, case) for name, settings in checks] for case in cases.values()
    }
    return [case for case in cases.values() if decide(results[case.sample.id], {}, None).decision == "accept"]


def share_right(cases: list[Case]) -> float:
    """The share of cases where every teacher's coordinates lie within 25 km and the uncertainty of the truth."""
    return sum(near_truth(case, place="coordinates").outcome == "pass" for case in cases) / len(cases)


def clues(located: LocatedAnswer) -> list[str]:
    return [clue.text for clue in located.answered.place.clues] if located.answered.place else []


@pytest.mark.parametrize("min_confidence", [0.3, 0.5])
def test_what_is_accepted_without_the_truth_is_right(cases: dict[str, Case], min_confidence: float) -> None:
    found = accepted(cases, min_confidence=min_confidence)
    print(f"min_confidence {min_confidence}: {len(found)} of {len(cases)} accepted, {share_right(found):.3f} right")
    assert share_right(found) >= 0.97
    assert len(found) >= 0.6 * len(cases)
    assert all(located.country_correct for case in found for located in case.answers)


def test_photos_with_a_camera_position_are_hard_but_right_more_often_than_unchecked(cases: dict[str, Case]) -> None:
    hard = {name: case for name, case in cases.items() if case.sample.scene == "exif_gps"}
    found = accepted(hard)
    print(f"camera GPS: {len(found)} of {len(hard)} accepted, {share_right(found):.3f} right")
    assert share_right(list(hard.values())) < 0.5
    assert share_right(found) >= 0.9
    assert len(found) >= 15


def test_clue_overlap_tells_one_photo_from_another(cases: dict[str, Case]) -> None:
    ids = list(cases)
    same = [overlap(*map(clues, cases[name].answers)) or 0.0 for name in ids]
    other = [
        overlap(clues(cases[one].answers[0]), clues(cases[ids[(place + step) % len(ids)]].answers[1])) or 0.0
        for place, one in enumerate(ids)
        for step in (1, 7, 31, 60)
    ]
    area = sum((a > b) + 0.5 * (a == b) for a in same for b in other) / (len(same) * len(other))
    print(f"clue overlap, same against other photo: AUC {area:.4f}")
    assert area > 0.99
    assert sum(score >= 0.2 for score in same) / len(same) > 0.95
    assert sum(score >= 0.2 for score in other) / len(other) < 0.03


def test_answers_about_another_photo_are_not_grounded(cases: dict[str, Case]) -> None:
    grounded = plugin("check", "grounded").function
    ids = list(cases)
    failed = 0
    for place, name in enumerate(ids):
        stranger = cases[ids[(place + 60) % len(ids)]].answers[1]
        swapped = Case(sample=cases[name].sample, answers=(cases[name].answers[0], stranger))
        failed += grounded(swapped).outcome == "fail"
    assert failed / len(ids) > 0.97


def test_real_reasoning_is_not_taken_for_a_leak(cases: dict[str, Case]) -> None:
    assert {name: no_leak(case).detail for name, case in cases.items() if no_leak(case).outcome != "pass"} == {}


def test_near_truth_finds_every_wrong_answer(cases: dict[str, Case]) -> None:
    """The README of the photos counts who is within 25 km; the check must not pass more than that."""
    for position, within in ((0, 0.841), (1, 0.797)):
        right = [
            near_truth(Case(sample=case.sample, answers=(case.answers[position],)), place="coordinates").outcome
            == "pass"
            for case in cases.values()
        ]
        assert sum(right) / len(right) == pytest.approx(within, abs=0.02)
