"""The units as the gazetteer has them: Natural Earth's, with what is known better moved to where it belongs.

In this order: Western Sahara's part of a Moroccan unit, islands, units drawn anew since, towns on the wrong side of a
country's line, towns on the wrong side of a line between units. GeoNames' codes of units are told by the towns inside
them, so they are told again after every step that moves land.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
import shapely  # type: ignore[import-untyped]

from factory.geo.build import borders, cities, countries, known, polygons, redrawn, regions
from factory.geo.build.sources import UNITS_PER_DEGREE, Json, Unit
from factory.geo.build.today import Units

_SAHARA_UNIT = "Laâyoune - Boujdour - Sakia El Hamra"
_SAHARA = (-13.6, 20.0, -8.6667, 27.6667)
"""Where Western Sahara lies (west, south, east, north): its northern border is the parallel of 27°40'."""

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Land:
    """Units with their land, owners (`countries.unit_countries`) and GeoNames codes, and the unit each place lies in.

    `by_places` tells which units were cut out along the towns of today's units, see `redrawn`.
    """

    units: list[Unit]
    geometries: polygons.Geometries
    claims: pl.DataFrame
    codes: list[str | None]
    inside: Ints
    by_places: list[bool]

    @property
    def owners(self) -> list[str | None]:
        """The country of each unit in the default worldview."""
        found: list[str | None] = self.claims["country"].to_list()
        return found


def land(units: list[Unit], places: pl.DataFrame, countries_known: dict[str, Json], today: Units) -> Land:
    """All steps; `places` is `cities.city_table`."""
    geometries = _with_western_sahara(units, polygons.unit_geometries(units))
    found = _told(units, geometries, places, [False] * len(units))
    moved = redrawn.with_islands_moved(geometries, places, found.inside, found.owners, found.codes)
    found = _told(units, _with_known_islands(found, moved), places, found.by_places)
    fine = regions.BY_GEONAMES | regions.BY_NATURAL_EARTH
    disputed = found.claims["disputed"].to_list()
    nearest = cities.own_units(places, found.inside, found.owners, found.codes, found.geometries)
    cut = redrawn.redrawn(
        found.units, found.geometries, places, nearest, found.owners, disputed, found.codes, today, fine
    )
    found = _told(cut[0], cut[1], places, cut[2])
    disputed = found.claims["disputed"].to_list()
    one = redrawn.merged(*cut, found.owners, disputed, found.codes, today, fine)
    found = _told(one[0], one[1], places, one[2])
    points = [point for point in known.read_points() if point.kind == "border"]
    towns = pl.concat(
        [
            places.select("lat", "lon", "country", "admin1_geonames", near_km=pl.lit(borders.NEAR_KM)),
            known.as_places(points),
        ]
    )
    holders = borders.claims(found.claims, found.codes, countries_known)
    inside = cities.units_of(towns, found.geometries)
    found = _told(found.units, borders.moved_borders(found.geometries, holders, towns, inside), places, found.by_places)
    return _with_lines_moved(found, places, borders.claims(found.claims, found.codes, countries_known))


def islands(table: pl.DataFrame, made: Land, own: Ints) -> pl.DataFrame:
    """`islands.parquet`: lat, lon and admin1_index of places around which no land is drawn, and of known islands."""
    alone = np.flatnonzero((made.inside < 0) & (own >= 0))
    points = [point for point in known.read_points() if point.kind == "island"]
    where = pl.DataFrame({"lat": [point.lat for point in points], "lon": [point.lon for point in points]})
    undrawn = np.flatnonzero(cities.units_of(where, made.geometries) < 0)
    units = known.nearest_own_unit([points[i] for i in undrawn], made.owners, made.codes, made.geometries)
    return pl.concat(
        [
            table[alone].select("lat", "lon", admin1_index=pl.Series(own[alone]).cast(pl.UInt16)),
            where[undrawn].with_columns(admin1_index=pl.Series(units).cast(pl.UInt16)),
        ]
    ).sort("lat", "lon")


def _told(units: list[Unit], geometries: polygons.Geometries, places: pl.DataFrame, by_places: list[bool]) -> Land:
    for broken in np.flatnonzero(~shapely.is_valid(geometries)):
        geometries[broken] = polygons.repaired(geometries[broken])
    claims = countries.unit_countries(units)
    inside = cities.units_of(places, geometries)
    owners = claims["country"].to_list()
    valid = frozenset(places["admin1_geonames"].drop_nulls().to_list())
    codes = regions.geonames_codes(units, owners, cities.votes(places, inside, owners), valid)
    return Land(units, geometries, claims, codes, inside, by_places)


def _with_western_sahara(units: list[Unit], geometries: polygons.Geometries) -> polygons.Geometries:
    """Natural Earth counts Smara to a Moroccan unit that reaches across the border."""
    winner = next(i for i, unit in enumerate(units) if unit.attributes["name"] == _SAHARA_UNIT)
    box = shapely.box(*(np.rint(side * UNITS_PER_DEGREE) for side in _SAHARA))
    losers = [
        i
        for i, unit in enumerate(units)
        if unit.attributes["adm0_a3"] == "MAR" and i != winner and shapely.intersects(geometries[i], box)
    ]
    cuts = [redrawn.Cut(winner, loser, box) for loser in losers if countries.is_moroccan(units[loser])]
    return redrawn.cut_out(geometries, cuts)


def _with_known_islands(found: Land, geometries: polygons.Geometries) -> polygons.Geometries:
    points = [point for point in known.read_points() if point.kind == "island"]
    unit_of = known.nearest_own_unit(points, found.owners, found.codes, geometries)
    owners = np.array([code or "" for code in found.owners], dtype=str)
    return known.with_islands_given_back(geometries, points, owners, unit_of)


def _with_lines_moved(found: Land, places: pl.DataFrame, holders: borders.Claims) -> Land:
    """Towns on the wrong side of a line between two units of their country, as across a country's line."""
    owners = np.array([code or "" for code in found.owners])
    towns = places.with_columns(country=pl.col("admin1_geonames").fill_null(""))
    here = np.maximum(found.inside, 0)
    own = (found.inside >= 0) & (owners[here] == places["country"].to_numpy().astype(str))
    own &= np.array([found.codes[unit] is not None for unit in here.tolist()]) & (towns["country"] != "").to_numpy()
    inside = np.where(own, found.inside, -1)
    moved = borders.moved_borders(found.geometries, borders.claims_within(holders), towns, inside)
    return _told(found.units, moved, places, found.by_places)
