"""Islands that are called by a name of their own: `islands.csv`, and the land and towns that are theirs.

GeoNames' cities and Natural Earth's units have no islands but those that are a town or a unit. The file holds facts of
common knowledge, written down by hand: the country, a point on the island right to some kilometres, and what it is
called. Everything else is measured: the land is the drawn one under the point, and a town on it is on the island.
A line that repeats the country and first name of another gives a further piece of land ("Lofoten"). `reach_km` stands
where an islet is drawn as one with a larger island or not at all: the towns as near as that are its own. `admin1` is a
GeoNames code where no town tells it.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl
import shapely  # type: ignore[import-untyped]

from factory.geo.build.known import Point, nearest_own_unit
from factory.geo.build.polygons import Geometries
from factory.geo.build.sources import UNITS_PER_DEGREE
from factory.geo.distance import EARTH_RADIUS_KM
from factory.geo.spherical import unit_vectors

LARGEST_KM2 = 520_000.0
"""Drawn land above this is no island: Baffin Island has 507,000 km2. New Guinea and Borneo are of several countries."""

_ASHORE_KM = 8.0
"""A point may lie this far from its island's land; of an island that is not drawn, or drawn as one with the mainland,
the towns as near as this are its own."""

_KM2 = (111.2 / UNITS_PER_DEGREE) ** 2

Ints = npt.NDArray[np.int64]


class Island(NamedTuple):
    """One island: ISO 3166-1 code, its names, the first the usual one, points (lat, lon), the first the answer, in how
    many km its towns lie, None for those on its land, and its GeoNames admin-1 code or ""."""

    country: str
    names: tuple[str, ...]
    points: tuple[tuple[float, float], ...]
    reach_km: float | None
    admin1: str


class Landmasses(NamedTuple):
    """All land as its connected parts, with the km2 of each."""

    parts: Geometries
    km2: npt.NDArray[np.float64]


def read_islands() -> list[Island]:
    """The islands of the file in its order."""
    found: dict[tuple[str, str], Island] = {}
    with (Path(__file__).parent / "islands.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            names = tuple(row["names"].split(";"))
            point = float(row["lat"]), float(row["lon"])
            reach = float(row["reach_km"]) if row["reach_km"] else None
            one = found.get((row["country"], names[0]), Island(row["country"], (), (), reach, row["admin1"]))
            every = tuple(dict.fromkeys((*one.names, *names)))
            found[row["country"], names[0]] = one._replace(names=every, points=(*one.points, point))
    return list(found.values())


def island_names(islands: Sequence[Island], first: int) -> Iterator[tuple[str, int]]:
    """(name, number) of each island; they are numbered from `first` on."""
    return ((name, first + row) for row, island in enumerate(islands) for name in island.names)


def landmasses(geometries: Geometries) -> Landmasses:
    """The connected parts of all units' land."""
    parts = shapely.get_parts(shapely.union_all(geometries))
    north = shapely.get_y(shapely.centroid(parts)) / UNITS_PER_DEGREE
    return Landmasses(parts, shapely.area(parts) * _KM2 * np.cos(np.radians(north)))


def landmass_of_units(land: Landmasses, geometries: Geometries) -> Ints:
    """The part of all land that each unit's largest piece belongs to, -1 for a unit without land."""
    found = np.full(len(geometries), -1, dtype=np.int64)
    tree = shapely.STRtree(land.parts)
    for unit, geometry in enumerate(geometries):
        pieces = shapely.get_parts(geometry)
        if len(pieces):
            found[unit] = tree.nearest(shapely.point_on_surface(pieces[np.argmax(shapely.area(pieces))]))
    return found


