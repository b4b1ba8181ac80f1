"""Units as they are today: cut by their towns, joined, islands given to the unit of their towns, quarters of cities."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import shapely

from factory.geo.build.quarters import parts_of_cities
from factory.geo.build.redrawn import merged, redrawn, with_islands_moved
from factory.geo.build.sources import Unit
from factory.geo.build.today import Today, Units, units_of_today


def unit(name: str, code: str = "", iso: str = "") -> Unit:
    names = dict.fromkeys(("name_en", "gn_name", "woe_name", "region"), "")
    return Unit(
        attributes={**names, "name": name, "gn_a1_code": code, "iso_3166_2": iso, "adm0_a3": "AAA"}, polygons=()
    )


def square(west: int, south: int, side: int = 10_000) -> Any:
    return shapely.MultiPolygon([shapely.box(west, south, west + side, south + side)])


def geometries(*shapes: Any) -> Any:
    found = np.empty(len(shapes), dtype=object)
    found[:] = shapes
    return found


def towns(*rows: tuple[float, float, str]) -> pl.DataFrame:
    """(lat, lon, GeoNames code) of towns of country AA."""
    table = pl.DataFrame(list(rows), schema=["lat", "lon", "admin1_geonames"], orient="row")
    return table.with_columns(
        country=pl.lit("AA"), id=pl.int_range(pl.len()), population=1_000 - pl.int_range(pl.len())
    )


TODAY = Units(
    {code: Today(code, f"AA-{code[-1]}", (f"New {code[-1]}",)) for code in ("AA.1", "AA.2", "AA.3")},
    {"AA.1": [Today("AA.1.9", "AA-19", ("Fine", "Feine"))]},
)


def test_an_old_unit_is_cut_between_the_towns_of_todays_units() -> None:
    places = towns((0.2, 0.2, "AA.1"), (0.2, 0.8, "AA.2"), (0.8, 0.8, "AA.2"))
    inside = np.zeros(3, dtype=np.int64)
    units, found, drawn = redrawn(
        [unit("Old")], geometries(square(0, 0)), places, inside, ["AA"], [None], ["AA.1"], TODAY, frozenset()
    )
    assert [made.attributes["name"] for made in units] == ["Old", "New 2"]
    assert units[1].attributes["iso_3166_2"] == "AA-2"
    assert drawn == [True, True]
    assert shapely.area(found).sum() == shapely.area(square(0, 0))
    assert shapely.area(shapely.intersection(found[0], found[1])) == 0
    assert shapely.contains(found[1], shapely.Point(8_000, 8_000))


def test_a_unit_that_is_gone_leaves_its_names_with_its_largest_town() -> None:
    places = towns((0.2, 0.2, "AA.1"), (0.2, 0.8, "AA.2"))
    units, found, _ = redrawn(
        [unit("Old")], geometries(square(0, 0)), places, np.zeros(2, dtype=np.int64), ["AA"], [None], [None], TODAY,
        frozenset(),
    )  # fmt: skip
    assert [made.attributes["name"] for made in units] == ["New 1", "New 2"]
    assert "Old" in units[0].attributes["gn_name"].split("|")
    assert len(found) == 2


def test_disputed_units_and_countries_of_finer_units_stay_as_drawn() -> None:
    places, inside = towns((0.2, 0.2, "AA.1"), (0.2, 0.8, "AA.2")), np.zeros(2, dtype=np.int64)
    for disputed, skipped in ((["line"], frozenset[str]()), ([None], frozenset({"AA"}))):
        units, _, drawn = redrawn(
            [unit("Old")], geometries(square(0, 0)), places, inside, ["AA"], disputed, ["AA.1"], TODAY, skipped
        )
        assert (len(units), drawn) == (1, [False])


def test_units_that_are_one_today_are_joined_and_known_by_both_names() -> None:
    units, found, _ = merged(
        [unit("West"), unit("East"), unit("Far")], geometries(square(0, 0), square(10_000, 0), square(50_000, 0)),
        [False] * 3, ["AA"] * 3, [None] * 3, ["AA.1", "AA.1", "AA.2"], TODAY, frozenset(),
    )  # fmt: skip
    assert [made.attributes["name"] for made in units] == ["New 1", "Far"]
    assert {"West", "East"} <= set(units[0].attributes["gn_name"].split("|"))
    assert shapely.area(found[0]) == 2e8


def test_an_island_goes_to_the_unit_that_its_towns_belong_to() -> None:
    both = shapely.MultiPolygon([*square(0, 0).geoms, *square(30_000, 0, 500).geoms])
    places = towns((0.5, 0.5, "AA.1"), (0.02, 3.02, "AA.2"))
    found = with_islands_moved(
        geometries(both, square(40_000, 0)), places, np.zeros(2, dtype=np.int64), ["AA", "AA"], ["AA.1", "AA.2"]
    )
    assert len(found[0].geoms) == 1
    assert len(found[1].geoms) == 2


def test_a_unit_is_todays_by_its_towns_and_never_by_its_old_code() -> None:
    units = [unit("Anything", iso="AA-3"), unit("Feine", iso="AA-2"), unit("Nothing", iso="AA-1")]
    found = units_of_today(units, ["AA.2", "AA.1", "AA.1"], TODAY)
    assert [now.iso if now else None for now in found] == ["AA-2", "AA-19", None]


def test_sections_are_parts_of_the_city_that_is_nearest_for_its_size() -> None:
    rows = [
        (1, "City", 0.0, 0.0, 1_000_000), (2, "Quarter", 0.05, 0.0, 50_000), (3, "Suburb", 0.08, 0.0, 50_000),
        (4, "Core", 0.02, 0.0, 5_000), (5, "Unknown", 0.06, 0.0, 9_000), (6, "Far quarter", 0.3, 0.0, 9_000),
    ]  # fmt: skip
    places = pl.DataFrame(rows, schema=["id", "name", "lat", "lon", "population"], orient="row")
    places = places.with_columns(country=pl.lit("AA"), admin1_geonames=pl.lit("AA.1"))
    features = {1: "PPLA", 2: "PPLX", 3: "PPL", 4: "PPL", 6: "PPLX"}
    assert parts_of_cities(places, features).tolist() == [-1, 0, -1, 0, 0, -1]
