"""Cells of coarse coordinates: one point stands for all of a cell, and lies as near as is said."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.geo import haversine_km
from factory.geo.cells import cell_id
from factory.geo.grid import Grid

LAT, LON = st.floats(-90, 90), st.floats(-180, 180)
GRIDS = [Grid("decimals", n) for n in range(6)] + [Grid("km", k) for k in (0.01, 1, 5, 25, 111)]
GRIDS += [Grid("cell_degrees", d) for d in (0.01, 0.05, 0.3, 1)]


@pytest.mark.parametrize("grid", GRIDS, ids=str)
@given(lat=LAT, lon=LON)
def test_what_stands_for_a_point_stands_for_itself_and_is_near(grid: Grid, lat: float, lon: float) -> None:
    coarse = grid.point(lat, lon)
    assert grid.point(*coarse) == coarse
    assert abs(coarse[0]) <= 90 and abs(coarse[1]) <= 180
    assert haversine_km(lat, lon, *coarse) <= grid.radius_km(lat) * 1.02 + 1e-3
    assert round(coarse[0], grid.places) == coarse[0] and round(coarse[1], grid.places) == coarse[1]


def test_decimals_are_rounded() -> None:
    assert Grid("decimals", 1).point(48.8584, 2.2945) == (48.9, 2.3)
    assert Grid("decimals", 0).point(-0.4, 179.7) == (0.0, 180.0)
    assert math.copysign(1, Grid("decimals", 0).point(-0.4, 0)[0]) == 1, "no minus zero"


def test_cells_of_kilometres_are_as_wide_everywhere() -> None:
    grid = Grid("km", 10)
    for lat in (0.0, 48.86, -70.0, 85.0):
        width_km = grid.width(lat) * math.cos(math.radians(grid.point(lat, 0)[0])) * 111.195
        assert 9.9 < width_km < 11.2


@given(lat=LAT, lon=LON)
def test_cells_of_degrees_are_those_of_splits(lat: float, lon: float) -> None:
    coarse = Grid("cell_degrees", 0.5).point(lat, lon)
    assert cell_id(*coarse, degrees=0.5) == cell_id(lat, lon, degrees=0.5)


def test_a_number_says_no_more_than_a_cell() -> None:
    assert [Grid("decimals", n).decimals for n in (0, 1, 3)] == [0, 1, 3]
    assert [Grid("km", k).decimals for k in (111, 20, 5, 1)] == [0, 0, 1, 2]


def test_a_place_that_is_none_stays_none() -> None:
    assert all(map(math.isnan, Grid("km", 5).point(math.nan, 3.0)[:1]))


@pytest.mark.parametrize(
    ("kind", "size", "said"),
    [
        ("decimals", 1.5, "expected a whole number from 0 to 5"),
        ("decimals", 6, "expected a whole number"),
        ("km", 0, "more than 0 and at most 111.195 km"),
        ("km", 200, "at most 111.195 km"),
        ("cell_degrees", 2, "at most 1 degree"),
        ("km", 1e-5, "cells of less than a metre"),
    ],
)
def test_a_grid_that_is_none_is_refused(kind: str, size: float, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Grid(kind, size)  # type: ignore[arg-type]
