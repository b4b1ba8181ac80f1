"""What an MP16-Reason row says, and whose words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from factory.generators import open_generator
from factory.generators.mp16_reason import AnswerPolicy, is_releasable, record, speaking_answer
from factory.recipe.model import GENERATOR
from factory.store.cases import read_cases
from factory.store.decided import told
from schemas import Answered, Case, GeoAnswer, LocatedAnswer, Photo, Sample
from schemas.rows.messages import message_faults
from schemas.rows.mp16_reason import ROW
from tests.build_fixture import HOSTILE_TEXT, make_build

POLICIES: tuple[AnswerPolicy, ...] = ("nearest", "first", "most_confident")


def answer(teacher: str, km: float | None, **changes: Any) -> LocatedAnswer:
    measured = {name: changes.pop(name) for name in ("country_correct", "named_distance_km") if name in changes}
    said = {"localizable": True, "confidence": 0.5, "reasoning": "because", "lat": 1.0, "lon": 2.0}
    failure = changes.pop("failure", None)
    place = None if failure else GeoAnswer.model_validate({**said, **changes})
    answered = Answered(teacher=teacher, model="m", place=place, failure=failure)
    known = {"country_correct": True, "named_lat": 3.0, "named_lon": 4.0, "named_distance_km": 7.0, **measured}
    return LocatedAnswer(answered=answered, distance_km=km, **known)


def chosen(answers: list[LocatedAnswer], policy: AnswerPolicy = "nearest") -> str | None:
    found = speaking_answer(answers, policy)
    return found.answered.teacher if found else None


def first_rows(tmp_path: Path) -> list[dict[str, Any]]:
    """The rows of a build's first shard, in plan order."""
    build = make_build(tmp_path / "b", 8)
    return [row for case in read_cases(build.paths, 0) for row in record(case)]


def test_the_nearest_answer_speaks() -> None:
    assert chosen([answer("a", 9.0), answer("b", 2.0)]) == "b"


def test_ties_go_by_the_recipes_order() -> None:
    same = [answer("a", 2.0), answer("b", 2.0)]
    assert [chosen(same, policy) for policy in POLICIES] == ["a", "a", "a"]


def test_an_answer_without_coordinates_is_as_near_as_the_place_it_named() -> None:
    named = answer("b", None, lat=None, lon=None)
    assert chosen([answer("a", 9.0), named]) == "b"
    assert chosen([answer("a", 5.0), named]) == "a"


def test_an_answer_in_another_country_never_speaks() -> None:
    wrong = answer("a", 1.0, country_correct=False)
    assert [chosen([wrong, answer("b", 90.0)], policy) for policy in POLICIES[:2]] == ["b", "b"]
    assert chosen([wrong]) is None
    assert chosen([wrong, answer("b", 90.0, reasoning="  ")]) is None


def test_an_answer_whose_country_cannot_be_compared_speaks_when_no_other_can() -> None:
    unknown = answer("a", 1.0, country_correct=None)
    assert chosen([unknown]) == "a"
    assert chosen([unknown, answer("b", 90.0)]) == "b"
    assert chosen([answer("a", 1.0, localizable=False), answer("b", 90.0)]) == "b"


def test_failed_and_silent_answers_never_speak() -> None:
    assert chosen([answer("a", 1.0, failure="not_json"), answer("b", 1.0, reasoning=" \n")]) is None


def test_the_most_confident_answer_may_be_asked_for() -> None:
    answers = [answer("a", 1.0, confidence=None), answer("b", 9.0, confidence=0.1)]
    assert chosen(answers, "most_confident") == "b"


@pytest.mark.parametrize("reasoning", [None, "", " \n\t", "\u00a0"])
def test_an_answer_that_says_nothing_is_not_released(reasoning: str | None) -> None:
    assert not is_releasable(reasoning, True)


def test_only_a_wrong_country_counts_against_an_answer() -> None:
    assert [is_releasable("The tram is red.", right) for right in (True, None, False)] == [True, True, False]


def test_a_row_says_where_it_is_and_why(tmp_path: Path) -> None:
    rows = first_rows(tmp_path)
    assert [row["id"] for row in rows] == ["s000", "s001", "s002", "s003"]
    first = rows[0]
    assert {*first} == {*ROW.own}
    assert first["__#solution"] == "<country>Germany</country><city>Leipzig</city>"
    assert first["response"].startswith("second: Sign reads <script>")
    assert first["entities"] == [{"text": HOSTILE_TEXT}, {"text": "grey road number 0"}]
    assert (first["answer"]["teacher"], first["answer"]["located_by"]) == ("second", "coordinates")
    assert rows[2]["country"] == "Namibia"
    assert len(first["requests"]) == len(first["teachers"]) == 2
    assert rows[3]["teachers"] == ["first"] and rows[3]["answer"]["teacher"] == "first"


def test_a_row_is_a_conversation_in_which_tags_are_ours(tmp_path: Path) -> None:
    first = first_rows(tmp_path)[0]
    assert list(message_faults(first["messages"], 1)) == []
    assert [turn["role"] for turn in first["messages"]] == ["system", "user", "assistant"]
    learnt = first["messages"][-1]["content"][0]["text"]
    assert learnt.startswith("<think>second: Sign reads script") and learnt.endswith("\ncity: Leipzig</answer>")
    assert learnt.count("<") == learnt.count(">") == 4
    assert first["saw_truth"] == "none"


def test_rows_are_json_of_their_schema_without_null_text(tmp_path: Path) -> None:
    rows = [
        ROW.json_row({**row, "answers": [], "people": told(None), "split": "train"}) for row in first_rows(tmp_path)
    ]
    assert {tuple(row) for row in rows} == {ROW.json_keys}
    assert rows[2]["author"] == "" and rows[0]["author"]
    assert rows[0]["messages"][1]["content"][0] == {"type": "image", "text": ""}


def test_nobody_right_gives_no_row() -> None:
    sample = Sample(id="x", lat=0.0, lon=0.0)
    photo = Photo(sha256="0" * 64)
    assert record(Case(sample=sample, answers=(answer("a", 1.0, country_correct=False),), photos=(photo,))) == ()


@pytest.mark.parametrize(
    ("policy", "said"),
    [("nearest", "nearest to the truth"), ("first", "the first of"), ("most_confident", "confident")],
)
def test_the_card_says_whose_reasoning_it_is(policy: str, said: str) -> None:
    generator = open_generator(GENERATOR.validate({"name": "mp16_reason", "answer": policy}))
    assert said in generator.row.about and "GLOBE" in generator.row.about
    assert generator.row.columns.equals(ROW.columns)
