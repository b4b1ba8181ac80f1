"""What the checks of MG-Geo's dialogs catch, what they let pass, and that they pass nothing they cannot read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from factory.verify.blind_questions import blind_questions
from factory.verify.english import is_english
from factory.verify.final_coordinates import final_coordinates
from factory.verify.no_leak import no_leak
from factory.verify.not_told import not_told
from schemas import Case, CheckResult, LocatedAnswer
from tests.dialogs import answer, dialog

CHECKS = (final_coordinates, blind_questions, not_told)
MakeCase = Callable[..., Case]


def found_in(check: Callable[..., CheckResult], case: Case, **settings: Any) -> tuple[str, str]:
    result = check(case, **settings)
    return result.outcome, result.reason


@pytest.mark.parametrize("check", CHECKS)
def test_a_sound_dialog_passes(make_case: MakeCase, check: Callable[..., CheckResult]) -> None:
    result = check(make_case(answer(dialog())))
    assert (result.outcome, result.threshold is not None) == ("pass", True)


@pytest.mark.parametrize("check", CHECKS)
def test_without_a_dialog_there_is_nothing_to_pass(make_case: MakeCase, check: Callable[..., CheckResult]) -> None:
    other = make_case(replace(answer(dialog()), answered=replace(answer(dialog()).answered, values={})))
    for case in (make_case(), other, make_case(located_failure())):
        assert found_in(check, case) == ("abstain", "no_answer")


def located_failure() -> LocatedAnswer:
    whole = answer(dialog())
    return replace(whole, answered=replace(whole.answered, failure="bad_schema", place=None, values={}))


# --- coordinates ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("km", "outcome"), [(24.9, "pass"), (25.1, "fail")])
def test_the_last_coordinates_are_measured_after_introspection_too(
    make_case: MakeCase, km: float, outcome: str
) -> None:
    for told in (answer(dialog(north_km=km)), answer(dialog(north_km=900), dialog(north_km=km))):
        result = final_coordinates(make_case(told))
        assert (result.outcome, result.score) == (outcome, pytest.approx(km, abs=1e-3))


def test_the_distance_does_not_grow_by_the_truths_uncertainty(make_case: MakeCase) -> None:
    assert final_coordinates(make_case(answer(dialog(north_km=26)), uncertainty_km=10)).outcome == "fail"


def test_without_a_truth_nothing_is_measured(make_case: MakeCase) -> None:
    nowhere = {"lat": float("nan"), "lon": float("nan")}
    assert found_in(final_coordinates, make_case(answer(dialog()), **nowhere)) == ("abstain", "no_truth")


# --- questions --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        ("What do the red walls say about the region?", "shows_detail"),
        ("Which of these towers could be a minaret, and where is that usual?", "shows_detail"),
        ("How does the sign in Cyrillic narrow the place down?", "shows_detail"),
        ("Where would you find a shop that is called “Чак-чак”?", "quotes_lettering"),
        ("What does the word Казань on the sign mean for the place?", "quotes_lettering"),
        ("What does the word бәйрәм on the sign mean for the region?", "quotes_lettering"),
        ("How far is the Kazan that is on the sign from here?", "tells_the_place"),
        ("Which region has towns like Bugulma, and how do you know?", "names_something"),
        ("What does the 7 on the plate say about the region?", "names_something"),
        ("Which place lies at 55.79 degrees, and how would you check it?", "tells_the_place"),
        ("Which part of Russia has such walls, and why?", "tells_the_place"),
        ("What do the 'Burger House' and its neighbours say about the town?", "quotes_lettering"),
    ],
)
def test_questions_that_give_something_away_fail(make_case: MakeCase, question: str, reason: str) -> None:
    case = make_case(answer(dialog(question_2=question)), city="Kazan", region="Tatarstan")
    assert found_in(blind_questions, case) == ("fail", reason)


@pytest.mark.parametrize(
    "question",
    [
        "Considering the architectural design, what region of the world would you think displays such forms and why?",
        "What do the vegetation and the light tell about the climate zone? I'd start with the hemisphere.",
        "Which side of the road do people drive on, and what do plates and markings add to that?",
        "Does the player's knowledge of road signs, clothing or trade rule out any country?",
        "With GPS and what you know, where on Earth is it? Answer as JSON with the latitude and longitude.",
    ],
)
def test_questions_that_point_to_a_kind_of_evidence_pass(make_case: MakeCase, question: str) -> None:
    result = blind_questions(make_case(answer(dialog(question_1=question))))
    assert result.outcome == "pass", result.detail


def test_words_may_be_allowed(make_case: MakeCase) -> None:
    case = make_case(answer(dialog(question_2="What does the river say about the region?")))
    assert found_in(blind_questions, case) == ("fail", "shows_detail")
    assert found_in(blind_questions, case, allow=("river",)) == ("pass", "blind")


def test_questions_in_another_language_are_not_passed(make_case: MakeCase) -> None:
    other = {f"question_{n}": "Was sagen Licht und Bewuchs über die Klimazone und die Gegend?" for n in range(1, 5)}
    assert found_in(blind_questions, make_case(answer(dialog(**other)))) == ("abstain", "unreadable")


# --- answers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "As you told me, it is the kremlin of the city.",
        "Given the coordinates, this must be the kremlin of the city.",
        "Based on the provided location, the towers are those of the kremlin.",
        "You mentioned that the fortress is on the Volga, and the towers agree.",
        "With the correct coordinates in mind, the walls are those of the kremlin.",
        "My previous answer was misled by the towers, which are those of the kremlin.",
        "I overlooked the letters on the sign, which are those of the Tatar language.",
        "Upon re-examination, the letters on the sign are those of the Tatar language.",
        "I apologize for the confusion: the towers are those of the kremlin.",
        "The revised deduction is that the towers are those of the kremlin.",
        "Knowing that the photo is from the Volga, the towers are those of the kremlin.",
        "The actual location of the fortress is above the river.",
        "I was wrong about the towers, which are those of the kremlin.",
        "Initially assumed to be in the north, the fortress is that of the Volga.",
        "We were told it is the kremlin, and it is.",
        "The conclusion was incorrect, because the towers are those of the kremlin.",
        "I\u2019ve missed the sign: I missed it, and it is in the Tatar language.",
    ],
)
@pytest.mark.parametrize("key", ["reasoning_1", "answer_4"])
def test_answers_that_speak_of_being_told_fail(make_case: MakeCase, text: str, key: str) -> None:
    case = make_case(answer(dialog(north_km=300), dialog(**{key: text})))
    assert found_in(not_told, case) == ("fail", "speaks_of_being_told")


@pytest.mark.parametrize(
    "text",
    [
        "Given the location of the sun and the length of the shadows, it is about noon in the north.",
        "Considering the position of the towers, the camera is to the south of the wall.",
        "The sign gives the city, so the country is known, and the coordinates follow from the map.",
        "It could be mistaken for Moscow, but that fortress has red walls and stars.",
        "You can see that the river is wide, which tells of the Volga.",
        "The first impression is of a Russian town; the second script makes it Tatar.",
        "The name that is provided by the board agrees with the route number.",
        "The country was known for its carpets in the time of the khans.",
    ],
)
def test_answers_that_argue_from_the_picture_pass(make_case: MakeCase, text: str) -> None:
    result = not_told(make_case(answer(dialog(answer_2=text))))
    assert result.outcome == "pass", result.detail


def test_answers_in_another_language_are_not_passed(make_case: MakeCase) -> None:
    spanish = "Las murallas blancas y las torres indican una fortaleza rusa junto al río, como ya me dijiste."
    keys = [f"{part}_{n}" for n in range(1, 5) for part in ("reasoning", "answer") if (part, n) != ("reasoning", 4)]
    case = make_case(answer(dialog(**dict.fromkeys(keys, spanish))))
    assert found_in(not_told, case) == ("abstain", "unreadable")


def test_coordinates_in_the_reasoning_are_a_leak(make_case: MakeCase) -> None:
    leaky = dialog(reasoning_2="The signs are in two languages, and 55.7903, 49.1201 is where both are used.")
    assert found_in(no_leak, make_case(answer(leaky))) == ("fail", "quotes_coordinates")
    assert found_in(no_leak, make_case(answer(dialog()))) == ("pass", "clean"), "those of the last answer are none"


@pytest.mark.parametrize(
    ("text", "english"),
    [
        ("What do the light and the season suggest about the climate zone?", True),
        ("Which town fits best?", True),
        ("Welke stad past het best bij de gebouwen en de borden in het beeld?", False),
        ("Was sagen die Gebäude über das Alter und die Geschichte der Stadt?", False),
        ("Que disent les panneaux et les plaques du pays et de la langue ?", False),
        ("O que dizem a luz e a vegetação sobre a zona climática do lugar?", False),
        ("Che cosa dicono le insegne sulla lingua e sul paese in cui siamo?", False),
        ("Что говорят вывески о языке?", False),
        ("这些标志说明什么？", False),
        ("", False),
    ],
)
def test_english_is_told_from_other_languages(text: str, english: bool) -> None:
    assert is_english(text) is english
