"""The checks of descriptions: length, leaks, names that a picture shows, and whether the pictures show one place."""

from __future__ import annotations

from typing import Any

import pytest

from factory.plugins.registry import plugin
from factory.verify.checks import run_check
from factory.verify.description_length import tokens_in
from schemas import Answered, Case, CheckResult, ImageRef, LocatedAnswer, Sample

PLAIN = (
    "A straight canal runs between two streets. On the eastern quay a row of brick houses with gabled roofs faces the "
    "water, and a line of round trees stands on the opposite bank."
)


def case(text: str | None, *names: tuple[str, str], mapped: bool = False, images: tuple[ImageRef, ...] = ()) -> Case:
    values: dict[str, Any] = (
        {}
        if text is None
        else {
            "description": text,
            "names": [{"name": name, "seen_on": seen_on} for name, seen_on in names],
            "map_shown": mapped,
        }
    )
    said = Answered(teacher="t", model="m", values=values, failure=None if text is not None else "refused")
    sample = Sample(id="NewYork/40.7,-73.9_view7", images=images, lat=40.7, lon=-73.9)
    return Case(sample=sample, answers=(LocatedAnswer(answered=said),))


def check(name: str, case: Case, **settings: Any) -> CheckResult:
    return run_check(name, plugin("check", name).settings.model_validate(settings), case)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [("", 0), ("A tower.", 3), ("It's 12 m high", 6), ("zebra-crossing", 3), ("Straße über ...", 3)],
)
def test_tokens_are_words_digits_and_signs(text: str, tokens: int) -> None:
    assert tokens_in(text) == tokens


def test_a_description_fits_the_window_of_its_reader() -> None:
    found = check("description_length", case(PLAIN))
    assert (found.outcome, found.reason, found.threshold) == ("pass", "fits", 300.0)
    assert found.score == tokens_in(PLAIN) == 36
    short = check("description_length", case("A canal."))
    assert (short.outcome, short.reason, short.score, short.threshold) == ("fail", "too_short", 3.0, 20.0)
    long = check("description_length", case("canal " * 301))
    assert (long.reason, long.score, long.threshold) == ("too_long", 301.0, 300.0)
    assert check("description_length", case(None)).reason == "no_answer"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("A square at 40.7011, -73.9020 with a fountain.", "quotes_coordinates"),
        ("The image view7.jpg shows a square.", "quotes_file_name"),
        ("The EXIF data of the photo names a square.", "quotes_metadata"),
    ],
)
def test_coordinates_and_file_names_are_no_description(text: str, reason: str) -> None:
    found = check("description_no_leak", case(text))
    assert (found.check, found.outcome, found.reason) == ("description_no_leak", "fail", reason)
    assert check("description_no_leak", case(PLAIN)).outcome == "pass"
    assert check("description_no_leak", case(None)).outcome == "abstain"


@pytest.mark.parametrize(
    ("text", "names", "mapped"),
    [
        (PLAIN, (), False),
        (
            'A house of the Art Deco style with the sign "MILK BAR" stands at a T-junction.',
            (("MILK BAR", "photo"),),
            False,
        ),
        ("The street Rua da Graca bends to the North of the square.", (("Rua da Graca", "map"),), True),
        ("A wide street. It crosses another in the middle of a square. Trees stand there.", (), False),
        ("The café “Zum Löwen” is on the corner of the square.", (("Zum Löwen", "photo"),), False),
    ],
)
def test_names_that_a_picture_shows_are_given(text: str, names: tuple[tuple[str, str], ...], mapped: bool) -> None:
    found = check("names_given", case(text, *names, mapped=mapped))
    assert (found.outcome, found.reason, found.score) == ("pass", "given", 0.0), found.detail


@pytest.mark.parametrize(
    ("text", "names", "mapped", "reason"),
    [
        ("The street Rua da Graca bends to the square.", (("Rua da Graca", "map"),), False, "no_map"),
        (PLAIN, (("Brugstraat", "map"),), True, "not_written"),
        (PLAIN, (("", "photo"),), False, "not_written"),
        ("A canal in Utrecht lies between two of the streets.", (), False, "unlisted_name"),
        ('The shop "tabac" is on the corner of the square.', (), False, "unlisted_name"),
        ("A house with the sign MILK BAR is there.", (("MILK", "photo"),), False, "unlisted_name"),
    ],
)
def test_a_name_from_elsewhere_is_named(
    text: str, names: tuple[tuple[str, str], ...], mapped: bool, reason: str
) -> None:
    found = check("names_given", case(text, *names, mapped=mapped))
    assert (found.outcome, found.reason) == ("fail", reason) and found.score


def test_what_cannot_be_judged_is_accepted_by_nobody() -> None:
    german = "ein gerader kanal liegt zwischen zwei strassen, und am ufer stehen runde linden."
    assert (found := check("names_given", case(german))).outcome == "abstain" and found.reason == "unreadable"
    assert check("names_given", case(None)).reason == "no_answer"


def test_pictures_lie_within_some_metres_of_the_camera() -> None:
    near = ImageRef(role="satellite", locator="a.jpg", lat=40.7001, lon=-73.9)
    far = ImageRef(role="map", locator="b.jpg", lat=40.701, lon=-73.9)
    bare = ImageRef(role="ground", locator="c.jpg")
    found = check("pictures_near", case(PLAIN, images=(bare, near)))
    assert (found.outcome, found.score, found.threshold) == ("pass", pytest.approx(11.12, abs=0.01), 30.0)
    found = check("pictures_near", case(PLAIN, images=(bare, near, far)))
    assert (found.outcome, found.reason) == ("fail", "too_far") and "map is 111.2 m" in found.detail
    assert check("pictures_near", case(PLAIN, images=(near, far)), metres=112).outcome == "pass"
    assert check("pictures_near", case(PLAIN, images=(bare,))).reason == "no_place"
