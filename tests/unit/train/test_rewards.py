"""Rewards against values worked out by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from train.rewards import (
    NEEDS,
    PURE,
    Said,
    Truth,
    accuracy,
    consistency,
    distance,
    grounding_precision,
    grounding_recall,
    names_match,
    p_yes,
    read_said,
    truth_of,
    well_formed,
)
from train.runs import PRESETS

ANSWER = "<think>A red tram and a church. This is Prague in Czechia.</think><answer>country: {}\ncity: {}</answer>"


def said(text: str) -> Said:
    return read_said([text])[0]


@pytest.mark.parametrize(
    ("country", "city", "reward"),
    [
        ("Czechia", "Prague", 1.0),
        ("czechia", "PRAGUE", 1.0),
        ("Czechia", "Brno", 0.2),
        ("Germany", "Prague", 0.0),  # the right city of a wrong country is no city
        ("Czechi", "Prague", 1.0),  # 6 of 7 letters, 0.857
        ("Cze", "Prague", 0.0),  # 3 of 7 letters, 0.43
        ("Czechia", "Prague 1", 1.0),  # 6 of 8 letters, 0.75
        ("Czechia", "Prague or Brno", 0.2),  # 6 of 14 letters, 0.43: a list is no answer
    ],
)
def test_accuracy_is_1_for_the_city_and_a_fifth_for_the_country(country: str, city: str, reward: float) -> None:
    assert accuracy(said(ANSWER.format(country, city)), Truth("Czechia", "Prague")) == reward


def test_the_ratio_of_lengths_may_be_exactly_seven_tenths() -> None:
    assert names_match("abcdefg", "abcdefghij") and names_match("abcdefghij", "abcdefg")
    assert not names_match("abcdef", "abcdefghij")
    assert not names_match("", "Prague") and not names_match(None, "Prague") and not names_match("Prague", None)


def test_an_answer_that_cannot_be_read_or_a_place_that_is_not_known_is_worth_nothing() -> None:
    assert accuracy(said("I think this is Prague, or maybe not, who knows what it could be"), Truth("Czechia")) == 0
    assert accuracy(said(""), Truth("Czechia", "Prague")) == 0
    assert accuracy(said(ANSWER.format("Czechia", "Prague")), Truth(None, "Prague")) == 0
    assert accuracy(said(ANSWER.format("Czechia", "Prague")), Truth("Czechia", None)) == 0.2


def test_one_bare_name_is_read_as_a_country() -> None:
    assert accuracy(said("Kenya"), Truth("Kenya", "Nairobi")) == 0.2


def test_grounding_is_measured_in_both_directions() -> None:
    seen = Truth(entities=("red tram", "Gothic church", "vineyard"))
    answer = said("<think>A red tram passes. There is a pink volcano. I see a Gothic church.</think><answer>x</answer>")
    assert grounding_recall(answer, seen) == pytest.approx(2 / 3)  # tram and church of tram, church, vineyard
    assert grounding_precision(answer, seen) == pytest.approx(2 / 3)  # the volcano is nowhere
    fewer = said("<think>A red tram passes.</think><answer>x</answer>")
    assert grounding_recall(fewer, seen) == pytest.approx(1 / 3)
    assert grounding_precision(fewer, seen) == 1
    more = said("<think>Red tram. Gothic church. Some vineyard. Pink volcano. Blue whale.</think><answer>x</answer>")
    assert grounding_recall(more, seen) == 1  # what is invented costs nothing here
    assert grounding_precision(more, seen) == pytest.approx(3 / 5)


def test_grounding_looks_at_the_thought_alone_and_distinct_texts_count_once() -> None:
    answer = said("<think>A wall.</think><answer>country: red tram</answer>")
    assert grounding_recall(answer, Truth(entities=("red tram",))) == 0
    assert grounding_recall(answer, Truth(entities=("Wall", "wall", "door"))) == 0.5
    assert grounding_recall(answer, Truth()) == grounding_precision(answer, Truth()) == 0
    assert grounding_precision(said("<think></think><answer>x</answer>"), Truth(entities=("wall",))) == 0


@pytest.mark.parametrize(
    ("text", "reward"),
    [
        ("<think>a</think><answer>b</answer>", 1),
        ("<think>a\nb</think>\n <answer>c\nd</answer>", 1),
        ("<think></think><answer></answer>", 1),
        ("<think>a</think><answer>b</answer> ", 0),
        (" <think>a</think><answer>b</answer>", 0),
        ("<think>a</think>so<answer>b</answer>", 0),
        ("<answer>b</answer><think>a</think>", 0),
        ("<think>a</think>", 0),
        ("<think>a</think><answer>b</answer><think>a</think><answer>b</answer>", 0),
        ("", 0),
    ],
)
def test_the_form_is_a_thought_an_answer_and_nothing_else(text: str, reward: float) -> None:
    assert well_formed(said(text)) == reward


def test_distance_falls_as_the_game_s_score_does() -> None:
    here = Truth(lat=0.0, lon=0.0)
    assert distance(said('{"lat": 0, "lon": 0}'), here) == 1
    degree = 6371.0088 * math.pi / 180
    assert distance(said('{"lat": 0, "lon": 10}'), here) == pytest.approx(math.exp(-10 * degree / 1492.7))
    assert distance(said('{"lat": 91, "lon": 10}'), here) == 0
    assert distance(said("no idea at all, sorry, it could be anywhere in this whole wide world"), here) == 0
    assert distance(said('{"lat": 0, "lon": 0}'), Truth()) == 0


def test_a_named_place_is_looked_up_where_the_answer_has_no_coordinates() -> None:
    (answer,) = read_said([ANSWER.format("Czechia", "Prague")], points=True)
    assert distance(answer, Truth(lat=50.0755, lon=14.4378)) > 0.98
    assert distance(read_said([ANSWER.format("Czechia", "Prague")])[0], Truth(lat=50.0755, lon=14.4378)) == 0


def test_consistency_asks_whether_the_thought_leads_to_the_answer() -> None:
    assert consistency(said(ANSWER.format("Czechia", "Prague"))) == 1
    assert consistency(said(ANSWER.format("Czechia", "Brno"))) == 0.5
    assert consistency(said(ANSWER.format("Germany", "Berlin"))) == 0
    assert consistency(said("<think>It is Omani land.</think><answer>country: Oman</answer>")) == 0
    assert consistency(said("<think>Prague.</think><answer></answer>")) == 0


def test_an_answer_that_is_nothing_else_is_not_its_own_thought() -> None:
    assert consistency(said("Kenya")) == consistency(said("<answer>country: Kenya</answer>")) == 0
    assert consistency(said("The soil is red, as in Kenya.\n<answer>country: Kenya</answer>")) == 1
    assert grounding_recall(said("country: red soil"), Truth(entities=("red soil",))) == 0


def test_p_yes_is_the_quotient_over_all_ways_to_write_the_two_words() -> None:
    log = math.log
    assert p_yes([("yes", log(0.6)), ("no", log(0.2)), ("maybe", log(0.1))]) == pytest.approx(0.75)
    assert p_yes([("Yes", log(0.3)), (" yes", log(0.1)), ("YES", log(0.2)), ("No", log(0.4))]) == pytest.approx(0.6)
    assert p_yes([("yes", log(0.5))]) == pytest.approx(1)
    assert p_yes([("no", log(0.5))]) == 0
    assert p_yes([("maybe", log(0.9))]) is None
    assert p_yes([]) is None


def test_the_script_and_the_readme_weigh_differently() -> None:
    assert PRESETS["globe_script"] == {"accuracy": 1, "localizability": 0.5, "grounding_recall": 0.2, "format": 1}
    assert PRESETS["globe_readme"] == {"accuracy": 1, "localizability": 0.2, "grounding_recall": 0.5, "format": 1}


def test_entities_of_a_row_are_texts_or_objects_with_a_text() -> None:
    row = {"country": "Oman", "lat": 1.0, "lon": 2.0, "entities": [{"text": "dhow"}, "fort", {"text": " "}]}
    assert truth_of(row) == Truth("Oman", None, 1.0, 2.0, ("dhow", "fort"))
    assert truth_of({}) == Truth()
    assert set(NEEDS) <= set(PURE)


@settings(deadline=None)
@given(st.text(max_size=300), st.text(max_size=12), st.text(max_size=12))
def test_whatever_is_said_a_reward_lies_between_0_and_1(text: str, country: str, city: str) -> None:
    truth = Truth(country, city, 1.0, 2.0, (country, city))
    for reward in PURE.values():
        assert 0 <= reward(said(f"<think>{text}</think><answer>country: {text[:40]}</answer>"), truth) <= 1
        assert 0 <= reward(said(text), truth) <= 1
