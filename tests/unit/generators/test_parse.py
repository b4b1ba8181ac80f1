from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.generators.fields import name
from factory.generators.parse import MAX_CLUE_TEXT, MAX_REASONING, parse_answer
from factory.plugins.contracts import ParseFailure
from factory.text import tidy
from schemas import Clue, GeoAnswer
from schemas.answer import MAX_CLUES
from tests.effort import bounded_work
from tests.replies import CLEAN, PARIS, failed, parsed, with_fields


def test_reads_every_field() -> None:
    assert parsed(CLEAN) == GeoAnswer(
        localizable=True,
        confidence=0.9,
        scene="urban",
        clues=(Clue(kind="signage", text="RUE DE RIVOLI", supports="France"),),
        reasoning="The blue plate reads Rue de Rivoli.",
        country="France",
        region="Île-de-France",
        city="Paris",
        lat=48.8556,
        lon=2.3585,
    )


def test_reads_raw_control_characters_and_removes_them() -> None:
    text = CLEAN.replace("The blue", "The\n\tblue\x01\x1b[31m")
    assert parsed(text).reasoning == "The\n\tblue[31m plate reads Rue de Rivoli."


@pytest.mark.parametrize(
    ("text", "finish_reason", "kind"),
    [
        (CLEAN, "length", "truncated"),
        ("", "stop", "empty"),
        (" \n\t", None, "empty"),
        ("A nice street with trees.", "stop", "not_json"),
        ("[1, 2, 3]", "stop", "not_json"),
        ('{"weather": "sunny"}', "stop", "bad_schema"),
        ('{"reasoning": "no idea"}', "stop", "bad_schema"),
        ('{"error": "image missing"}', "stop", "bad_schema"),
        ("", "content_filter", "refused"),
        (CLEAN, "refusal", "refused"),
        ("I'm sorry, but I can't help with that.", "stop", "refused"),
        ("I\u2019m not able to identify where this is.", "stop", "refused"),
        ("Lo siento, no puedo ayudar con eso.", "stop", "refused"),
        ("Désolé, je ne peux pas répondre.", "stop", "refused"),
        ("Es tut mir leid, dabei kann ich nicht helfen.", "stop", "refused"),
        ("Извините, я не могу помочь.", "stop", "refused"),
        ("抱歉，我无法协助。", "stop", "refused"),
        ("申し訳ありませんが、お手伝いできません。", "stop", "refused"),
    ],
)
def test_says_what_is_wrong_with_a_reply_that_is_no_answer(text: str, finish_reason: str | None, kind: str) -> None:
    assert failed(text, finish_reason) == kind


def test_an_apology_inside_an_answer_is_no_refusal() -> None:
    assert with_fields(reasoning="I'm sorry, I cannot determine the city.").country == "France"


@pytest.mark.parametrize(
    ("lat", "lon", "expected"),
    [
        (48.85, 2.35, (48.85, 2.35)),
        ("48.85", "2.35", (48.85, 2.35)),
        ("48,85", "2,35", (48.85, 2.35)),
        ("48.85 N", "2.35 E", (48.85, 2.35)),
        ("33.87° S", "151.21° E", (-33.87, 151.21)),
        ("-33.87 S", "W 70.5", (-33.87, -70.5)),
        ("48°51'N", "2°21'E", (48.85, 2.35)),
        ("48°51\u203236\u2033N", "2°21'0\"W", (48.86, -2.35)),
        ("\u221233.5", 18, (-33.5, 18.0)),
        (-90, 180, (-90.0, 180.0)),
        (48.85, None, None),
        (None, 2.35, None),
        (151.2, -33.8, None),
        (91, 0, None),
        (0, 180.5, None),
        ("2.35 E", "48.85 N", None),
        ("about 48", "2", None),
        ("48°75'N", "2°21'E", None),
        (True, False, None),
        (math.nan, 1.0, None),
        (math.inf, 1.0, None),
        ("", "", None),
        ("9" * 70, "1", None),
        (10**400, 1, None),
        ([48.85], 2.35, None),
    ],
)
def test_coordinates_are_whole_and_possible_or_absent(lat: Any, lon: Any, expected: tuple[float, float] | None) -> None:
    answer = with_fields(latitude=lat, longitude=lon)
    if expected is None:
        assert (answer.lat, answer.lon) == (None, None)
    else:
        assert (answer.lat, answer.lon) == pytest.approx(expected)


