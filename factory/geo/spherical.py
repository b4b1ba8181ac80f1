"""Means, medoids and spread of points on the sphere: what several guesses of one photo say together.

A mean of latitudes and longitudes is wrong across the antimeridian and near the poles; here points are unit vectors.
A mean of guesses in two cities lies in the sea between them, so the answer of several guesses is their medoid: one of
them, the nearest to all the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl

from factory.geo.distance import haversine_array

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Degrees = Sequence[float] | pl.Series | Floats

_OPPOSITE: Final = 1e-9
"""Length of a mean vector below which its direction is rounding error."""
_BLOCK: Final = 1 << 22
"""Distances held at a time while looking for a medoid (32 MB)."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """What several guesses have in common."""

    index: int
    """Which guess is the medoid."""
    lat: float
    lon: float
    """The medoid, in degrees."""
    mean_km: float
    """Mean distance of the other guesses from the medoid; 0 for a single guess."""
    diameter_km: float
    """Distance between the two guesses that are furthest apart."""


def wrapped(lon: pl.Expr) -> pl.Expr:
    """Longitudes as float64 in [-180, 180], those one turn off (to 540) turned back; null for NaN and any other.

    The rule of every door, as `reverse` documents it: maps and exports of the Pacific count on past 180.
    """
    lon = lon.cast(pl.Float64)
    turned = pl.when(lon.abs() > 180.0).then(lon - 360.0 * lon.sign()).otherwise(lon)
    return pl.when(lon.abs() <= 540.0).then(turned)


def is_place(lat: pl.Expr, lon: pl.Expr) -> pl.Expr:
    """Whether degrees are a point of the globe, by the rule of `wrapped`; False for null and NaN."""
    return (lat.is_between(-90, 90) & lon.is_between(-540, 540)).fill_null(False)


def unit_vectors(lat: Degrees, lon: Degrees) -> Floats:
    """Points in degrees as an (n, 3) array on the unit sphere."""
    import numpy as np

    phi, lam = (np.radians(np.asarray(values, dtype=np.float64)) for values in (lat, lon))
    vectors = np.empty((phi.size, 3))
    across = np.cos(phi)  # contiguous: a column of `vectors` would be read twice with gaps
    np.multiply(across, np.cos(lam), out=vectors[:, 0])
    np.multiply(across, np.sin(lam), out=vectors[:, 1])
    np.sin(phi, out=vectors[:, 2])
    return vectors


def to_degrees(vectors: Floats) -> tuple[Floats, Floats]:
    """(lat, lon) in degrees of an (n, 3) array of directions of any length."""
    import numpy as np

    x, y, z = vectors[:, 0], vectors[:, 1], vectors[:, 2]
    return np.degrees(np.arctan2(z, np.hypot(x, y))), np.degrees(np.arctan2(y, x))


def centroid(lat: Degrees, lon: Degrees, weights: Sequence[float] | Floats | None = None) -> tuple[float, float]:
    """The mean direction of points as (lat, lon) in degrees, right at the antimeridian and the poles.

    Raises:
        ValueError: for no points, a negative or all-zero weight, a NaN, or points that cancel out, such as two
            opposite ones: they have no middle.
    """
    import numpy as np

    vectors = unit_vectors(lat, lon)
    scale = np.ones(len(vectors)) if weights is None else np.asarray(weights, dtype=np.float64)
    if not len(vectors) or scale.shape != (len(vectors),) or not (scale >= 0).all() or not scale.sum() > 0:
        raise ValueError(f"a centroid needs points and one weight of at least 0 each: {len(vectors)} points, {scale}")
    mean = (scale[:, None] * vectors).sum(axis=0, keepdims=True) / scale.sum()
    if not float(np.linalg.norm(mean)) > _OPPOSITE:
        raise ValueError("these points lie evenly around the sphere, or one is NaN: they have no middle")
    middle_lat, middle_lon = to_degrees(mean)
    return float(middle_lat[0]), float(middle_lon[0])


def midpoint(lat1: float, lon1: float, lat2: float, lon2: float) -> tuple[float, float]:
    """The point half-way along the great circle, as (lat, lon); ValueError for two opposite points."""
    return centroid([lat1, lat2], [lon1, lon2])


def medoid(lat: Degrees, lon: Degrees) -> int:
    """Index of the point with the smallest sum of distances to all others, the first of equals.

    Time grows with the square of the number of points (10,000 take about 5 s), memory does not.

    Raises ValueError for no points or a NaN.
    """
    return agreement(lat, lon).index


def agreement(lat: Degrees, lon: Degrees) -> Agreement:
    """Medoid and spread of one or more points in degrees. Raises ValueError for no points or a NaN."""
    import numpy as np

    lats, lons = (np.asarray(values, dtype=np.float64) for values in (lat, lon))
    if not lats.size or lats.shape != lons.shape or not (np.isfinite(lats) & np.isfinite(lons)).all():
        raise ValueError("an agreement needs at least one point, and neither null nor NaN among them")
    sums = np.empty(lats.size)
    diameter = 0.0
    rows = max(1, _BLOCK // lats.size)
    for start in range(0, lats.size, rows):
        part = slice(start, start + rows)
        km = haversine_array(lats[part, None], lons[part, None], lats, lons)
        sums[part] = km.sum(axis=1)
        diameter = max(diameter, float(km.max()))
    # The sums of two points differ only in the last bits: a micrometre makes "the first of equals" hold.
    index = int(np.flatnonzero(sums <= sums.min() + 1e-9 * lats.size)[0])
    mean = float(sums[index]) / max(lats.size - 1, 1)
    return Agreement(index, float(lats[index]), float(lons[index]), mean, diameter)
