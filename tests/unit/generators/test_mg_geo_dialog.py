"""MG-Geo's dialogs: one question, a second only where the first went wrong, and the row that comes of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from factory.calls.ask import Asker
from factory.generators.mg_geo_dialog import (
    KEYS,
    Dialog,
    dialog_of,
    messages,
    mg_geo_dialog,
    read_dialog,
    record,
    response_schema,
)
from factory.plugins.contracts import NoAnswer, ParseFailure
from factory.store.decided import told
from schemas import Answered, Case, ImageRef, LocatedAnswer, Photo, Reply, Sample, Seen
from schemas.rows import message_faults
from schemas.rows.mg_geo_dialog import ROW
from tests.asking import KAZAN, Scripted, asker, open_desk, scripted
from tests.dialogs import REPLY, answer, dialog, reply

SEEN = Seen(id="x", images=("photo",))


async def asked(folder: Path, *replies: str, **settings: Any) -> tuple[Answered, Scripted]:
    """What comes of a sample in Kazan whose teacher says this, and what it was asked."""
    backend, family = Scripted(*replies), mg_geo_dialog(**settings)
    assert family.answer is not None
    async with open_desk(folder, scripted(backend, bad_answer={"retries": 0})) as desk:
        ask: Asker = asker(desk, most_turns=family.needs.calls[1])
        try:
            return ask.answered(await family.answer(SEEN, ask)), backend
        except NoAnswer as none:
            return ask.answered(none), backend


def words_of(backend: Scripted) -> str:
    return json.dumps([asdict(turn) for one in backend.asked for turn in one.request.turns], default=str)


async def test_a_dialog_within_25_km_is_asked_once_and_knows_nothing(tmp_path: Path) -> None:
    found, backend = await asked(tmp_path, reply(north_km=24))
    assert (found.saw_truth, found.values["introspection"], len(backend.asked)) == ("none", None, 1)
    assert backend.asked[0].request.purpose == "deduction"
    assert not any(word in words_of(backend) for word in ("Kazan", "Tatarstan", "55.79", "49.12", "Russia"))


async def test_a_dialog_beyond_25_km_is_told_the_place_and_answers_again(tmp_path: Path) -> None:
    found, backend = await asked(tmp_path, reply(north_km=26), reply(answer_3="It is the kremlin."))
    assert (found.saw_truth, len(backend.asked)) == ("place", 2)
    first, second = (one.request for one in backend.asked)
    assert second.purpose == "introspection+saw_place"
    assert second.turns[: len(first.turns)] == first.turns, "the same conversation goes on"
    assert [turn.who for turn in second.turns] == ["user", "assistant", "user"]
    assert json.loads(str(second.turns[1].parts[0])).keys() == set(KEYS)
    told = str(second.turns[2].parts[0])
    assert "latitude 55.79000, longitude 49.12000 (Kazan, Tatarstan, Russia)" in told
    assert found.place is not None and (found.place.lat, found.place.lon) == (55.79, 49.12)
    assert found.values["introspection"]["rounds"][2]["answer"] == "It is the kremlin."


async def test_the_limit_is_a_setting(tmp_path: Path) -> None:
    found, _ = await asked(tmp_path, reply(north_km=26), within_km=30)
    assert found.saw_truth == "none"


async def test_questions_that_come_back_changed_are_no_answer(tmp_path: Path) -> None:
    found, _ = await asked(tmp_path, reply(north_km=26), reply(question_2="Which language is on the signs?"))
    assert (found.failure, found.saw_truth) == ("bad_schema", "place")
    assert found.detail == "question_2 is another than before; the questions stay as they were"


async def test_questions_may_come_back_with_other_marks_and_capitals(tmp_path: Path) -> None:
    changed = REPLY["question_2"].upper().replace("?", " ?")
    found, _ = await asked(tmp_path, reply(north_km=26), reply(question_2=changed))
    assert found.failure is None


@pytest.mark.parametrize(
    ("more", "detail"),
    [
        ({"reasoning_2": " "}, "nothing in reasoning_2"),
        ({"question_4": None, "answer_1": []}, "nothing in answer_1, question_4"),
        ({"longitude": 300}, "latitude and longitude are no decimal degrees"),
        ({"latitude": None, "longitude": None}, "latitude and longitude are no decimal degrees"),
        ({"latitude": "somewhere"}, "latitude and longitude are no decimal degrees"),
    ],
)
def test_half_a_dialog_is_none(more: dict[str, Any], detail: str) -> None:
    found = read_dialog(Reply(text=json.dumps({**REPLY, **more}), finish_reason="stop"))
    assert found == ParseFailure("bad_schema", detail)


@pytest.mark.parametrize(
    "write",
    [
        lambda text: f"Here you are:\n```json\n{text}\n```",
        lambda text: text.replace('"latitude": 55.79', '"latitude": "55.79"'),
        lambda text: text.replace('"latitude": 55.79, "longitude": 49.12', '"coordinates": [55.79, 49.12]'),
        lambda text: text.replace("answer_4", "Answer_4"),
    ],
)
def test_what_teachers_make_of_the_form_is_read(write: Callable[[str], str]) -> None:
    found = read_dialog(Reply(text=write(json.dumps(REPLY)), finish_reason="stop"))
    assert isinstance(found, Dialog) and (found.lat, found.lon) == (55.79, 49.12)


@pytest.mark.parametrize(("reason", "kind"), [("length", "truncated"), ("content_filter", "refused")])
def test_a_reply_that_ended_early_is_none(reason: str, kind: str) -> None:
    found = read_dialog(Reply(text=reply(), finish_reason=reason))
    assert isinstance(found, ParseFailure) and found.kind == kind


def test_the_schema_wants_every_key_in_order() -> None:
    schema = response_schema()
    assert list(schema["properties"]) == schema["required"] == list(KEYS) == list(REPLY)


def test_a_dialog_is_kept_and_found_again() -> None:
    whole = dialog()
    assert dialog_of(json.loads(json.dumps(asdict(whole)))) == whole
    for odd in (None, {}, {"rounds": []}, {**asdict(whole), "lat": 95}, {**asdict(whole), "rounds": [1]}, [], "x"):
        assert dialog_of(odd) is None


def test_the_conversation_shows_the_photo_first_and_ends_with_coordinates() -> None:
    turns = messages(dialog())
    assert list(message_faults(turns, 1)) == []
    assert len(turns) == 8
    last = turns[-1]["content"][0]["text"]
    assert last.endswith('\n\n{"latitude": 55.79, "longitude": 49.12}')
    assert turns[1]["content"][0]["text"] == f"{REPLY['reasoning_1']}\n\n{REPLY['answer_1']}"


def case(*answers: LocatedAnswer, **fields: Any) -> Case:
    sample = replace(KAZAN, images=(ImageRef(locator="7/e/4/7e4.jpg"),), texts={"landmark_id": "7"}, **fields)
    return Case(sample=sample, answers=answers, photos=(Photo(sha256="0" * 64),))


def test_a_row_has_what_the_paper_lists() -> None:
    (row,) = record(case(answer(dialog(north_km=20))), source_dataset="GLDv2")
    assert (row["question_id"], row["source_dataset"], row["image_path"]) == (
        "mg_geo_dialog/s",
        "GLDv2",
        "7/e/4/7e4.jpg",
    )
    assert [one["question"] for one in row["geo_questions"]] == [REPLY[f"question_{n}"] for n in (1, 2, 3)]
    assert all(one["reasoning"] and one["answer"] for one in row["geo_questions"])
    assert row["loc_question"]["question"] == REPLY["question_4"]
    assert (row["saw_truth"], row["distance_before_km"], row["distance_after_km"]) == ("none", 20.0, 20.0)
    assert (row["landmark_id"], row["landmark"], row["country"]) == ("7", None, "Russia")
    ROW.json_row({**row, "answers": [], "people": told(None), "split": "train"})


def test_an_introspected_row_says_so_and_by_how_far_it_was_off() -> None:
    (row,) = record(case(answer(dialog(north_km=300), dialog(north_km=1))))
    assert (row["saw_truth"], row["distance_before_km"], row["distance_after_km"]) == ("place", 300.0, 1.0)


@pytest.mark.parametrize(
    "answers",
    [
        (),
        (answer(dialog(north_km=300), dialog(north_km=26)),),
        (LocatedAnswer(answered=Answered(teacher="t", model="m", failure="refused")),),
        (LocatedAnswer(answered=Answered(teacher="t", model="m", values={"deduction": {"rounds": 3}})),),
    ],
)
def test_no_row_is_made_of_a_dialog_that_ends_far_off_whoever_accepts_it(answers: tuple[LocatedAnswer, ...]) -> None:
    assert record(case(*answers)) == ()


def test_no_row_is_made_where_the_place_is_not_known() -> None:
    assert record(case(answer(dialog()), lat=float("nan"), lon=float("nan"))) == ()


def test_a_teacher_that_was_not_told_speaks_before_one_that_was() -> None:
    told, own = answer(dialog(north_km=90), dialog(), teacher="a"), answer(dialog(north_km=20), teacher="b")
    (row,) = record(case(told, own))
    assert (row["teacher"], row["saw_truth"]) == ("b", "none")
    worse = answer(dialog(north_km=90), dialog(north_km=40), teacher="c")
    (row,) = record(case(worse, told))
    assert row["teacher"] == "a", "of those that were told the one that ends nearest"


def test_without_a_known_place_nobody_is_told(tmp_path: Path) -> None:
    nowhere = Sample(id="s", images=KAZAN.images, lat=float("nan"), lon=float("nan"))

    async def talk() -> Answered:
        family, backend = mg_geo_dialog(), Scripted(reply())
        assert family.answer is not None
        async with open_desk(tmp_path, scripted(backend)) as desk:
            ask = asker(desk, nowhere)
            return ask.answered(await family.answer(SEEN, ask))

    assert asyncio.run(talk()).saw_truth == "none"


def test_changed_words_are_another_version() -> None:
    assert mg_geo_dialog().version != mg_geo_dialog(max_words=50).version
