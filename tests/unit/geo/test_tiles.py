"""Web Mercator against known values, and there and back."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.geo.tiles import (
    EQUATOR_M,
    MAX_LATITUDE,
    Aerial,
    metres_per_pixel,
    moved,
    pixels_between,
    place_at,
    tile_centre,
    tile_of,
    world_pixel,
    zoom_of,
)

LATITUDES = st.floats(-85, 85, allow_nan=False)
LONGITUDES = st.floats(-180, 180, allow_nan=False)
ZOOMS = st.integers(0, 24)


@pytest.mark.parametrize(
    ("lat", "zoom", "metres"),
    [
        (0.0, 0, 156_543.03392804097),  # OpenStreetMap's wiki: metres a pixel at the equator
        (0.0, 18, 0.5971642834779395),
        (60.0, 0, 78_271.51696402048),
        (41.88, 20, 0.1113),  # SliceMatch's corrected labels of VIGOR, measured: Chicago, New York, Seattle
        (40.73, 20, 0.1133),
        (47.61, 20, 0.1008),
    ],
)
def test_a_pixel_is_as_large_as_known(lat: float, zoom: int, metres: float) -> None:
    assert metres_per_pixel(lat, zoom) == pytest.approx(metres, rel=2e-3 if zoom == 20 else 1e-12)


def test_the_square_that_cvg_text_asks_for_is_not_what_a_tile_shows() -> None:
    """256 pixels of 0.2627 Mercator metres; a tile of zoom 18 has 0.5972 of them a pixel, in New York 0.4524 m."""
    assert pytest.approx(0.5972, abs=1e-4) == EQUATOR_M / (256 * 2**18)
    assert metres_per_pixel(40.7529, 18) == pytest.approx(0.4524, abs=1e-4)
    assert zoom_of(0.0, 0.2627) == pytest.approx(19.185, abs=1e-3), "no zoom that tiles are made at"


@pytest.mark.parametrize(
    ("lat", "lon", "zoom", "tile"),
    [
        (51.5074, -0.1278, 10, (511, 340)),  # London, as openstreetmap.org/#map=10 asks for it
        (0.0, 0.0, 0, (0, 0)),
        (0.0, 0.0, 1, (1, 1)),
        (85.0511, -180.0, 3, (0, 0)),
        (-85.0511, 180.0, 3, (7, 7)),
    ],
)
def test_a_place_is_in_the_tile_that_is_known(lat: float, lon: float, zoom: int, tile: tuple[int, int]) -> None:
    assert tile_of(lat, lon, zoom) == tile


@given(LATITUDES, LONGITUDES, ZOOMS)
def test_tiles_are_those_of_openstreetmap_s_formula(lat: float, lon: float, zoom: int) -> None:
    """As its wiki writes it, with logarithm and secant; a place on the edge of two tiles may be in either."""
    side = 2**zoom
    x = (lon + 180) / 360 * side
    phi = math.radians(lat)
    y = (1 - math.log(math.tan(phi) + 1 / math.cos(phi)) / math.pi) / 2 * side
    found = tile_of(lat, lon, zoom)
    for axis, exact in zip(found, (x, y), strict=True):
        assert axis - 1e-6 <= min(exact, side - 1e-9) <= axis + 1 + 1e-6


def test_the_square_ends_where_it_is_said_to() -> None:
    assert pytest.approx(85.0511287798066) == MAX_LATITUDE
    assert world_pixel(MAX_LATITUDE, -180, 0) == pytest.approx((0, 0), abs=1e-9)
    assert world_pixel(-MAX_LATITUDE, 180, 0) == pytest.approx((256, 256), abs=1e-9)


@given(LATITUDES, LONGITUDES, ZOOMS)
def test_a_pixel_leads_back_to_its_place(lat: float, lon: float, zoom: int) -> None:
    back = place_at(*world_pixel(lat, lon, zoom), zoom)
    assert back == pytest.approx((lat, lon), abs=1e-7)


@given(LATITUDES, LONGITUDES, ZOOMS)
def test_a_tile_holds_its_own_centre(lat: float, lon: float, zoom: int) -> None:
    tile = tile_of(lat, lon, zoom)
    assert tile_of(*tile_centre(*tile, zoom), zoom) == tile


@given(LATITUDES, st.floats(0.05, 100))
def test_zoom_and_scale_are_each_others(lat: float, metres: float) -> None:
    assert metres_per_pixel(lat, zoom_of(lat, metres)) == pytest.approx(metres) if zoom_of(lat, metres) >= 0 else True


@given(LATITUDES.filter(lambda lat: abs(lat) < 80), LONGITUDES, st.floats(-2000, 2000), st.floats(-2000, 2000))
def test_steps_in_pixels_lead_there_and_back(lat: float, lon: float, north: float, east: float) -> None:
    there = moved(lat, lon, north, east, 0.1113)
    assert pixels_between((lat, lon), there, 0.1113) == pytest.approx((north, east), abs=1e-3)


@given(LATITUDES.filter(lambda lat: abs(lat) < 80), LONGITUDES, st.floats(0, 640), st.floats(0, 640))
def test_a_picture_s_pixel_leads_back_to_itself(lat: float, lon: float, row: float, column: float) -> None:
    picture = Aerial(lat, lon, 0.1113, 640, 640)
    place = picture.place_of(row, column)
    assert picture.pixel_of(*place) == pytest.approx((row, column), abs=1e-3)
    assert picture.shows(*picture.place_of(320, 320))


def test_a_hundred_metres_are_a_hundred_metres() -> None:
    """Along both axes, against the sphere that distances are measured on (its radius is 0.11 % less)."""
    from factory.geo import haversine_km

    for step in ((1000, 0), (0, 1000)):
        place = moved(47.6, -122.3, *step, 0.1)
        assert haversine_km(47.6, -122.3, *place) == pytest.approx(0.1, rel=2e-3)


def test_over_the_date_line_the_short_way_is_taken() -> None:
    north, east = pixels_between((-17.0, 179.9999), (-17.0, -179.9999), 0.5)
    assert north == pytest.approx(0) and east == pytest.approx(42.6, abs=0.1)
    assert math.isclose(moved(-17.0, 179.9999, 0, 42.6, 0.5)[1], -179.9999, abs_tol=1e-5)


@pytest.mark.parametrize(("lat", "zoom"), [(86.0, 3), (math.nan, 3), (0.0, -1), (0.0, 31), (0.0, math.nan)])
def test_what_the_projection_does_not_hold_is_refused(lat: float, zoom: float) -> None:
    with pytest.raises(ValueError, match=r"latitude|zoom"):
        metres_per_pixel(lat, zoom)
    with pytest.raises(ValueError, match=r"latitude|zoom"):
        world_pixel(lat, 0.0, zoom)


def test_a_pixel_of_no_size_is_refused() -> None:
    with pytest.raises(ValueError, match="more than 0"):
        zoom_of(0.0, 0.0)
