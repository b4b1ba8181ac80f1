"""What people wrote anew is laid over the answer that they read, in every family whose screen offers a text to edit."""

from __future__ import annotations

from dataclasses import replace

import pytest

from annotation.screens.config import LAYOUTS
from factory.generators import open_generator
from factory.recipe.model import GENERATOR
from factory.store.cases import AnsweredSample
from factory.store.decided import can_edit, decided_of, laid_over, text_of
from factory.verify.clue_no_leak import clue_no_leak
from schemas import Case
from tests.screen_cases import case

SETTINGS = {"mp16_reason": {}, "mg_geo_clue": {"clues": "clues.csv"}, "cvg_text": {}}
COLUMN = {"mp16_reason": "response", "mg_geo_clue": "description", "cvg_text": "description"}
TEXT = "A narrow street, and a sign in French."


def edited(family: str, text: str) -> Case:
    """A sample whose first answer people rewrote and accepted."""
    made = case(family)
    said = {"decision": "accept", "rule": "majority (1 of 1)", "keys": ["key of first"], "text": text}
    row = dict.fromkeys(("clues", "boxes", "lat", "lon")) | said
    found = AnsweredSample(photos=made.photos, answers=tuple(one.answered for one in made.answers))
    assert can_edit(found, decided_of(row))
    _, laid = laid_over(made.sample, found, decided_of(row))
    both = zip(made.answers, laid.answers, strict=True)
    return replace(made, answers=tuple(replace(one, answered=now) for one, now in both), chosen=laid.chosen)


def test_every_family_with_a_text_to_edit_is_looked_at() -> None:
    assert {family for family, layout in LAYOUTS.items() if layout.text} == SETTINGS.keys()


@pytest.mark.parametrize("family", SETTINGS)
def test_an_edit_changes_the_column_that_it_is_of_and_what_is_made_of_it(family: str) -> None:
    generator = open_generator(GENERATOR.validate({"name": family, **SETTINGS[family]}))
    assert generator.record is not None
    (before,), (after,) = (generator.record(one) for one in (edited(family, _as_it_was(family)), edited(family, TEXT)))
    changed = {name for name in after if after[name] != before[name]}
    assert after[COLUMN[family]] == TEXT and changed <= {COLUMN[family], "messages"}


def _as_it_was(family: str) -> str:
    return text_of(case(family).answers[0].answered) or ""


def test_a_rewritten_description_is_searched_for_leaks() -> None:
    assert clue_no_leak(edited("mg_geo_clue", TEXT)).outcome == "pass"
    assert clue_no_leak(edited("mg_geo_clue", "A street at 48.85661, 2.35222.")).outcome == "fail"


def test_an_answer_without_such_a_text_cannot_be_rewritten() -> None:
    made = case("naviclues")
    row = {"decision": "accept", "rule": "x", "keys": ["key of first"], "text": TEXT}
    found = AnsweredSample(answers=tuple(one.answered for one in made.answers))
    assert not can_edit(found, decided_of(dict.fromkeys(("clues", "boxes", "lat", "lon")) | row))
