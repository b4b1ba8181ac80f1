from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.geo import reverse
from factory.geo.gazetteer import cities

LATS, LONS = st.floats(-90, 90), st.floats(-180, 180)


def test_names_places_in_the_order_asked() -> None:
    found = reverse([60.1699, -22.56, -33.8688], [24.9384, 17.083, 151.2093])
    assert found.select("country_code", "region", "city").rows() == [
        ("FI", "Uusimaa", "Helsinki"), ("NA", "Khomas", "Windhoek"), ("AU", "New South Wales", "Sydney"),
    ]  # fmt: skip
    assert found["city_distance_km"].max() < 2  # type: ignore[operator]


def test_columns_follow_the_levels_asked_for() -> None:
    country = ["country_code", "country_parent", "place"]
    admin1 = ["admin1", "admin1_iso", "admin1_geonames", "region", "admin1_drawn"]
    city = ["city", "city_id", "city_population", "city_distance_km", "quarter"]
    assert set(reverse([1.0], [1.0]).columns) == {*country, *admin1, *city}
    assert set(reverse([1.0], [1.0], levels=["country"]).columns) == set(country)
    assert set(reverse([1.0], [1.0], levels=["admin1", "border"]).columns) == {*admin1, "border_km"}


@pytest.mark.parametrize(
    ("place", "lat", "lon", "code", "parent"),
    [
        ("Cayenne", 4.922, -52.31, "GF", "FR"), ("Pointe-à-Pitre", 16.24, -61.54, "GP", "FR"),
        ("Saint-Denis, Réunion", -20.9, 55.46, "RE", "FR"), ("Longyearbyen", 78.22, 15.65, "SJ", "NO"),
        ("Kralendijk", 12.15, -68.27, "BQ", "NL"), ("San Juan", 18.42, -66.06, "PR", "US"),
        ("Hong Kong", 22.35, 114.17, "HK", "CN"), ("Nuuk", 64.18, -51.72, "GL", "DK"),
        ("Christmas Island", -10.49, 105.65, "CX", "AU"), ("Mariehamn", 60.1, 19.95, "AX", "FI"),
        ("Taipei", 25.04, 121.55, "TW", None), ("Pristina", 42.663, 21.162, "XK", None),
        ("Hargeisa", 9.56, 44.065, "SO", None), ("Kyrenia", 35.33, 33.32, "CY", None),
        ("Laayoune", 27.15, -13.2, "EH", None), ("Ramallah", 31.9, 35.2, "PS", None),
        ("Baikonur", 45.63, 63.31, "KZ", None), ("South Pole Station", -89.99, 0.0, "AQ", None),
        ("Vatican", 41.9029, 12.4534, "VA", None), ("Maseru", -29.4, 27.6, "LS", None),
        ("Ponza, an island that is not drawn", 40.8954, 12.959, "IT", None),
    ],
)  # fmt: skip
def test_countries_as_decided(place: str, lat: float, lon: float, code: str, parent: str | None) -> None:
    found = reverse([lat], [lon])
    assert found.select("country_code", "country_parent").row(0) == (code, parent), place


def test_worldviews_differ_only_where_they_say() -> None:
    lat, lon = [44.95, 27.15, 34.59, 19.9, 48.85], [34.1, -13.2, 32.98, -75.15, 2.35]
    assert reverse(lat, lon)["country_code"].to_list() == ["UA", "EH", "CY", "CU", "FR"]
    theirs = reverse(lat, lon, worldview="natural_earth")
    assert theirs["country_code"].to_list() == ["RU", "MA", "GB", "US", "FR"]
    assert theirs["city"][0] == "Simferopol", "the city of a moved place moves with it"


def test_fine_units_are_rolled_up_to_regions() -> None:
    found = reverse(
        [51.5074, 45.4642, 48.8566, 46.0569, 56.9496, 0.3476], [-0.1278, 9.19, 2.3522, 14.5058, 24.1, 32.58]
    )
    assert found["region"].to_list() == [
        "England", "Lombardy", "Île-de-France", "Osrednjeslovenska", "Riga", "Central Region",
    ]  # fmt: skip


def test_tells_land_from_coast_from_sea() -> None:
    found = reverse([48.85, 43.65, 30.0], [2.35, 7.2, -40.0])
    assert found["place"].to_list() == ["land", "coast", "sea"]
    assert found["country_code"].to_list() == ["FR", "FR", None]
    assert found.drop("place").row(2) == (None,) * 12


def test_impossible_points_are_marked_not_raised() -> None:
    found = reverse([math.nan, 91.0, 60.17, None, 10.0, math.inf, -90.5], [0.0, 0.0, 24.94, 1.0, 541.0, 0.0, math.nan])
    assert found["place"].to_list() == ["invalid", "invalid", "land"] + ["invalid"] * 4
    assert found["country_code"].to_list() == [None, None, "FI", None, None, None, None]


def test_takes_lists_series_and_arrays_of_any_number() -> None:
    expected = reverse([60.0], [25.0])
    for values in (pl.Series([60]), np.array([60.0], dtype=np.float32), np.array([60])):
        assert reverse(values, [25.0]).equals(expected)


