from __future__ import annotations

from itertools import combinations
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from factory.geo import haversine_km
from factory.geo.cells import cell_id
from factory.plugins.registry import plugin
from factory.select import run_selection
from factory.select.geocell_split import geocell_split
from tests.unit.select.frames import frame_of
from tests.unit.select.test_split import samples, share_something

EVEN = {"train": 0.34, "validation": 0.33, "test": 0.33}


def splits(frame: pl.DataFrame, **settings: Any) -> dict[str, str]:
    return dict(geocell_split(frame, **{**EVEN, **settings}).splits.iter_rows())


def test_a_cell_is_in_one_split_whichever_data_set_drew_which_photos_of_it() -> None:
    one = frame_of([{"id": f"one/{n}", "lat": n % 17, "lon": 10 + n % 13, "author": "ann"} for n in range(300)])
    other = frame_of([{"id": f"other/{n}", "lat": n % 19 + 0.01, "lon": 10.01 + n % 11} for n in range(300)])
    found = {**splits(one, seed=7), **splits(other, seed=7)}
    by_cell: dict[str, set[str]] = {}
    for row in pl.concat([one, other]).iter_rows(named=True):
        by_cell.setdefault(cell_id(row["lat"], row["lon"], degrees=0.05), set()).add(found[row["id"]])
    assert all(len(names) == 1 for names in by_cell.values())
    assert {name for names in by_cell.values() for name in names} == {"train", "validation", "test"}


def test_golden_a_cells_split_never_changes() -> None:
    berlin, paris, lima = (
        {"lat": 52.52, "lon": 13.405},
        {"lat": 48.8566, "lon": 2.3522},
        {"lat": -12.05, "lon": -77.04},
    )
    found = [geocell_split(frame_of([place]), seed=7, **EVEN).splits["split"][0] for place in (berlin, paris, lima)]
    assert found == ["train", "validation", "train"], "released data sets stand on it"


def test_a_picture_without_a_place_is_in_one_split_in_every_data_set() -> None:
    frames = [
        frame_of([{"id": name, "lat": None, "image_sha256": f"{n:064x}"} for n in range(40)][n : n + 1])
        for n in range(40)
        for name in ("a", "b")
    ]
    found = [next(iter(splits(frame).values())) for frame in frames]
    assert found[::2] == found[1::2] and set(found) == {"train", "validation", "test"}


def test_a_text_without_a_place_or_picture_goes_by_its_id() -> None:
    nothing = {"lat": None, "lon": None, "image_sha256": None}
    assert set(splits(frame_of([nothing for _ in range(60)])).values()) == {"train", "validation", "test"}


@given(st.lists(samples, max_size=14), st.integers(0, 5))
@settings(max_examples=40, deadline=None)
def test_kept_rows_of_different_splits_share_nothing(rows: list[dict[str, Any]], seed: int) -> None:
    frame = frame_of(rows)
    rule = plugin("selector", "geocell_split").settings(**EVEN, apart=("author", "near_duplicates", "place"), seed=seed)
    state = run_selection(frame, [("geocell_split", rule)])
    kept = state.filter("kept").join(frame, on="id")
    for a, b in combinations(kept.iter_rows(named=True), 2):
        assert a["split"] == b["split"] or not share_something(a, b)
    for row in state.filter(~pl.col("kept")).iter_rows(named=True):
        assert row["reason"].endswith("_in_other_split") and row["detail"]


@given(st.lists(samples, min_size=1, max_size=12), st.randoms(use_true_random=False))
@settings(max_examples=20, deadline=None)
def test_the_order_of_rows_does_not_matter(rows: list[dict[str, Any]], random: Any) -> None:
    frame = frame_of(rows)
    order = list(range(frame.height))
    random.shuffle(order)
    assert splits(frame[order]) == splits(frame)
    gone = [set(geocell_split(given, **EVEN).removed["id"]) for given in (frame, frame[order])]
    assert gone[0] == gone[1]


def test_a_held_out_row_leaves_where_its_author_trains_and_validation_gives_way_to_test() -> None:
    places = {splits(frame_of([{"lat": float(n), "lon": 0.0}]))["r000"]: float(n) for n in range(60)}
    assert set(places) == {"train", "validation", "test"}

    def gone(*names: str, author: str | None = "ann") -> dict[str, str]:
        rows = [{"id": name, "lat": places[name], "lon": 0.0, "author": author} for name in names]
        found = geocell_split(frame_of(rows), **EVEN, apart=("author",)).removed
        assert set(found["reason"]) <= {"author_in_other_split"}
        return dict(found.select("id", "detail").iter_rows())

    assert gone("train", "test") == {"test": "test, and its author is in train"}
    assert gone("validation", "test") == {"validation": "validation, and its author is in test"}
    assert gone("train", "validation", "test").keys() == {"validation", "test"}
    assert gone("train", "validation", "test", author=None) == gone("train", "test", author="") == {}


def test_a_row_that_left_takes_no_neighbour_with_it() -> None:
    edge = next(
        lat
        for lat in (n * 0.5 for n in range(1, 170))
        if splits(frame_of([{"lat": lat - 1e-5, "lon": 0.02}, {"lat": lat + 1e-5, "lon": 0.02}]))
        == {"r000": "train", "r001": "test"}
    )
    rows = [{"lat": edge - 1e-5, "lon": 0.02, "author": "ann"}, {"lat": edge + 1e-5, "lon": 0.02, "author": "ann"}]
    found = geocell_split(frame_of(rows), **EVEN, apart=("author",), buffer_km=1)
    assert found.removed["id"].to_list() == ["r001"], "the row of train has no neighbour any more"
    alone = [{**row, "author": None} for row in rows]
    assert geocell_split(frame_of(alone), **EVEN, buffer_km=1).removed["reason"].to_list() == ["near_other_split"]
    for a, b in combinations(frame_of(alone).iter_rows(named=True), 2):
        assert haversine_km(a["lat"], a["lon"], b["lat"], b["lon"]) < 1


def test_refuses_shares_that_are_all_zero() -> None:
    with pytest.raises(ValidationError, match="at least one share above 0"):
        plugin("selector", "geocell_split").settings(train=0, validation=0, test=0)
