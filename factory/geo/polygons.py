"""The admin-1 polygons in memory: which unit holds a point, and which boundary is nearest.

Polygons are exact as shipped (Natural Earth 10m on a grid of 1e-4 degrees, itself right to about 1 km). Most points are
answered by a raster (`Grid`); the rest by shapely's prepared polygons, which decide boundaries robustly.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from factory.geo.gazetteer import APART, outlines, raster, table, unit_countries
from factory.geo.spherical import unit_vectors

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Ints = npt.NDArray[np.int32]

NO_UNIT: Final = -1
OPEN_SEA: Final = -3
"""Labels of points outside every unit; `OPEN_SEA` is farther than 25 km from all of them."""
MIXED: Final = -2
"""The raster's label where a boundary crosses: only the polygons know."""

_UNITS_PER_DEGREE = 10_000
_SPLIT = -10
_ROWS, _COLUMNS = 720, 1440
_MIDDLE, _FINE = 5, 4
_PER_SIDE, _FINE_PER_DEGREE = _MIDDLE * _FINE, 80
_COAST_KM, _BORDER_KM = 2.0, 2.0
_BLOCK, _PARTS = 1 << 15, 500
_ONE_AT_A_TIME = threading.Lock()
"""GEOS builds its trees and prepared indexes on first use and frees them twice when two threads do so at once."""


@dataclass(frozen=True)
class Grid:
    """Rasters of 0.25, 0.05 and 0.0125 degrees, each cut only where a boundary crosses; see factory/geo/build/grid.py.

    A label is a unit, `NO_UNIT`, `OPEN_SEA`, `MIXED`, or -10 - block for the next raster.
    """

    wide: Ints
    """(720 * 1440,) row by row from the south pole and 180 W."""
    middle: Ints
    """(blocks * 25,)"""
    fine: npt.NDArray[np.int16]
    """(blocks * 16,), each block once: more than half of them are the same as another."""


@dataclass(frozen=True)
class Parts:
    """All simple polygons in degrees, prepared, and the unit of each."""

    geometries: npt.NDArray[np.object_]
    units: Ints
    tree: Any


@dataclass(frozen=True)
class Coast:
    """Samples along coasts in a tree of unit vectors."""

    tree: Any
    unit: npt.NDArray[np.int16]
    """Of each sample: the unit whose edge it lies on."""


@dataclass(frozen=True)
class Borders:
    """Samples along land borders in a tree of unit vectors with the country as fourth axis."""

    tree: Any
    edge: Ints
    """Of each sample: the vertex at which its edge starts."""
    vertices: Ints
    """(n, 2) longitudes and latitudes in units of 1e-4 degrees."""


