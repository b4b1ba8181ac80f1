from __future__ import annotations

import json
import math
import time
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

PARIS: dict[str, Any] = {
    "scene": "urban",
    "clues": [{"kind": "signage", "text": "RUE DE RIVOLI", "supports": "France"}],
    "reasoning": "The blue plate reads Rue de Rivoli.",
    "localizable": True,
    "confidence": 0.9,
    "country": "France",
    "region": "Île-de-France",
    "city": "Paris",
    "latitude": 48.8556,
    "longitude": 2.3585,
}


def parsed(text: str, finish_reason: str | None = "stop") -> GeoAnswer:
    answer = parse_answer(text, finish_reason)
    assert isinstance(answer, GeoAnswer), answer
    return answer


def failed(text: str, finish_reason: str | None = "stop") -> str:
    failure = parse_answer(text, finish_reason)
    assert isinstance(failure, ParseFailure), failure
    return failure.kind


def with_fields(**fields: Any) -> GeoAnswer:
    return parsed(json.dumps({**PARIS, **fields}))


CLEAN = json.dumps(PARIS, ensure_ascii=False)
PROSE = "Let me look at the street sign first, then at the houses behind it."


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(CLEAN, id="clean"),
        pytest.param(json.dumps(PARIS, indent=2), id="indented"),
        pytest.param(f"```json\n{CLEAN}\n```", id="fenced"),
        pytest.param(f"Here it is:\n```\n{CLEAN}\n```\nAnything else?", id="fenced in prose"),
        pytest.param(f"{PROSE}\n\n{CLEAN}", id="after prose"),
        pytest.param(f"I saw {{nothing}} odd.\n{CLEAN}\nGood luck!", id="after stray braces"),
        pytest.param(CLEAN[:-1] + ",}", id="trailing comma"),
        pytest.param(CLEAN.replace('"France"}]', '"France",},]'), id="trailing commas inside"),
        pytest.param(str(PARIS), id="Python's own quotes"),
        pytest.param("{" + CLEAN[1:].replace('"scene"', "scene", 1), id="bare key"),
        pytest.param(CLEAN.replace("[{", "[ // seen\n{"), id="comment"),
        pytest.param(f"<think>{PROSE}</think>\n{CLEAN}", id="after a think block"),
        pytest.param(f"{PROSE}</think>{CLEAN}", id="think opened by the prompt"),
        pytest.param(f"<think>{PROSE}\n{CLEAN}", id="think never closed"),
        pytest.param(f"<think>{PROSE}</think><answer>{CLEAN}</answer>", id="JSON in an answer block"),
        pytest.param(json.dumps({"answer": PARIS}), id="inside answer"),
        pytest.param(json.dumps({"data": CLEAN}), id="JSON inside data as text"),
        pytest.param(json.dumps({"result": {"answer": [PARIS]}}), id="inside result, answer, list"),
        pytest.param(json.dumps([PARIS]), id="list of one"),
        pytest.param(json.dumps({k.title(): v for k, v in PARIS.items()}), id="capital keys"),
    ],
)
def test_reads_an_answer_however_it_is_wrapped(text: str) -> None:
    assert parsed(text) == parsed(CLEAN)


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


def test_reads_globes_think_and_answer_blocks() -> None:
    answer = parsed(f"<think>{PROSE}</think><answer>country: Côte d'Ivoire\ncity: Abidjan</answer>")
    assert (answer.country, answer.city, answer.reasoning) == ("Côte d'Ivoire", "Abidjan", PROSE)
    assert answer.localizable


def test_reads_globes_blocks_from_inside_its_evaluation_files() -> None:
    text = json.dumps({"data": "<think>dunes</think><answer>country: Namibia\ncity: Swakopmund</answer>"})
    assert (parsed(text).country, parsed(text).city, parsed(text).reasoning) == ("Namibia", "Swakopmund", "dunes")


def test_tags_inside_a_json_string_are_only_text() -> None:
    assert with_fields(reasoning="a </think> b <answer>country: Chad</answer>").country == "France"


