"""Reasoning by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from train.evaluate.reasoning import (
    clue_overlap,
    countries_named,
    entity_recall,
    flags,
    mentioned_clues,
    reasoning_metrics,
    rouge_l,
    rouge_n,
    words,
)

CANDIDATE = words("The cat was under the bed.")
REFERENCE = words("The cat was found under the bed again.")


def test_rouge_by_hand() -> None:
    """Six words, all of the eight; of five pairs four are among seven; the longest common subsequence has six words."""
    one, two, longest = (
        rouge_n(CANDIDATE, REFERENCE, 1),
        rouge_n(CANDIDATE, REFERENCE, 2),
        rouge_l(CANDIDATE, REFERENCE),
    )
    assert (one.precision, one.recall, one.f1) == pytest.approx((1.0, 6 / 8, 2 * 0.75 / 1.75))
    assert (two.precision, two.recall, two.f1) == pytest.approx((4 / 5, 4 / 7, 2 / 3))
    assert (longest.precision, longest.recall) == (1.0, 6 / 8)


def test_a_word_counts_as_often_as_both_say_it() -> None:
    assert rouge_n(["the"] * 7, ["the", "cat", "the"], 1).precision == 2 / 7


def test_order_matters_for_the_longest_common_subsequence_alone() -> None:
    turned = REFERENCE[::-1]
    assert rouge_n(turned, REFERENCE, 1).f1 == 1.0
    # "again bed the under found was cat the": "the", one word between, and "the" keep their order
    assert rouge_l(turned, REFERENCE).recall == 3 / 8


def test_nothing_shares_nothing() -> None:
    assert (rouge_n([], REFERENCE, 1).f1, rouge_l([], []).f1, rouge_n(["a"], ["a"], 2).f1) == (0.0, 0.0, 0.0)


def by_table(first: Sequence[str], second: Sequence[str]) -> int:
    rows = [[0] * (len(second) + 1) for _ in range(len(first) + 1)]
    for i, a in enumerate(first):
        for j, b in enumerate(second):
            rows[i + 1][j + 1] = rows[i][j] + 1 if a == b else max(rows[i][j + 1], rows[i + 1][j])
    return rows[-1][-1]


@given(st.lists(st.sampled_from("abcd"), max_size=30), st.lists(st.sampled_from("abcd"), max_size=30))
def test_the_fast_way_finds_the_longest_common_subsequence(first: list[str], second: list[str]) -> None:
    found = rouge_l(first, second)
    assert found.recall * len(second) == pytest.approx(by_table(first, second) if second else 0)


def test_words_are_those_of_any_script() -> None:
    assert words("Straße, snake_case: Київ 東京!") == ["straße", "snake", "case", "київ", "東京"]


def test_known_entities_are_counted_as_globes_script_does() -> None:
    assert entity_recall("A red TRAM passes.", ["Red tram", "red tram", "church", ""]) == 0.5
    assert np.isnan(entity_recall("A red tram.", []))


def test_clues_in_both_directions() -> None:
    """Of three mentioned ones two are known, of two known ones one is mentioned twice, the other never."""
    found = clue_overlap(
        ["a red brick church", "church of brick, which is red", "palm trees"], ["red brick church", "a yellow tram"]
    )
    assert (found.precision, found.recall) == (pytest.approx(2 / 3), 0.5)
    assert np.isnan(clue_overlap([], []).precision)


def test_sentences_are_what_is_mentioned() -> None:
    assert mentioned_clues("Red soil. Yes. Palm trees; a tram!\nA wall") == [
        "Red soil",
        "Palm trees",
        "a tram",
        "A wall",
    ]


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("This is Finland, not Norway's coast.", {"FI", "NO"}),
        ("The United States of America and New Zealand", {"US", "NZ"}),
        ("A Finnish plate in the Baltic", set()),
        ("it was turkey for dinner", set()),
        ("Bosnia and Herzegovina", {"BA"}),
    ],
)
def test_countries_are_named_by_their_names(text: str, codes: set[str]) -> None:
    assert countries_named(text) == codes


KNOWN = ["a blue sign that reads Bäckerei", "red brick church"]


@pytest.mark.parametrize(
    ("text", "raised"),
    [
        ("A red brick church, as in Germany.", set()),
        ("A red brick church, as in Poland.", {"other_country", "no_true_country"}),
        ('A church of red brick. The sign says "Bäckerei".', set()),
        ('A church of red brick. The sign says "Boulangerie".', {"unknown_quote"}),
        ("Palm trees along the road.", {"unseen_clues"}),
    ],
)
def test_flags_by_rule(text: str, raised: set[str]) -> None:
    assert flags(text, KNOWN, "DE", "Germany") == raised


def test_without_known_clues_nothing_is_unknown() -> None:
    assert flags('Palm trees, "Boulangerie"', [], "Germany", None) == set()


def rows(**values: object) -> pl.DataFrame:
    row = {"reference": None, "clues": [], "reasoning": None, "country": "Germany", "said_country": None, **values}
    schema = {"reference": pl.String, "clues": pl.List(pl.String), "reasoning": pl.String}
    return pl.DataFrame([row], schema_overrides=schema)


def test_an_answer_without_reasoning_scores_nothing_and_counts() -> None:
    found = {line.name: (line.value, line.n) for line in reasoning_metrics(rows(reference="Red soil.", clues=KNOWN))}
    assert found["ROUGE-1 F1"] == found["ROUGE-L F1"] == (0.0, 1)
    assert found["clue precision"] == found["clue recall"] == found["entities named"] == (0.0, 1)


def test_a_set_without_references_has_no_lines_about_them() -> None:
    found = reasoning_metrics(rows(reasoning="Red soil.", said_country="Kenya"))
    assert [line.name for line in found] == ["flag: other_country", "flag: no_true_country"]
    assert reasoning_metrics(rows(reasoning="Red soil.", country=None)) == ()