@pytest.mark.parametrize(
    "pair", [[48.85, 2.35], {"lat": 48.85, "lng": 2.35}, "48.85, 2.35", "(48.85° N, 2.35° E)", ["48.85", "2.35"]]
)
def test_reads_coordinates_given_as_one_value(pair: Any) -> None:
    answer = parsed(json.dumps({"country": "France", "coordinates": pair}))
    assert (answer.lat, answer.lon) == pytest.approx((48.85, 2.35))


@pytest.mark.parametrize("word", ["unknown", "Unknown.", "N/A", "none", "null", "", " ", "?", "-", "(unknown)", "未知"])
def test_words_for_not_knowing_are_absent(word: str) -> None:
    answer = with_fields(country=word, region=word, city=word)
    assert (answer.country, answer.region, answer.city) == (None, None, None)


@pytest.mark.parametrize("word", ["NA", "Na", "Niue", "Nonette", "Unknown Valley"])
def test_names_that_look_like_nothing_stay(word: str) -> None:
    assert with_fields(country=word).country == word


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.9, 0.9),
        (1, 1.0),
        (0, 0.0),
        (85, 0.85),
        ("85%", 0.85),
        ("0.85", 0.85),
        ("8/10", 0.8),
        ("high", 0.85),
        ("Medium", 0.5),
        ("low", 0.25),
        (-0.1, None),
        (101, None),
        ("maybe", None),
        (None, None),
        (True, None),
        (math.nan, None),
        ([0.5], None),
    ],
)
def test_confidence_is_a_probability_or_absent(value: Any, expected: float | None) -> None:
    found = with_fields(confidence=value).confidence
    assert found == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    ("value", "country", "expected"),
    [
        (True, None, True),
        (False, "France", False),
        ("true", None, True),
        ("No", "France", False),
        (0.2, "France", False),
        (None, "France", True),
        (None, None, False),
        ("perhaps", "France", True),
    ],
)
def test_localizable_is_what_the_teacher_says_else_whether_it_names_a_place(
    value: Any, country: str | None, expected: bool
) -> None:
    fields = {"country": country} if value is None else {"localizable": value, "country": country}
    assert parsed(json.dumps(fields)).localizable is expected


@pytest.mark.parametrize(
    "written",
    [
        ["a sign", "a plate"],
        [{"text": "a sign"}, {"description": "a plate"}, {"kind": "sky"}],
        "- a sign\n- a plate",
        [{"clue": "a sign", "type": "other"}, 7, None, {"text": ["a plate"]}],
    ],
)
def test_reads_clues_as_objects_strings_or_lines(written: Any) -> None:
    found = with_fields(clues=written).clues
    assert [(clue.kind, clue.text) for clue in found] == [("other", "a sign"), ("other", "a plate")]


def test_lengths_are_bounded() -> None:
    answer = with_fields(reasoning="x" * 50_000, clues=[{"text": "y" * 1_200}] * 80, country="z" * 10_000)
    assert len(answer.reasoning) == MAX_REASONING
    assert len(answer.clues) == MAX_CLUES
    assert len(answer.clues[0].text) == MAX_CLUE_TEXT
    assert len(answer.country or "") == 200


def test_direction_overrides_and_invisible_characters_are_removed() -> None:
    answer = with_fields(city="Par\u202eis\u2066\u200b", country="Fra\U000e0041nce", reasoning="a\ud800b\ufeff")
    assert (answer.city, answer.country, answer.reasoning) == ("Paris", "France", "ab")


@pytest.mark.parametrize(
    "text",
    [
        "[" * 200_000,
        "{" * 200_000,
        '{"a":' * 40_000,
        '{"' + '\\"' * 100_000,
        "</think>" + "<think>" * 28_000,
        "<answer>\n" + "*" * 90_000 + "\n" * 90_000,
        '{"a" 1}' * 28_000,
        '{"a":1' + "," * 190_000 + "}",
        "{'a': 'b', " + "x" * 31_000 + "}",
        " " * 200_000,
        '{"country": ' + "9" * 100_000 + "}",
    ],
)
def test_hostile_text_is_a_failure_in_bounded_time(text: str) -> None:
    with bounded_work():
        assert failed(text) in ("not_json", "bad_schema", "empty")


