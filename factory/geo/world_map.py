"""A world map: projection, outlines, and what is drawn on them.

The projection is Natural Earth: a compromise that keeps shapes familiar and has a closed polynomial form, so the
same few lines serve numpy here and the script in the page. Outlines are Natural Earth 1:110m, which is public domain.
Above MAX_DOTS the map shows bins instead of samples: a page must stay light whatever the size of the build.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

MAP_WIDTH = 1000.0
"""Width of the map in its own units; one unit is about 40 km at the equator."""
MAX_DOTS = 5000

# Equator half-width of the projection is 0.8707 * pi; see Savric et al. 2011, "A polynomial equation for the Natural
# Earth projection", doi 10.1559/15230406384363, for the coefficients below.
SCALE = MAP_WIDTH / (2 * 0.8707 * math.pi)
TOP_LAT, BOTTOM_LAT = 84.0, -57.0

OUTLINES = Path(__file__).parent / "data" / "world.svg"

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class World:
    """SVG path data of the outlines, in map units."""

    land: str
    borders: str
    graticule: str


@dataclass(frozen=True, slots=True)
class Dot:
    """One mark on the map: a sample, or a bin of `count` samples of one decision."""

    x: float
    y: float
    decision: str
    count: int
    id: str
    label: str
    size: float
    """Diameter in screen pixels."""


@dataclass(frozen=True, slots=True)
class WorldMap:
    """Everything the page needs to draw the map."""

    dots: tuple[Dot, ...]
    view_box: tuple[float, float, float, float]
    binned: bool
    samples: int


def project(lat: Floats, lon: Floats) -> tuple[Floats, Floats]:
    """WGS84 degrees to map units, x to the right and y downwards, the centre of the map at (0, 0)."""
    phi, lam = np.radians(lat), np.radians(lon)
    p2 = phi * phi
    p4 = p2 * p2
    x = lam * (0.8707 - 0.131979 * p2 + p4 * (-0.013791 + p4 * (0.003971 * p2 - 0.001529 * p4)))
    y = phi * (1.007226 + p2 * (0.015085 + p4 * (-0.044475 + 0.028874 * p2 - 0.005916 * p4)))
    return SCALE * x, -SCALE * y


@cache
def world() -> World:
    """The outlines shipped with the package (written by `factory.geo.build.world`)."""
    text = OUTLINES.read_text(encoding="utf-8")
    found = dict(re.findall(r'<path id="(\w+)" d="([^"]*)"', text))
    return World(**{name: found[name] for name in ("land", "borders", "graticule")})


def world_map(samples: pl.DataFrame, kinds: Sequence[str], *, max_dots: int = MAX_DOTS) -> WorldMap:
    """Dots for the samples, binned when there are more than `max_dots`.

    Args:
        samples: id, lat, lon (WGS84 degrees), decision (what a dot is coloured by), place (its label).
        kinds: the decisions, in the order in which bins of one cell share its corners.
        max_dots: most marks drawn.
    """
    if samples.is_empty():
        return whole_world()
    x, y = project(samples["lat"].to_numpy(), samples["lon"].to_numpy())
    placed = samples.select("id", "decision", "place").with_columns(x=pl.Series(x), y=pl.Series(y))
    binned = placed.height > max_dots
    dots = _bins(placed, kinds, max_dots) if binned else _singles(placed)
    return WorldMap(dots, _view_box(float(y.min()), float(y.max())), binned, placed.height)


def whole_world() -> WorldMap:
    """A map without dots, of the inhabited latitudes."""
    return WorldMap((), _view_box(0.0, 0.0), False, 0)


def _singles(placed: pl.DataFrame) -> tuple[Dot, ...]:
    size = 8.0 if placed.height <= 300 else 6.0 if placed.height <= 1500 else 4.0
    return tuple(
        Dot(round(x, 1), round(y, 1), decision, 1, id_, place, size)
        for id_, decision, place, x, y in placed.select("id", "decision", "place", "x", "y").iter_rows()
    )


def _bins(placed: pl.DataFrame, kinds: Sequence[str], max_dots: int) -> tuple[Dot, ...]:
    """One dot a (cell, decision), at the mean of its samples; cells grow until the dots fit.

    Where a cell holds several decisions, each dot moves to its own corner of the cell, so that none hides another.
    """
    cell = 1.5
    while True:
        keys = [(pl.col(axis) / cell).floor().cast(pl.Int32).alias(f"{axis}_cell") for axis in ("x", "y")]
        bins = placed.group_by([*keys, "decision"]).agg(
            count=pl.len(), x=pl.col("x").mean(), y=pl.col("y").mean(), place=pl.col("place").min()
        )
        if bins.height <= max_dots:
            break
        cell *= 1.3
    crowded = pl.len().over("x_cell", "y_cell") > 1
    corners = {decision: ((n % 2) * 2 - 1, (n // 2) * 2 - 1) for n, decision in enumerate(kinds)}
    for n, axis in enumerate(("x", "y")):
        side = pl.col("decision").replace_strict({d: c[n] for d, c in corners.items()}, default=0, return_dtype=pl.Int8)
        corner = (pl.col(f"{axis}_cell") + 0.5 + side * 0.24) * cell
        bins = bins.with_columns(pl.when(crowded).then(corner).otherwise(pl.col(axis)).alias(axis))
    largest = min(16.0, max(5.0, 0.55 * cell))
    bins = bins.with_columns(size=(3.0 + 1.6 * pl.col("count").log(2)).clip(upper_bound=largest).round(1))
    bins = bins.sort(["count", "x_cell", "y_cell", "decision"], descending=[True, False, False, False])
    return tuple(
        Dot(round(x, 1), round(y, 1), decision, count, "", place, size)
        for decision, count, x, y, place, size in bins.select(
            "decision", "count", "x", "y", "place", "size"
        ).iter_rows()
    )


def _view_box(highest: float, lowest: float) -> tuple[float, float, float, float]:
    """The inhabited latitudes; reaches further north or south when a sample lies there."""
    _, edges = project(np.array([TOP_LAT, BOTTOM_LAT]), np.zeros(2))
    top, bottom = min(float(edges[0]), highest - 12), max(float(edges[1]), lowest + 12)
    return (-MAP_WIDTH / 2, round(top, 1), MAP_WIDTH, round(bottom - top, 1))
