"""The answer that people see and judge is the one that is released: one function of the family says which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import permutations
from typing import Any, Final

import pytest

from annotation.screens.family import FamilyScreen
from annotation.screens.shown import nearest
from factory.generators import open_generator
from factory.generators.labelled import speaker
from factory.plugins.blocks import Call
from factory.plugins.registry import known
from factory.recipe.model import GENERATOR
from schemas import Case, LocatedAnswer
from tests.screen_cases import case

SETTINGS: Final[Mapping[str, Mapping[str, Any]]] = {
    "mp16_reason": {},
    "mp16_reason, first": {"answer": "first"},
    "mp16_reason, most_confident": {"answer": "most_confident"},
    "mg_geo_dialog": {"within_km": 1000},
    "mg_geo_clue": {"clues": "clues.csv"},
    "naviclues": {},
    "cvg_text": {},
    "geotext": {},
}


def call(named: str) -> Call:
    return GENERATOR.validate({"name": named.partition(",")[0], **SETTINGS[named]})


def confident(found: LocatedAnswer, number: int) -> LocatedAnswer:
    """An answer as sure as its number says, so that none is nearest, first and surest at once in every order."""
    place = found.answered.place
    if place is None:
        return found
    said = place.model_copy(update={"confidence": (0.5, 0.9, 0.2)[number]})
    return replace(found, answered=replace(found.answered, place=said))


def cases(family: str) -> list[Case]:
    """A sample in every order of its three teachers, the first of whom gave no answer that can be used."""
    made = case(family, clues=1)
    broken = replace(
        made.answers[0], answered=replace(made.answers[0].answered, teacher="third", keys=("key of third",))
    )
    broken = replace(broken, answered=replace(broken.answered, place=None, values={}, failure="empty"))
    every = [confident(found, number) for number, found in enumerate((*made.answers, broken))]
    return [replace(made, answers=ordered) for ordered in permutations(every)]


@pytest.mark.parametrize("named", SETTINGS)
def test_the_answer_shown_is_the_one_released(named: str) -> None:
    generator, family = open_generator(call(named)), named.partition(",")[0]
    assert generator.record is not None
    screen, teachers = FamilyScreen(family=family, speaks=speaker(generator)), set()
    for one in cases(family):
        (row,) = generator.record(one)
        teacher = row["answer"]["teacher"] if family == "mp16_reason" else row["teacher"]
        shown = screen.task(one, {"photo": "/data/upload/1/a.jpg"})
        assert shown.keys == (f"key of {teacher}",)
        teachers.add(teacher)
        chosen = replace(
            one, chosen=next(found.answered.keys for found in one.answers if found.answered.teacher == "second")
        )
        assert screen.task(chosen, {"photo": "/data/upload/1/a.jpg"}).keys == ("key of second",), "people chose it"
    if named not in ("mp16_reason", "mp16_reason, most_confident"):
        assert teachers == {"first", "second"}, "the order of the recipe decides, not the distance"


def test_every_family_that_asks_says_which_answer_speaks() -> None:
    families = {name.partition(",")[0]: name for name in SETTINGS}
    ours = [name for name, found in known("generator").items() if found.function.__module__.startswith("factory.")]
    for name in ours:
        if name in families:
            assert open_generator(call(families[name])).speaks is not None
        else:
            assert open_generator(GENERATOR.validate({"name": name})).needs.calls == (0, 0), f"add {name} to SETTINGS"


def test_where_nothing_can_be_released_the_nearest_answer_is_shown() -> None:
    made = case("mp16_reason")
    wrong = replace(made, answers=tuple(replace(found, country_correct=False) for found in made.answers))
    generator = open_generator(call("mp16_reason"))
    assert generator.record is not None and generator.record(wrong) == ()
    shown = FamilyScreen(family="mp16_reason", speaks=speaker(generator)).task(wrong, {})
    found = nearest(wrong)
    assert found is not None and shown.keys == found.answered.keys == ("key of first",)
