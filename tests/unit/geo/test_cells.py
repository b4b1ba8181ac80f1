from __future__ import annotations

import sys

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.errors import EnvironmentFault
from factory.geo import cell, cell_id
from factory.geo.cells import MAX_DEPTH, h3_cells, h3_centres, quadtree

LAT = st.floats(-90, 90)
LON = st.floats(-180, 180)
POINTS = st.lists(st.tuples(LAT, LON), max_size=60)


def series(points: list[tuple[float, float]]) -> tuple[pl.Series, pl.Series]:
    frame = pl.DataFrame(points, schema={"lat": pl.Float64, "lon": pl.Float64}, orient="row")
    return frame["lat"], frame["lon"]


@settings(deadline=None)
@given(LAT, LON, st.sampled_from([0.05, 0.1, 1.0, 7.5]))
def test_a_cell_has_one_name(lat: float, lon: float, degrees: float) -> None:
    frame = pl.DataFrame({"lat": [lat], "lon": [lon]}, schema={"lat": pl.Float64, "lon": pl.Float64})
    assert frame.select(cell(pl.col("lat"), pl.col("lon"), degrees=degrees)).item() == cell_id(
        lat, lon, degrees=degrees
    )


def test_cells_meet_at_the_antimeridian_and_hold_the_poles() -> None:
    assert cell_id(10.2, 180.0, degrees=0.5) == cell_id(10.2, -180.0, degrees=0.5)
    assert cell_id(90.0, 0.2, degrees=1.0) == cell_id(89.5, 0.2, degrees=1.0) == "179_180"
    assert cell_id(-90.0, -180.0, degrees=1.0) == "0_0"


def test_cells_are_named_in_columns_of_several_chunks() -> None:
    part = pl.DataFrame({"lat": [1.5] * 1000, "lon": [2.5] * 1000})
    frame = pl.concat([part] * 7, rechunk=False).filter(pl.int_range(pl.len()) % 3 == 0)
    assert frame.select(cell(pl.col("lat"), pl.col("lon"), degrees=1)).to_series().unique().to_list() == ["91_182"]


def test_a_point_without_coordinates_has_no_cell() -> None:
    frame = pl.DataFrame({"lat": [None, float("nan"), 1.0], "lon": [1.0, 1.0, None]})
    assert frame.select(cell(pl.col("lat"), pl.col("lon"), degrees=1)).to_series().to_list() == [None] * 3


def test_a_cell_needs_a_size() -> None:
    with pytest.raises(ValueError, match="positive"):
        cell_id(0, 0, degrees=0)


@settings(deadline=None)
@given(POINTS, st.integers(1, 10))
def test_no_cell_of_a_quadtree_holds_more_than_allowed(points: list[tuple[float, float]], max_count: int) -> None:
    lat, lon = series(points)
    tree = quadtree(lat, lon, max_count=max_count)
    allowed = tree.cells.filter(pl.col("count") <= max_count).height
    assert allowed + tree.overfull.height == tree.cells.height
    assert (tree.overfull["cell"].str.len_chars() == MAX_DEPTH).all()
    counts = tree.assign(lat, lon).value_counts(name="rows")
    held = dict(counts.iter_rows())
    assert [held.get(row, 0) for row in range(tree.cells.height)] == tree.cells["count"].to_list()


@settings(deadline=None)
@given(POINTS, st.integers(1, 10), st.randoms(use_true_random=False))
def test_a_quadtree_does_not_depend_on_the_order_of_its_points(
    points: list[tuple[float, float]], max_count: int, random: object
) -> None:
    mixed = list(points)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    first, second = (quadtree(*series(rows), max_count=max_count).cells for rows in (points, mixed))
    assert first.equals(second)


