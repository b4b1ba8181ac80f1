"""Strangers' words between marks, and a model's words behind its thoughts."""

from __future__ import annotations

import pytest

from train.quoting import behind_thoughts, quoted


def test_a_text_cannot_end_the_marks_that_it_stands_between() -> None:
    assert quoted("a >>> b <<< c") == "<<<\na > > > b < < < c\n>>>"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Kenya", "Kenya"),
        ("<think>Mali?</think>Kenya", "Kenya"),
        ("Mali?</think>Kenya", "Kenya"),
        ("<think>Mali?</think>Kenya<think>or Mali", ""),
    ],
)
def test_what_is_said_stands_behind_the_last_thought(text: str, said: str) -> None:
    assert behind_thoughts(text) == said
