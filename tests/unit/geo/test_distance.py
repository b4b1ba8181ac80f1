from __future__ import annotations

import math

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.geo import DISTANCE_TIERS_KM, EARTH_RADIUS_KM, cell, cell_id, haversine, haversine_km

LAT = st.floats(-90, 90)
LON = st.floats(-180, 180)


@pytest.mark.parametrize(
    ("first", "second", "km"),
    [
        ((60.1699, 24.9384), (59.4370, 24.7536), 82.2),  # Helsinki, Tallinn
        ((48.8566, 2.3522), (-33.8688, 151.2093), 16960.5),  # Paris, Sydney
        ((0, 179.5), (0, -179.5), 111.195),  # across the antimeridian
        ((90, 10), (-90, 50), math.pi * EARTH_RADIUS_KM),
        ((12.5, 8.25), (12.5, 8.25), 0.0),
    ],
)
def test_distances_between_known_points(first: tuple[float, float], second: tuple[float, float], km: float) -> None:
    assert haversine_km(*first, *second) == pytest.approx(km, rel=1e-3, abs=1e-9)


@settings(deadline=None)
@given(LAT, LON, LAT, LON)
def test_the_expression_agrees_with_the_scalar(lat1: float, lon1: float, lat2: float, lon2: float) -> None:
    frame = pl.DataFrame({"a": [lat1], "b": [lon1], "c": [lat2], "d": [lon2]})
    found = frame.select(haversine(*(pl.col(name) for name in "abcd"))).item()
    assert found == pytest.approx(haversine_km(lat1, lon1, lat2, lon2), abs=1e-6)


def test_metres_survive_in_float32_columns_only_as_far_as_their_input() -> None:
    frame = pl.DataFrame({"lat": [48.0], "lon": [2.0]}, schema={"lat": pl.Float32, "lon": pl.Float32})
    found = frame.select(haversine(pl.col("lat"), pl.col("lon"), pl.lit(48.0001), pl.lit(2.0)))
    assert found.dtypes == [pl.Float64]
    assert found.item() == pytest.approx(0.01112, abs=1e-4)


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


def test_a_cell_needs_a_size() -> None:
    with pytest.raises(ValueError, match="positive"):
        cell_id(0, 0, degrees=0)


def test_the_tiers_are_those_of_the_field() -> None:
    assert dict(DISTANCE_TIERS_KM) == {"street": 1, "city": 25, "region": 200, "country": 750, "continent": 2500}
