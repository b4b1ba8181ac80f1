"""Points whose country is known where Natural Earth's polygons are too coarse: `known_points.csv`.

"border" points lie at the edge of their country and get land around them as towns do (`borders`), from somewhat farther
away; "island" points are islands that are drawn as another country's or not at all. The positions are common knowledge,
given to some hundred metres.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl
import shapely  # type: ignore[import-untyped]

from factory.geo.build.polygons import Geometries
from factory.geo.build.sources import UNITS_PER_DEGREE

NEAR_KM = 8.0
"""A known point may lie this far from the land that is drawn for its country: Everest's summit does by 4.8 km."""

ISLAND_KM2 = 2_000.0
"""A drawn part larger than this is no island that a point could move."""

_KM2 = (111.2 / UNITS_PER_DEGREE) ** 2


class Point(NamedTuple):
    """One line of the file: WGS84 degrees, ISO 3166-1 code, GeoNames admin-1 code or ""."""

    kind: str
    name: str
    lat: float
    lon: float
    country: str
    admin1: str


def read_points() -> list[Point]:
    """All lines in order."""
    with (Path(__file__).parent / "known_points.csv").open(encoding="utf-8", newline="") as file:
        return [
            Point(row["kind"], row["name"], float(row["lat"]), float(row["lon"]), row["country"], row["admin1"])
            for row in csv.DictReader(file)
        ]


def as_places(points: list[Point]) -> pl.DataFrame:
    """The points in the columns of `cities.city_table` that place them, and `near_km`."""
    return pl.DataFrame(
        {
            "lat": [point.lat for point in points],
            "lon": [point.lon for point in points],
            "country": [point.country for point in points],
            "admin1_geonames": [point.admin1 or None for point in points],
            "near_km": [NEAR_KM] * len(points),
        },
        schema_overrides={"admin1_geonames": pl.String},
    )


def nearest_own_unit(
    points: list[Point], owners: Sequence[str | None], codes: Sequence[str | None], geometries: Geometries
) -> npt.NDArray[np.int64]:
    """The unit of each point's own country (of its admin-1 code, where the line has one) that is nearest to it."""
    owner, code = np.array([name or "" for name in owners]), np.array([name or "" for name in codes])
    nearest = []
    for point in points:
        mine = np.flatnonzero((owner == point.country) & ((code == point.admin1) | (not point.admin1)))
        at = shapely.Point(point.lon * UNITS_PER_DEGREE, point.lat * UNITS_PER_DEGREE)
        nearest.append(int(mine[np.argmin(shapely.distance(geometries[mine], at))]))
    return np.array(nearest, dtype=np.int64)


def with_islands_given_back(
    geometries: Geometries, points: list[Point], owners: npt.NDArray[np.str_], unit_of: npt.NDArray[np.int64]
) -> Geometries:
    """Units where every part that holds an island point of another country is that country's.

    `owners` is the country of each unit, `unit_of` the unit nearest to each point in its own country.
    """
    found = geometries.copy()
    for point, winner in zip(points, unit_of.tolist(), strict=True):
        at = shapely.Point(point.lon * UNITS_PER_DEGREE, point.lat * UNITS_PER_DEGREE)
        for loser in shapely.STRtree(found).query(at, predicate="intersects").tolist():
            parts = shapely.get_parts(found[loser])
            here = shapely.intersects(parts, at) & (shapely.area(parts) * _KM2 < ISLAND_KM2)
            if point.kind != "island" or owners[loser] == point.country or not here.any() or here.all():
                continue
            found[loser] = shapely.multipolygons(parts[~here])
            found[winner] = shapely.multipolygons([*shapely.get_parts(found[winner]), *parts[here]])
    return found