def test_the_answer_wins_over_smaller_objects_around_it() -> None:
    assert parsed('{"country": "Spain"} is what I thought first. ' + CLEAN).country == "France"


def test_prose_before_the_json_is_its_reasoning_when_it_has_none() -> None:
    short = json.dumps({"country": "France", "city": "Paris"})
    assert parsed(f"{PROSE}\n```json\n{short}\n```").reasoning == PROSE
    assert parsed(f"Sure!\n{short}").reasoning == ""


@pytest.mark.parametrize("cut", range(30, len(CLEAN) - 1, 7))
def test_never_completes_an_answer_that_was_cut_off(cut: int) -> None:
    assert failed(CLEAN[:cut]) == "not_json"


def test_never_takes_a_clue_of_a_cut_answer_for_the_answer() -> None:
    assert failed('{"clues": [{"text": "a sign", "country": "Chad"}, {"text": "x') == "not_json"


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
def test_hostile_text_is_a_failure_within_a_second(text: str) -> None:
    started = time.process_time()
    assert failed(text) in ("not_json", "bad_schema", "empty")
    assert time.process_time() - started < 1.0


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


DRAFT = json.dumps({**PARIS, "country": "Spain", "city": "Madrid", "latitude": 40.4, "longitude": -3.7})
TEMPLATE = (
    '{"scene": "indoor|natural|urban", "clues": [{"kind": "...", "text": "...", "supports": "..."}], '
    '"reasoning": "...", "localizable": true, "confidence": 0.0, "country": "...", "region": "...", "city": "...", '
    '"latitude": 0.0, "longitude": 0.0}'
)
"""As it stands in the packaged question."""


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"```json\n{DRAFT}\n```\nNo, the plates are French.\n```json\n{CLEAN}\n```", id="two fences"),
        pytest.param(f"Draft: {DRAFT}\nFinal: {CLEAN}", id="prose"),
        pytest.param(f"<think>{PROSE} {DRAFT}\nNo, wait.\n{CLEAN}", id="think never closed"),
        pytest.param(f"<think>{PROSE} {DRAFT}</think>{CLEAN}", id="think"),
        pytest.param(f"{PROSE} {DRAFT}</think>{CLEAN}", id="think opened by the prompt"),
        pytest.param(f"[THINK]{PROSE} {DRAFT}[/THINK]{CLEAN}", id="Mistral's tags"),
        pytest.param(f"<seed:think>{PROSE} {DRAFT}</seed:think>{CLEAN}", id="Seed-OSS's tags"),
        pytest.param(f"\u25c1think\u25b7{PROSE} {DRAFT}\u25c1/think\u25b7{CLEAN}", id="Kimi's tags"),
        pytest.param(f"[THINK]{PROSE} {DRAFT}\nNo.\n{CLEAN}", id="Mistral's tags, never closed"),
        pytest.param(f"<answer>{DRAFT}</answer> No. <answer>{CLEAN}</answer>", id="two answer blocks"),
        pytest.param(f"{DRAFT[:-60]}\nLet me start again.\n{CLEAN}", id="a draft that was given up"),
        pytest.param(f"{TEMPLATE}\n{CLEAN}", id="the question's example first"),
        pytest.param(f"{CLEAN}\nThe form was {TEMPLATE}", id="the question's example last"),
        pytest.param(f'{CLEAN}\nI also thought of {{"country": "Spain"}}.', id="a remark behind it"),
        pytest.param(f"<|begin_of_box|>{CLEAN}<|end_of_box|>", id="GLM's box"),
        pytest.param(f"[{CLEAN}, {DRAFT}]", id="a list, the best guess first"),
        pytest.param(json.dumps({"predictions": [PARIS, json.loads(DRAFT)]}), id="a list of predictions"),
        pytest.param(json.dumps({"first_guess": json.loads(DRAFT), "final": PARIS}), id="a guess and the final one"),
        pytest.param(
            f"{CLEAN}\n{json.dumps({'country': 'Country name', 'city': 'city name', 'localizable': True})}",
            id="another example last",
        ),
        pytest.param(f'<tool_call>{{"name": "answer", "arguments": {CLEAN}}}</tool_call>', id="a call as text"),
        pytest.param(json.dumps(CLEAN), id="JSON in a JSON string"),
    ],
)
def test_the_last_whole_answer_wins_over_drafts_templates_and_remarks(text: str) -> None:
    assert (parsed(text).country, parsed(text).city, parsed(text).lat) == ("France", "Paris", 48.8556)


