"""Units as they are today, where Natural Earth draws older ones, by the towns that GeoNames puts into them.

Where a country was divided anew (Nepal, Morocco and DR Congo in 2015), today's units have no polygon here. Each old
unit that holds towns of such a unit is cut along the lines that are as near to a town of one as to a town of another:
there a point gets the unit of the nearest town, and `admin1.drawn` says "places". And an island whose towns all
belong to another unit goes to it whole: Amami is no part of Okinawa.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import polars as pl
import shapely  # type: ignore[import-untyped]

from factory.geo.build.borders import areas_of, share_vertices
from factory.geo.build.polygons import Geometries
from factory.geo.build.sources import UNITS_PER_DEGREE, Unit
from factory.geo.build.today import Units, written_names
from factory.geo.normalise import fold

ISLAND_KM2 = 15_000.0
"""A part of a unit larger than this is no island that could have been counted to the wrong unit."""

LEAST_SHARE = 0.15
"""So many of an old unit's towns, and three of them, must belong to another unit that has a polygon, for the old one to
be cut for it too; fewer are towns on the wrong side of a line."""

_FEW = 3
_OWN_CODES = 2

_BEYOND = 100
_KM2 = (111.2 / UNITS_PER_DEGREE) ** 2

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Cut:
    """Land that passes from one unit to another."""

    winner: int
    loser: int
    land: shapely.Geometry


def with_islands_moved(
    geometries: Geometries,
    places: pl.DataFrame,
    inside: Ints,
    owners: Sequence[str | None],
    codes: Sequence[str | None],
) -> Geometries:
    """Units with every island given to the unit of its country that all its towns belong to."""
    home: dict[str, list[int]] = defaultdict(list)
    for unit, code in enumerate(codes):
        if code:
            home[code].append(unit)
    found = geometries.copy()
    points = shapely.points(places["lon"].to_numpy() * UNITS_PER_DEGREE, places["lat"].to_numpy() * UNITS_PER_DEGREE)
    given, country = places["admin1_geonames"].to_list(), places["country"].to_list()
    towns: dict[int, list[int]] = defaultdict(list)
    for town, unit in enumerate(inside.tolist()):
        if unit >= 0 and owners[unit] == country[town]:
            towns[unit].append(town)
    for unit, mine in towns.items():
        if codes[unit] is None or all(given[town] == codes[unit] for town in mine):
            continue
        parts = shapely.get_parts(geometries[unit])
        part_of = shapely.STRtree(parts).query(points[mine], predicate="intersects")
        told: dict[int, Counter[str]] = defaultdict(Counter)
        for town, part in zip(*part_of, strict=True):
            told[int(part)][given[mine[int(town)]] or ""] += 1
        leaving = {}
        for part, counts in told.items():
            (code, number), *_ = counts.most_common(1)
            small = shapely.area(parts[part]) * _KM2 < ISLAND_KM2
            if len(parts) > 1 and small and code != codes[unit] and 2 * number > counts.total() and home.get(code):
                leaving[part] = min(home[code], key=lambda other: shapely.distance(parts[part], geometries[other]))
        for part, other in leaving.items():
            found[other] = shapely.multipolygons([*shapely.get_parts(found[other]), parts[part]])
        staying = [piece for number, piece in enumerate(shapely.get_parts(found[unit])) if number not in leaving]
        if staying:
            found[unit] = shapely.multipolygons(staying)
    return found


def redrawn(
    units: Sequence[Unit],
    geometries: Geometries,
    places: pl.DataFrame,
    inside: Ints,
    owners: Sequence[str | None],
    disputed: Sequence[str | None],
    codes: Sequence[str | None],
    today: Units,
    skipped: frozenset[str],
) -> tuple[list[Unit], Geometries, list[bool]]:
    """Units and geometries with today's units cut out of older ones, and which units were made so.

    A unit that nothing is left of is gone. `skipped` are countries whose units are finer than GeoNames'.
    """
    home = {code: unit for unit, code in enumerate(codes) if code}
    towns: dict[int, list[int]] = defaultdict(list)
    given, country = places["admin1_geonames"].to_list(), places["country"].to_list()
    for town, unit in enumerate(inside.tolist()):
        known = given[town] is not None and given[town] in today.first
        settled = unit >= 0 and owners[unit] == country[town] and disputed[unit] is None
        if settled and known and country[town] not in skipped:
            towns[unit].append(town)
    new_units = list(units)
    cuts: list[Cut] = []
    made: dict[str, int] = {}
    for unit, mine in sorted(towns.items()):
        counts = Counter(given[town] for town in mine)
        homeless = {code for code in counts if code not in home and today.first[code].iso}
        several = {code for code, n in counts.items() if n >= max(_FEW, LEAST_SHARE * len(mine))} - {codes[unit]}
        if not homeless | several:
            continue
        kept = homeless | several | {codes[unit]}
        seeds = [town for town in mine if given[town] in kept]
        for code, land in _lands(seeds, places, given, geometries[unit]):
            winner = home.get(code, made.get(code, -1))
            if winner < 0:
                winner = made[code] = len(new_units)
                new_units.append(_named(units[unit], code, today))
            if winner != unit:
                cuts.append(Cut(winner, unit, land))
    found = np.empty(len(new_units), dtype=object)
    found[: len(units)] = geometries
    found[len(units) :] = shapely.MultiPolygon()
    found = cut_out(found, cuts)
    by_places = np.zeros(len(new_units), dtype=bool)
    by_places[[cut.winner for cut in cuts] + [cut.loser for cut in cuts]] = True
    for unit in sorted({cut.loser for cut in cuts}):
        if shapely.is_empty(found[unit]):  # its names stay with its largest town: Katanga is Haut-Katanga
            largest = max(towns[unit], key=lambda town: int(places["population"][town]))
            heir = home.get(str(given[largest]), made.get(str(given[largest]), -1))
            if heir >= 0:
                new_units[heir] = _also_called(new_units[heir], written_names(units[unit].attributes))
    left = np.flatnonzero(~shapely.is_empty(found))
    return [new_units[i] for i in left], found[left], by_places[left].tolist()


def merged(
    units: Sequence[Unit],
    geometries: Geometries,
    by_places: Sequence[bool],
    owners: Sequence[str | None],
    disputed: Sequence[str | None],
    codes: Sequence[str | None],
    today: Units,
    skipped: frozenset[str],
) -> tuple[list[Unit], Geometries, list[bool]]:
    """Units that are one unit today as one, named as it is and known by the former names too; as `redrawn` returns.

    Units with codes of their own today stay: the districts of Vojvodina are no former ones.
    """
    still = {unit.iso for finer in today.second.values() for unit in finer} - {""}
    groups: dict[str, list[int]] = defaultdict(list)
    for unit, code in enumerate(codes):
        now = today.first.get(code or "")
        if now and now.iso and owners[unit] not in skipped and disputed[unit] is None:
            groups[now.code].append(unit)
    new_units, found, drawn = list(units), geometries.copy(), list(by_places)
    gone: set[int] = set()
    for code, members in groups.items():
        own = [unit for unit in members if units[unit].attributes["iso_3166_2"] in still]
        if len(members) > 1 and len(own) < _OWN_CODES:
            largest = max(members, key=lambda unit: float(shapely.area(geometries[unit])))
            former = [name for unit in members for name in written_names(units[unit].attributes)]
            new_units[largest] = _named(units[largest], code, today, former)
            found[largest] = shapely.multipolygons(areas_of(shapely.union_all(geometries[members])))
            drawn[largest] = any(drawn[unit] for unit in members)
            gone.update(set(members) - {largest})
    left = [unit for unit in range(len(units)) if unit not in gone]
    return [new_units[unit] for unit in left], found[left], [drawn[unit] for unit in left]


def cut_out(geometries: Geometries, cuts: Sequence[Cut]) -> Geometries:
    """Geometries after the cuts, with a vertex of both neighbours wherever a cut meets a boundary; maybe empty ones."""
    if not cuts:
        return geometries
    lands = np.array([cut.land for cut in cuts], dtype=object)
    losers = np.array(sorted({cut.loser for cut in cuts}))
    touched = np.unique(shapely.STRtree(geometries).query(geometries[losers], predicate="intersects")[1])
    found = geometries.copy()
    found[touched], lands = share_vertices(geometries[touched], lands)
    gains: dict[int, list[shapely.Geometry]] = defaultdict(list)
    for cut, land in zip(cuts, lands, strict=True):
        gains[cut.winner].extend(areas_of(shapely.intersection(found[cut.loser], land)))
    for cut, land in zip(cuts, lands, strict=True):
        found[cut.loser] = shapely.multipolygons(areas_of(shapely.difference(found[cut.loser], land)))
    for winner, gained in gains.items():
        whole = shapely.union_all([*shapely.get_parts(found[winner]), *gained])
        found[winner] = shapely.multipolygons(areas_of(whole))
    return found


def _lands(
    towns: Sequence[int], places: pl.DataFrame, given: Sequence[str | None], around: shapely.Geometry
) -> list[tuple[str, shapely.Geometry]]:
    """For each code the land around a geometry that is nearer to one of its towns than to others, on the grid."""
    lat, lon = (places[name].to_numpy()[list(towns)] for name in ("lat", "lon"))
    shrink = float(np.cos(np.radians(lat.mean())))
    points = np.column_stack([lon * UNITS_PER_DEGREE * shrink, lat * UNITS_PER_DEGREE])
    points, first = np.unique(points, axis=0, return_index=True)
    code_of = [str(given[towns[int(town)]]) for town in first]
    west, south, east, north = shapely.bounds(around)
    box = shapely.box((west - _BEYOND) * shrink, south - _BEYOND, (east + _BEYOND) * shrink, north + _BEYOND)
    cells = np.array([box], dtype=object)
    if len(points) > 1:
        cells = shapely.get_parts(shapely.voronoi_polygons(shapely.multipoints(points), extend_to=box))
    owner, cell = shapely.STRtree(cells).query(shapely.points(points), predicate="intersects")
    found = []
    for code in sorted(set(code_of)):
        mine = shapely.union_all([cells[c] for p, c in zip(owner, cell, strict=True) if code_of[int(p)] == code])
        land = shapely.transform(shapely.intersection(mine, box), lambda p: np.rint(p / [shrink, 1.0]))
        if shapely.area(land) > 0:  # a town off the coast may be far from all of it
            found.append((code, land))
    return found


def _named(donor: Unit, code: str, today: Units, former: Sequence[str] = ()) -> Unit:
    """A unit under today's names and some former ones, otherwise as the one it is cut from."""
    unit = today.first[code]
    same = {fold(name) for name in unit.names} & {fold(name) for name in written_names(donor.attributes)}
    if same:  # the canton of Luxembourg keeps the languages of the district of Luxembourg
        names = [*unit.names, *former, *written_names(donor.attributes)]
        kept = {"iso_3166_2": unit.iso, "gn_a1_code": code, "gn_name": "|".join(dict.fromkeys(names))}
        return replace(donor, attributes={**donor.attributes, **kept})
    blank = {key: "" for key in donor.attributes if key.startswith("name") or key in ("gn_name", "woe_name", "region")}
    own = {
        "name": unit.names[0],
        "iso_3166_2": unit.iso,
        "gn_a1_code": code,
        "gn_name": "|".join([*unit.names[1:], *former]),
    }
    return replace(donor, attributes={**donor.attributes, **blank, **own})


def _also_called(unit: Unit, names: Sequence[str]) -> Unit:
    known = str(unit.attributes.get("gn_name") or "")
    return replace(unit, attributes={**unit.attributes, "gn_name": "|".join([known, *names]).strip("|")})
