"""Distances on the ellipsoid, against published ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.geo import haversine_km
from train.evaluate.distances import distances_km, geodesic_km

LATS, LONS = st.floats(-90, 90), st.floats(-180, 180)


@pytest.mark.parametrize(
    ("pair", "km"),
    [
        # GeographicLib's own example: Wellington to Salamanca, almost opposite points
        ((-41.32, 174.81, 40.96, -5.50), 19959.679267),
        # Karney 2013, "Algorithms for geodesics", of points for which Vincenty's formula finds nothing
        ((0, 0, 0.5, 179.5), 19936.288579),
        ((0, 0, 0.5, 179.7), 19944.127421),
        # twice the meridian quadrant of WGS84, 10,001.965729 km
        ((0, 0, 0, 180), 20003.931459),
        ((90, 0, -90, 0), 20003.931459),
        # geopy's own example: Newport to Cleveland
        ((41.49008, -71.312796, 41.499498, -81.695391), 866.455433),
        # one degree of the equator is a circle of the semi-major axis
        ((0, 0, 0, 1), 6378.137 * np.pi / 180),
        ((12.5, 7, 12.5, 7), 0),
    ],
)
def test_geodesics_are_those_of_the_literature(pair: tuple[float, ...], km: float) -> None:
    assert geodesic_km(*pair) == pytest.approx(km, abs=2e-6)
    assert geodesic_km(*pair[2:], *pair[:2]) == pytest.approx(km, abs=2e-6)


def test_no_point_has_no_distance() -> None:
    assert np.isnan(geodesic_km([np.nan, 1.0], 0.0, 0.0, 0.0)).tolist() == [True, False]


@given(LATS, LONS, LATS, LONS)
def test_a_geodesic_is_as_long_as_the_great_circle_but_for_the_flattening(
    lat1: float, lon1: float, lat2: float, lon2: float
) -> None:
    sphere = haversine_km(lat1, lon1, lat2, lon2)
    assert float(geodesic_km(lat1, lon1, lat2, lon2)) == pytest.approx(sphere, rel=0.0057, abs=1e-4)


def test_a_spheres_radius_scales_its_distances() -> None:
    assert distances_km(0.0, 0.0, 0.0, 180.0, 1000.0) == pytest.approx(1000 * np.pi)
