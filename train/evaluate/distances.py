"""Distances between true and predicted points: on the sphere of a preset, or on the WGS84 ellipsoid."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from factory.geo.distance import EARTH_RADIUS_KM, haversine_array

Floats = NDArray[np.float64]

_A_KM: Final = 6378.137
_F: Final = 1 / 298.257223563
"""Semi-major axis and flattening of WGS84 (NIMA TR8350.2)."""
_B_KM: Final = _A_KM * (1 - _F)
_ROUNDS: Final = 60
_CLOSE: Final = 1e-12
"""Radians of longitude: 6 micrometres."""
_BEARINGS: Final = 720


def distances_km(lat1: ArrayLike, lon1: ArrayLike, lat2: ArrayLike, lon2: ArrayLike, radius_km: float | None) -> Floats:
    """Kilometres between points in degrees, NaN where one is NaN.

    Args:
        radius_km: of the sphere (haversine formula); None for the geodesic on the ellipsoid.
    """
    if radius_km is None:
        return geodesic_km(lat1, lon1, lat2, lon2)
    return haversine_array(lat1, lon1, lat2, lon2) * (radius_km / EARTH_RADIUS_KM)


def geodesic_km(lat1: ArrayLike, lon1: ArrayLike, lat2: ArrayLike, lon2: ArrayLike) -> Floats:
    """Length of the shortest path on the WGS84 ellipsoid, to less than a metre, over arrays broadcast to each other.

    Vincenty's inverse formula (Survey Review XXIII, 1975), which finds no answer for points that are almost opposite:
    there every path crosses the circle 90 degrees from the first point, and the shortest sum of both halves is taken.
    """
    points = [np.asarray(value, dtype=np.float64) for value in (lat1, lon1, lat2, lon2)]
    shape = np.broadcast_shapes(*(point.shape for point in points))
    flat = [np.broadcast_to(point, shape).reshape(-1) for point in points]
    km, found = _vincenty(*flat)
    for row in np.flatnonzero(~found):
        km[row] = _almost_opposite(*(float(axis[row]) for axis in flat))
    return km.reshape(shape)


def _vincenty(lat1: Floats, lon1: Floats, lat2: Floats, lon2: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Kilometres, and whether they were found."""
    u1, u2 = (np.arctan((1 - _F) * np.tan(np.radians(lat))) for lat in (lat1, lat2))
    s1, c1, s2, c2 = np.sin(u1), np.cos(u1), np.sin(u2), np.cos(u2)
    wide = np.radians((lon2 - lon1 + 180) % 360 - 180)
    lam, open_rows = wide.copy(), np.isfinite(wide + u1 + u2)
    sin_a2, cos_m, sin_s, cos_s, sigma = (np.zeros_like(lam) for _ in range(5))
    for _ in range(_ROUNDS):
        sin_l, cos_l = np.sin(lam), np.cos(lam)
        sin_s = np.hypot(c2 * sin_l, c1 * s2 - s1 * c2 * cos_l)
        cos_s = s1 * s2 + c1 * c2 * cos_l
        sigma = np.arctan2(sin_s, cos_s)
        sin_a = np.divide(c1 * c2 * sin_l, sin_s, out=np.zeros_like(lam), where=sin_s > 0)
        sin_a2 = 1 - sin_a * sin_a  # cosine squared of the azimuth at the equator
        cos_m = cos_s - np.divide(2 * s1 * s2, sin_a2, out=np.zeros_like(lam), where=sin_a2 > 1e-15)
        cos_m = np.where(sin_a2 > 1e-15, cos_m, 0.0)  # along the equator
        c = _F / 16 * sin_a2 * (4 + _F * (4 - 3 * sin_a2))
        turned = cos_m + c * cos_s * (2 * cos_m * cos_m - 1)
        new = wide + (1 - c) * _F * sin_a * (sigma + c * sin_s * turned)
        moved = np.abs(new - lam)
        lam = np.where(open_rows, new, lam)
        open_rows &= moved > _CLOSE
        if not open_rows.any():
            break
    found = ~open_rows & (np.abs(lam) <= np.pi) | ~np.isfinite(wide + u1 + u2)
    square = sin_a2 * (_A_KM**2 - _B_KM**2) / _B_KM**2
    a = 1 + square / 16384 * (4096 + square * (-768 + square * (320 - 175 * square)))
    b = square / 1024 * (256 + square * (-128 + square * (74 - 47 * square)))
    inner = cos_s * (2 * cos_m**2 - 1) - b / 6 * cos_m * (4 * sin_s**2 - 3) * (4 * cos_m**2 - 3)
    return _B_KM * a * (sigma - b * sin_s * (cos_m + b / 4 * inner)), found


def _almost_opposite(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    """The shortest of the paths over a point 90 degrees from the first, by bearing, refined around the best ones."""
    bearings, step = np.linspace(0.0, 2 * np.pi, _BEARINGS, endpoint=False), 2 * np.pi / _BEARINGS
    best = np.inf
    for _ in range(6):
        phi = np.radians(lat1)
        lat = np.degrees(np.arcsin(np.clip(np.cos(phi) * np.cos(bearings), -1, 1)))
        lon = lon1 + np.degrees(np.arctan2(np.sin(bearings), -np.sin(phi) * np.cos(bearings)))
        there: Any = _vincenty(*np.broadcast_arrays(lat1, lon1, lat, lon))[0]
        back: Any = _vincenty(*np.broadcast_arrays(lat, lon, lat2, lon2))[0]
        lengths = there + back
        at = int(np.argmin(lengths))
        best = min(best, float(lengths[at]))
        bearings, step = bearings[at] + np.linspace(-step, step, 41), step / 20
    return best
