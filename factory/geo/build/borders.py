"""Moves borders where they put towns into the wrong country.

Natural Earth's lines are right to about 1 km, so the centre of a town on a border river often lies on the other bank.
GeoNames knows the country of each place. A place that lies in another country's unit, but within `NEAR_KM` of its own,
gets a capsule of land: everything within `RADIUS_KM` of the straight way home, as far as it is nearer to that place
than to any place of another country. Land is taken from other countries' units only, never from the sea, and the line
of a declared dispute never moves.

The trade-off: where GeoNames is wrong about a place (about one in fourteen of these, most of them hamlets on a river)
a few square kilometres change hands wrongly; and beyond the towns the lines stay as wrong as they were.

Vertices stay on the grid and neighbours keep sharing them: before anything changes hands, every crossing of a capsule
with a boundary becomes a rounded vertex of both.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import polars as pl
import shapely  # type: ignore[import-untyped]

from factory.geo.build.polygons import Geometries, repaired
from factory.geo.build.sources import UNITS_PER_DEGREE, Json
from factory.geo.distance import EARTH_RADIUS_KM
from factory.geo.spherical import unit_vectors

NEAR_KM = 3.0
"""A place farther than this from its own country is taken for GeoNames' error, or for a border drawn anew since."""

RADIUS_KM = 1.0
"""Half the width of a capsule, chosen on points near borders against borders of another source; see data/NOTICE.md."""

DISPUTED_PAIRS = frozenset(
    frozenset(pair) for pair in (("IL", "PS"), ("IL", "SY"), ("MA", "EH"), ("SD", "SS"), ("UA", "RU"))
)
"""Countries that disagree about the line between them; units named in `disputed` keep theirs as well."""

MISFILED = ("CN", "MO")
"""GeoNames files four parishes in the middle of Macao under China; China gains no land there."""

_KM_PER_UNIT = float(np.radians(1 / UNITS_PER_DEGREE) * EARTH_RADIUS_KM)
_HARDLY_KM = 0.1
_ROUNDS = 20

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Claims:
    """Who owns the units, and how much land around a town a country may claim.

    Attributes:
        country: Code of each unit's country, "" for none.
        disputed: Whether the unit is in dispute.
        geonames: The unit's GeoNames admin-1 code.
        radius_km: By country, see `radii_km`.
        within: Whether `country` holds codes of units instead (`FR.84`), which take land of their own country only.
    """

    country: npt.NDArray[np.str_]
    disputed: npt.NDArray[np.bool_]
    geonames: Sequence[str | None]
    radius_km: Mapping[str, float]
    within: bool = False

    def may_pass(self, units: Ints, country: str) -> npt.NDArray[np.bool_]:
        """Which of some units may lose land to a country."""
        theirs = self.country[units]
        settled = [
            frozenset((code, country)) not in DISPUTED_PAIRS and (country, code) != MISFILED for code in theirs.tolist()
        ]
        passing = np.array(settled, dtype=bool) & (theirs != country) & ~self.disputed[units]
        if self.within:
            passing &= np.array([code[:3] == country[:3] for code in theirs.tolist()], dtype=bool)
        return np.asarray(passing)


def claims(owners: pl.DataFrame, geonames: Sequence[str | None], known: Mapping[str, Json]) -> Claims:
    """From `countries.unit_countries`, the units' GeoNames codes and GeoNames' table of countries."""
    country = owners["country"].fill_null("").to_numpy().astype(str)
    return Claims(country, owners["disputed"].is_not_null().to_numpy(), geonames, radii_km(known))


def claims_within(holders: Claims) -> Claims:
    """The same of units among themselves, for lines between the units of one country."""
    code = np.array([code or "" for code in holders.geonames], dtype=str)
    radii = dict.fromkeys(code.tolist(), RADIUS_KM)
    return Claims(code, holders.disputed, [None] * len(code), radii, within=True)


def radii_km(known: Mapping[str, Json]) -> dict[str, float]:
    """`RADIUS_KM`, or less for a country that is smaller than such a disc; GeoNames cuts areas to whole km2."""
    return {code: min(RADIUS_KM, math.sqrt((row["areakm2"] + 0.5) / math.pi)) for code, row in known.items()}


@dataclass(frozen=True)
class Capsule:
    """Land around a misplaced town, a convex polygon on the grid, and the unit that gets it."""

    winner: int
    land: shapely.Polygon


