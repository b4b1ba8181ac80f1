"""Retrieval where the right answer is known by construction."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from train.evaluate import retrieval
from train.evaluate.retrieval import Places, retrieve, retrieve_nearest

METRE = 1 / 111_195.08
"""Degrees of latitude, on the sphere."""


def vectors(*rows: list[float]) -> np.ndarray:  # type: ignore[type-arg]
    return np.array(rows, np.float32)


def angle(degrees: float) -> list[float]:
    return [math.cos(math.radians(degrees)), math.sin(math.radians(degrees))]


QUERIES = vectors(angle(0), angle(90))
GALLERY = vectors(angle(10), angle(5), angle(80), angle(91))
PLACES = Places(
    np.array([0.0, 0.0]), np.array([0.0, 0.0]), np.array([0, 60, 120, 500]) * METRE, np.array([0.0, 0.0, 0.0, 0.0])
)


def test_ranks_by_hand() -> None:
    """The first query's picture is second, behind the one at 5 degrees; the second's is first."""
    found = retrieve(QUERIES, GALLERY, np.array([0, 3]), places=PLACES, ks=(1, 2))
    assert found.recall == {"R@1": 0.5, "R@2": 1.0, "R@1%": 0.5}
    assert (found.gallery, found.size, found.queries, found.hit_rate) == ("full", 4, 2, None)
    # the first ones lie at 60 m and at 500 m
    assert found.localized == {"L@50": 0.0, "L@100": 0.5, "L@150": 0.5}


def test_semi_positives_are_left_out_of_the_hit_rate_alone() -> None:
    found = retrieve(QUERIES, GALLERY, np.array([0, 3]), semi=np.array([[1, -1], [-1, -1]]))
    assert (found.recall["R@1"], found.hit_rate) == (0.5, 1.0)


@pytest.mark.parametrize("semi", [[[1, 1], [-1, 3]], [[1, -1, 1], [3, 3, -1]]])
def test_a_semi_positive_that_stands_there_twice_counts_once(semi: list[list[int]]) -> None:
    """Two pictures lie before the first query's own: one is left out, the other stays."""
    gallery = vectors(angle(10), angle(5), angle(80), angle(1))
    told = retrieve(QUERIES, gallery, np.array([0, 2]), semi=np.array(semi))
    once = retrieve(QUERIES, gallery, np.array([0, 2]), semi=np.array([[1], [-1]]))
    assert told.hit_rate == once.hit_rate == 0.5


@pytest.mark.parametrize("blocks", [(1_024, 4_096), (3, 7)])
def test_a_model_that_says_the_same_of_everything_is_as_good_as_chance(
    monkeypatch: pytest.MonkeyPatch, blocks: tuple[int, int]
) -> None:
    """Ties are in nobody's favour: K of 50 pictures are found, whatever their order; half of them lie near."""
    monkeypatch.setattr(retrieval, "_QUERIES", blocks[0])
    monkeypatch.setattr(retrieval, "_GALLERY", blocks[1])
    same = np.ones((50, 8), np.float32)
    far = np.where(np.arange(50) % 2, 0.0, 1.0)
    places = Places(np.zeros(50), np.zeros(50), far, np.zeros(50))
    semi = np.stack([(np.arange(50) + 1) % 50, (np.arange(50) + 2) % 50], axis=1)
    found = retrieve(same, same, np.arange(50), places=places, semi=semi)
    assert found.recall == pytest.approx({"R@1": 1 / 50, "R@5": 5 / 50, "R@10": 10 / 50, "R@1%": 1 / 50})
    assert found.hit_rate == pytest.approx(1 / 48)
    assert found.localized == pytest.approx({"L@50": 0.5, "L@100": 0.5, "L@150": 0.5})