def test_an_answer_that_takes_back_the_one_before_it_wins_however_short_it_is() -> None:
    assert not parsed(f'{CLEAN}\nOn reflection: {{"localizable": false}}').localizable
    assert parsed(f'{{"localizable": false}}\nOn reflection: {CLEAN}').localizable


@pytest.mark.parametrize("cut", range(60, len(CLEAN) - 1, 40))
def test_a_draft_is_no_answer_where_the_one_behind_it_was_cut_off(cut: int) -> None:
    assert failed(f"Draft: {DRAFT}\nFinal: {CLEAN[:cut]}") == "not_json"


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


def test_keys_in_camel_case_are_the_same_keys() -> None:
    found = parsed(json.dumps({"isLocalizable": True, "countryName": "France", "cityName": "Paris"}))
    assert (found.localizable, found.country, found.city) == (True, "France", "Paris")


@pytest.mark.parametrize("reason", ["length", "max_tokens", "MAX_TOKENS", "model_length", "abort"])
def test_an_answer_that_was_cut_is_none_whatever_its_server_calls_that(reason: str) -> None:
    assert failed(CLEAN, reason) == "truncated"


@pytest.mark.parametrize("reason", ["content_filter", "SAFETY", "RECITATION", "sensitive"])
def test_an_answer_that_was_withheld_is_refused_whatever_its_server_calls_that(reason: str) -> None:
    assert failed(CLEAN, reason) == "refused"


def test_tags_in_a_string_of_an_object_after_prose_are_only_text() -> None:
    said = json.dumps({**PARIS, "reasoning": "a </think> b"})
    assert parsed(f"Here it is:\n{said}").reasoning == "a </think> b"


def test_an_answer_that_was_only_thought_is_read() -> None:
    """Some servers put the whole JSON into the reasoning channel and leave the content empty."""
    assert parsed(f"<think>{DRAFT} No: {CLEAN}</think>\n").country == "France"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (f"<think>{DRAFT}</think>I'm sorry, but I can't help with that.", "refused"),
        (f"<think>{DRAFT}</think>It looks like a nice street.", "not_json"),
        ("<think>I'm sorry to say that nothing is to be seen.</think>A street.", "not_json"),
        ("<think>Let me look.</think>\n", "empty"),
        (TEMPLATE, "bad_schema"),
        (f"<think>{PROSE}</think>{TEMPLATE}", "bad_schema"),
    ],
)
def test_what_was_thought_is_no_answer_where_something_else_was_said(text: str, kind: str) -> None:
    assert failed(text) == kind


@pytest.mark.parametrize(
    "thought",
    ["It could be many places. " * 10_000, "maybe {x} or {y: z} " * 12_500, f"{DRAFT} or " * 830, "{" * 250_000],
    ids=["prose", "braces", "drafts", "open braces"],
)
def test_however_long_it_thought_the_answer_behind_it_is_read(thought: str) -> None:
    assert len(thought) >= 240_000
    assert parsed(f"<think>{thought}</think>\n{CLEAN}").country == "France"
    assert parsed(f"{thought}</think>\n{CLEAN}").country == "France"


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from([DRAFT, TEMPLATE, PROSE, "{x}", "```json", "```", "<think>", "</think>"]), max_size=12))
def test_whatever_stands_before_it_the_last_answer_is_the_one_that_is_read(before: list[str]) -> None:
    assert parsed("\n".join([*before, "", CLEAN])).country == "France"
