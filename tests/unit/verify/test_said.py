"""What `calibrated` knows a sample by."""

from __future__ import annotations

from collections.abc import Callable
from math import nan

import numpy as np
import polars as pl
import pytest

from factory.verify.said import features_of, group_of, read, teachers_in
from schemas import Case, LocatedAnswer

Make = Callable[..., Case]
Answer = Callable[..., LocatedAnswer]
HERE = {"lat": 55.79, "lon": 49.12}
AWAY = {"lat": 56.79, "lon": 49.12}


def test_a_sample_is_what_its_teachers_say_and_how_far_apart_they_are(make_case: Make, make_answer: Answer) -> None:
    sure, other = make_answer("a", confidence=0.8, named_level="city", **HERE), make_answer("b", confidence=0.3, **AWAY)
    found = features_of(make_case(sure, other), radius_km=25)
    assert found.pop("km:a:b") == pytest.approx(111.2, abs=0.1)
    del found["group"]
    assert found.pop("model:a") == found.pop("model:b"), "the same model answers for both"
    assert found == {
        "confidence:a": 0.8, "level:a": 1.0, "placed:a": 1.0, "right:a": 1.0,
        "confidence:b": 0.3, "level:b": 0.0, "placed:b": 1.0, "right:b": 0.0,
    }  # fmt: skip


def test_the_radius_grows_with_the_uncertainty_of_the_truth(make_case: Make, make_answer: Answer) -> None:
    away = make_answer("a", **AWAY)
    assert features_of(make_case(away), radius_km=25)["right:a"] == 0
    assert features_of(make_case(away, uncertainty_km=90), radius_km=25)["right:a"] == 1
    assert features_of(make_case(away), radius_km=112)["right:a"] == 1


def test_a_place_in_another_country_is_wrong_however_near(make_case: Make, make_answer: Answer) -> None:
    assert features_of(make_case(make_answer("a", country_correct=False, **HERE)), radius_km=25)["right:a"] == 0


def test_a_city_without_coordinates_lies_in_its_centre_and_a_region_nowhere(
    make_case: Make, make_answer: Answer
) -> None:
    centre = {"named_lat": 55.8, "named_lon": 49.1}
    city, region = (make_answer("a", **centre, named_level=level) for level in ("city", "region"))
    assert features_of(make_case(city), radius_km=25)["right:a"] == 1
    found = features_of(make_case(region), radius_km=25)
    assert (found["placed:a"], found["right:a"], found["level:a"]) == (0, 0, 0.5)


@pytest.mark.parametrize("silent", [{"confidence": None}, {"saw_truth": "place"}])
def test_what_was_not_stated_is_missing_and_not_zero(
    make_case: Make, make_answer: Answer, silent: dict[str, object]
) -> None:
    assert "confidence:a" not in features_of(make_case(make_answer("a", **HERE, **silent)), radius_km=25)


def test_a_teacher_that_was_shown_the_place_names_none(make_case: Make, make_answer: Answer) -> None:
    told = features_of(make_case(make_answer("a", saw_truth="place", **HERE), make_answer("b", **HERE)), radius_km=25)
    assert (told["placed:a"], told["right:a"]) == (0, 0)
    assert "km:a:b" not in told


def test_a_failed_answer_says_nothing(make_case: Make, make_answer: Answer) -> None:
    found = features_of(make_case(make_answer("a", failure="refused")), radius_km=25)
    assert "confidence:a" not in found and found["placed:a"] == 0


def test_without_a_truth_nothing_is_right_or_wrong(make_case: Make, make_answer: Answer) -> None:
    found = features_of(make_case(make_answer("a", **HERE), lat=nan, lon=nan), radius_km=25)
    assert "right:a" not in found
    frame = read(found, ["a"])
    assert not frame.known.any() and not frame.right.any()


def test_authors_are_groups_and_else_trips_and_else_samples_by_themselves(make_case: Make) -> None:
    one, same, other = (
        make_case(id=name, author=author).sample for name, author in (("1", "x"), ("2", "x"), ("3", "y"))
    )
    assert group_of(one) == group_of(same) != group_of(other)
    trip = {"author": None, "captured_at": "2024-05-01T09:00:00"}
    first, second = make_case(id="1", **trip).sample, make_case(id="2", lat=55.9, **trip).sample
    next_day = make_case(id="3", author=None, captured_at="2024-05-02").sample
    assert group_of(first) == group_of(second) != group_of(next_day)
    lost = [make_case(id=name, author=None, lat=nan, lon=nan).sample for name in "12"]
    assert group_of(lost[0]) != group_of(lost[1])
    assert all(value == int(value) < 2**53 for value in map(group_of, (one, first, lost[0])))


def test_many_samples_and_one_are_read_alike() -> None:
    one = {"group": 3.0, "confidence:a": 0.5, "placed:a": 1.0, "level:a": 1.0, "right:a": 1.0, "km:a:b": 7.0,
           "confidence:b": nan, "placed:b": 1.0, "level:b": 0.0, "right:b": 0.0}  # fmt: skip
    frame = pl.DataFrame([{"id": "x", **one}, {"id": "y", "group": 4.0}])
    assert teachers_in(frame.columns) == ["a", "b"]
    many, single = read(frame, ["a", "b"]), read(one, ["a", "b"])
    np.testing.assert_array_equal(many.said.confidence[0], single.said.confidence[0])
    np.testing.assert_array_equal(many.said.apart_km[0], single.said.apart_km[0])
    assert many.said.apart_km[0, 0, 1] == many.said.apart_km[0, 1, 0] == 7
    assert many.known.tolist() == [True, False]
    assert not many.said.candidates[1].any()


def test_a_teacher_nobody_has_heard_of_said_nothing() -> None:
    found = read({"group": 1.0, "confidence:a": 0.5, "placed:a": 1.0}, ["a", "new"])
    assert found.said.candidates.tolist() == [[True, False]]
