from __future__ import annotations

from itertools import combinations
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from factory.geo import haversine_km
from factory.plugins.registry import plugin
from factory.select import run_selection
from factory.select.split import split
from tests.unit.select.frames import frame_of

RULES = ("author", "geocell", "near_duplicates", "place")

samples = st.fixed_dictionaries(
    {
        "author": st.sampled_from([None, "", "ann", "bob", "cho", "dee"]),
        "lat": st.sampled_from([-22.56, -22.55, 51.34, 51.39, 90.0]),
        "lon": st.sampled_from([-180.0, 12.37, 12.41, 180.0]),
        "city": st.sampled_from([None, "Leipzig", "Windhoek"]),
        "image_phash": st.sampled_from([None, 0, 0b1111, 2**64 - 1, 2**63]),
    }
)


def splits(frame: pl.DataFrame, **settings: Any) -> dict[str, str]:
    return dict(split(frame, **settings).splits.iter_rows())


def share_something(a: dict[str, Any], b: dict[str, Any]) -> bool:
    """Told again in plain Python: may these two rows not be in two splits?"""
    cells = [(int((r["lat"] + 90) / 0.05), int(((r["lon"] + 180) % 360) / 0.05)) for r in (a, b)]
    places = [(r["country_code"], r["region"], r["city"]) for r in (a, b)]
    hashes = [r["image_phash"] for r in (a, b)]
    return (
        bool(a["author"] and a["author"] == b["author"])
        or (cells[0] == cells[1] and a["lat"] < 90)
        or (places[0] == places[1] and None not in places[0])
        or (None not in hashes and (hashes[0] ^ hashes[1]).bit_count() <= 8)
    )


@given(st.lists(samples, max_size=14), st.integers(0, 5))
@settings(max_examples=40)
def test_no_author_cell_place_or_duplicate_is_in_two_splits(rows: list[dict[str, Any]], seed: int) -> None:
    frame = frame_of(rows)
    found = splits(frame, keep_together=RULES, train=0.4, validation=0.3, test=0.3, seed=seed)
    assert set(found) == set(frame["id"])
    for a, b in combinations(frame.iter_rows(named=True), 2):
        if share_something(a, b):
            assert found[a["id"]] == found[b["id"]]


@given(st.lists(samples, min_size=1, max_size=12), st.randoms(use_true_random=False))
@settings(max_examples=20)
def test_the_order_of_rows_does_not_matter(rows: list[dict[str, Any]], random: Any) -> None:
    frame = frame_of(rows)
    order = list(range(frame.height))
    random.shuffle(order)
    assert splits(frame[order], keep_together=RULES) == splits(frame, keep_together=RULES)


def test_adding_rows_of_other_groups_moves_nothing() -> None:
    before = frame_of([{"author": f"a{n // 2}"} for n in range(40)])
    after = frame_of([{"author": f"a{n // 2}"} for n in range(40)] + [{"author": f"new{n}"} for n in range(60)])
    even = {"train": 0.34, "validation": 0.33, "test": 0.33}
    first, second = splits(before, **even), splits(after, **even)
    assert {name: second[name] for name in first} == first


def test_missing_authors_are_not_one_author() -> None:
    found = split(frame_of([{"author": None}, {"author": ""}, {"author": None}]), keep_together=("author",))
    assert found.groups["group"].n_unique() == 3


def test_shares_are_met_on_average() -> None:
    found = splits(frame_of([{} for _ in range(4000)]), train=0.8, validation=0.1, test=0.1)
    counts = {name: list(found.values()).count(name) / 4000 for name in ("train", "validation", "test")}
    assert counts == {
        "train": pytest.approx(0.8, abs=0.03),
        "validation": pytest.approx(0.1, abs=0.02),
        "test": pytest.approx(0.1, abs=0.02),
    }


def test_a_split_of_share_zero_stays_empty() -> None:
    assert set(splits(frame_of([{} for _ in range(300)]), validation=0.0).values()) == {"train", "test"}


