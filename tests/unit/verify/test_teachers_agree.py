from __future__ import annotations

from collections.abc import Callable

import pytest

from factory.verify import teachers_agree
from schemas import Case, Evidence, LocatedAnswer

Answer = Callable[..., LocatedAnswer]
Make = Callable[..., Case]

TRAM = ["red and white tram with the route number 5", "Cyrillic sign reading «КАЗАНЬ»"]
TRAM_TOLD_AGAIN = ["tram in red and white, number 5", "sign КАЗАНЬ in Cyrillic letters"]
BEACH = ["palm trees along a sandy beach", "thatched umbrellas"]


def pair(
    make_answer: Answer, first: dict[str, object], second: dict[str, object]
) -> tuple[LocatedAnswer, LocatedAnswer]:
    return (
        make_answer("a", **{"clues": TRAM, "country_code": "RU", **first}),
        make_answer("b", **{"clues": TRAM_TOLD_AGAIN, "country_code": "RU", **second}),
    )


def test_agrees_on_near_points_and_the_same_clues(make_case: Make, make_answer: Answer) -> None:
    found = teachers_agree(make_case(*pair(make_answer, {"lat": 55.79, "lon": 49.1}, {"lat": 55.80, "lon": 49.2})))
    assert (found.outcome, found.reason, found.threshold) == ("pass", "agree", 0.2)
    assert found.score is not None
    assert found.score > 0.6
    assert "km apart" in found.detail


def test_agrees_on_one_city_written_differently(make_case: Make, make_answer: Answer) -> None:
    assert teachers_agree(make_case(*pair(make_answer, {"city": "Kazan'"}, {"city": "KAZAN"}))).outcome == "pass"


def test_namesakes_far_apart_do_not_agree(make_case: Make, make_answer: Answer) -> None:
    east = {"city": "Springfield", "lat": 42.1, "lon": -72.6, "country_code": "US"}
    west = {"city": "Springfield", "lat": 44.0, "lon": -123.0, "country_code": "US"}
    assert teachers_agree(make_case(*pair(make_answer, east, west))).reason == "places_differ"


def test_the_same_city_name_in_two_countries_differs(make_case: Make, make_answer: Answer) -> None:
    found = teachers_agree(make_case(*pair(make_answer, {"city": "Moscow"}, {"city": "Moscow", "country_code": "US"})))
    assert (found.outcome, found.reason) == ("fail", "countries_differ")


def test_one_place_for_different_reasons_fails(make_case: Make, make_answer: Answer) -> None:
    found = teachers_agree(make_case(*pair(make_answer, {"city": "Kazan"}, {"city": "Kazan", "clues": BEACH})))
    assert (found.outcome, found.reason, found.score) == ("fail", "clues_differ", 0.0)


def test_a_country_may_be_enough(make_case: Make, make_answer: Answer) -> None:
    far = make_case(*pair(make_answer, {"lat": 55.79, "lon": 49.1}, {"lat": 43.1, "lon": 131.9}))
    assert teachers_agree(far).reason == "places_differ"
    assert teachers_agree(far, place="country").outcome == "pass"


def test_regions_are_compared_by_name_or_radius(make_case: Make, make_answer: Answer) -> None:
    same = make_case(*pair(make_answer, {"region": "Tatarstan"}, {"region": "tatarstan"}))
    assert teachers_agree(same, place="region").outcome == "pass"


def test_abstains_when_one_of_two_answers_is_missing(make_case: Make, make_answer: Answer) -> None:
    found = teachers_agree(make_case(make_answer("a", clues=TRAM), make_answer("b", failure="refused")))
    assert (found.outcome, found.reason, found.score) == ("abstain", "single_answer", None)


def test_abstains_when_places_or_clues_cannot_be_compared(make_case: Make, make_answer: Answer) -> None:
    assert teachers_agree(make_case(*pair(make_answer, {"city": "Kazan"}, {}))).reason == "no_place"
    silent = make_case(*pair(make_answer, {"city": "Kazan"}, {"city": "Kazan", "clues": []}))
    assert (teachers_agree(silent).outcome, teachers_agree(silent).reason) == ("abstain", "no_clues")
    assert teachers_agree(silent, min_clue_overlap=0.0).outcome == "pass"