def moved_borders(geometries: Geometries, holders: Claims, places: pl.DataFrame, inside: Ints) -> Geometries:
    """The units with every town near its own country given back to it; valid and on the grid, as they came.

    Args:
        geometries: (n,) units in units of 1e-4 degrees.
        holders: Of those units.
        places: `cities.city_table`, or other places with its columns lat, lon, country and admin1_geonames, and with
            `near_km` where a place may be farther from its own country than `NEAR_KM`.
        inside: The unit each place lies in, -1 for none.
    """
    capsules = list(find_capsules(geometries, holders, places, inside))
    if not capsules:
        return geometries
    lands = np.array([capsule.land for capsule in capsules], dtype=object)
    touched = np.unique(shapely.STRtree(geometries).query(lands)[1])
    found = geometries.copy()
    found[touched], lands = share_vertices(geometries[touched], lands)
    tree = shapely.STRtree(found)
    for capsule, land in zip(capsules, lands, strict=True):
        near = np.sort(tree.query(land))
        losers = near[holders.may_pass(near, str(holders.country[capsule.winner]))]
        _hand_over(found, capsule.winner, losers, land)
    return found


def find_capsules(geometries: Geometries, holders: Claims, places: pl.DataFrame, inside: Ints) -> Iterator[Capsule]:
    """A capsule for each place in the wrong country that is near its own, in the order of places."""
    from scipy.spatial import cKDTree  # type: ignore[import-untyped]

    lat, lon = places["lat"].to_numpy(), places["lon"].to_numpy()
    country = places["country"].to_numpy().astype(str)
    vectors = unit_vectors(lat, lon)
    towns, units = cKDTree(vectors), shapely.STRtree(geometries)
    reach_km = places["near_km"].to_list() if "near_km" in places.columns else [NEAR_KM] * places.height
    for i in np.flatnonzero((inside >= 0) & (holders.country[inside] != country)).tolist():
        plane = _Plane(lon[i], lat[i])
        near = np.sort(units.query(plane.box(reach_km[i])))
        near = near[(holders.country[near] == country[i]) & ~holders.disputed[near]]
        home = _home(near, plane, geometries, holders, places["admin1_geonames"][i], reach_km[i])
        if home is None or not holders.may_pass(inside[i : i + 1], country[i]).item():
            continue
        unit, way = home
        radius = holders.radius_km[country[i]]
        reach = 2 * (way.length * _KM_PER_UNIT + radius)
        others = np.array(sorted(towns.query_ball_point(vectors[i], reach / EARTH_RADIUS_KM)), dtype=np.int64)
        others = others[country[others] != country[i]]
        around = shapely.buffer(way, radius / _KM_PER_UNIT, quad_segs=2)
        land = plane.on_grid(_nearer(around, plane.flat(lon[others], lat[others])))
        if shapely.area(land) > 0:
            yield Capsule(unit, land)


class _Plane:
    """Plane coordinates about a place, in grid units of latitude, so that distances are true near it."""

    def __init__(self, lon: float, lat: float) -> None:
        self.x, self.y = lon * UNITS_PER_DEGREE, lat * UNITS_PER_DEGREE
        self.shrink = float(np.cos(np.radians(lat)))

    def box(self, kilometres: float) -> shapely.Polygon:
        """A box in units of the grid that holds everything within a distance."""
        high = kilometres / _KM_PER_UNIT
        wide = high / self.shrink
        return shapely.box(self.x - wide, self.y - high, self.x + wide, self.y + high)

    def flat(self, lon: Floats, lat: Floats) -> Floats:
        """(n, 2) plane coordinates of points in degrees."""
        return np.column_stack(
            [(lon * UNITS_PER_DEGREE - self.x) * self.shrink, lat * UNITS_PER_DEGREE - self.y],
        )

    def flatten(self, geometry: shapely.Geometry) -> shapely.Geometry:
        """A geometry on the grid in plane coordinates."""
        return shapely.transform(geometry, lambda p: (p - [self.x, self.y]) * [self.shrink, 1.0])

    def on_grid(self, geometry: shapely.Geometry) -> shapely.Geometry:
        """A geometry of the plane back on the grid, its vertices rounded."""
        return shapely.transform(geometry, lambda p: np.rint(p / [self.shrink, 1.0] + [self.x, self.y]))


def _home(
    near: Ints, plane: _Plane, geometries: Geometries, holders: Claims, code: str | None, reach_km: float
) -> tuple[int, shapely.LineString] | None:
    """The unit that a place belongs to and the straight way there in the plane; None beyond `reach_km`.

    The nearest unit of its country, or one of the place's own admin-1 code that is hardly farther.
    """
    place = shapely.Point(0.0, 0.0)
    ways = []
    for unit in near.tolist():
        seen = plane.flatten(shapely.clip_by_rect(geometries[unit], *plane.box(reach_km).bounds))
        if not shapely.is_empty(seen):
            way = shapely.shortest_line(place, seen)
            ways.append((way.length * _KM_PER_UNIT, unit, way))
    if not ways:
        return None
    nearest = min(ways)[0]
    same = [way for way in ways if code is not None and holders.geonames[way[1]] == code]
    kilometres, unit, way = min([way for way in same if way[0] <= nearest + _HARDLY_KM] or ways)
    return (unit, way) if kilometres <= reach_km else None