def island_table(
    islands: Sequence[Island],
    towns: pl.DataFrame,
    land: Landmasses,
    geometries: Geometries,
    owners: Sequence[str | None],
    codes: Sequence[str | None],
) -> pl.DataFrame:
    """`named_islands.parquet`: name, country, lat, lon, admin1_index (its unit) and area_km2, 0 where none is drawn.

    `towns` has the `island` (row) and `admin1_geonames` of towns on islands; most of them tell the unit.
    """
    told = towns.filter(pl.col("admin1_geonames").is_in([code for code in codes if code]))
    most = told.group_by("island", "admin1_geonames").len().sort("len", "admin1_geonames").unique("island", keep="last")
    unit = dict(most.select("island", "admin1_geonames").iter_rows())
    points = [
        Point("island", isle.names[0], *isle.points[0], isle.country, isle.admin1 or unit.get(row, ""))
        for row, isle in enumerate(islands)
    ]
    home = _land_under(islands, land)
    area = [float(sum(land.km2[part] for part in {*parts} if part >= 0)) for parts in home]
    return pl.DataFrame(
        {
            "name": [isle.names[0] for isle in islands],
            "country": [isle.country for isle in islands],
            "lat": [isle.points[0][0] for isle in islands],
            "lon": [isle.points[0][1] for isle in islands],
            "admin1_index": nearest_own_unit(points, owners, codes, geometries),
            "area_km2": area,
        },
        schema_overrides={"admin1_index": pl.UInt16},
    )


def islands_of_places(islands: Sequence[Island], land: Landmasses, places: pl.DataFrame) -> Ints:
    """Row of the island that each place lies on, -1 for none; of several on one piece of land the nearest one's."""
    lat, lon = places["lat"].to_numpy(), places["lon"].to_numpy()
    at = np.asarray(shapely.points(lon * UNITS_PER_DEGREE, lat * UNITS_PER_DEGREE))
    part, city = shapely.STRtree(at).query(land.parts, predicate="intersects")
    part_of = np.full(places.height, -1, dtype=np.int64)
    part_of[city] = part
    vectors, country = unit_vectors(lat, lon), places["country"].to_numpy().astype(str)
    found, nearest = np.full(places.height, -1, dtype=np.int64), np.full(places.height, np.inf)
    for row, (isle, parts) in enumerate(zip(islands, _land_under(islands, land), strict=True)):
        for (north, east), own in zip(isle.points, parts, strict=True):
            apart = vectors - unit_vectors(np.array([north]), np.array([east]))
            km = np.linalg.norm(apart, axis=1) * EARTH_RADIUS_KM
            near = km <= (isle.reach_km or _ASHORE_KM)
            there = part_of == own if own >= 0 else near & (bool(isle.reach_km) | _of_no_island(part_of, land))
            better = there & (country == isle.country) & (km < nearest)
            found[better], nearest[better] = row, km[better]
    return found


def _of_no_island(part_of: Ints, land: Landmasses) -> npt.NDArray[np.bool_]:
    return np.asarray((part_of < 0) | (land.km2[np.maximum(part_of, 0)] > LARGEST_KM2))


def _land_under(islands: Sequence[Island], land: Landmasses) -> list[list[int]]:
    """The piece of land under each point of each island, -1 where none small enough is near."""
    tree = shapely.STRtree(land.parts)
    found = []
    for isle in islands:
        here = []
        for lat, lon in isle.points:
            at = shapely.Point(lon * UNITS_PER_DEGREE, lat * UNITS_PER_DEGREE)
            part = int(tree.nearest(at))
            near = shapely.distance(land.parts[part], at) <= _ASHORE_KM / np.sqrt(_KM2)
            drawn = near and land.km2[part] <= LARGEST_KM2 and isle.reach_km is None
            here.append(part if drawn else -1)
        found.append(here)
    return found


def with_islands(
    tables: Mapping[str, pl.DataFrame],
    places: pl.DataFrame,
    geometries: Geometries,
    owners: Sequence[str | None],
    codes: Sequence[str | None],
) -> dict[str, pl.DataFrame]:
    """The tables with `named_islands`, the island of each city and the landmass of each unit."""
    islands, land = read_islands(), landmasses(geometries)
    on, mass = pl.Series("island", islands_of_places(islands, land, places)), landmass_of_units(land, geometries)
    towns = places.select(pl.col("admin1_geonames").cast(pl.String), island=on).filter(pl.col("island") >= 0)
    return {
        **tables,
        "admin1": tables["admin1"].with_columns(landmass=pl.Series(mass).cast(pl.Int32)),
        "cities": tables["cities"].with_columns(named_island=pl.when(on >= 0).then(on).cast(pl.UInt16)),
        "named_islands": island_table(islands, towns, land, geometries, owners, codes),
    }
