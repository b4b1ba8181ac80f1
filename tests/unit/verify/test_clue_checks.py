"""The checks of chosen clues: is it a clue of this place, and do the teacher's words say no more than it?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.errors import RecipeError
from factory.generators.clue_book import clue_book
from factory.plugins.registry import plugin
from factory.verify.checks import run_check
from factory.verify.clue_words import says_more
from schemas import Answered, Case, CheckResult, ImageRef, LocatedAnswer, Sample

BOOK = """\
id,text,country,region,kind,source,licence,names
KE-side,In Kenya vehicles drive on the left.,KE,,road,s,l,Kenyan
KE-web,Web addresses in Kenya often end in .ke.,KE,,sign,s,l,Kenyan
KE-phone,"The calling code of Kenya is +254, in front of telephone numbers for callers from abroad.",KE,,sign,s,l,Kenyan
KE-money,People in Kenya pay in Kenyan shillings (KES).,KE,,culture,s,l,Kenyan
KE-poles,Poles in Kenya are not painted.,KE,,infrastructure,s,l,Kenyan
GB-plates,Cars in the United Kingdom have a white plate in front and a yellow one at the rear.,GB,,vehicle,s,l,British
US-line,The line in the middle of two-way roads in the United States is yellow.,US,,road,s,l,American
PL-letters,"Polish words on signs have letters such as ą, ę, ł, ń and ź.",PL,,language,s,l,Polish
NE-side,Traffic in Niger keeps right.,NE,,road,s,l,Nigerien
CA-stop,Stop signs in Quebec read ARRÊT.,CA,Quebec,language,s,l,Canadian
RU-letters,"Russian is written in the Cyrillic script, with letters such as ы and э.",RU,,language,s,l,Russian
"""


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clues") / "clues.csv"
    path.write_text(BOOK, encoding="utf-8")
    return path


def reasons(book: Path, clue: str, words: str) -> list[str]:
    known = clue_book(book)
    found = says_more(words, known.clues[clue], known.plain_words, max_extra_words=12)
    return [more.reason for more in found]


@pytest.mark.parametrize(
    ("clue", "words"),
    [
        ("KE-side", "In Kenya vehicles drive on the left."),
        ("KE-side", "Cars keep to the left in Kenya."),
        ("KE-side", "Kenyan traffic drives on the left side of the road."),
        ("KE-side", "KENYA’S vehicles drive on the left."),
        ("KE-web", "Kenyan web addresses often end in .ke."),
        ("KE-web", "The ending of web addresses is usually .ke in Kenya."),
        ("KE-phone", "Numbers that are dialled from abroad begin with +254 in Kenya."),
        ("KE-money", "One pays in shillings (KES) there."),
        ("KE-poles", "There is no paint on poles in Kenya."),
        ("GB-plates", "A British car wears a white plate in front and a yellow one at the back."),
        ("GB-plates", "In the UK the front plate is white, the rear plate yellow."),
        ("US-line", "Most American two-way roads have a yellow line in the middle."),
        ("US-line", "A yellow line runs in the middle of roads in the USA."),
        ("PL-letters", "Letters such as ą and ł are Polish."),
        ("CA-stop", "Quebec writes ARRÊT on stop signs."),
        ("RU-letters", "The Cyrillic script of Russian has letters such as э."),
    ],
)
def test_the_same_or_less_in_other_words_is_faithful(book: Path, clue: str, words: str) -> None:
    assert reasons(book, clue, words) == []


@pytest.mark.parametrize(
    ("clue", "words", "reason"),
    [
        ("KE-side", "In Kenya vehicles drive on the right.", "new_claim"),
        ("KE-side", "In Kenya vehicles do not drive on the left.", "new_claim"),
        ("KE-side", "Only in Kenya do vehicles drive on the left.", "new_claim"),
        ("KE-side", "In northern Kenya vehicles drive on the left.", "new_claim"),
        ("KE-side", "In Kenya and Uganda vehicles drive on the left.", "new_name"),
        ("KE-side", "Ugandan and Kenyan vehicles drive on the left.", "new_name"),
        ("KE-side", "In Kenya vehicles drive on the left, as in south africa.", "new_name"),
        ("KE-side", "Nairobi's vehicles drive on the left.", "new_name"),
        ("KE-side", "In Kenya vehicles drive on the left. Toyota is common.", "new_name"),
        ("KE-side", "In Kenya vehicles drive on the left at 50 km/h.", "new_number"),
        ("KE-side", "In Kenya vehicles drive on the left (−1.29, 36.82).", "new_number"),
        ("KE-side", "In Kenya vehicles with three wheels drive on the left.", "new_number"),
        ("KE-side", "ケニアでは vehicles drive on the left.", "new_name"),
        ("KE-side", "A matatu is colourful.", "unrelated"),
        ("KE-side", "Kenya.", "unrelated"),
        ("KE-side", "", "empty"),
        ("KE-side", " … ", "empty"),
        ("KE-side", "In Kenya vehicles drive on the left, " + "and so on " * 6, "too_long"),
        ("KE-web", "Web addresses in Kenya end in .ke.", "lost_claim"),
        ("KE-web", "Web addresses in Kenya often end in .tz.", "new_name"),
        ("KE-web", "Web addresses in Kenya often end in .co.ke.", "new_name"),
        ("KE-phone", "The calling code of Kenya is +255.", "new_number"),
        ("KE-phone", "The calling code of Kenya is +٢٥٥.", "new_number"),
        ("KE-phone", "The calling code of Kenya is +２５５.", "new_number"),
        ("KE-money", "People in Kenya pay in Kenyan shillings (TZS).", "new_name"),
        ("KE-poles", "Poles in Kenya are painted.", "lost_claim"),
        ("KE-poles", "Poles in Kenya are not painted blue.", "new_claim"),
        ("US-line", "Two yellow lines run in the middle of roads in the United States.", "new_number"),
        ("US-line", "The line in the middle of roads is yellow in the United States and Canada.", "new_name"),
        ("PL-letters", "Polish words on signs have letters such as ß.", "new_name"),
        ("NE-side", "Traffic in Nigeria keeps right.", "new_name"),
        ("NE-side", "Nigerian traffic keeps right.", "new_name"),
        ("CA-stop", "Stop signs in Quebec read ARRÊT and ALTO.", "new_name"),
    ],
)  # fmt: skip
def test_words_that_say_more_or_something_else_are_named(book: Path, clue: str, words: str, reason: str) -> None:
    assert reason in reasons(book, clue, words)


@settings(deadline=None, max_examples=100)
@given(st.text(max_size=200))
def test_any_words_are_judged(words: str) -> None:
    from factory.generators.clue_book import GeoClue

    clue = GeoClue("a", "In Kenya vehicles drive on the left.", "KE", None, "road", "s", "l")
    assert all(more.reason for more in says_more(words, clue, frozenset({"in"}), max_extra_words=12))


SAMPLE = Sample(
    id="s", images=(ImageRef(locator="s.jpg"),), lat=-1.1, lon=35.9, country_code="KE", region="Narok County"
)
CHOSEN = {"id": "KE-side", "seen": "A bus on the left.", "text": "Kenyan vehicles drive on the left.",
          "clue": "In Kenya vehicles drive on the left."}  # fmt: skip


def answered(
    *chosen: dict[str, Any], teacher: str = "t", failure: str | None = None, offered: tuple[str, ...] = ("KE-side",)
) -> LocatedAnswer:
    values = {} if failure else {"chosen": list(chosen), "offered": list(offered)}
    return LocatedAnswer(answered=Answered(teacher=teacher, model="m", values=values, failure=failure))


def run(name: str, book: Path, *answers: LocatedAnswer, sample: Sample = SAMPLE) -> CheckResult:
    return run_check(name, plugin("check", name).settings(clues=str(book)), Case(sample=sample, answers=answers))


def test_a_clue_of_the_repository_and_of_the_country_passes(book: Path) -> None:
    found = run("clue_known", book, answered(CHOSEN))
    assert (found.outcome, found.reason, found.score, found.threshold) == ("pass", "known", 0.0, 0.0)
    faithful = run("clue_faithful", book, answered(CHOSEN))
    assert (faithful.outcome, faithful.reason) == ("pass", "faithful")


@pytest.mark.parametrize(
    ("chosen", "reason"),
    [
        ({"id": "KE-bollards"}, "unknown_clue"),
        ({"id": "ke-side"}, "unknown_clue"),
        ({"id": "NE-side"}, "other_country"),
        ({"clue": "In Kenya vehicles drive on the right."}, "other_words"),
        ({"clue": None}, "other_words"),
    ],
)
def test_a_clue_that_is_not_of_this_place_fails(book: Path, chosen: dict[str, Any], reason: str) -> None:
    found = run("clue_known", book, answered({**CHOSEN, **chosen}))
    assert (found.outcome, found.reason, found.score) == ("fail", reason, 1.0)
    assert str(chosen.get("id", "KE-side")) in found.detail


def test_a_clue_of_a_region_holds_in_that_region(book: Path) -> None:
    clue = {"id": "CA-stop", "seen": "", "text": "", "clue": "Stop signs in Quebec read ARRÊT."}
    place = {"images": SAMPLE.images, "id": "s", "lat": 46.8, "lon": -71.2, "country_code": "CA"}
    outcomes = [
        run("clue_known", book, answered(clue), sample=Sample(**place, region=region)).reason
        for region in ("Quebec", "Québec", "Ontario", None)
    ]
    assert outcomes == ["known", "known", "other_region", "other_region"]


def test_nothing_chosen_is_told_from_nothing_offered(book: Path) -> None:
    assert run("clue_known", book, answered()).reason == "nothing_chosen"
    assert run("clue_known", book, answered(offered=())).reason == "nothing_offered"
    assert run("clue_known", book, answered(CHOSEN, CHOSEN)).reason == "chosen_twice"
    silent = run("clue_faithful", book, answered())
    assert (silent.outcome, silent.reason) == ("abstain", "nothing_chosen")


def test_one_teacher_that_chose_wrongly_fails_the_sample_and_a_silent_one_does_not(book: Path) -> None:
    wrong, silent = answered({**CHOSEN, "id": "NE-side"}, teacher="other"), answered(failure="refused", teacher="other")
    assert run("clue_known", book, answered(CHOSEN), wrong).outcome == "fail"
    assert run("clue_known", book, answered(CHOSEN), silent).outcome == "pass"
    failed = run("clue_known", book, answered(failure="refused"))
    assert (failed.outcome, failed.reason) == ("abstain", "no_answer")


def test_the_first_fault_is_the_reason_and_all_are_in_the_detail(book: Path) -> None:
    words = "In Kenya vehicles drive on the right, like in Nairobi."
    found = run("clue_faithful", book, answered({**CHOSEN, "text": words}, {**CHOSEN, "id": "none"}))
    assert (found.outcome, found.reason, found.score) == ("fail", "new_claim", 3.0)
    assert (
        "KE-side says “right”" in found.detail and "“Nairobi”" in found.detail and "'none' is no clue" in found.detail
    )


@pytest.mark.parametrize("name", ["clue_known", "clue_faithful"])
def test_a_repository_that_cannot_be_read_stops_the_verification(name: str, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="no such file, expected a repository of clues"):
        run(name, tmp_path / "none.csv", answered(CHOSEN))


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({}, "clean"),
        ({"seen": "A sign at 1.2921, 36.8219."}, "quotes_coordinates"),
        ({"text": "As you told me, Kenyan vehicles drive on the left."}, "echoes_instructions"),
        ({"clue": "The latitude is -1.2921."}, "clean"),
    ],
)
def test_only_the_teachers_own_words_are_searched_for_leaks(said: dict[str, Any], reason: str) -> None:
    found = run_check(
        "clue_no_leak",
        plugin("check", "clue_no_leak").settings(),
        Case(sample=SAMPLE, answers=(answered({**CHOSEN, **said}),)),
    )
    assert (found.check, found.reason) == ("clue_no_leak", reason)


def test_the_description_is_searched_for_leaks_and_a_silent_teacher_abstains() -> None:
    values = {"chosen": [], "offered": ["KE-side"], "description": "According to the caption, a bus."}
    told = LocatedAnswer(answered=Answered(teacher="t", model="m", values=values))
    settings_ = plugin("check", "clue_no_leak").settings()
    assert run_check("clue_no_leak", settings_, Case(sample=SAMPLE, answers=(told,))).reason == "quotes_metadata"
    silent = run_check("clue_no_leak", settings_, Case(sample=SAMPLE, answers=(answered(failure="refused"),)))
    assert (silent.outcome, silent.reason) == ("abstain", "no_answer")
