"""Which points of one set lie near which points of another, on the sphere: millions against hundreds of thousands.

The targets become a k-d tree of unit vectors, in which straight distance orders points as great circles do, at the
poles and across the date line too. Points ask in Morton order, as neighbours walk the same branches: half the time. At
5 million points against 200,000 this takes a quarter of the CPU time of a hash join over cubic cells.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from factory.geo.cells import morton_codes
from factory.geo.distance import chord_of, haversine_array
from factory.geo.spherical import is_place, unit_vectors, wrapped

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_CHUNK: Final = 500_000
_SLACK: Final = 1e-12
"""Widening of the radius on the unit sphere (6 micrometres), so that rounding loses no point on it."""


def nearest_within(points: pl.DataFrame, targets: pl.DataFrame, radius_km: float) -> pl.DataFrame:
    """The nearest target of each point that has one within the radius.

    Args:
        points, targets: frames with `lat`, `lon` in WGS84 degrees; rows with null, NaN or out of range match nothing.
        radius_km: inclusive.

    Returns:
        point, target (row numbers in the frames given), km; in order of point. Of several targets at one place the
        first; targets equally far at different places are a tie that the tree breaks.
    """
    import numpy as np
    from scipy.spatial import cKDTree  # type: ignore[import-untyped]

    rows, known = _numbered(points), _numbered(targets).unique(["lat", "lon"], keep="first", maintain_order=True)
    found = [pl.DataFrame(schema={"point": pl.Int64, "target": pl.Int64, "km": pl.Float64})]
    if known.is_empty() or radius_km < 0:
        return found[0]
    lats, lons, numbers = (known[name].to_numpy() for name in ("lat", "lon", "row"))
    tree = cKDTree(unit_vectors(lats, lons), balanced_tree=False)
    reach = chord_of(radius_km) + _SLACK
    for part in rows.iter_slices(_CHUNK):
        part = part[np.argsort(morton_codes(part))]
        lat, lon = part["lat"].to_numpy(), part["lon"].to_numpy()
        # scipy's bound is exclusive, hence the next number up.
        chords, nearest = tree.query(unit_vectors(lat, lon), distance_upper_bound=np.nextafter(reach, 3.0), workers=-1)
        hit = np.flatnonzero(np.isfinite(chords))
        nearest = nearest[hit]
        km = haversine_array(lat[hit], lon[hit], lats[nearest], lons[nearest])
        near = km <= radius_km
        columns = {"point": part["row"].to_numpy()[hit[near]], "target": numbers[nearest[near]], "km": km[near]}
        found.append(pl.DataFrame(columns).sort("point"))
    return pl.concat(found)


def is_within(points: pl.DataFrame, targets: pl.DataFrame, radius_km: float) -> pl.Series:
    """For each point whether any target lies within the radius (inclusive); False for a point without a place."""
    import numpy as np

    near: NDArray[np.bool_] = np.zeros(points.height, dtype=bool)
    near[nearest_within(points, targets, radius_km)["point"].to_numpy()] = True
    return pl.Series("near", near)


def _numbered(frame: pl.DataFrame) -> pl.DataFrame:
    rows = frame.select(
        pl.col("lat").cast(pl.Float64),
        wrapped(pl.col("lon")).alias("lon"),
        row=pl.int_range(pl.len(), dtype=pl.Int64),
    )
    return rows.filter(is_place(pl.col("lat"), pl.col("lon")))
