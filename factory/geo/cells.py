"""Cells that points fall into: plain degrees, hexagons, and boxes that adapt to how many points there are.

Three kinds for three needs. The degree grid needs nothing and is enough to keep a split from leaking; its cells narrow
towards the poles. H3 (extra `h3`) has cells of nearly one area, for counting and balancing. The quadtree has cells of
nearly one number of points, for training a classifier over places as OSV-5M does.

Longitudes one turn off (to 540) are turned back, as by `reverse`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from factory.errors import EnvironmentFault
from factory.geo.spherical import is_place, wrapped

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Codes = NDArray[np.uint64]

MAX_DEPTH: Final = 26
"""Splits of a quadtree: 26 halvings make cells of 0.3 m by 0.6 m, and two times 26 bits fit an integer."""

_NORTH, _EAST = math.nextafter(180.0, 0.0), math.nextafter(360.0, 0.0)


def cell_id(lat: float, lon: float, *, degrees: float) -> str:
    """Name of the grid cell that holds a point: `row_column`, counted from the south pole and from 180 W.

    Longitude 180 is longitude -180, and the poles belong to the outermost rows. Raises ValueError unless
    `degrees` is positive.
    """
    _check_size(degrees)
    if abs(lon) > 180.0:
        lon -= math.copysign(360.0, lon)
    row = math.floor(min(lat + 90.0, _NORTH) / degrees)
    column = math.floor(0.0 if lon >= 180.0 else min(lon + 180.0, _EAST) / degrees)
    return f"{row}_{column}"


def cell(lat: pl.Expr, lon: pl.Expr, *, degrees: float) -> pl.Expr:
    """`cell_id` as a polars expression, null where an input is null or NaN, or a longitude more than a turn off."""
    _check_size(degrees)
    lat, lon = lat.cast(pl.Float64).fill_nan(None), wrapped(lon)
    row = (lat + 90.0).clip(upper_bound=_NORTH) / degrees
    column = pl.when(lon >= 180.0).then(0.0).otherwise((lon + 180.0).clip(upper_bound=_EAST)) / degrees
    row, column = (index.floor().cast(pl.Int64).cast(pl.String) for index in (row, column))
    return row + "_" + column


def h3_cells(lat: pl.Series, lon: pl.Series, *, resolution: int) -> pl.Series:
    """H3 cells as UInt64, null where an input is null, NaN or out of range.

    Args:
        resolution: 0 (4.4 million km2 a cell) to 15 (0.9 m2); 5 is 253 km2, 7 is 5.2 km2.

    Raises:
        EnvironmentFault: when the package h3 is not installed.
        ValueError: for a resolution outside 0 to 15, or inputs of different lengths.
    """
    if not 0 <= resolution <= 15:
        raise ValueError(f"an H3 resolution is a whole number from 0 to 15, not {resolution}")
    points = _points(lat, lon)
    latlng_to_cell = _h3().latlng_to_cell
    inside = points.filter("inside")
    rows = zip(inside["lat"].to_list(), inside["lon"].to_list(), strict=True)
    found = pl.Series([latlng_to_cell(y, x, resolution) for y, x in rows], dtype=pl.UInt64)
    return _scattered(points["inside"], found).alias("cell")


def h3_centres(cells: pl.Series) -> pl.DataFrame:
    """The middles of H3 cells: lat, lon in degrees, one row a cell, null for null."""
    cell_to_latlng = _h3().cell_to_latlng
    rows = [(None, None) if cell is None else cell_to_latlng(cell) for cell in cells.to_list()]
    return pl.DataFrame(rows, schema={"lat": pl.Float64, "lon": pl.Float64}, orient="row")


@dataclass(frozen=True)
class Quadtree:
    """Boxes of longitude and latitude that cover the whole world, each split in four while it holds too many points.

    Unlike the published OSV-5M cells (`quadtree_10_1000`): the root is the world, not the bounding box of the data;
    empty quarters are kept, so every point of the world has a cell (theirs sends points outside, or on an edge, to
    cell 0); a box is split when it holds more than `max_count` points, not at `max_count`; and the depth ends at
    `MAX_DEPTH` instead of 10, so the maximum holds. Digits are theirs: 0 south-west, 1 south-east, 2 north-west,
    3 north-east.
    """

    cells: pl.DataFrame
    """cell (path of digits from the root, "" for the undivided world), south, west, north, east (degrees; a point
    on an inner edge belongs to the north or east), count, lat, lon (mean of the points in it, null when empty).
    In depth-first order."""
    max_count: int

    @property
    def overfull(self) -> pl.DataFrame:
        """Cells that could not be split further: more than `max_count` points lie within half a metre."""
        return self.cells.filter(pl.col("count") > self.max_count)

    def assign(self, lat: pl.Series, lon: pl.Series) -> pl.Series:
        """Row in `cells` of each point's cell, UInt32; null where an input is null, NaN or out of range."""
        import numpy as np

        points = _points(lat, lon)
        codes = morton_codes(points.filter("inside"))
        found = np.searchsorted(self._starts, codes, side="right") - 1
        return _scattered(points["inside"], pl.Series(found.astype(np.uint32))).alias("cell")

    @cached_property
    def _starts(self) -> Codes:
        import numpy as np

        return np.array([_start(path) for path in self.cells["cell"]], dtype=np.uint64)


