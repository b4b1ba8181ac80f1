"""Lines of text confirm quotes and towns near a claimed place; they name no place and speak against nobody."""

from __future__ import annotations

import pytest

from factory.geo.near import named_near
from factory.witnesses.ocr import findings
from factory.witnesses.signs import Line, letters, looked_for, quotes, towns
from schemas import Answered, Clue, GeoAnswer

KAZAN = (55.79, 49.12)


def line(text: str, top: float = 10.0) -> Line:
    return Line(text, 0.9, (0.0, top, 100.0, top + 20.0))


def place(*clues: str, lat: float | None = KAZAN[0], lon: float | None = KAZAN[1], **more: object) -> GeoAnswer:
    said = tuple(Clue(kind="signage", text=text) for text in clues)
    return GeoAnswer.model_validate({"localizable": True, "clues": said, "lat": lat, "lon": lon, **more})


def of(kind: str, *lines: str, said: GeoAnswer, teacher: str = "a") -> list[tuple[str, float | None]]:
    answered = Answered(teacher=teacher, model="m", place=said)
    found = findings([line(text) for text in lines], [answered], near_km=25.0)
    return [(finding.text, finding.score) for finding in found if finding.kind == kind]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('a slip reading "Tavolo 30"', ("Tavolo 30",)),
        ("a board “Café Zürich” and «Улица Баумана»", ("Café Zürich", "Улица Баумана")),
        ("the shop's sign isn't 'PARIS EST'", ("PARIS EST",)),
        ("「東京」 in large letters", ("東京",)),
        ('"No" alone', ()),
    ],
)
def test_what_an_answer_quotes_is_found(text: str, found: tuple[str, ...]) -> None:
    assert quotes(place(text)) == found


def test_marks_case_and_spaces_do_not_count() -> None:
    assert letters("Café  ZÜRICH-1") == "cafezurich1"


@pytest.mark.parametrize(
    ("quoted", "read", "confirmed"),
    [
        ("Tavolo 30 Conto 01", "TAVOLO 30 CONTO 01", True),
        ("=CONTO!!!", "1 =CONTQ!!!", True),  # one letter misread
        ("Hotel Bristol", "Bistro", False),
        ("Bristol", "Hotel Bristol am Markt", True),
    ],
)
def test_a_quote_is_read_or_not(quoted: str, read: str, confirmed: bool) -> None:
    (found,) = looked_for([quoted], [line(read)])
    assert (found.line is not None) is confirmed


def test_a_quote_over_two_lines_is_read() -> None:
    (found,) = looked_for(["Grand Hotel Europa"], [line("Grand Hotel"), line("Europa", 40)])
    assert found.line is not None


def test_a_town_near_the_claimed_place_speaks_for_it_and_one_far_away_is_none() -> None:
    assert [one.text for one in towns([line("Казань 5 км")], *KAZAN, km=25.0)] == ["Казань"]
    assert towns([line("Казань 5 км")], 48.85, 2.35, km=25.0) == ()
    assert of("support", "Казань", said=place()) == [("a", 0.95)]


def test_words_that_are_places_elsewhere_name_no_place() -> None:
    """POLICE is Poland, Spring a town in Texas: looked up in the world they would be false hits."""
    assert towns([line("POLICE"), line("SPRING SALE"), line("Alt Hammoor")], 48.8566, 2.3522, km=25.0) == ()


def test_nothing_that_is_read_speaks_against_an_answer() -> None:
    wrong = place('a sign "Boulangerie"', lat=48.85, lon=2.35)
    assert of("quote", "Казань", said=wrong)[0][1] == 0.0
    assert of("support", "Казань", said=wrong) == []


def test_a_confirmed_quote_speaks_for_the_answer_and_has_the_sign_s_box() -> None:
    said = place('a sign "Boulangerie Paul"')
    answered = Answered(teacher="a", model="m", draw=1, place=said)
    found = {one.kind: one for one in findings([line("BOULANGERIE PAUL")], [answered], near_km=25.0)}
    assert found["quote"].box == (0.0, 10.0, 100.0, 30.0) and found["quote"].text == "a/1: Boulangerie Paul"
    assert (found["support"].text, found["support"].score) == ("a/1", 0.75)


def test_who_was_shown_the_place_is_not_looked_at() -> None:
    told = Answered(teacher="a", model="m", place=place('"Казань"'), saw_truth="place")
    combined = Answered(teacher="j", model="m", place=place('"Казань"'), combined=True)
    found = findings([line("Казань")], [told, combined], near_km=25.0)
    assert {finding.kind for finding in found} == {"text"}


def test_hostile_text_is_bounded() -> None:
    said = place(*['"' + "a" * 90 + f'{n}"' for n in range(60)])
    assert len(quotes(said)) == 24
    assert towns([line("x y z w " * 500)], *KAZAN, km=25.0) == ()
    assert looked_for(["((((", "%%%%"], [line("(((((((")])[0].line is None


def test_of_two_places_with_one_name_the_near_one_is_meant() -> None:
    (found,) = named_near(["Paris"], 33.66, -95.55, km=25.0)
    assert found.lat == pytest.approx(33.66, abs=0.05)
    assert named_near([], 0.0, 0.0, km=25.0) == ()
