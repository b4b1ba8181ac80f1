"""A raster of three levels that answers most points without a polygon, and is exact.

The world is cut into cells of 0.25 degrees; those that a boundary touches are cut into cells of 0.05 degrees, and those
again into 0.0125. Boundaries are walked in integers, and a cell counts as touched when any edge meets its closed
square, so a cell gets one answer only when no edge comes near it: such a cell cannot be wrong, whatever the rounding of
a point's coordinates.
"""

from __future__ import annotations

import zlib

import numpy as np
import numpy.typing as npt
import shapely  # type: ignore[import-untyped]

from factory.geo.build.polygons import Geometries
from factory.geo.build.sources import UNITS_PER_DEGREE

SNAP_KM = 25.0
SIDES = (2500, 500, 125)
"""Sides of the cells of each level in units of 1e-4 degrees: 0.25, 0.05 and 0.0125 degrees."""

NO_LAND, MIXED, OPEN_SEA, SPLIT = -1, -2, -3, -10
"""Labels besides a unit: no land in the cell; a boundary in a cell of the last level; no boundary within 25 km (first
level only); look at the next level, where the cells of the first split cell come first, and so on."""

_WIDTH, _HEIGHT = 360 * UNITS_PER_DEGREE, 180 * UNITS_PER_DEGREE

Ints = npt.NDArray[np.int64]


def build_grid(geometries: Geometries) -> npt.NDArray[np.int16]:
    """Labels of all levels, one after the other.

    The first level is (720, 1440) cells row by row, row 0 at the south pole and column 0 at 180 W; then come the cells
    of each split cell, row by row.
    """
    edges = _edges(geometries)
    locate = _Locator(geometries)
    levels = [_first_level(edges, locate)]
    cells = np.flatnonzero(levels[0] == SPLIT)
    for side, parent in zip(SIDES[1:], SIDES, strict=False):
        labels, children = _next_level(edges, locate, cells, parent, side)
        if side == SIDES[-1]:
            labels[labels == SPLIT] = MIXED
        levels.append(labels.ravel())
        cells = children[labels == SPLIT]
    return np.concatenate(levels).astype(np.int16)


def encode(labels: npt.NDArray[np.int16]) -> bytes:
    """Little-endian int16 under zlib."""
    return zlib.compress(labels.astype("<i2").tobytes(), 9)


