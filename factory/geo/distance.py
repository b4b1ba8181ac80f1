"""Distances on the sphere and what the field measures with them, in float64.

float32 is wrong by up to 1.7 km at world scale, so every input is cast first. The sphere itself is wrong by up to
0.56 % against the ellipsoid (Paris to Sydney: 16,960 km for 16,949 km); papers measure on the sphere, so do we.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, overload

import polars as pl

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

EARTH_RADIUS_KM = 6371.0088
"""Mean radius R1 of WGS84 (Moritz, Geodetic Reference System 1980)."""

DISTANCE_TIERS_KM = MappingProxyType({"street": 1, "city": 25, "region": 200, "country": 750, "continent": 2500})
"""Radii in kilometres of Im2GPS (Hays and Efros 2008) as fixed by Vo et al. 2017 and used by GLOBE."""

GEOSCORE_MAX = 5000.0
GEOSCORE_SCALE_KM = 1492.7
"""The score of the game GeoGuessr on its world map, as OSV-5M, NAVIG and GaGA (section V-A2) print it."""

_BLOCK = 1 << 15
"""Points whose temporaries stay in a core's cache; twice the speed of whole arrays."""


@overload
def haversine_km(lat1: float, lon1: float, lat2: float, lon2: float) -> float: ...
@overload
def haversine_km(
    lat1: ArrayLike | pl.Series, lon1: ArrayLike | pl.Series, lat2: ArrayLike | pl.Series, lon2: ArrayLike | pl.Series
) -> NDArray[np.float64]: ...
def haversine_km(lat1: Any, lon1: Any, lat2: Any, lon2: Any) -> float | NDArray[np.float64]:
    """Great-circle distance in kilometres between two points in degrees, on a sphere of `EARTH_RADIUS_KM`.

    NaN where an input is NaN or infinite. Four numbers give a number; where one of them is an array, a list or a
    Series, the answer is an array (`haversine_array`).
    """
    four = (lat1, lon1, lat2, lon2)
    if not all(isinstance(degrees, (int, float)) or getattr(degrees, "ndim", 1) == 0 for degrees in four):
        return haversine_array(lat1, lon1, lat2, lon2)
    if not math.isfinite(lat1 + lon1 + lat2 + lon2):
        return math.nan
    half_lat = math.radians(lat2 - lat1) / 2
    half_lon = math.radians(lon2 - lon1) / 2
    chord = math.sin(half_lat) ** 2 + (
        math.cos(math.radians(lat1)) * math.cos(math.radians(lat2)) * math.sin(half_lon) ** 2
    )
    return 2 * EARTH_RADIUS_KM * math.asin(min(1.0, math.sqrt(chord)))


def haversine(lat1: pl.Expr, lon1: pl.Expr, lat2: pl.Expr, lon2: pl.Expr) -> pl.Expr:
    """`haversine_km` as a polars expression: degrees in, float64 kilometres out, null where an input is null.

    Millions of pairs run on all cores with `frame.lazy().select(...).collect(engine="streaming")`.
    """
    lat1, lon1, lat2, lon2 = (degrees.cast(pl.Float64) for degrees in (lat1, lon1, lat2, lon2))
    half_lat, half_lon = ((lat2 - lat1).radians() / 2).sin(), ((lon2 - lon1).radians() / 2).sin()
    chord = half_lat * half_lat + lat1.radians().cos() * lat2.radians().cos() * half_lon * half_lon
    return 2 * EARTH_RADIUS_KM * chord.sqrt().clip(upper_bound=1.0).arcsin()


def haversine_array(lat1: ArrayLike, lon1: ArrayLike, lat2: ArrayLike, lon2: ArrayLike) -> NDArray[np.float64]:
    """`haversine_km` over arrays in degrees, broadcast against each other; NaN where an input is NaN."""
    import numpy as np

    inputs = np.broadcast_arrays(*(np.asarray(value, dtype=np.float64) for value in (lat1, lon1, lat2, lon2)))
    flat = [values.reshape(-1) for values in inputs]
    km = np.empty(flat[0].size)
    for start in range(0, km.size, _BLOCK):
        part = slice(start, start + _BLOCK)
        half_lat, half_lon = (np.sin(np.radians(flat[i + 2][part] - flat[i][part]) / 2) for i in (0, 1))
        widths = np.cos(np.radians(flat[0][part])) * np.cos(np.radians(flat[2][part]))
        chord = half_lat * half_lat + widths * half_lon * half_lon
        km[part] = np.arcsin(np.minimum(np.sqrt(chord), 1.0))
    km *= 2 * EARTH_RADIUS_KM
    return km.reshape(inputs[0].shape)


def chord_of(km: float) -> float:
    """Straight distance, on the unit sphere, between two points `km` apart along it; 2 from half a turn on."""
    return 2 * math.sin(min(km / EARTH_RADIUS_KM, math.pi) / 2)


def km_of_chords(chords: NDArray[np.float64]) -> NDArray[np.float64]:
    """Kilometres on the ground of distances between unit vectors; infinite ones, "none found", become half a turn."""
    import numpy as np

    km: NDArray[np.float64] = 2 * EARTH_RADIUS_KM * np.arcsin(np.minimum(chords / 2, 1.0))
    return km


@overload
def geoscore(km: pl.Expr) -> pl.Expr: ...
@overload
def geoscore(km: float | None) -> float: ...
def geoscore(km: pl.Expr | float | None) -> pl.Expr | float:
    """`5000 * exp(-km / 1492.7)` of an expression or of one number: 5000 for the exact place, 0 for no answer.

    A null or NaN distance is an answer that was not given, as in `tier_shares`: it scores 0 and counts in a mean.
    """
    if not isinstance(km, pl.Expr):
        return 0.0 if km is None or math.isnan(km) else GEOSCORE_MAX * math.exp(-km / GEOSCORE_SCALE_KM)
    score = GEOSCORE_MAX * (-km.cast(pl.Float64) / GEOSCORE_SCALE_KM).exp()
    return score.fill_nan(0.0).fill_null(0.0)


@overload
def tier(km: pl.Expr) -> pl.Expr: ...
@overload
def tier(km: float | None) -> str | None: ...
def tier(km: pl.Expr | float | None) -> pl.Expr | str | None:
    """Name of the smallest of `DISTANCE_TIERS_KM` (bounds inclusive) that holds a distance; null beyond all of them.

    Of an expression, or of one number: then None beyond all of them and for no distance.
    """
    if not isinstance(km, pl.Expr):
        return next((name for name, radius in DISTANCE_TIERS_KM.items() if km is not None and km <= radius), None)
    chosen = pl.lit(None, dtype=pl.String)
    for name, radius in reversed(list(DISTANCE_TIERS_KM.items())):
        chosen = pl.when(km <= radius).then(pl.lit(name)).otherwise(chosen)
    return chosen


def tier_shares(km: Sequence[float | None] | pl.Series) -> dict[str, float]:
    """Share of all rows within each tier, the papers' "accuracy at 1 / 25 / 200 / 750 / 2500 km".

    A null or NaN distance is an answer that was not given: it counts among the rows and lies in no tier. No rows at
    all give NaN.
    """
    values = pl.Series(km, dtype=pl.Float64).fill_nan(None)
    within = {name: int((values <= radius).sum()) for name, radius in DISTANCE_TIERS_KM.items()}
    return {name: count / len(values) if len(values) else math.nan for name, count in within.items()}
