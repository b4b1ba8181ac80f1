from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.geo import haversine_km
from factory.geo.spherical import agreement, centroid, medoid, midpoint, to_degrees, unit_vectors

LAT = st.floats(-89, 89)
LON = st.floats(-180, 180)
POINTS = st.lists(st.tuples(LAT, LON), min_size=1, max_size=12)


@settings(deadline=None)
@given(LAT, LON)
def test_vectors_lead_back_to_their_point(lat: float, lon: float) -> None:
    vectors = unit_vectors([lat], [lon])
    assert np.linalg.norm(vectors) == pytest.approx(1)
    back_lat, back_lon = to_degrees(vectors)
    assert haversine_km(lat, lon, float(back_lat[0]), float(back_lon[0])) < 1e-6


def test_the_middle_across_the_antimeridian_and_over_the_pole() -> None:
    assert centroid([10, 10], [179, -179])[0] == pytest.approx(10.0015, abs=1e-4)
    assert abs(midpoint(10, 179, 10, -179)[1]) == pytest.approx(180)
    assert midpoint(80, 0, 80, 180)[0] == pytest.approx(90)
    assert centroid([0, 0, 0], [170, 180, -170])[1] == pytest.approx(180)


@settings(deadline=None)
@given(LAT, LON, LAT, LON)
def test_a_midpoint_is_as_far_from_both_ends(lat1: float, lon1: float, lat2: float, lon2: float) -> None:
    apart = haversine_km(lat1, lon1, lat2, lon2)
    if apart > 20_000:
        return
    middle = midpoint(lat1, lon1, lat2, lon2)
    assert haversine_km(lat1, lon1, *middle) == pytest.approx(apart / 2, abs=1e-3)
    assert haversine_km(lat2, lon2, *middle) == pytest.approx(apart / 2, abs=1e-3)


def test_weights_pull_the_middle() -> None:
    lat, lon = centroid([0, 0], [0, 90], weights=[1, 0])
    assert (lat, lon) == pytest.approx((0, 0))
    assert centroid([0, 0], [0, 90], weights=[3, 1])[1] == pytest.approx(18.43, abs=0.01)


@pytest.mark.parametrize(
    ("lat", "lon", "weights"),
    [([], [], None), ([0, 0], [0, 180], None), ([1, 2], [1, 2], [0, 0]), ([1], [1], [-1]), ([float("nan")], [0], None)],
)
def test_points_without_a_middle_are_refused(lat: list[float], lon: list[float], weights: list[float] | None) -> None:
    with pytest.raises(ValueError, match=r"middle|centroid"):
        centroid(lat, lon, weights)


def test_the_medoid_is_a_guess_and_not_the_sea_between_two_cities() -> None:
    lat, lon = [48.85, 48.86, 48.80, -33.87], [2.35, 2.30, 2.40, 151.21]
    found = agreement(lat, lon)
    assert (found.index, found.lat, found.lon) == (0, 48.85, 2.35)
    assert found.diameter_km == pytest.approx(16_960, rel=2e-3)
    assert found.mean_km == pytest.approx((3.8 + 6.7 + 16_960) / 3, rel=2e-3)


def test_a_single_guess_agrees_with_itself_and_equal_guesses_with_the_first() -> None:
    assert agreement([10], [20]).mean_km == agreement([10], [20]).diameter_km == 0
    assert medoid([5, 5, 5], [7, 7, 7]) == 0
    assert medoid([0, 0], [0, 10]) == 0


@settings(deadline=None)
@given(POINTS)
def test_the_medoid_has_the_smallest_sum_of_distances(points: list[tuple[float, float]]) -> None:
    sums = [sum(haversine_km(*point, *other) for other in points) for point in points]
    found = agreement([lat for lat, _ in points], [lon for _, lon in points])
    assert sums[found.index] == pytest.approx(min(sums), abs=1e-6)
    assert found.diameter_km <= sum(sums) + 1e-6


@pytest.mark.parametrize("lat", [[], [float("nan"), 1.0]])
def test_an_agreement_needs_places(lat: list[float]) -> None:
    with pytest.raises(ValueError, match="at least one point"):
        medoid(lat, [0.0] * len(lat))