def _first_level(edges: Ints, locate: _Locator) -> npt.NDArray[np.int32]:
    side = SIDES[0]
    columns = _WIDTH // side
    touched = np.zeros(columns * (_HEIGHT // side), dtype=bool)
    touched[_cells(edges, side)] = True
    labels = np.full(len(touched), SPLIT, dtype=np.int32)
    whole = np.flatnonzero(~touched)
    labels[whole] = locate((whole % columns + 0.5) * side, (whole // columns + 0.5) * side)
    sea = np.flatnonzero(labels == NO_LAND)
    labels[sea[_is_far(edges, sea, columns)]] = OPEN_SEA
    return labels


def _next_level(
    edges: Ints, locate: _Locator, cells: Ints, parent: int, side: int
) -> tuple[npt.NDArray[np.int32], Ints]:
    """(cells, n * n) labels inside split cells, and the number of each small cell in its own world-wide raster."""
    n = parent // side
    wide, small_wide = _WIDTH // parent, _WIDTH // side
    row = (cells // wide * n)[:, None, None] + np.arange(n)[:, None]
    column = (cells % wide * n)[:, None, None] + np.arange(n)
    number = row * small_wide + column
    touched = np.isin(number, _cells(edges, side))
    labels = np.where(touched, SPLIT, NO_LAND).astype(np.int32)
    first = ~touched
    first[:, :, 1:] &= touched[:, :, :-1]
    begins = number[first]
    found = locate((begins % small_wide + 0.5) * side, (begins // small_wide + 0.5) * side)
    run = np.cumsum(first.ravel()) - 1
    blank = ~touched.ravel()
    flat = labels.ravel()
    flat[blank] = found[run[blank]]
    return flat.reshape(len(cells), n * n), number.reshape(len(cells), n * n)


def _edges(geometries: Geometries) -> Ints:
    """(n, 4) distinct boundary edges x1, y1, x2, y2 with x1 <= x2, counted from 180 W and the south pole."""
    rings = shapely.get_rings(shapely.get_parts(geometries))
    points, owner = shapely.get_coordinates(rings, return_index=True)
    whole = np.rint(points).astype(np.int64) + np.array([_WIDTH // 2, _HEIGHT // 2])
    pairs = np.hstack([whole[:-1], whole[1:]])[owner[:-1] == owner[1:]]
    swap = (pairs[:, 0] > pairs[:, 2]) | ((pairs[:, 0] == pairs[:, 2]) & (pairs[:, 1] > pairs[:, 3]))
    pairs[swap] = pairs[swap][:, [2, 3, 0, 1]]
    return np.unique(pairs, axis=0)


def _cells(edges: Ints, size: int) -> Ints:
    """Numbers (row by row) of all cells whose closed square an edge meets. Exact: integers only."""
    columns, rows = _WIDTH // size, _HEIGHT // size
    x1, y1, x2, y2 = edges.T
    first, last = _lower(x1, size), x2 // size
    edge, column = _expand(first, last)
    left, right = np.maximum(x1[edge], column * size), np.minimum(x2[edge], (column + 1) * size)
    low, high = _span(x1[edge], y1[edge], x2[edge], y2[edge], left, right)
    bottom, top = _lower(low, size), high // size
    item, row = _expand(bottom, top)
    column = column[item]
    keep = (row >= 0) & (row < rows)
    return np.unique(row[keep] * columns + column[keep] % columns)


def _lower(value: Ints, size: int) -> Ints:
    """The lowest cell whose closed square holds a coordinate: the one before when it lies on a line."""
    return -((-value) // size) - 1


def _span(x1: Ints, y1: Ints, x2: Ints, y2: Ints, left: Ints, right: Ints) -> tuple[Ints, Ints]:
    """Lowest and highest y of edges between two x, rounded outwards by less than one unit, and exact on integers."""
    run = np.maximum(x2 - x1, 1)
    flat = x1 == x2
    at_left, at_right = (y2 - y1) * (left - x1), (y2 - y1) * (right - x1)
    low = y1 + np.minimum(at_left // run, at_right // run)
    high = y1 + np.maximum(-(-at_left // run), -(-at_right // run))
    return np.where(flat, np.minimum(y1, y2), low), np.where(flat, np.maximum(y1, y2), high)


def _expand(first: Ints, last: Ints) -> tuple[Ints, Ints]:
    """For ranges first..last: the range's number and each value in it."""
    count = last - first + 1
    item = np.repeat(np.arange(len(first)), count)
    offset = np.arange(len(item)) - np.repeat(np.cumsum(count) - count, count)
    return item, first[item] + offset


class _Locator:
    """Units at points by exact test, -1 where there is none and the lowest number where several meet."""

    def __init__(self, geometries: Geometries) -> None:
        self.parts, self.owners = shapely.get_parts(geometries, return_index=True)
        shapely.prepare(self.parts)

    def __call__(self, x: npt.NDArray[np.floating], y: npt.NDArray[np.floating]) -> npt.NDArray[np.int32]:
        tree = shapely.STRtree(shapely.points(x - _WIDTH / 2, y - _HEIGHT / 2))
        part, point = tree.query(self.parts, predicate="intersects")
        found = np.full(len(x), np.iinfo(np.int32).max, dtype=np.int32)
        np.minimum.at(found, point, self.owners[part].astype(np.int32))
        return np.where(found == np.iinfo(np.int32).max, NO_LAND, found).astype(np.int32)


def _is_far(edges: Ints, cells: Ints, columns: int) -> npt.NDArray[np.bool_]:
    """Whether all of a cell lies farther than `SNAP_KM` from every boundary."""
    from scipy.spatial import cKDTree  # type: ignore[import-untyped]

    from factory.geo.distance import EARTH_RADIUS_KM
    from factory.geo.spherical import unit_vectors

    step = UNITS_PER_DEGREE // 10
    count = np.maximum(np.abs(edges[:, 2:] - edges[:, :2]).max(axis=1) // step + 1, 1)
    edge, part = _expand(np.zeros_like(count), count)
    share = (part / count[edge])[:, None]
    points = edges[edge, :2] * (1 - share) + edges[edge, 2:] * share
    degrees = points / UNITS_PER_DEGREE - [180.0, 90.0]
    tree = cKDTree(unit_vectors(degrees[:, 1].astype(np.float64), degrees[:, 0].astype(np.float64)))
    side = SIDES[0] / UNITS_PER_DEGREE
    lat = np.asarray((cells // columns + 0.5) * side - 90, dtype=np.float64)
    lon = np.asarray((cells % columns + 0.5) * side - 180, dtype=np.float64)
    chord, _ = tree.query(unit_vectors(lat, lon), workers=-1)
    half_diagonal_and_sampling = 20.0 + 8.0
    return np.asarray(chord * EARTH_RADIUS_KM > SNAP_KM + half_diagonal_and_sampling)
