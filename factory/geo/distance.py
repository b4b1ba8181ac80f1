"""Distances on the sphere and plain grid cells, in float64.

float32 is wrong by up to 1.7 km at world scale, so nothing here accepts it silently: every input is cast. The grid
is a plain one in degrees: its cells narrow towards the poles, which is enough to keep a split from leaking.
"""

from __future__ import annotations

import math
from types import MappingProxyType

import polars as pl

EARTH_RADIUS_KM = 6371.0088
"""Mean radius R1 of WGS84 (Moritz, Geodetic Reference System 1980)."""

DISTANCE_TIERS_KM = MappingProxyType({"street": 1, "city": 25, "region": 200, "country": 750, "continent": 2500})
"""Radii in kilometres of Im2GPS (Hays and Efros 2008) as fixed by Vo et al. 2017 and used by GLOBE."""


def haversine_km(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    """Great-circle distance in kilometres between two points in degrees, on a sphere of `EARTH_RADIUS_KM`."""
    half_lat = math.radians(lat2 - lat1) / 2
    half_lon = math.radians(lon2 - lon1) / 2
    chord = math.sin(half_lat) ** 2 + (
        math.cos(math.radians(lat1)) * math.cos(math.radians(lat2)) * math.sin(half_lon) ** 2
    )
    return 2 * EARTH_RADIUS_KM * math.asin(min(1.0, math.sqrt(chord)))


def haversine(lat1: pl.Expr, lon1: pl.Expr, lat2: pl.Expr, lon2: pl.Expr) -> pl.Expr:
    """`haversine_km` as a polars expression: degrees in, float64 kilometres out, null where an input is null."""
    first, last = lat1.cast(pl.Float64).radians(), lat2.cast(pl.Float64).radians()
    half_lon = (lon2.cast(pl.Float64) - lon1.cast(pl.Float64)).radians() / 2
    chord = ((last - first) / 2).sin().pow(2) + first.cos() * last.cos() * half_lon.sin().pow(2)
    return 2 * EARTH_RADIUS_KM * chord.sqrt().clip(upper_bound=1.0).arcsin()


def cell_id(lat: float, lon: float, *, degrees: float) -> str:
    """Name of the grid cell that holds a point: `row_column`, counted from the south pole and from 180 W.

    Longitude 180 is longitude -180, and the poles belong to the outermost rows. Raises ValueError unless
    `degrees` is positive.
    """
    _check_size(degrees)
    row = math.floor(min(lat + 90.0, _NORTH) / degrees)
    column = math.floor(0.0 if lon >= 180.0 else min(lon + 180.0, _EAST) / degrees)
    return f"{row}_{column}"


def cell(lat: pl.Expr, lon: pl.Expr, *, degrees: float) -> pl.Expr:
    """`cell_id` as a polars expression, null where an input is null."""
    _check_size(degrees)
    lat, lon = lat.cast(pl.Float64), lon.cast(pl.Float64)
    row = (lat + 90.0).clip(upper_bound=_NORTH) / degrees
    column = pl.when(lon >= 180.0).then(0.0).otherwise((lon + 180.0).clip(upper_bound=_EAST)) / degrees
    row, column = (index.floor().cast(pl.Int64).cast(pl.String) for index in (row, column))
    return row + "_" + column


_NORTH, _EAST = math.nextafter(180.0, 0.0), math.nextafter(360.0, 0.0)


def _check_size(degrees: float) -> None:
    if not degrees > 0:
        raise ValueError(f"the side of a cell must be a positive number of degrees, not {degrees}")
