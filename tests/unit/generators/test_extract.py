"""Which words of a reply are its answer: wrapped, thought, drafted, taken back, cut."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.replies import CLEAN, PARIS, PROSE, failed, parsed, with_fields


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


def test_keys_in_camel_case_are_the_same_keys() -> None:
    found = parsed(json.dumps({"isLocalizable": True, "countryName": "France", "cityName": "Paris"}))
    assert (found.localizable, found.country, found.city) == (True, "France", "Paris")


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