def quadtree(lat: pl.Series, lon: pl.Series, *, max_count: int, max_depth: int = MAX_DEPTH) -> Quadtree:
    """Splits the world until no cell holds more than `max_count` of these points.

    The same points in any order give the same tree. Points that are null, NaN or out of range are not counted.

    Args:
        max_depth: no cell is split more often than this; 10 is OSV-5M's, and lets cells overflow.

    Raises:
        ValueError: unless max_count is positive and 0 <= max_depth <= `MAX_DEPTH`.
    """
    import numpy as np

    if max_count < 1 or not 0 <= max_depth <= MAX_DEPTH:
        raise ValueError(f"max_count {max_count} must be positive and max_depth {max_depth} in 0 to {MAX_DEPTH}")
    points = _points(lat, lon).filter("inside")
    codes = morton_codes(points)
    order = np.argsort(codes)
    codes = codes[order]
    leaves: list[tuple[str, int, int]] = []
    pending = [("", 0, codes.size)]
    while pending:
        path, low, high = pending.pop()
        if high - low <= max_count or len(path) == max_depth:
            leaves.append((path, low, high))
            continue
        inner = [_start(path + digit) for digit in "123"]
        cuts = low + np.searchsorted(codes[low:high], np.array(inner, dtype=np.uint64))
        bounds = [low, *cuts.tolist(), high]
        pending += [(path + str(digit), bounds[digit], bounds[digit + 1]) for digit in (3, 2, 1, 0)]
    return Quadtree(_leaf_table(leaves, points[order]), max_count)


def _leaf_table(leaves: list[tuple[str, int, int]], points: pl.DataFrame) -> pl.DataFrame:
    rows = []
    for path, low, high in leaves:
        south, west, side = 0.0, 0.0, 1.0
        for digit in path:
            side /= 2
            south += side * (digit in "23")
            west += side * (digit in "13")
        north, east = 180 * (south + side) - 90, 360 * (west + side) - 180
        rows.append((path, 180 * south - 90, 360 * west - 180, north, east, high - low))
    names = ("cell", "south", "west", "north", "east", "count")
    types = (pl.String, *[pl.Float64] * 4, pl.Int64)
    table = pl.DataFrame(rows, schema=dict(zip(names, types, strict=True)), orient="row")
    return table.with_columns(_leaf_means(table["count"], points[name]).alias(name) for name in ("lat", "lon"))


def _leaf_means(counts: pl.Series, values: pl.Series) -> pl.Series:
    """Mean of each run of values, null for an empty run.

    Summed as whole billionths of a degree (0.1 mm), so that the order of the input cannot move the last bit.
    """
    import numpy as np

    sums = np.concatenate([[0], np.cumsum(np.rint(values.to_numpy() * 1e9).astype(np.int64))])
    ends = np.cumsum(counts.to_numpy())
    runs = pl.DataFrame({"sum": sums[ends] - sums[ends - counts.to_numpy()], "count": counts})
    return runs.select(pl.when(pl.col("count") > 0).then(pl.col("sum") / 1e9 / pl.col("count"))).to_series()


def _start(path: str) -> int:
    """The smallest code of a cell: its digits in base four, filled up with zeros."""
    return int(path or "0", 4) << (2 * (MAX_DEPTH - len(path)) if path else 0)


def morton_codes(points: pl.DataFrame) -> Codes:
    """Each point's quadtree path of `MAX_DEPTH` digits as one integer: near points have near codes (Morton 1966).

    `points` has lat and lon as float64, all of them places.
    """
    import numpy as np

    size = float(1 << MAX_DEPTH)
    lat, lon = points["lat"].to_numpy(), points["lon"].to_numpy()
    last = np.uint64((1 << MAX_DEPTH) - 1)
    y = np.minimum(((lat + 90.0) / 180.0 * size).astype(np.uint64), last)
    x = np.minimum((np.where(lon >= 180.0, 0.0, lon + 180.0) / 360.0 * size).astype(np.uint64), last)
    return (_spread_bits(y) << np.uint64(1)) | _spread_bits(x)


def _spread_bits(values: Codes) -> Codes:
    """Bit i to bit 2i, by doubling the gaps (Warren, Hacker's Delight, section 7-2)."""
    import numpy as np

    for shift, mask in (
        (16, 0x0000FFFF0000FFFF),
        (8, 0x00FF00FF00FF00FF),
        (4, 0x0F0F0F0F0F0F0F0F),
        (2, 0x3333333333333333),
        (1, 0x5555555555555555),
    ):
        values = (values | (values << np.uint64(shift))) & np.uint64(mask)
    return values


def _points(lat: pl.Series, lon: pl.Series) -> pl.DataFrame:
    """lat, lon as float64 and whether they are a place."""
    if len(lat) != len(lon):
        raise ValueError(f"{len(lat)} latitudes but {len(lon)} longitudes")
    frame = pl.DataFrame({"lat": lat.cast(pl.Float64), "lon": lon.cast(pl.Float64)})
    frame = frame.with_columns(wrapped(pl.col("lon")).alias("lon"))
    return frame.with_columns(inside=is_place(pl.col("lat"), pl.col("lon")))


def _scattered(inside: pl.Series, values: pl.Series) -> pl.Series:
    """Values of the rows inside, null for the others."""
    if len(values) == len(inside):
        return values
    rows = pl.DataFrame({"inside": inside}).select(
        row=pl.when("inside").then(pl.col("inside").cum_sum().cast(pl.Int64) - 1)
    )
    return values.gather(rows["row"])


def _h3() -> Any:
    try:
        return import_module("h3.api.basic_int")
    except ImportError as error:
        raise EnvironmentFault(
            "H3 cells need the package h3: pip install 'geo-reasoning-factory[h3]', or use the degree grid"
        ) from error


def _check_size(degrees: float) -> None:
    if not degrees > 0:
        raise ValueError(f"the side of a cell must be a positive number of degrees, not {degrees}")
