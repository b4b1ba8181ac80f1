"""MG-Geo Clue: what is offered, what is asked, what is made of a reply, and the row that comes out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from factory.generators.mg_geo_clue import QUESTIONS, mg_geo_clue, read_choice, rows
from factory.plugins.contracts import Generator, NoAnswer, ParseFailure, Said
from factory.store.decided import told as people_told
from factory.verify.messages import truth_told
from schemas import Answered, Case, ImageRef, LocatedAnswer, Photo, Reply, Request, Sample, Seen, Truth
from schemas.rows.messages import message_faults
from schemas.rows.mg_geo_clue import ROW

BOOK = """\
id,text,country,region,kind,source,licence
KE-side,In Kenya vehicles drive on the left.,KE,,road,a table,CC0-1.0
KE-web,Web addresses in Kenya often end in .ke.,KE,,sign,a list,CC0-1.0
KE-red,Earth in Narok is red.,KE,Narok,nature,a traveller,CC-BY-4.0
UG-side,In Uganda vehicles drive on the left.,UG,,road,a table,CC0-1.0
"""
SIDE = {"id": "KE-side", "seen": "A bus ahead is on the left", "text": "Vehicles in Kenya keep left."}
SAID = {"description": "A bus on a road.", "clues": [SIDE]}
SEEN = Seen(id="pseudonym", images=("photo",))


@pytest.fixture
def book(tmp_path: Path) -> str:
    (tmp_path / "clues.csv").write_text(BOOK)
    return str(tmp_path / "clues.csv")


class Answering:
    """An `ask` that gives one reply, tells a truth and keeps what it was asked."""

    def __init__(self, said: object = SAID, truth: Truth | None = None) -> None:
        self.text = said if isinstance(said, str) else json.dumps(said)
        self.known = truth or Truth(country="Kenya", country_code="KE", region="Narok")
        self.asked: list[Request] = []
        self.levels: list[str] = []

    async def __call__(self, request: Request, *, read: Callable[[Reply], Any], teacher: str | None = None) -> Any:
        self.asked.append(request)
        found = read(Reply(text=self.text, finish_reason="stop"))
        if isinstance(found, ParseFailure):
            raise NoAnswer(found.kind, found.detail)
        return found

    def truth(self, level: str) -> Truth:
        self.levels.append(level)
        return (
            self.known if level == "place" else Truth(country=self.known.country, country_code=self.known.country_code)
        )

    def near(self, *_: Any, **__: Any) -> bool:
        raise AssertionError("this family asks for no such bit")


def said(generator: Generator, ask: Answering) -> Said:
    assert generator.answer is not None
    return asyncio.run(generator.answer(SEEN, ask))  # type: ignore[arg-type]


def asked(book: str, ask: Answering | None = None, **settings: Any) -> tuple[Said, str]:
    ask = ask or Answering()
    found = said(mg_geo_clue(clues=book, **settings), ask)
    return found, "\n".join(str(part) for request in ask.asked for turn in request.turns for part in turn.parts)


def test_the_teacher_is_told_the_country_and_offered_its_clues_alone(book: str) -> None:
    ask = Answering()
    _, words = asked(book, ask)
    assert ask.levels == ["country"]
    assert "This photo was taken in Kenya." in words and "the [Kenya] clues" in words
    assert "- KE-side (road): In Kenya vehicles drive on the left." in words and "KE-web" in words
    assert "KE-red" not in words and "Uganda" not in words and "Narok" not in words and SEEN.id not in words


def test_clues_of_the_region_are_offered_where_the_recipe_tells_the_place(book: str) -> None:
    ask = Answering()
    _, words = asked(book, ask, regions=True)
    assert ask.levels == ["place"] and "Narok, Kenya" in words and "KE-red" in words


def test_the_reply_is_held_to_the_ids_that_were_offered(book: str) -> None:
    ask = Answering()
    asked(book, ask)
    schema = ask.asked[0].schema
    assert schema is not None and schema["required"] == ["description", "clues"]
    item = schema["properties"]["clues"]["items"]
    assert item["properties"]["id"]["enum"] == ["KE-side", "KE-web"]
    assert item["additionalProperties"] is False and "maxLength" not in json.dumps(schema)


def test_of_many_clues_each_photo_is_offered_its_own_part_in_the_files_order(book: str) -> None:
    lines = "".join(f"KE-{number:02},Text {number}.,KE,,road,s,l\n" for number in range(40))
    Path(book).write_text(BOOK.splitlines()[0] + "\n" + lines)
    first, _ = asked(book, max_offered=5)
    again, _ = asked(book, max_offered=5)
    offered = first.values["offered"]
    assert len(offered) == 5 and offered == sorted(offered) == again.values["offered"]


def test_nobody_is_asked_about_a_country_without_clues(book: str) -> None:
    for truth in (Truth(country="France", country_code="FR"), Truth(country=None, country_code=None)):
        ask = Answering(truth=truth)
        found, _ = asked(book, ask)
        assert ask.asked == [] and found.values == {"description": "", "offered": [], "chosen": []}


def test_what_was_chosen_keeps_its_clue_and_its_source(book: str) -> None:
    found, _ = asked(book)
    (chosen,) = found.values["chosen"]
    known = {"kind": "road", "clue": "In Kenya vehicles drive on the left.", "source": "a table", "licence": "CC0-1.0"}
    assert chosen == {**SIDE, **known}
    assert found.place is None, "nobody was asked where it is"


def test_an_id_that_was_not_offered_is_kept_without_a_clue(book: str) -> None:
    found, _ = asked(book, Answering({**SAID, "clues": [{**SIDE, "id": "UG-side"}]}))
    assert found.values["chosen"][0]["clue"] is None and found.values["chosen"][0]["id"] == "UG-side"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('```json\n{"description": "A bus.", "clues": []}\n```', None),
        ('<think>The bus {"clues": 1}.</think>{"description": "A bus.", "clues": [],}', None),
        ('{"clues": []}', None),
        ('{"description": "A bus."}', "bad_schema"),
        ('{"description": "A bus.", "clues": {"KE-side": "left"}}', "bad_schema"),
        ('{"description": "A bus.", "clues": ["KE-side"]}', "bad_schema"),
        ('{"description": "A bus.", "clues": [{"id": "KE-side", "seen": "A bus."}]}', "bad_schema"),
        ('{"description": "A bus.", "clues": [{"id": 7, "seen": "", "text": ""}]}', "bad_schema"),
        ("I'm sorry, but I can't identify anything.", "refused"),
        ("", "empty"),
    ],
)
def test_replies_are_read_or_named(text: str, kind: str | None) -> None:
    found = read_choice(Reply(text=text, finish_reason="stop"))
    assert (found.kind if isinstance(found, ParseFailure) else None) == kind
    if kind is None:
        assert isinstance(found, Mapping) and found["chosen"] == []


def test_what_was_cut_is_no_choice() -> None:
    found = read_choice(Reply(text=json.dumps(SAID), finish_reason="length"))
    assert isinstance(found, ParseFailure) and found.kind == "truncated"


def test_texts_are_bounded_and_plain() -> None:
    clues = [{**SIDE, "text": "Left.\u202e\n" * 190}] * 66
    found = read_choice(Reply(text=json.dumps({"description": "x" * 21_000, "clues": clues}), finish_reason="stop"))
    assert isinstance(found, Mapping)
    assert (
        len(found["chosen"]) == 64 and len(found["chosen"][0]["text"]) <= 1_000 and len(found["description"]) <= 20_000
    )
    assert "\u202e" not in found["chosen"][0]["text"] and "\n" not in found["chosen"][0]["text"]


SAMPLE = Sample(
    id="s03", images=(ImageRef(locator="s.jpg"),), lat=-1.1, lon=35.9, country_code="KE", region="Narok", city="Narok"
)
PHOTO = Photo(sha256="0" * 64, phash=0, width=8, height=8, bytes=8)


def case_of(*values: Mapping[str, Any] | None, sample: Sample = SAMPLE) -> Case:
    answers = tuple(
        LocatedAnswer(
            answered=Answered(
                teacher=f"t{number}", model="m", keys=(f"k{number}",), values=value or {}, saw_truth="country",
                failure=None if value is not None else "refused",
            )
        )
        for number, value in enumerate(values)
    )  # fmt: skip
    return Case(sample=sample, answers=answers, photos=(PHOTO,))


def test_the_row_holds_the_place_the_clues_and_where_they_come_from(book: str) -> None:
    values = asked(book)[0].values
    (row,) = rows(case_of(None, values))
    assert {*row} == {*ROW.own} and ROW.json_row({**row, "answers": [], "people": people_told(None), "split": "train"})
    assert (row["teacher"], row["saw_truth"], row["requests"]) == ("t1", "country", ["k1"])
    assert row["clues"][0]["source"] == "a table" and row["offered"] == ["KE-side", "KE-web"]
    told = json.loads(row["messages"][-1]["content"][0]["text"])
    assert told == {
        "country": "Kenya", "region": "Narok", "city": "Narok",
        "clues": ["A bus ahead is on the left. Vehicles in Kenya keep left."],
    }  # fmt: skip


def test_the_question_shows_the_picture_asks_for_json_and_tells_nothing(book: str) -> None:
    values = asked(book)[0].values
    questions = set()
    for number in range(200):
        sample = Sample(id=f"s{number}", images=SAMPLE.images, lat=-1.1, lon=35.9, country_code="KE", region="Narok")
        (row,) = rows(case_of(values, sample=sample))
        questions.add(row["messages"][0]["content"][1]["text"])
        assert list(message_faults(row["messages"], 1)) == []
        assert truth_told(row["messages"], sample, ROW.truth_in_messages) is None
    assert questions == set(QUESTIONS) and all("JSON" in question for question in QUESTIONS)


def test_there_is_no_row_without_a_clue_that_is_known(book: str) -> None:
    unknown = asked(book, Answering({**SAID, "clues": [SIDE, {**SIDE, "id": "UG-side"}]}))[0].values
    silent = asked(book, Answering({**SAID, "clues": []}))[0].values
    assert rows(case_of(unknown)) == rows(case_of(silent)) == rows(case_of(None)) == ()
    assert rows(case_of(asked(book)[0].values, sample=Sample(id="s", images=SAMPLE.images, lat=0.0, lon=0.0))) == ()


def test_a_family_run_twice_asks_the_same(book: str) -> None:
    first, second = Answering(), Answering()
    assert asked(book, first) == asked(book, second)
    assert [request.sha256 for request in first.asked] == [request.sha256 for request in second.asked]