def test_no_points_give_no_rows() -> None:
    assert reverse([], []).height == 0
    assert reverse([], [], levels=("country", "border")).columns == [
        "country_code",
        "country_parent",
        "border_km",
        "place",
    ]


def test_refuses_what_cannot_be_meant() -> None:
    with pytest.raises(ValueError, match="1 latitudes but 2"):
        reverse([1.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="unknown worldview 'mars': choose one of default, natural_earth"):
        reverse([1.0], [1.0], worldview="mars")
    with pytest.raises(ValueError, match="unknown level 'street'"):
        reverse([1.0], [1.0], levels=["street"])  # type: ignore[list-item]


def test_fiji_waters_are_not_wallis_and_futuna() -> None:
    assert reverse([-16.8], [-179.99])["country_code"].item() == "FJ"


def test_the_nearest_city_is_in_the_same_country() -> None:
    """Across the Rhine from Weil am Rhein the nearest place of all is often in another country."""
    draw = np.random.default_rng(3)
    lat, lon = 47.59 + draw.normal(0, 0.05, 2000), 7.59 + draw.normal(0, 0.05, 2000)
    found = reverse(lat, lon)
    joined = found.join(cities().select(city_id="id", home="country"), on="city_id", how="left")
    assert joined["country_code"].n_unique() == 3
    assert joined.filter(pl.col("home") != pl.col("country_code")).height == 0


def test_the_nearest_city_is_the_nearest() -> None:
    """Against all cities of the country, one by one, and where a plain tree in degrees goes wrong."""
    lat, lon = np.array([70.1, -54.9, 66.0, 0.05, -16.79]), np.array([30.3, -68.1, 179.2, -78.4, 179.98])
    found = reverse(lat, lon)
    for row in range(len(lat)):
        home = cities().filter(pl.col("country") == found["country_code"][row])
        a, b = np.radians(lat[row]), np.radians(home["lat"].to_numpy())
        across = np.radians(home["lon"].to_numpy() - lon[row])
        chord = np.sin((b - a) / 2) ** 2 + np.cos(a) * np.cos(b) * np.sin(across / 2) ** 2
        kilometres = 2 * 6371.0088 * np.arcsin(np.sqrt(chord))
        assert found["city_distance_km"][row] == pytest.approx(kilometres.min(), abs=1e-6)


def test_distance_to_the_border() -> None:
    found = reverse([47.5596, 48.8566, 64.15, 41.9029], [7.5886, 2.3522, -21.94, 12.4534], levels=["country", "border"])
    basel, paris, reykjavik, vatican = found["border_km"].to_list()
    assert basel < 5
    assert 150 < paris < 260
    assert reykjavik is None, "Iceland has no land border"
    assert vatican < 1


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(LATS, LONS), min_size=1, max_size=20))
def test_a_row_does_not_depend_on_its_neighbours(points: list[tuple[float, float]]) -> None:
    together = reverse([lat for lat, _ in points], [lon for _, lon in points])
    alone = pl.concat([reverse([lat], [lon]) for lat, lon in points])
    assert together.equals(alone)


@settings(deadline=None, max_examples=50)
@given(LATS, st.integers(-1800000, 1800000))
def test_a_turn_around_the_world_changes_nothing(lat: float, tenth_of_a_milli: int) -> None:
    lon = tenth_of_a_milli / 10_000
    here = reverse([lat] * 3, [lon, lon + 360, lon - 360]).drop("city_distance_km")
    assert here.unique().height == 1


@settings(deadline=None, max_examples=50)
@given(LATS)
def test_the_antimeridian_is_one_line(lat: float) -> None:
    assert reverse([lat] * 4, [180.0, -180.0, 540.0, -540.0]).unique().height == 1


@settings(deadline=None, max_examples=50)
@given(LONS)
def test_poles_are_one_point(lon: float) -> None:
    found = reverse([-90.0, 90.0], [lon, lon])
    assert found["country_code"].to_list() == ["AQ", None]


def test_neither_order_nor_block_size_changes_a_label() -> None:
    """Enough points for several blocks on several threads."""
    draw = np.random.default_rng(11)
    start = draw.integers(0, cities().height, 150_000)
    lat = np.clip(cities()["lat"].to_numpy()[start] + draw.normal(0, 0.3, len(start)), -90, 90)
    lon = cities()["lon"].to_numpy()[start] + draw.normal(0, 0.3, len(start))
    whole = reverse(lat, lon)
    order = draw.permutation(len(lat))
    assert reverse(lat[order], lon[order]).equals(whole[order])
    pieces = [reverse(lat[i : i + 40_001], lon[i : i + 40_001]) for i in range(0, len(lat), 40_001)]
    assert pl.concat(pieces).equals(whole)


@pytest.mark.parametrize(
    ("lat", "lon", "city"),
    [
        (-12.0464, -77.0428, "Lima"),
        (-12.0565, -77.0530, "Lima"),
        (10.4942, -66.8560, "Caracas"),
        (48.8566, 2.3522, "Paris"),
    ],
)
def test_a_capital_that_is_alone_in_its_unit_keeps_its_quarters(lat: float, lon: float, city: str) -> None:
    """GeoNames files Lima under its province and Lima's districts under the region around it."""
    assert reverse(lat, lon)["city"].item() == city
