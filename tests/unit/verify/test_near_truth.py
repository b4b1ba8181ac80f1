from __future__ import annotations

from collections.abc import Callable

import pytest

from factory.verify import near_truth
from factory.verify.near_truth import nearness
from factory.verify.votes import Teachers
from schemas import Case, LocatedAnswer

Answer = Callable[..., LocatedAnswer]
Make = Callable[..., Case]


def test_passes_within_the_tier_and_says_how_far(make_case: Make, make_answer: Answer) -> None:
    found = near_truth(make_case(make_answer(lat=55.80, lon=49.10, country_correct=True)))
    assert (found.outcome, found.reason, found.threshold) == ("pass", "near", 25.0)
    assert found.score == pytest.approx(1.68, abs=0.05)


@pytest.mark.parametrize(
    ("tier", "radius"), [("street", 1), ("city", 25), ("region", 200), ("country", 750), ("continent", 2500)]
)
def test_each_tier_has_the_published_radius(make_case: Make, make_answer: Answer, tier: str, radius: float) -> None:
    assert near_truth(make_case(make_answer(lat=55.79, lon=49.12)), tier=tier).threshold == radius


def test_the_radius_grows_by_the_uncertainty_of_the_truth(make_case: Make, make_answer: Answer) -> None:
    thirty_km_north = make_answer(lat=56.06, lon=49.12)
    assert near_truth(make_case(thirty_km_north)).reason == "too_far"
    found = near_truth(make_case(thirty_km_north, uncertainty_km=6.0))
    assert (found.outcome, found.threshold) == ("pass", 31.0)


def test_an_own_radius_replaces_the_tiers(make_case: Make, make_answer: Answer) -> None:
    assert near_truth(make_case(make_answer(lat=56.06, lon=49.12)), radius_km=40.0).outcome == "pass"


def test_another_country_fails_however_near(make_case: Make, make_answer: Answer) -> None:
    wrong = make_case(make_answer(lat=55.79, lon=49.12, country_correct=False))
    assert near_truth(wrong).reason == "country_differs"
    assert near_truth(wrong, require_country=False).outcome == "pass"


def test_an_unknown_country_leaves_the_distance_to_decide(make_case: Make, make_answer: Answer) -> None:
    assert near_truth(make_case(make_answer(lat=55.79, lon=49.12, country_correct=None))).outcome == "pass"


@pytest.mark.parametrize(
    ("place", "outcome"), [("coordinates", "pass"), ("named", "fail"), ("either", "pass"), ("both", "fail")]
)
def test_coordinates_and_name_are_two_claims(make_case: Make, make_answer: Answer, place: str, outcome: str) -> None:
    torn = make_answer(lat=55.79, lon=49.12, city="Perm", named_level="city", named_distance_km=500.0)
    assert near_truth(make_case(torn), place=place).outcome == outcome


def test_a_region_is_no_claim_about_a_city(make_case: Make, make_answer: Answer) -> None:
    region = make_answer(region="Tatarstan", country="Russia", named_level="region", named_distance_km=10.0)
    assert near_truth(make_case(region), tier="city").reason == "too_coarse"
    assert near_truth(make_case(region), tier="region").outcome == "pass"


def test_abstains_when_the_gazetteer_does_not_know_the_city(make_case: Make, make_answer: Answer) -> None:
    unknown = make_answer(city="Nowhere-on-Sea", country="Russia", named_level="country", named_distance_km=900.0)
    assert (near_truth(make_case(unknown)).outcome, near_truth(make_case(unknown)).reason) == (
        "abstain",
        "place_unknown",
    )


def test_abstains_without_a_place_or_an_answer(make_case: Make, make_answer: Answer) -> None:
    assert near_truth(make_case(make_answer())).reason == "no_place"
    assert near_truth(make_case(make_answer(failure="truncated"))).reason == "no_answer"
    assert near_truth(make_case()).outcome == "abstain"


def test_abstains_without_a_truth(make_case: Make, make_answer: Answer) -> None:
    found = near_truth(make_case(make_answer(lat=55.79, lon=49.12), lat=float("nan")))
    assert (found.outcome, found.reason) == ("abstain", "no_truth")


