from __future__ import annotations

from itertools import combinations
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from factory.registry import plugin
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
@settings(max_examples=40, deadline=None)
def test_no_author_cell_place_or_duplicate_is_in_two_splits(rows: list[dict[str, Any]], seed: int) -> None:
    frame = frame_of(rows)
    found = splits(frame, keep_together=RULES, train=0.4, validation=0.3, test=0.3, seed=seed)
    assert set(found) == set(frame["id"])
    for a, b in combinations(frame.iter_rows(named=True), 2):
        if share_something(a, b):
            assert found[a["id"]] == found[b["id"]]


@given(st.lists(samples, min_size=1, max_size=12), st.randoms(use_true_random=False))
@settings(max_examples=20, deadline=None)
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
