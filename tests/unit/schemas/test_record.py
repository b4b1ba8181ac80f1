"""Votes: one a teacher, whatever the number of draws."""

from __future__ import annotations

from math import radians, sin
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import Answered, Case, GeoAnswer, LocatedAnswer, Sample

NOWHERE = Sample(id="s", lat=0.0, lon=0.0)


def draw(
    number: int, lat: float | None = None, lon: float | None = 0.0, teacher: str = "a", **measured: Any
) -> LocatedAnswer:
    place = GeoAnswer(localizable=True, lat=lat, lon=None if lat is None else lon)
    return LocatedAnswer(answered=Answered(teacher=teacher, model="m", draw=number, place=place), **measured)


def failed(number: int, teacher: str = "a") -> LocatedAnswer:
    return LocatedAnswer(answered=Answered(teacher=teacher, model="m", draw=number, failure="refused"))


def voices(*answers: LocatedAnswer, **truth: Any) -> list[tuple[str, int]]:
    case = Case(sample=NOWHERE, answers=answers, **truth)
    return [(found.answered.teacher, found.answered.draw) for found in case.voices]


def test_one_draw_a_teacher_is_its_vote_in_the_recipes_order() -> None:
    assert voices(draw(0, teacher="b"), draw(0, teacher="a")) == [("b", 0), ("a", 0)]


def test_of_several_draws_the_one_nearest_to_the_others_votes() -> None:
    assert voices(draw(0, 10.0), draw(1, 11.0), draw(2, 40.0)) == [("a", 1)]
    assert voices(draw(0, 40.0), draw(1, 10.0), draw(2, 11.0), draw(0, 5.0, teacher="b")) == [("a", 2), ("b", 0)]


def test_the_truth_has_no_part_in_the_choice() -> None:
    answers = draw(0, 10.0, distance_km=900.0), draw(1, 11.0, distance_km=950.0), draw(2, 0.0, distance_km=0.0)
    assert voices(*answers) == [("a", 0)]


def test_the_date_line_and_the_poles_are_no_edge() -> None:
    assert voices(draw(0, 0.0, 100.0), draw(1, 0.0, 179.0), draw(2, 0.0, -179.0), draw(3, 0.0, -170.0)) == [("a", 2)]
    assert voices(draw(0, 89.0, 0.0), draw(1, 89.5, 180.0), draw(2, 60.0, 0.0)) == [("a", 0)]


def test_the_place_named_stands_in_for_coordinates() -> None:
    named = draw(1, named_level="city", named_lat=11.0, named_lon=0.0)
    assert voices(draw(0, 10.0), named, draw(2, 40.0)) == [("a", 1)]


def test_ties_go_to_the_first_draw() -> None:
    assert voices(draw(0, 10.0), draw(1, 20.0)) == [("a", 0)]
    assert voices(draw(0), draw(1)) == [("a", 0)]


def test_a_failed_draw_votes_only_when_all_failed() -> None:
    assert voices(failed(0), draw(1, 10.0)) == [("a", 1)]
    assert voices(failed(0), draw(1)) == [("a", 1)]
    assert voices(failed(0), failed(1)) == [("a", 0)]


def test_a_combined_answer_is_given_and_no_vote() -> None:
    combined = LocatedAnswer(answered=Answered(teacher="j", model="m", combined=True))
    case = Case(sample=NOWHERE, answers=(draw(0, 1.0),), combined=combined)
    assert [found.answered.teacher for found in case.voices] == ["a"]
    assert [found.answered.teacher for found in case.given] == ["a", "j"]


LATITUDES = st.lists(st.floats(-90, 90), min_size=1, max_size=6, unique=True)


@given(LATITUDES, st.randoms(use_true_random=False))
def test_the_order_of_the_draws_changes_the_vote_only_between_equals(latitudes: list[float], random: Any) -> None:
    def total(lat: float | None) -> float:
        assert lat is not None
        return sum(2 * sin(radians(abs(lat - other)) / 2) for other in latitudes)

    shuffled = random.sample(latitudes, len(latitudes))
    found = []
    for given_in in (latitudes, shuffled):
        case = Case(sample=NOWHERE, answers=tuple(draw(n, lat) for n, lat in enumerate(given_in)))
        (voice,) = case.voices
        assert voice.answered.place is not None
        found.append(voice.answered.place.lat)
    assert found[0] == found[1] or total(found[0]) == pytest.approx(total(found[1]))