@given(st.integers(0, 2**32 - 1))
def test_blocks_give_what_sorting_gives(seed: int) -> None:
    rng = np.random.default_rng(seed)
    queries, gallery = rng.normal(size=(9, 5)).astype(np.float32), rng.normal(size=(23, 5)).astype(np.float32)
    positive = rng.integers(0, 23, 9)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(retrieval, "_QUERIES", 4)
        patch.setattr(retrieval, "_GALLERY", 6)
        found = retrieve(queries, gallery, positive, ks=(1, 3, 23))
    unit = [v / np.linalg.norm(v, axis=1, keepdims=True) for v in (queries.astype(float), gallery.astype(float))]
    order = np.argsort(-(unit[0] @ unit[1].T), axis=1)
    rank = np.array([list(order[q]).index(positive[q]) for q in range(9)])
    assert found.recall == pytest.approx(
        {f"R@{k}": (rank < k).mean() for k in (1, 3, 23)} | {"R@1%": (rank < 1).mean()}
    )


def test_the_cut_gallery_is_easier_and_labelled() -> None:
    """Of the two nearest to each query's place the first one's picture wins; among all four it does not. The second
    query's lies too far away to be among them."""
    gallery = vectors(angle(10), angle(50), angle(5), angle(91))
    found = retrieve_nearest(QUERIES, gallery, np.array([0, 3]), PLACES, m=2, ks=(1,))
    assert (found.gallery, found.size) == ("m=2", 2)
    assert found.recall == {"R@1": 0.5, "R@1%": 0.5}
    assert found.localized == {"L@50": 0.5, "L@100": 1.0, "L@150": 1.0}
    assert retrieve(QUERIES, gallery, np.array([0, 3]), ks=(1,)).recall["R@1"] == 0.5


def test_what_the_cut_left_out_is_not_found_however_many_are_looked_at() -> None:
    found = retrieve_nearest(QUERIES, GALLERY, np.array([3, 3]), PLACES, m=2, ks=(1, 2, 5, 10, 2_000))
    assert set(found.recall.values()) == {0.0}


def test_the_whole_gallery_is_its_own_cut() -> None:
    rng = np.random.default_rng(5)
    queries, gallery = rng.normal(size=(20, 6)).astype(np.float32), rng.normal(size=(40, 6)).astype(np.float32)
    lat, lon = rng.uniform(-1, 1, (2, 40))
    places = Places(lat[:20], lon[:20], lat, lon)
    whole, cut = (
        retrieve(queries, gallery, np.arange(20), places=places),
        retrieve_nearest(queries, gallery, np.arange(20), places, m=40),
    )
    assert whole.recall == cut.recall and whole.localized == pytest.approx(cut.localized)


def test_the_length_of_a_vector_says_nothing() -> None:
    rng = np.random.default_rng(1)
    queries, gallery = rng.normal(size=(9, 4)).astype(np.float32), rng.normal(size=(30, 4)).astype(np.float32)
    longer = gallery * rng.uniform(1, 99, (30, 1)).astype(np.float32)
    assert retrieve(queries, gallery, np.arange(9)) == retrieve(queries, longer, np.arange(9))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"queries": np.zeros((2, 2), np.float32)}, "queries: row 0 is not finite or has no length; 2 such rows"),
        ({"gallery": vectors([1, math.nan], [1, 0])}, "gallery: row 0 is not finite"),
        ({"gallery": vectors([1, 0, 0])}, "queries have 2 numbers, pictures of the gallery 3"),
        ({"queries": np.ones(4, np.float32)}, r"expected vectors of shape \(rows, width\)"),
        ({"positive": np.array([0, 4])}, "positive: expected a row of the gallery, 0 to 3"),
        ({"positive": np.array([0])}, "positive: expected a row of the gallery"),
        ({"semi": np.array([[4], [0]])}, "semi: expected rows of the gallery"),
        ({"semi": np.array([[0], [1]])}, "the right picture of a query is among its semi-positives"),
    ],
)
def test_what_does_not_fit_is_refused(change: dict[str, np.ndarray], message: str) -> None:  # type: ignore[type-arg]
    given = {"queries": QUERIES, "gallery": GALLERY, "positive": np.array([0, 3]), "semi": None} | change
    with pytest.raises(ValueError, match=message):
        retrieve(given.pop("queries"), given.pop("gallery"), given.pop("positive"), **given)  # type: ignore[arg-type]