def test_any_takes_the_nearest_and_all_the_farthest(make_case: Make, make_answer: Answer) -> None:
    both = make_case(make_answer("a", lat=55.79, lon=49.12), make_answer("b", lat=51.34, lon=12.37))
    strict, lenient = near_truth(both), near_truth(both, teachers="any")
    assert (strict.outcome, round(strict.score or 0)) == ("fail", 2446)
    assert (lenient.outcome, lenient.score) == ("pass", 0.0)


def test_an_answer_that_was_shown_the_place_measures_nothing(make_case: Make, make_answer: Answer) -> None:
    told = make_answer("a", lat=55.79, lon=49.12, saw_truth="place")
    alone = near_truth(make_case(told))
    assert (alone.outcome, alone.reason, alone.score) == ("abstain", "saw_truth", None)
    for teachers in ("all", "any"):
        far = near_truth(make_case(told, make_answer("b", lat=51.34, lon=12.37)), teachers=teachers)
        assert (far.outcome, far.reason) == ("fail", "too_far"), teachers


def test_an_answer_that_was_told_the_country_is_still_measured(make_case: Make, make_answer: Answer) -> None:
    told = {"saw_truth": "country"}
    assert near_truth(make_case(make_answer(lat=55.79, lon=49.12, **told))).outcome == "pass"
    assert near_truth(make_case(make_answer(lat=51.34, lon=12.37, **told))).reason == "too_far"


@pytest.mark.parametrize("teachers", ["all", "any"])
def test_a_combined_answer_that_fails_fails_the_sample(
    make_case: Make, make_answer: Answer, teachers: Teachers
) -> None:
    near, far = {"lat": 55.79, "lon": 49.12}, {"lat": 51.34, "lon": 12.37}
    found = near_truth(make_case(make_answer("a", **near), make_answer("j", **far, combined=True)), teachers=teachers)
    assert (found.outcome, found.reason, round(found.score or 0)) == ("fail", "too_far", 2446)
    assert found.detail.startswith("j ") and "a " not in found.detail


def test_a_combined_answer_is_no_vote_of_its_own(make_case: Make, make_answer: Answer) -> None:
    near = {"lat": 55.79, "lon": 49.12}
    far = make_answer("a", lat=51.34, lon=12.37)
    assert near_truth(make_case(far, make_answer("j", **near, combined=True)), teachers="any").outcome == "fail"
    assert near_truth(
        make_case(make_answer("a", failure="refused"), make_answer("j", **near, combined=True))
    ).outcome == ("abstain")


def test_a_combined_answer_must_pass_itself(make_case: Make, make_answer: Answer) -> None:
    near = make_answer("a", lat=55.79, lon=49.12)
    for teachers in ("all", "any"):
        found = near_truth(make_case(near, make_answer("j", combined=True)), teachers=teachers)
        assert (found.outcome, found.reason) == ("abstain", "no_place"), teachers


def test_each_answer_is_measured_alone_whatever_the_others_say(make_case: Make, make_answer: Answer) -> None:
    near, far = make_answer("a", lat=55.79, lon=49.12), make_answer("b", lat=51.34, lon=12.37)
    told = make_answer("c", lat=55.79, lon=49.12, saw_truth="place")
    judged = make_answer("j", lat=56.06, lon=49.12, combined=True)
    case = make_case(near, far, make_answer("d", failure="refused"), told, judged)
    assert [found.near for found in nearness(case)] == [True, False, None, None, False]
    assert [found.near for found in nearness(case, radius_km=40.0, teachers="any")] == [True, False, None, None, True]


def test_several_draws_of_one_teacher_are_one_vote(make_case: Make, make_answer: Answer) -> None:
    draws = [make_answer("a", draw=n, lat=lat, lon=49.12) for n, lat in enumerate((55.85, 55.84, 55.79))]
    found = near_truth(make_case(*draws))
    assert found.score == pytest.approx(5.56, abs=0.01), "the one nearest to the others, not to the truth"
    assert (found.outcome, found.detail.count("a ")) == ("pass", 1)
