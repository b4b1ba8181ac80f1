from __future__ import annotations

from typing import Any

import pytest

from factory.verify.messages import truth_told
from schemas import Sample

LEIPZIG = Sample(id="x", lat=51.3397, lon=-12.3731, country_code="DE", region="Saxony", city="Leipzig")


def conversation(question: str, answer: str = "Germany, Saxony, Leipzig, 51.3397", system: str = "Look.") -> Any:
    return [
        {"role": "system", "content": [{"type": "text", "text": system}]},
        {"role": "user", "content": [{"type": "image", "text": None}, {"type": "text", "text": question}]},
        {"role": "assistant", "content": [{"type": "text", "text": answer}]},
    ]


def test_the_answer_itself_may_say_everything() -> None:
    assert truth_told(conversation("Where is this?"), LEIPZIG, "none") is None


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("This is in Germany.", "country Germany"),
        ("Saxony, perhaps?", "region Saxony"),
        ("“Leipzig” it says", "city Leipzig"),
        ("taken at 51.34, somewhere", "coordinates 51.34"),
        ("lat=51.3397", "coordinates 51.3397"),
        ("N51,33971234", "coordinates 51,33971234"),
        ("(12.37 W)", "coordinates 12.37"),
        ("-12.3731", "coordinates -12.3731"),
        ("(51.3397,-12.3731)", "coordinates 51.3397"),
        ("51.9999,-12.3731", "coordinates -12.3731"),
        ("51.3397.", "coordinates 51.3397"),
        ("51,34;12,37", "coordinates 51,34"),
        ("51°20'23\"N", "coordinates 51°20'23\""),
        ("12° 22′ W", "coordinates 12° 22′"),
        ("51°20.38212345678' N", "coordinates 51°20.38212345678'"),
        ("51°20'22.9273402813\" N", "coordinates 51°20'22.9273402813\""),
    ],
)
def test_the_truth_is_found_in_what_a_student_is_given(question: str, found: str) -> None:
    assert truth_told(conversation(question), LEIPZIG, "none") == found
    assert truth_told(conversation("Where?", system=question), LEIPZIG, "none") == found


@pytest.mark.parametrize(
    "question",
    [
        "A German road in the Leipziger style, Saxonyesque",
        "51 km, 51.3 km, 51.43 km, 151.34 km, 51.34.12, 1.51.34, 12.3",
        "12:37 and 51°40'",
        "",
    ],
)
def test_what_is_no_whole_name_and_no_near_number_is_let_through(question: str) -> None:
    assert truth_told(conversation(question), LEIPZIG, "none") is None


def test_an_earlier_answer_counts_as_given() -> None:
    messages = conversation("Where?", "I think of Leipzig.") + conversation("Sure?", "Yes.")[1:]
    assert truth_told(messages, LEIPZIG, "none") == "city Leipzig"


def test_a_family_may_tell_what_it_declares() -> None:
    assert truth_told(conversation("In Germany."), LEIPZIG, "country") is None
    assert truth_told(conversation("In Germany, in Saxony."), LEIPZIG, "country") == "region Saxony"
    assert truth_told(conversation("At 51.34"), LEIPZIG, "country") == "coordinates 51.34"
    assert truth_told(conversation("Leipzig, 51.3397, -12.3731"), LEIPZIG, "place") is None


def test_a_city_that_bears_its_countrys_name_tells_the_country() -> None:
    there = Sample(id="x", lat=1.29, lon=103.85, country_code="SG", region="Singapore", city="Singapore")
    assert truth_told(conversation("In Singapore."), there, "country") is None
    assert truth_told(conversation("In Singapore."), there, "none") == "country Singapore"


@pytest.mark.parametrize(("question", "found"), [("of GERMANY", "country Germany"), ("in leipzig", "city Leipzig")])
def test_a_longer_name_is_found_in_any_capitals(question: str, found: str) -> None:
    assert truth_told(conversation(question), LEIPZIG, "none") == found


def test_a_short_name_is_found_with_its_own_capitals() -> None:
    there = Sample(id="x", lat=15.3, lon=74.1, country_code=None, region="Goa", city="Nice")
    assert truth_told(conversation("Goa?"), there, "none") == "region Goa"
    assert truth_told(conversation("A nice day, goa and GOA"), there, "none") is None


@pytest.mark.parametrize(
    ("name", "words"), [("As", "As a traveller"), ("Of", "Of these photos"), ("Y", "Y ahora mira")]
)
def test_a_name_that_is_also_a_word_does_not_count_where_any_word_has_a_capital(name: str, words: str) -> None:
    there = Sample(id="x", lat=51.0, lon=5.58, country_code=None, region=None, city=name)
    for text in (f"{words}, look.", f"Look here. {words}.", f"Look:\n{words}", f"“{words}” it says", f"- {words}"):
        assert truth_told(conversation(text), there, "none") is None, text


@pytest.mark.parametrize(
    "text", ["Taken in As.", "As, Belgium", "Look. As!", "near As a church", "As", "(As)", "City: As"]
)
def test_a_name_of_two_letters_counts_where_only_names_have_capitals(text: str) -> None:
    there = Sample(id="x", lat=51.0, lon=5.58, country_code=None, region=None, city="As")
    assert truth_told(conversation(text), there, "none") == "city As"
    assert truth_told(conversation(text.replace("As", "as")), there, "none") is None


def test_a_name_that_nobody_knows_is_not_looked_for() -> None:
    there = Sample(id="x", lat=15.3, lon=74.1, country_code=None, region=None, city="")
    assert truth_told(conversation("Goa or None, 1.00"), there, "none") is None


@pytest.mark.parametrize("name", ["Deutschland", "Allemagne", "Германия"])
def test_the_country_is_found_in_other_languages(name: str) -> None:
    assert truth_told(conversation(f"Ist das {name}?"), LEIPZIG, "none") == f"country {name}"
    assert truth_told(conversation(f"Ist das {name}?"), LEIPZIG, "country") is None
    assert truth_told(conversation("Frankreich, Polska"), LEIPZIG, "none") is None


def test_names_are_compared_in_one_form_and_whatever_their_spacing() -> None:
    there = Sample(id="x", lat=46.95, lon=7.45, country_code="CH", region="Zu\u0308rich", city="Le Grand (Bas)")
    assert truth_told(conversation("bei Z\u00fcrich"), there, "none") == "region Z\u00fcrich"
    assert truth_told(conversation("Le  Grand\n(Bas)!"), there, "none") == "city Le Grand (Bas)"


def test_messages_without_an_answer_are_read_whole() -> None:
    assert truth_told(conversation("Leipzig?")[:2], LEIPZIG, "none") == "city Leipzig"
    assert truth_told([], LEIPZIG, "none") is None
