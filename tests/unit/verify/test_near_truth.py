from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from factory.verify import near_truth
from factory.verify.near_truth import Claim, nearness
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
    ("place", "outcome"),
    [("coordinates", "pass"), ("named", "fail"), ("either", "pass"), ("both", "fail"), ("stated", "fail")],
)
def test_coordinates_and_name_are_two_claims(make_case: Make, make_answer: Answer, place: Claim, outcome: str) -> None:
    torn = make_answer(lat=55.79, lon=49.12, city="Perm", named_level="city", named_distance_km=500.0)
    assert near_truth(make_case(torn), place=place).outcome == outcome


def test_what_a_row_states_decides_and_a_name_that_is_near_saves_no_coordinates(
    make_case: Make, make_answer: Answer
) -> None:
    far = make_answer(lat=56.07, lon=49.12, city="Kazan", named_level="city", named_distance_km=5.4)
    assert near_truth(make_case(far)).reason == "too_far"
    assert near_truth(make_case(far), place="either").outcome == "pass"


def test_the_centre_of_a_wide_city_does_not_speak_against_near_coordinates(
    make_case: Make, make_answer: Answer
) -> None:
    wide = make_answer(lat=55.80, lon=49.12, city="Sydney", named_level="city", named_distance_km=42.4)
    assert near_truth(make_case(wide)).outcome == "pass"
    assert near_truth(make_case(wide), max_named_km=30.0).reason == "too_far"
    assert near_truth(make_case(wide), place="both").reason == "too_far"


def test_a_name_decides_where_no_coordinates_are_given(make_case: Make, make_answer: Answer) -> None:
    named = make_answer(city="Kazan", named_level="city", named_distance_km=5.4)
    assert near_truth(make_case(named)).score == 5.4
    away = make_answer(city="Perm", named_level="city", named_distance_km=26.0)
    assert near_truth(make_case(away)).reason == "too_far"


@pytest.mark.parametrize("place", ["stated", "named", "either", "both"])
def test_an_unknown_city_is_judged_by_its_region(make_case: Make, make_answer: Answer, place: Claim) -> None:
    unknown: dict[str, Any] = {"city": "Nowhere-on-Sea", "region": "Perm Krai", "named_level": "region"}
    far = make_answer(**unknown, named_distance_km=604.0, region_correct=False)
    found = near_truth(
        make_case(far, make_answer("b", **unknown, named_distance_km=604.0)), place=place, doubt_from=None
    )
    assert (found.outcome, found.reason, found.score) == ("fail", "too_far", 604.0)
    own = make_answer(**unknown, named_distance_km=604.0, region_correct=True)
    near = make_answer(**unknown, named_distance_km=90.0, region_correct=False)
    for answer in (own, near):
        assert near_truth(make_case(answer), place=place).reason == "place_unknown", "nothing so coarse is a pass"


def test_a_wrong_region_speaks_against_near_coordinates(make_case: Make, make_answer: Answer) -> None:
    here: dict[str, Any] = {"lat": 55.79, "lon": 49.12, "named_level": "region", "named_distance_km": 604.0}
    assert near_truth(make_case(make_answer(**here, region_correct=False))).reason == "too_far"
    assert near_truth(make_case(make_answer(**here, region_correct=True))).outcome == "pass"
    assert near_truth(make_case(make_answer(**here))).outcome == "pass", "nobody knows the truth's region"
    assert near_truth(make_case(make_answer(**here, region_correct=False)), place="coordinates").outcome == "pass"


@pytest.mark.parametrize("statement", ["coordinates", "country", "region", "city"])
def test_a_place_that_cannot_be_read_is_no_pass(make_case: Make, make_answer: Answer, statement: str) -> None:
    known: dict[str, Any] = {"city": "Kazan", "named_level": "city", "named_distance_km": 5.4}
    unread = make_answer(**known, unreadable=(statement,))
    found = near_truth(make_case(unread, make_answer("b", lat=55.79, lon=49.12)))
    assert (found.outcome, found.reason) == ("abstain", "unreadable")
    assert statement in found.detail
    assert near_truth(make_case(make_answer(**known, unreadable=("confidence",)))).outcome == "pass"


def test_a_place_that_cannot_be_read_hides_no_fail_and_takes_nobody_elses_pass(
    make_case: Make, make_answer: Answer
) -> None:
    unread = make_answer(city="Kazan", named_level="city", named_distance_km=5.4, unreadable=("coordinates",))
    assert near_truth(make_case(unread, make_answer("b", lat=51.34, lon=12.37))).outcome == "fail"
    near = make_answer("b", lat=55.79, lon=49.12)
    assert near_truth(make_case(unread, near), teachers="any").outcome == "pass"


AWAY = {"lat": 56.07, "lon": 49.12}
"""31 km from the truth."""


def test_two_sure_teachers_who_agree_against_the_truth_make_it_doubtful(make_case: Make, make_answer: Answer) -> None:
    one, other = make_answer("a", **AWAY, confidence=0.85), make_answer("b", lat=56.10, lon=49.12, confidence=0.5)
    found = near_truth(make_case(one, other))
    assert (found.outcome, found.reason) == ("abstain", "suspected_wrong_truth")
    assert found.score == pytest.approx(34.5, abs=0.1)
    assert "3.3 km of each other" in found.detail
    assert near_truth(make_case(one, other), doubt_from=None).reason == "too_far"
    assert near_truth(make_case(one, other), doubt_from=0.6).reason == "too_far"


def test_another_country_that_two_sure_teachers_agree_on_makes_the_truth_doubtful(
    make_case: Make, make_answer: Answer
) -> None:
    abroad: dict[str, Any] = {"lat": 51.34, "lon": 12.37, "country_correct": False}
    assert (
        near_truth(make_case(make_answer("a", **abroad), make_answer("b", **abroad))).reason == "suspected_wrong_truth"
    )


@pytest.mark.parametrize(
    "other",
    [
        {"lat": 56.07, "lon": 49.12, "confidence": 0.3},
        {"lat": 56.07, "lon": 49.12, "confidence": None},
        {"lat": 56.07, "lon": 49.12, "localizable": False},
        {"lat": 56.60, "lon": 49.12},
        {"lat": 55.79, "lon": 49.12},
        {"country": "Russia"},
        {"lat": 56.07, "lon": 49.12, "saw_truth": "place"},
        {"failure": "refused"},
    ],
)
def test_less_than_two_sure_voices_in_agreement_leave_the_truth_alone(
    make_case: Make, make_answer: Answer, other: dict[str, Any]
) -> None:
    found = near_truth(make_case(make_answer("a", **AWAY), make_answer("b", **other)))
    assert (found.outcome, found.reason) == ("fail", "too_far")


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
