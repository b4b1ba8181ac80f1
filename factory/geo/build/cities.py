"""The GeoNames places above 500 people, each tied to the admin-1 polygon of its own country."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl
import shapely  # type: ignore[import-untyped]

from factory.geo.build.polygons import Geometries
from factory.geo.build.sources import UNITS_PER_DEGREE, Json

ISLAND_KM2 = 20_000.0
"""Land of this size is an island in "Phuket Island"; Tasmania and Taiwan are more than a town's island."""

_KM2 = (111.2 / UNITS_PER_DEGREE) ** 2

Ints = npt.NDArray[np.int64]


def city_table(cities: Sequence[Json]) -> pl.DataFrame:
    """id, name, lat, lon, country, admin1_geonames (`FR.11`, null for none), population; by country, admin-1 and id."""
    table = pl.DataFrame(
        {
            "id": [int(city["geonameid"]) for city in cities],
            "name": [str(city["name"]) for city in cities],
            "lat": [float(city["latitude"]) for city in cities],
            "lon": [float(city["longitude"]) for city in cities],
            "country": [str(city["countrycode"]) for city in cities],
            "admin1_geonames": [
                f"{city['countrycode']}.{city['admin1code']}" if city["admin1code"] else None for city in cities
            ],
            "population": [int(city["population"]) for city in cities],
        },
        schema_overrides={"id": pl.UInt32, "population": pl.UInt32},
    )
    return table.sort("country", "admin1_geonames", "id", nulls_last=True)


def units_of(table: pl.DataFrame, geometries: Geometries) -> Ints:
    """Number of the unit each city lies in, -1 for none; the lowest where units overlap."""
    parts, owners = shapely.get_parts(geometries, return_index=True)
    part, city = shapely.STRtree(_points(table)).query(parts, predicate="intersects")
    found = np.full(table.height, len(geometries), dtype=np.int64)
    np.minimum.at(found, city, owners[part])
    return np.where(found == len(geometries), -1, found)


def votes(table: pl.DataFrame, inside: Ints, owners: Sequence[str | None]) -> dict[int, Counter[str]]:
    """For each unit, how many cities of its own country carry which GeoNames admin-1 code."""
    found: dict[int, Counter[str]] = {}
    for unit, country, code in zip(inside.tolist(), table["country"], table["admin1_geonames"], strict=True):
        if unit >= 0 and code is not None and owners[unit] == country:
            found.setdefault(unit, Counter())[code] += 1
    return found


def own_units(
    table: pl.DataFrame,
    inside: Ints,
    owners: Sequence[str | None],
    codes: Sequence[str | None],
    geometries: Geometries,
) -> Ints:
    """The unit a city belongs to: the one it lies in, or the nearest of its own country, -1 where nothing is drawn.

    Where no land is drawn around a city, a unit of its own GeoNames code comes before a nearer one: Qimei is Penghu's.
    """
    owner = np.array([code or "" for code in owners])
    code_of = np.array([code or "" for code in codes])
    country, code = (table[name].fill_null("").to_numpy().astype(str) for name in ("country", "admin1_geonames"))
    found = inside.copy()
    astray = np.flatnonzero((inside < 0) | (owner[np.maximum(inside, 0)] != country))
    found[astray] = -1
    points = _points(table)
    for land in sorted(set(country[astray].tolist())):
        units, mine = np.flatnonzero(owner == land), astray[country[astray] == land]
        if len(units):
            found[mine] = units[shapely.STRtree(geometries[units]).nearest(points[mine])]
    for unit in sorted(set(code[astray].tolist()) - {""}):
        units, mine = np.flatnonzero(code_of == unit), astray[(code[astray] == unit) & (inside[astray] < 0)]
        if len(units) and len(mine):
            found[mine] = units[shapely.STRtree(geometries[units]).nearest(points[mine])]
    return found


def on_islands(table: pl.DataFrame, geometries: Geometries) -> npt.NDArray[np.bool_]:
    """Which cities lie on a part of a country of at most `ISLAND_KM2`, or where no land is drawn."""
    whole = shapely.union_all(geometries)
    parts = shapely.get_parts(whole)
    part, city = shapely.STRtree(_points(table)).query(parts, predicate="intersects")
    found = np.ones(table.height, dtype=bool)
    north = shapely.get_y(shapely.centroid(parts)) / UNITS_PER_DEGREE
    found[city[(shapely.area(parts) * _KM2 * np.cos(np.radians(north)) > ISLAND_KM2)[part]]] = False
    return found


def _points(table: pl.DataFrame) -> Geometries:
    return np.asarray(
        shapely.points(table["lon"].to_numpy() * UNITS_PER_DEGREE, table["lat"].to_numpy() * UNITS_PER_DEGREE)
    )
