"""Clues are compared between teachers, never between draws of one."""

from __future__ import annotations

from factory.witnesses.embeddings import clue_texts
from schemas import Answered, Clue, GeoAnswer


def answered(teacher: str, text: str, draw: int = 0) -> Answered:
    place = GeoAnswer(localizable=True, clues=(Clue(kind="other", text=text),))
    return Answered(teacher=teacher, model="m", draw=draw, place=place)


def test_two_draws_of_one_teacher_have_nothing_to_compare() -> None:
    one, again = answered("a", "a tram"), answered("a", "a palm", draw=1)
    assert clue_texts([one, again]) == ()
    assert clue_texts([one, again, answered("b", "a tram")]) == ("a tram", "a palm")