def test_one_persons_photos_are_not_held_out_together() -> None:
    mine = frame_of([{"author": "me"} for _ in range(30)] + [{} for _ in range(5)])
    for seed in range(30):
        assert splits(mine, seed=seed)["r000"] == "train"
        assert splits(frame_of([{"author": f"{n // 5}"} for n in range(20)]), max_held_out_group=4, seed=seed) == {
            f"r{n:03d}": "train" for n in range(20)
        }


def test_another_seed_gives_another_assignment() -> None:
    frame = frame_of([{} for _ in range(200)])
    assert splits(frame, seed=1) != splits(frame, seed=2)


def test_refuses_shares_that_are_all_zero() -> None:
    with pytest.raises(ValueError, match="at least one share above 0"):
        split(frame_of([{}]), train=0.0, validation=0.0, test=0.0)


def test_a_recipe_whose_shares_are_all_zero_is_refused_while_it_is_read() -> None:
    settings = plugin("selector", "split").settings
    with pytest.raises(ValidationError, match="at least one share above 0"):
        settings(train=0, validation=0, test=0)
    assert settings(train=0, validation=0, test=1).model_dump()["test"] == 1


def edge_pairs() -> pl.DataFrame:
    """200 pairs of photos 2.2 m apart, one on either side of a cell's edge, each pair far from all others."""
    rows = []
    for number in range(200):
        edge = -60 + 0.5 * number
        rows += [{"lat": edge - 1e-5, "lon": 0.02, "author": None}, {"lat": edge + 1e-5, "lon": 0.02, "author": None}]
    return frame_of(rows)


def test_without_a_buffer_neighbours_across_a_cells_edge_may_be_in_two_splits() -> None:
    found = list(splits(edge_pairs(), train=0.4, validation=0.3, test=0.3).values())
    assert sum(a != b for a, b in zip(found[::2], found[1::2], strict=True)) > 50


def test_a_buffer_takes_the_nearer_one_out_of_the_training_side() -> None:
    frame, shares = edge_pairs(), {"train": 0.4, "validation": 0.3, "test": 0.3}
    found = split(frame, **shares, buffer_km=1.0)
    assert dict(found.splits.iter_rows()) == splits(frame, **shares), "the others stay where they were"
    given, gone = dict(found.splits.iter_rows()), {name: detail for name, _, detail in found.removed.iter_rows()}
    order = ("train", "validation", "test")
    for one, other in zip(frame["id"][::2], frame["id"][1::2], strict=True):
        first, second = sorted((one, other), key=lambda name: order.index(given[name]))
        assert (first in gone, second in gone) == (given[first] != given[second], False)
        if first in gone:
            assert gone[first] == f"0.00 km from {second} of {given[second]}; the buffer is 1 km"
    assert set(found.removed["reason"]) == {"near_other_split"}


close_by = st.fixed_dictionaries(
    {
        "author": st.sampled_from([None, "ann", "bob"]),
        "lat": st.one_of(st.none(), st.floats(-0.12, 0.12), st.floats(89.95, 90)),
        "lon": st.one_of(st.floats(-0.12, 0.12), st.floats(179.9, 180), st.floats(-180, -179.9)),
    }
)


@given(st.lists(close_by, min_size=2, max_size=40), st.integers(0, 5))
@settings(max_examples=60)
def test_no_two_released_rows_of_different_splits_are_within_the_buffer(rows: list[dict[str, Any]], seed: int) -> None:
    model = plugin("selector", "split").settings
    rule = model(train=0.4, validation=0.3, test=0.3, keep_together=("geocell",), buffer_km=1, seed=seed)
    frame = frame_of(rows)
    kept = run_selection(frame, [("split", rule)]).filter("kept").join(frame, on="id").drop_nulls("lat")
    for a, b in combinations(kept.iter_rows(named=True), 2):
        assert a["split"] == b["split"] or haversine_km(a["lat"], a["lon"], b["lat"], b["lon"]) > 1


@pytest.mark.parametrize("wrong", [-1, float("nan"), float("inf")])
def test_an_impossible_buffer_is_refused_while_the_recipe_is_read(wrong: float) -> None:
    with pytest.raises(ValidationError, match="buffer_km"):
        plugin("selector", "split").settings(buffer_km=wrong)