def clean_text(limit: int) -> st.SearchStrategy[str]:
    return st.text(max_size=limit).map(lambda text: tidy(text, limit, lines=True))


place = st.one_of(st.none(), st.text(max_size=60).map(name))
coordinates = st.one_of(st.none(), st.tuples(st.floats(-90, 90), st.floats(-180, 180)))
clue_text = st.text(max_size=60).map(lambda text: tidy(text, 60))
clues = st.lists(
    st.builds(
        Clue,
        kind=clue_text.map(lambda kind: tidy(kind.lower(), 40) or "other"),
        text=clue_text.map(lambda text: text or "x"),
        supports=clue_text,
    ),
    max_size=5,
).map(tuple)


@st.composite
def answers(draw: st.DrawFn) -> GeoAnswer:
    lat, lon = draw(coordinates) or (None, None)
    return GeoAnswer(
        localizable=draw(st.booleans()),
        confidence=draw(st.one_of(st.none(), st.floats(0, 1))),
        scene=draw(st.one_of(st.none(), st.sampled_from(["indoor", "natural", "urban"]))),
        clues=draw(clues),
        reasoning=draw(clean_text(300)),
        country=draw(place),
        region=draw(place),
        city=draw(place),
        lat=lat,
        lon=lon,
    )


@settings(max_examples=60)
@given(answers())
def test_every_answer_survives_being_written_and_read(answer: GeoAnswer) -> None:
    text = answer.model_dump_json()
    assert parsed(text) == answer
    assert parsed(f"```json\n{text}\n```") == answer
    assert parsed(text[:-1] + " ,\n}") == answer
    assert parsed(f"Yes.\n{text}") == answer


@settings(max_examples=150)
@given(st.one_of(st.text(), st.text(alphabet='{}[]",:\\`<>/think answer\n0aé\ud800\x00', max_size=200)), st.text())
def test_arbitrary_text_never_raises(text: str, finish_reason: str) -> None:
    assert isinstance(parse_answer(text, finish_reason), GeoAnswer | ParseFailure)


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4)),
    max_leaves=12,
)


@settings(max_examples=150)
@given(st.dictionaries(st.sampled_from([*PARIS, "answer", "data", "location", "coordinates"]), json_values))
def test_any_values_under_the_right_keys_never_raise(fields: dict[str, Any]) -> None:
    assert isinstance(parse_answer(json.dumps(fields), "stop"), GeoAnswer | ParseFailure)


def test_a_point_of_geojson_has_its_longitude_first() -> None:
    found = parsed(json.dumps({"country": "France", "location": {"type": "Point", "coordinates": [2.35, 48.85]}}))
    assert (found.lat, found.lon) == (48.85, 2.35)


def test_coordinates_given_twice_are_none_where_they_are_two_places() -> None:
    twice = {**PARIS, "coordinates": [41.9, 12.5]}
    assert (parsed(json.dumps(twice)).lat, parsed(json.dumps(twice)).unreadable) == (None, ("coordinates",))
    for same in ([48.86, 2.35], [2.35, 48.86], "48.8556, 2.3522", None):
        assert parsed(json.dumps({**PARIS, "coordinates": same})).lat == 48.8556


@pytest.mark.parametrize("country", [["France", "Italy"], ["France", None], 33, 3.5, True])
def test_who_names_two_places_or_a_number_names_none_that_can_be_read(country: Any) -> None:
    found = parsed(json.dumps({**PARIS, "country": country}))
    assert (found.country, found.unreadable) == (None, ("country",))
    assert parsed(json.dumps({**PARIS, "country": ["France", "France"]})).country == "France"


@pytest.mark.parametrize("reason", ["length", "max_tokens", "MAX_TOKENS", "model_length", "abort"])
def test_an_answer_that_was_cut_is_none_whatever_its_server_calls_that(reason: str) -> None:
    assert failed(CLEAN, reason) == "truncated"


@pytest.mark.parametrize("reason", ["content_filter", "SAFETY", "RECITATION", "sensitive"])
def test_an_answer_that_was_withheld_is_refused_whatever_its_server_calls_that(reason: str) -> None:
    assert failed(CLEAN, reason) == "refused"
