from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.verify.clues import affirmed, alike, containment, overlap, similarities, similarity, vector_overlap, words
from tests.effort import bounded_work

TEXTS = st.text(alphabet="aAbsSß 123\"“”'éЖ京都ก-.", max_size=30)
LISTS = st.lists(TEXTS, max_size=6)


@given(LISTS, LISTS)
def test_overlap_is_symmetric_and_bounded(a: list[str], b: list[str]) -> None:
    found = overlap(a, b)
    assert found == overlap(b, a)
    assert found is None or 0.0 <= found <= 1.0


@given(st.lists(TEXTS, min_size=1, max_size=6))
def test_overlap_with_itself_is_full_and_order_does_not_matter(texts: list[str]) -> None:
    found = overlap(texts, texts)
    assert found is None or found == pytest.approx(1.0)
    reversed_order = overlap(texts, texts[::-1])
    assert (found is None) == (reversed_order is None)
    assert found is None or reversed_order == pytest.approx(found)


@given(TEXTS, TEXTS)
def test_similarity_and_containment_are_bounded(a: str, b: str) -> None:
    assert similarity(words(a), words(b)) == similarity(words(b), words(a))
    assert 0.0 <= similarity(words(a), words(b)) <= 1.0
    assert 0.0 <= containment(words(a), affirmed(b)) <= 1.0


@given(LISTS, LISTS)
def test_the_matrix_is_the_same_from_both_sides(a: list[str], b: list[str]) -> None:
    matrix = similarities(tuple(a), tuple(b))
    assert len(matrix) == len(a)
    assert all(len(row) == len(b) for row in matrix)
    assert all(matrix[i][j] == similarity(words(a[i]), words(b[j])) for i in range(len(a)) for j in range(len(b)))


def test_overlap_is_unknown_when_either_says_nothing() -> None:
    assert overlap([], ["tram"]) is None
    assert overlap(["the of a"], ["tram"]) is None


def test_plural_case_and_possessive_do_not_hide_a_match() -> None:
    assert similarity(words("Palm trees, two churches"), words("church; PALM tree")) > 0.6
    assert words("cities’s").weights.keys() == words("city").weights.keys()


def test_numbers_and_quoted_signs_weigh_more_than_colours() -> None:
    found = words('white sign "Tavolo" 30').weights
    assert found["tavolo"] == found["30"] == 2.0
    assert found["white"] == 0.5
    assert found["sign"] == 1.0


def test_diacritics_are_evidence() -> None:
    assert "košice" in words("KOŠICE").weights
    assert similarity(words("Košice"), words("Kosice")) == 0.0


def test_scripts_without_spaces_are_compared_in_pairs() -> None:
    assert similarity(words("看板 京都駅前"), words("京都駅")) > 0.5
    assert similarity(words("京都駅"), words("大阪城")) == 0.0


def test_denied_things_are_not_mentioned() -> None:
    found = affirmed("No plate is visible, nor a sign. A tram passes; without any text. Not a bus.")
    assert "tram" in found
    assert not {"plate", "sign", "text", "bus"} & found.keys()


def test_a_long_word_is_not_remembered() -> None:
    from factory.verify.clues import _WEIGHED

    words("x" * 5000)
    assert not any(len(chunk) > 40 for chunk in _WEIGHED)


def test_hostile_lists_are_compared_in_bounded_time() -> None:
    with bounded_work():
        overlap([f"{'word ' * 2000}{i}" for i in range(500)], [f"{'“' * 3000}{i}" for i in range(500)])


def test_vector_overlap_needs_a_usable_vector_of_every_clue() -> None:
    vectors = {"a": (1.0, 0.0), "b": (0.0, 2.0), "zero": (0.0, 0.0), "long": (1.0, 0.0, 0.0)}
    assert vector_overlap(["a"], ["a"], vectors) == pytest.approx(1.0)
    assert vector_overlap(["a"], ["b"], vectors) == 0.0
    for other in (["missing"], ["zero"], ["long"], []):
        assert vector_overlap(["a"], other, vectors) is None


def test_whole_texts_are_alike_by_the_share_of_words_that_both_use() -> None:
    one, other = "a red tram and onion domes", "onion domes behind the tram"
    assert alike(one, one) == 1.0
    assert alike(one, other) == alike(other, one) == 1.0, "the shorter text says nothing that the longer does not"
    assert alike("a red tram and a kiosk", "a tram and a beach") == 0.5
    assert alike(one, "surfers on a beach") == 0.0
    assert alike(one, "the") is None


def test_words_that_do_not_count_are_left_out_on_both_sides() -> None:
    assert alike("Kazan, a tram", "Kazan, a beach", apart_from="Kazan") == 0.0
    assert alike("Kazan", "Kazan", apart_from="Kazan") is None
