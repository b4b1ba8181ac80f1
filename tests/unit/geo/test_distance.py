from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.geo import DISTANCE_TIERS_KM, EARTH_RADIUS_KM, haversine, haversine_km
from factory.geo.distance import GEOSCORE_SCALE_KM, chord_of, geoscore, haversine_array, tier, tier_shares

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
def test_expression_and_array_agree_with_the_scalar(lat1: float, lon1: float, lat2: float, lon2: float) -> None:
    frame = pl.DataFrame({"a": [lat1], "b": [lon1], "c": [lat2], "d": [lon2]})
    expected = pytest.approx(haversine_km(lat1, lon1, lat2, lon2), abs=1e-6)
    assert frame.select(haversine(*(pl.col(name) for name in "abcd"))).item() == expected
    assert float(haversine_array(lat1, lon1, lat2, lon2)) == expected


@settings(deadline=None)
@given(LAT, LON, LAT, LON)
def test_distance_is_symmetric_bounded_and_the_same_a_turn_further(
    lat1: float, lon1: float, lat2: float, lon2: float
) -> None:
    km = haversine_km(lat1, lon1, lat2, lon2)
    assert 0 <= km <= math.pi * EARTH_RADIUS_KM + 1e-9
    assert haversine_km(lat2, lon2, lat1, lon1) == pytest.approx(km, abs=1e-6)
    assert haversine_km(lat1, lon1 + 360, lat2, lon2) == pytest.approx(km, abs=1e-4)


@given(st.floats(0, 25_000))
def test_the_chord_grows_with_the_distance(km: float) -> None:
    angle = min(km / EARTH_RADIUS_KM, math.pi)
    assert chord_of(km) == pytest.approx(2 * math.sin(angle / 2))
    assert chord_of(km) <= chord_of(km + 1) <= 2


def test_metres_survive_in_float32_columns_only_as_far_as_their_input() -> None:
    frame = pl.DataFrame({"lat": [48.0], "lon": [2.0]}, schema={"lat": pl.Float32, "lon": pl.Float32})
    found = frame.select(haversine(pl.col("lat"), pl.col("lon"), pl.lit(48.0001), pl.lit(2.0)))
    assert found.dtypes == [pl.Float64]
    assert found.item() == pytest.approx(0.01112, abs=1e-4)
    assert haversine_array(np.float32(48.0), np.float32(2.0), 48.0001, 2.0).dtype == np.float64


def test_the_expression_gives_null_for_null_and_the_array_nan_for_nan() -> None:
    frame = pl.DataFrame({"lat": [None, 1.0]}, schema={"lat": pl.Float64})
    found = frame.select(haversine(pl.col("lat"), pl.lit(0.0), pl.lit(0.0), pl.lit(0.0))).to_series()
    assert found[0] is None and found[1] == pytest.approx(111.195, abs=1e-3)
    assert np.isnan(haversine_array([math.nan, 1.0], 0.0, 0.0, 0.0)).tolist() == [True, False]


def test_arrays_broadcast_over_blocks_of_any_size() -> None:
    lat = np.linspace(-90, 90, 40_001)
    found = haversine_array(lat, 10.0, -lat, -170.0)
    assert found.shape == (40_001,)
    assert found[::5000] == pytest.approx([haversine_km(y, 10.0, -y, -170.0) for y in lat[::5000]], abs=1e-9)
    assert haversine_array(lat[:3, None], 0.0, lat[:4], 0.0).shape == (3, 4)


def test_the_tiers_are_those_of_the_field() -> None:
    assert dict(DISTANCE_TIERS_KM) == {"street": 1, "city": 25, "region": 200, "country": 750, "continent": 2500}


def test_a_distance_lies_in_its_smallest_tier_bounds_included() -> None:
    km = pl.DataFrame({"km": [0.0, 1.0, 1.0001, 25.0, 750.0, 2500.0, 2500.1, None]})
    found = km.select(tier(pl.col("km"))).to_series().to_list()
    assert found == ["street", "street", "city", "city", "country", "continent", None, None]


def test_an_answer_that_was_not_given_lies_in_no_tier() -> None:
    assert tier_shares([0.5, 30.0, None, math.nan]) == {
        "street": 0.25,
        "city": 0.25,
        "region": 0.5,
        "country": 0.5,
        "continent": 0.5,
    }
    assert math.isnan(tier_shares([])["street"])


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("place", range(4))
def test_a_distance_from_nowhere_is_nan(broken: float, place: int) -> None:
    point = [0.0, 0.0, 0.0, 180.0]
    point[place] = broken
    assert math.isnan(haversine_km(*point))
    with np.errstate(invalid="ignore"):
        assert np.isnan(haversine_array(*point))
    assert math.isnan(pl.select(haversine(*(pl.lit(value) for value in point))).item())


def test_the_geoscore_is_that_of_the_papers() -> None:
    km = pl.DataFrame({"km": [0.0, GEOSCORE_SCALE_KM, 25.0, 20_015.0, None]})
    found = km.select(geoscore(pl.col("km"))).to_series()
    assert (
        found[0] == 5000 and found[1] == pytest.approx(5000 / math.e) and found[2] == pytest.approx(4916.96, abs=0.01)
    )
    assert found[3] < 0.01 and found[4] == 0


def test_an_answer_that_was_not_given_scores_nothing_however_it_is_written() -> None:
    km = pl.DataFrame({"km": [0.0, None, math.nan, math.inf]})
    score = km.select(geoscore(pl.col("km"))).to_series()
    assert score.to_list() == [5000.0, 0.0, 0.0, 0.0]
    assert score.mean() == 1250
    assert tier_shares(km["km"])["continent"] == 0.25