def test_vectors_replace_words_when_every_clue_has_one(make_case: Make, make_answer: Answer) -> None:
    lorry, truck = pair(make_answer, {"city": "Kazan", "clues": ["a lorry"]}, {"city": "Kazan", "clues": ["a truck"]})
    assert teachers_agree(make_case(lorry, truck)).reason == "clues_differ"
    vectors = Evidence(source="embeddings", vectors={"a lorry": (0.6, 0.8), "a truck": (0.8, 0.6)})
    found = teachers_agree(make_case(lorry, truck, evidence=[vectors]), min_vector_overlap=0.9)
    assert (found.outcome, found.threshold) == ("pass", 0.9)
    assert found.score == pytest.approx(0.96)
    partial = Evidence(source="embeddings", vectors={"a lorry": (0.6, 0.8)})
    assert teachers_agree(make_case(lorry, truck, evidence=[partial])).threshold == 0.2


def test_with_three_teachers_every_pair_must_agree(make_case: Make, make_answer: Answer) -> None:
    one, two = pair(make_answer, {"city": "Kazan"}, {"city": "Kazan"})
    three = make_answer("c", city="Perm", country_code="RU", clues=TRAM)
    assert teachers_agree(make_case(one, two, three)).reason == "places_differ"


def test_a_territory_and_its_sovereign_are_one_country_at_one_spot(make_case: Make, make_answer: Answer) -> None:
    clues = ["palm trees, a Spanish shop sign"]
    in_san_juan, in_texas = {"lat": 18.4655, "lon": -66.1057}, {"lat": 29.76, "lon": -95.37}
    island = make_answer("first", country="Puerto Rico", country_code="PR", clues=clues, **in_san_juan)
    state = make_answer("second", country="United States", country_code="US", clues=clues, **in_san_juan)
    texas = make_answer("second", country="United States", country_code="US", clues=clues, **in_texas)
    nowhere = make_answer("second", country="United States", country_code="US", clues=clues)
    for level in ("country", "city"):
        assert teachers_agree(make_case(island, state), place=level).outcome == "pass"
        assert teachers_agree(make_case(state, island), place=level).outcome == "pass"
        assert teachers_agree(make_case(island, texas), place=level).reason == "countries_differ"
    assert teachers_agree(make_case(island, nowhere), place="country").outcome == "abstain"


def test_the_middle_of_a_country_is_no_spot(make_case: Make, make_answer: Answer) -> None:
    middle = {"named_lat": 39.8, "named_lon": -98.6, "named_level": "country"}
    state = make_answer("first", country="United States", country_code="US", clues=["palms"], **middle)
    island = make_answer("second", country="Puerto Rico", country_code="PR", clues=["palms"], lat=18.47, lon=-66.11)
    assert teachers_agree(make_case(state, island), place="country").outcome == "abstain"


def test_one_place_in_other_words_fails_though_the_clues_are_alike(make_case: Make, make_answer: Answer) -> None:
    here = {"city": "Kazan", "clues": ["red tram"]}
    told = "Tracks run past a brick tower with onion domes and a kiosk under birch trees."
    other = "A beach with surfers, a pier, gulls over dunes and a lighthouse behind wooden huts."
    found = teachers_agree(
        make_case(*pair(make_answer, {**here, "reasoning": told}, {**here, "reasoning": other, "clues": ["a tram"]}))
    )
    assert (found.outcome, found.reason) == ("fail", "texts_differ")
    assert "text overlap 0." in found.detail
    same = make_case(*pair(make_answer, {**here, "reasoning": told}, {**here, "reasoning": told}))
    assert teachers_agree(same).outcome == "pass"
    off = make_case(*pair(make_answer, {**here, "reasoning": told}, {**here, "reasoning": other}))
    assert teachers_agree(off, min_text_overlap=0.0).outcome == "pass"


def test_naming_the_same_place_is_no_word_in_common(make_case: Make, make_answer: Answer) -> None:
    named = {"city": "Kazan", "region": "Tatarstan", "country": "Russia", "clues": ["red tram"]}
    texts = (
        "Kazan in Tatarstan, Russia: a kiosk, birches, onion domes.",
        "Kazan in Tatarstan, Russia: surfers, dunes, a pier.",
    )
    one, other = ({**named, "reasoning": text} for text in texts)
    found = teachers_agree(make_case(*pair(make_answer, one, {**other, "clues": ["a tram"]})))
    assert found.reason == "texts_differ"


def test_vectors_compare_across_languages_where_words_cannot(make_case: Make, make_answer: Answer) -> None:
    one = {"city": "Kazan", "clues": ["red tram"], "reasoning": "A red tram and a kiosk."}
    other = {"city": "Kazan", "clues": ["красный трамвай"], "reasoning": "Красный трамвай и киоск."}
    vectors = {"red tram": (1.0, 0.0), "красный трамвай": (0.9, 0.1)}
    both = pair(make_answer, one, other)
    assert teachers_agree(make_case(*both)).reason == "clues_differ"
    assert teachers_agree(make_case(*both, evidence=[Evidence(source="e", vectors=vectors)])).outcome == "pass"
