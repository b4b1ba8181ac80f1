"""Natural Earth's admin-1 units as valid integer polygons, their compact encoding, areas and label points."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl
import shapely  # type: ignore[import-untyped]

from factory.geo.build.sources import UNITS_PER_DEGREE, Unit

Geometries = npt.NDArray[np.object_]


def unit_geometries(units: Sequence[Unit]) -> Geometries:
    """One (multi)polygon a unit in integer units of 1e-4 degrees, all valid.

    Rounding makes a few parts touch themselves; those units are snap-rounded again, which keeps them on the grid.
    """
    found = np.empty(len(units), dtype=object)
    for i, unit in enumerate(units):
        found[i] = shapely.MultiPolygon([shapely.Polygon(rings[0], rings[1:]) for rings in unit.polygons])
    broken = np.flatnonzero(~shapely.is_valid(found))
    for number in broken:
        found[number] = repaired(found[number])
    if not shapely.is_valid(found).all() or shapely.is_empty(found).any():
        raise ValueError("a unit is invalid or empty after rounding; its polygons need repair before the build")
    return found


def repaired(geometry: shapely.Geometry) -> shapely.Geometry:
    """A valid multipolygon on the same grid, with nothing that has no area."""
    valid = shapely.set_precision(shapely.make_valid(geometry), 1.0)
    parts = shapely.get_parts(shapely.get_parts(valid))
    return shapely.multipolygons(parts[shapely.area(parts) > 0])


def encode(geometries: Geometries) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The tables `admin1_rings` (admin1, part, hole, n) and `admin1_coords` (dx, dy as running differences)."""
    parts, owners = shapely.get_parts(geometries, return_index=True)
    rings, ring_parts = shapely.get_rings(parts, return_index=True)
    points, point_rings = shapely.get_coordinates(rings, return_index=True)
    whole = np.rint(points).astype(np.int32)
    if not np.array_equal(whole, points):
        raise ValueError("a vertex lies off the grid of 1e-4 degrees")
    hole = np.zeros(len(rings), dtype=bool)
    hole[1:] = ring_parts[1:] == ring_parts[:-1]
    steps = np.diff(whole, axis=0, prepend=np.zeros((1, 2), dtype=np.int32))
    return (
        pl.DataFrame(
            {
                "admin1": owners[ring_parts].astype(np.uint16),
                "part": ring_parts.astype(np.uint16),
                "hole": hole,
                "n": np.bincount(point_rings, minlength=len(rings)).astype(np.uint32),
            }
        ),
        pl.DataFrame({"dx": steps[:, 0], "dy": steps[:, 1]}),
    )


def pack(coords: pl.DataFrame) -> bytes:
    """`admin1_coords` for the file that `factory.geo.gazetteer.outlines` reads: byte planes under zlib."""
    steps = np.concatenate([coords["dx"].to_numpy(), coords["dy"].to_numpy()]).astype("<i4")
    return zlib.compress(steps.view(np.uint8).reshape(-1, 4).T.tobytes(), 9)


def encode_neighbours(rings: pl.DataFrame, coords: pl.DataFrame) -> pl.DataFrame:
    """For the edge that starts at each vertex, the unit on its other side, -1 for none: run lengths over all vertices.

    Units share their vertices exactly, so two edges face each other when they join the same two points; where Natural
    Earth left a sliver (216 edges of 1.3 million along land borders) an edge counts as a coast.
    """
    count = rings["n"].to_numpy()
    ring = np.repeat(np.arange(len(count)), count)
    owner = rings["admin1"].to_numpy()[ring].astype(np.int64)
    points = np.cumsum(coords.to_numpy().astype(np.int64), axis=0)
    key = (points[:, 0] + 180 * UNITS_PER_DEGREE) * (400 * UNITS_PER_DEGREE) + points[:, 1] + 90 * UNITS_PER_DEGREE
    start = np.flatnonzero(ring[:-1] == ring[1:])
    low, high = np.minimum(key[start], key[start + 1]), np.maximum(key[start], key[start + 1])
    order = np.lexsort((owner[start], high, low))
    twin = np.flatnonzero((np.diff(low[order]) == 0) & (np.diff(high[order]) == 0))
    first, second = start[order[twin]], start[order[twin + 1]]
    other = np.full(len(points), -1, dtype=np.int16)
    other[first], other[second] = owner[second], owner[first]
    other[np.flatnonzero(ring[:-1] != ring[1:])] = other[np.flatnonzero(ring[:-1] != ring[1:]) - 1]
    begin = np.flatnonzero(np.diff(other, prepend=np.int16(-2)))
    length = np.diff(begin, append=len(other)).astype(np.uint32)
    return pl.DataFrame({"neighbour": other[begin], "length": length})


def areas_km2(geometries: Geometries) -> npt.NDArray[np.float64]:
    """Areas on the sphere of `EARTH_RADIUS_KM`, by the equal-area cylinder, with edges cut to 0.1 degrees."""
    from factory.geo.distance import EARTH_RADIUS_KM

    cut = shapely.segmentize(geometries, UNITS_PER_DEGREE / 10)
    flat = shapely.transform(
        cut,
        lambda p: np.column_stack(
            [np.radians(p[:, 0] / UNITS_PER_DEGREE), np.sin(np.radians(p[:, 1] / UNITS_PER_DEGREE))]
        ),
    )
    return np.asarray(shapely.area(flat) * EARTH_RADIUS_KM**2, dtype=np.float64)


def label_points(geometries: Geometries) -> npt.NDArray[np.float64]:
    """(n, 2) latitudes and longitudes inside each geometry's largest part, as central as a scan line allows."""
    inside = np.empty((len(geometries), 2))
    for i, geometry in enumerate(geometries):
        parts = shapely.get_parts(geometry)
        largest = parts[int(np.argmax(shapely.area(parts)))]
        centre = shapely.centroid(largest)
        point = centre if shapely.contains(largest, centre) else shapely.point_on_surface(largest)
        inside[i] = shapely.get_y(point) / UNITS_PER_DEGREE, shapely.get_x(point) / UNITS_PER_DEGREE
    return inside.round(4)