def _nearer(land: shapely.Polygon, others: Floats) -> shapely.Polygon:
    """The part of a convex polygon that is nearer to the origin than to any of some points."""
    far = 1e5
    for point in others:
        length = float(np.hypot(*point))
        if length < 1.0:
            return shapely.Polygon()
        ahead = point / length
        aside = np.array([-ahead[1], ahead[0]]) * far
        middle = point / 2
        land = shapely.intersection(
            land, shapely.Polygon([middle + aside, middle - aside, -ahead * far - aside, -ahead * far + aside])
        )
    return land


def _hand_over(units: Geometries, winner: int, losers: Ints, land: shapely.Polygon) -> None:
    """Gives the winner what losers have of the land, in place. Raises ValueError when nothing is left of a loser."""
    gains = [units[winner]]
    for loser in losers.tolist():
        left = areas_of(shapely.difference(units[loser], land))
        if not len(left):
            raise ValueError(f"unit {loser} would vanish; forbid that country the gain as with MISFILED")
        gains.extend(areas_of(shapely.intersection(units[loser], land)))
        units[loser] = shapely.multipolygons(left)
    units[winner] = shapely.multipolygons(areas_of(shapely.union_all(gains)))


def areas_of(geometry: shapely.Geometry) -> Geometries:
    """The polygons in a geometry, without the lines and points where things merely touch."""
    parts = shapely.get_parts(shapely.get_parts(geometry))
    return np.asarray(parts[shapely.area(parts) > 0])


def share_vertices(units: Geometries, lands: Geometries) -> tuple[Geometries, Geometries]:
    """Units and capsules with a vertex on the grid in both wherever their boundaries cross or touch."""
    pieces = np.concatenate([units, lands])
    parts, owner = shapely.get_parts(pieces, return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    points, ring = shapely.get_coordinates(rings, return_index=True)
    cutting = (owner >= len(units))[part]
    for _ in range(_ROUNDS):
        start = np.flatnonzero(ring[:-1] == ring[1:])
        edge, new = _crossings(points[start], points[start + 1], cutting[ring[start]])
        if not len(edge):
            break
        points = np.insert(points, start[edge] + 1, new, axis=0)
        ring = np.insert(ring, start[edge] + 1, ring[start[edge]])
    else:
        raise ValueError("the crossings of borders with capsules do not come to rest on the grid")
    rings = shapely.linearrings(points, indices=ring)
    first = np.append(np.flatnonzero(np.diff(part, prepend=-1)), len(part))
    polygons = [shapely.Polygon(rings[a], rings[a + 1 : b]) for a, b in pairwise(first)]
    whole = shapely.multipolygons(polygons, indices=owner)
    for broken in np.flatnonzero(~shapely.is_valid(whole)):
        whole[broken] = repaired(whole[broken])
    return whole[: len(units)], whole[len(units) :]


def _crossings(a: Floats, b: Floats, cutting: npt.NDArray[np.bool_]) -> tuple[Ints, Floats]:
    """Edges, from a to b, that need a vertex where they meet a cutting edge, and where: along each edge, in order."""
    low = (a[:, 0] < b[:, 0]) | ((a[:, 0] == b[:, 0]) & (a[:, 1] < b[:, 1]))
    lines = shapely.linestrings(np.stack([np.where(low[:, None], a, b), np.where(low[:, None], b, a)], axis=1))
    cutters = np.flatnonzero(cutting)
    edge, cutter = shapely.STRtree(lines[cutters]).query(lines, predicate="intersects")
    cutter = cutters[cutter]
    edge, cutter = edge[edge != cutter], cutter[edge != cutter]
    points, pair = shapely.get_coordinates(shapely.intersection(lines[edge], lines[cutter]), return_index=True)
    edge, points = np.concatenate([edge[pair], cutter[pair]]), np.rint(np.concatenate([points, points]))
    inner = (points != a[edge]).any(axis=1) & (points != b[edge]).any(axis=1)
    along = np.hypot(*(points[inner] - a[edge[inner]]).T)
    found = np.unique(np.column_stack([edge[inner], along, points[inner]]), axis=0)
    return found[:, 0].astype(np.int64), found[:, 2:]
