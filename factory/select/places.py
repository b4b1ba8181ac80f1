"""Which points of one set lie near which points of another, on the sphere, for a million against thousands.

Points become unit vectors in a cubic grid whose cells are as wide as the radius, so near points are in the same or a
neighbouring cell, at the poles and across the date line too, and one hash join finds the candidates.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from factory.geo.distance import EARTH_RADIUS_KM, haversine

_SMALLEST_CELL_KM: Final = 0.01
"""Three cell numbers of 20 bits fit one 64-bit key down to this width."""
_CHUNK: Final = 50_000


def nearest_within(points: pl.DataFrame, targets: pl.DataFrame, radius_km: float) -> pl.DataFrame:
    """The nearest target of each point that has one within the radius.

    Args:
        points, targets: frames with `lat`, `lon` in WGS84 degrees; rows with null or NaN match nothing.
        radius_km: inclusive.

    Returns:
        point, target (row numbers in the frames given), km; in order of point, ties by smaller target.
    """
    cell = max(radius_km, _SMALLEST_CELL_KM) * 1.000001
    index = _neighbour_cells(_numbered(targets, "target"), cell)
    found = []
    numbered = _numbered(points, "point")
    for offset in range(0, numbered.height, _CHUNK):
        part = numbered.slice(offset, _CHUNK)
        cells = _cells(part, cell)
        part = part.with_columns(cell=pl.Series(_key(cells[0], cells[1], cells[2])))
        pairs = part.join(index, on="cell", suffix="_target")
        km = haversine(*(pl.col(name) for name in ("lat", "lon", "lat_target", "lon_target")))
        pairs = pairs.select("point", "target", km=km).filter(pl.col("km") <= radius_km).sort("point", "km", "target")
        found.append(pairs.unique("point", keep="first", maintain_order=True))
    empty = pl.DataFrame(schema={"point": pl.Int64, "target": pl.Int64, "km": pl.Float64})
    return pl.concat([empty, *found])


def _numbered(frame: pl.DataFrame, name: str) -> pl.DataFrame:
    rows = frame.select(pl.int_range(pl.len(), dtype=pl.Int64).alias(name), "lat", "lon")
    return rows.filter(pl.col("lat").is_finite() & pl.col("lon").is_finite())


def _cells(frame: pl.DataFrame, cell_km: float) -> NDArray[np.int64]:
    """Cell numbers along x, y, z, as an array of shape (3, rows)."""
    lat, lon = np.radians(frame["lat"].to_numpy()), np.radians(frame["lon"].to_numpy())
    vectors = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
    return np.floor((vectors + 1.0) * (EARTH_RADIUS_KM / cell_km)).astype(np.int64)


def _key(x: NDArray[np.int64], y: NDArray[np.int64], z: NDArray[np.int64]) -> NDArray[np.int64]:
    return ((x + 1) << 42) | ((y + 1) << 21) | (z + 1)


def _neighbour_cells(targets: pl.DataFrame, cell_km: float) -> pl.DataFrame:
    """Each target under its own cell and the 26 around it."""
    x, y, z = _cells(targets, cell_km)
    steps = (-1, 0, 1)
    keys = [_key(x + dx, y + dy, z + dz) for dx in steps for dy in steps for dz in steps]
    return pl.concat([targets.with_columns(cell=pl.Series(key)) for key in keys])