@settings(deadline=None)
@given(POINTS, LAT, LON)
def test_every_point_of_the_world_lies_in_the_cell_it_is_given(
    points: list[tuple[float, float]], lat: float, lon: float
) -> None:
    tree = quadtree(*series(points), max_count=3)
    row = tree.cells.row(tree.assign(*series([(lat, lon)])).item(), named=True)
    west = -180.0 if lon == 180 else lon
    assert row["south"] - 1e-6 <= lat <= row["north"] + 1e-6
    assert row["west"] - 1e-6 <= west <= row["east"] + 1e-6
    covered = ((tree.cells["north"] - tree.cells["south"]) * (tree.cells["east"] - tree.cells["west"])).sum()
    assert covered == pytest.approx(180 * 360)


def test_the_digits_of_a_quadtree_are_those_of_osv5m() -> None:
    tree = quadtree(*series([(-10, -10), (-10, 10), (10, -10), (10, 10)]), max_count=1)
    assert tree.cells.select("cell", "south", "west").rows() == [
        ("0", -90.0, -180.0),
        ("1", -90.0, 0.0),
        ("2", 0.0, -180.0),
        ("3", 0.0, 0.0),
    ]
    assert tree.cells.select("lat", "lon").rows() == [(-10, -10), (-10, 10), (10, -10), (10, 10)]


def test_equal_points_end_in_one_overfull_cell_and_not_in_a_loop() -> None:
    tree = quadtree(*series([(48.85, 2.35)] * 12), max_count=5)
    assert tree.overfull["count"].to_list() == [12]
    assert tree.overfull["lat"].item() == pytest.approx(48.85, abs=1e-9)
    assert quadtree(*series([(48.85, 2.35)] * 12), max_count=5, max_depth=3).cells["cell"].str.len_chars().max() == 3


def test_points_without_a_place_are_in_no_cell_and_an_empty_world_is_one_cell() -> None:
    points = [(float("nan"), 0.0), (91.0, 0.0), (0.0, 541.0), (1.0, 1.0)]
    tree = quadtree(*series(points), max_count=1)
    assert tree.cells.select("cell", "count", "north", "east").rows() == [("", 1, 90.0, 180.0)]
    assert tree.assign(*series(points)).to_list() == [None, None, None, 0]
    assert quadtree(*series([]), max_count=1).cells["lat"].to_list() == [None]


def test_a_quadtree_is_right_far_above_recursion_and_for_many_points() -> None:
    draw = np.random.default_rng(3)
    lat, lon = pl.Series(draw.normal(48.85, 0.02, 50_000)), pl.Series(draw.normal(2.35, 0.02, 50_000))
    tree = quadtree(lat, lon, max_count=100)
    assert tree.cells["count"].max() <= 100 and tree.cells["count"].sum() == 50_000
    held = pl.DataFrame({"lat": lat, "lon": lon, "row": tree.assign(lat, lon)}).join(
        tree.cells.with_row_index("row").drop("lat", "lon"), on="row"
    )
    assert held.select(
        (pl.col("lat").is_between("south", "north") & pl.col("lon").is_between("west", "east")).all()
    ).item()


def test_h3_cells_are_those_of_the_library() -> None:
    pytest.importorskip("h3", reason="the extra h3 is not installed")
    lat, lon = series([(37.775938728915946, -122.41795063018799), (float("nan"), 0.0), (0.0, 541.0)])
    found = h3_cells(lat, lon, resolution=9)
    assert [hex(value) if value else None for value in found.to_list()] == ["0x8928308280fffff", None, None]
    centre = h3_centres(found)
    assert centre.row(0) == pytest.approx((37.7767, -122.4185), abs=1e-3) and centre.row(1) == (None, None)
    with pytest.raises(ValueError, match="0 to 15"):
        h3_cells(lat, lon, resolution=16)


def test_h3_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "h3.api.basic_int", None)
    with pytest.raises(EnvironmentFault, match=r"pip install .*\[h3\]"):
        h3_cells(*series([(0.0, 0.0)]), resolution=5)