@cache
def grid() -> Grid:
    """The raster, unpacked; 21 MB."""
    labels = raster()
    wide, rest = labels[: _ROWS * _COLUMNS], labels[_ROWS * _COLUMNS :]
    size = np.count_nonzero(wide == _SPLIT) * _MIDDLE * _MIDDLE
    fine, number = each_once(rest[size:].reshape(-1, _FINE * _FINE))
    split = np.arange(size // (_MIDDLE * _MIDDLE), dtype=np.int32)
    return Grid(_numbered(wide, split), _numbered(rest[:size], number), fine.ravel())


def _numbered(labels: npt.NDArray[np.int16], block: Ints) -> Ints:
    """Labels with every mark of a split replaced by -10 minus the number of its block."""
    numbered = labels.astype(np.int32)
    numbered[numbered == _SPLIT] -= block
    return numbered


def each_once(blocks: npt.NDArray[np.int16]) -> tuple[npt.NDArray[np.int16], Ints]:
    """The distinct rows of an (n, 16) array, and for each row of it its number among them.

    Rows are compared by a hash of 64 bits: two of 560,000 would share one with a chance of 1 in 100 million, and the
    file never changes (tests/unit/geo/test_gazetteer.py compares them all).
    """
    hashes = np.zeros(len(blocks), dtype=np.uint64)
    for word in np.ascontiguousarray(blocks).view(np.uint64).T:
        hashes = (hashes ^ word) * np.uint64(0x9E3779B97F4A7C15)
        hashes ^= hashes >> np.uint64(32)
    order = np.argsort(hashes)
    fresh = np.append(True, np.diff(hashes[order]) != 0)
    number = np.empty(len(blocks), dtype=np.int32)
    number[order] = np.cumsum(fresh, dtype=np.int32) - np.int32(1)
    return blocks[order[fresh]], number


@cache
def parts() -> Parts:
    """The polygons as prepared shapely geometries."""
    import shapely  # type: ignore[import-untyped]

    rings, vertices = table("admin1_rings"), outlines()
    outer = np.flatnonzero(~rings["hole"].to_numpy())
    ring_ends = np.append(0, np.cumsum(rings["n"].to_numpy(), dtype=np.int64))
    part_ends = np.append(outer, rings.height)
    geometries = np.empty(len(outer), dtype=object)
    for first in range(0, len(outer), _PARTS):
        mine = part_ends[first : first + _PARTS + 1]
        ends = ring_ends[mine[0] : mine[-1] + 1]
        points = vertices[ends[0] : ends[-1]] / _UNITS_PER_DEGREE
        geometries[first : first + _PARTS] = shapely.from_ragged_array(
            shapely.GeometryType.POLYGON, points, (ends - ends[0], mine - mine[0])
        )
    shapely.prepare(geometries)
    return Parts(geometries, rings["admin1"].to_numpy()[outer].astype(np.int32), shapely.STRtree(geometries))


def unit_geometries() -> npt.NDArray[np.object_]:
    """One (multi)polygon a unit in degrees of longitude and latitude, by index."""
    import shapely

    return np.asarray(shapely.multipolygons(parts().geometries, indices=parts().units))


def locate(lat: Floats, lon: Floats) -> Ints:
    """Unit of each point by raster, then exactly where a boundary crosses the point's cell; both give the same answer.

    Latitudes within 90 and longitudes within 180 degrees. A point on a shared boundary, or where polygons overlap,
    belongs to the unit with the lowest index. Outside every unit: `NO_UNIT` or `OPEN_SEA`.
    """
    found = by_raster(lat, lon)
    mixed = np.flatnonzero(found == MIXED)
    if len(mixed):
        found[mixed] = locate_exactly(lat[mixed], lon[mixed])
    return found


def by_raster(lat: Floats, lon: Floats) -> Ints:
    """`locate` as far as the raster goes: `MIXED` where it takes polygons to say."""
    rasters = grid()
    column = ((lon + 180.0) * _FINE_PER_DEGREE).astype(np.int32) % (_COLUMNS * _PER_SIDE)
    row = np.minimum(((lat + 90.0) * _FINE_PER_DEGREE).astype(np.int32), _ROWS * _PER_SIDE - 1)
    found = rasters.wide[(row // _PER_SIDE) * _COLUMNS + column // _PER_SIDE]
    split = np.flatnonzero(found <= _SPLIT)
    row, column = row[split] % _PER_SIDE, column[split] % _PER_SIDE
    inner = rasters.middle[(_SPLIT - found[split]) * (_MIDDLE * _MIDDLE) + row // _FINE * _MIDDLE + column // _FINE]
    again = np.flatnonzero(inner <= _SPLIT)
    row, column = row[again] % _FINE, column[again] % _FINE
    inner[again] = rasters.fine[(_SPLIT - inner[again]) * (_FINE * _FINE) + row * _FINE + column]
    found[split] = inner
    return found


def locate_exactly(lat: Floats, lon: Floats) -> Ints:
    """`locate` without the raster: every point against the polygons around it."""
    found = np.full(len(lat), NO_UNIT, dtype=np.int32)
    for block in _blocks(len(lat)):
        found[block] = _tested(lat[block], lon[block])
    return found


def _tested(lat: Floats, lon: Floats) -> Ints:
    import shapely

    polygons = parts()
    x = np.where(lon >= 180.0, -180.0, lon)
    points = shapely.points(x, lat)
    with _ONE_AT_A_TIME:
        point, part = polygons.tree.query(points)
    order = np.argsort(part, kind="stable")
    point, part = point[order], part[order]
    with _ONE_AT_A_TIME:
        inside = shapely.intersects_xy(polygons.geometries[part], x[point], lat[point])
    point, unit = point[inside], polygons.units[part[inside]]
    none = np.iinfo(np.int32).max
    found = np.full(len(lat), none, dtype=np.int32)
    np.minimum.at(found, point, unit)
    found[found == none] = NO_UNIT
    return found


@cache
def coasts() -> Coast:
    """Edges with nothing on the other side: coasts, lake shores and the rim of the map, sampled every 2 km.

    Ten km away such a sample is at most 50 m farther than the coast itself; within a km of land it may be the wrong one
    of two units that meet there.
    """
    vertices = outlines()
    start, unit, other = _edges(len(vertices))
    start, unit = start[other < 0], unit[other < 0]
    along = np.cumsum(_lengths(vertices, start)) / _COAST_KM
    count = np.diff(np.floor(along), prepend=0.0).astype(np.int32)
    count[np.flatnonzero(np.diff(start, prepend=-2) != 1)] += 1
    return Coast(_tree(vertices, start, count), np.repeat(unit, count))


@cache
def borders(worldview: str) -> Borders:
    """Edges between two countries of a worldview, once from either side; the tree's fourth axis keeps sides apart.

    Every edge has a sample at its start, and more where it is longer than 2 km.
    """
    vertices = outlines()
    start, unit, other = _edges(len(vertices))
    country = unit_countries(worldview)
    between = (other >= 0) & (country[unit] != country[np.maximum(other, 0)])
    start, unit = start[between], unit[between]
    count = np.maximum(np.ceil(_lengths(vertices, start) / _BORDER_KM), 1).astype(np.int32)
    tree = _tree(vertices, start, count, country[unit])
    return Borders(tree, np.repeat(start, count), vertices)


def nearest_edge(borders: Borders, samples: npt.NDArray[np.int64], lat: Floats, lon: Floats) -> tuple[Floats, Ints]:
    """Distance in km to the nearest of some candidate edges, and which candidate it is.

    Args:
        borders: where the samples come from.
        samples: (n, k) candidates of each point, `len(borders.edge)` for none.
        lat: Latitudes of the n points in degrees.
        lon: Longitudes of the n points in degrees.

    Returns:
        Kilometres (infinite without a candidate) and the column of the candidate. Edges are straight in a plane about
        the point, which is right to 0.1 % within 100 km.
    """
    from factory.geo.distance import EARTH_RADIUS_KM

    vertices = borders.vertices
    missing = samples >= len(borders.edge)
    item = np.where(missing, 0, samples)
    shrink = np.maximum(np.cos(np.radians(lat)), 1e-9)[:, None]

    def plane(vertex: Ints) -> tuple[Floats, Floats]:
        ends = vertices[vertex] / _UNITS_PER_DEGREE
        across = (ends[..., 0] - lon[:, None] + 180.0) % 360.0 - 180.0
        return np.radians(across) * shrink, np.radians(ends[..., 1] - lat[:, None])

    (x, y), (x2, y2) = plane(borders.edge[item]), plane(borders.edge[item] + 1)
    dx, dy = x2 - x, y2 - y
    along = np.clip(-(x * dx + y * dy) / np.maximum(dx * dx + dy * dy, 1e-30), 0.0, 1.0)
    apart = np.hypot(x + along * dx, y + along * dy) * EARTH_RADIUS_KM
    apart[missing] = np.inf
    best = np.argmin(apart, axis=1)
    return apart[np.arange(len(best)), best], best.astype(np.int32)


def _edges(vertices: int) -> tuple[Ints, npt.NDArray[np.int16], npt.NDArray[np.int16]]:
    """Vertices at which an edge starts, the unit of each, and the unit on the other side or -1."""
    rings, runs = table("admin1_rings"), table("admin1_edges")
    count = rings["n"].to_numpy().astype(np.int32)
    start = np.arange(vertices, dtype=np.int32)
    keep = np.ones(vertices, dtype=bool)
    keep[np.cumsum(count) - 1] = False
    unit = np.repeat(rings["admin1"].to_numpy().astype(np.int16), count)[keep]
    return start[keep], unit, np.repeat(runs["neighbour"].to_numpy(), runs["length"].to_numpy())[keep]


def _lengths(vertices: Ints, start: Ints) -> Floats:
    """Length of each edge in km."""
    from factory.geo.distance import EARTH_RADIUS_KM

    lengths = np.empty(len(start))
    for block in _blocks(len(start)):
        a, b = vertices[start[block]] / _UNITS_PER_DEGREE, vertices[start[block] + 1] / _UNITS_PER_DEGREE
        across = (b[:, 0] - a[:, 0]) * np.cos(np.radians(a[:, 1]))
        lengths[block] = np.radians(np.hypot(across, b[:, 1] - a[:, 1])) * EARTH_RADIUS_KM
    return lengths


def _tree(vertices: Ints, start: Ints, count: Ints, side: Ints | None = None) -> Any:
    """A tree of `count` samples on each edge, with `side` of the edge as a fourth coordinate."""
    from scipy.spatial import cKDTree  # type: ignore[import-untyped]

    last = np.cumsum(count, dtype=np.int32)
    vectors = np.empty((int(last[-1]), 3 if side is None else 4))
    for block in _blocks(len(start)):
        number = count[block]
        edge = np.repeat(np.arange(len(number)), number)
        share = (np.arange(len(edge)) - np.repeat(np.cumsum(number) - number, number)) / number[edge]
        a, b = vertices[start[block][edge]], vertices[start[block][edge] + 1]
        along = (a + (b - a) * share[:, None]) / _UNITS_PER_DEGREE
        rows = slice(int(last[block][-1]) - len(edge), int(last[block][-1]))
        vectors[rows, :3] = unit_vectors(along[:, 1], along[:, 0])
        if side is not None:
            vectors[rows, 3] = APART * side[block][edge]
    return cKDTree(vectors, leafsize=48, balanced_tree=False, compact_nodes=False)


def _blocks(n: int) -> list[slice]:
    """Slices of a long array: what is built block by block leaves no large holes in memory."""
    return [slice(begin, begin + _BLOCK) for begin in range(0, n, _BLOCK)]
