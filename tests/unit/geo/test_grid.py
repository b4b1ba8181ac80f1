from __future__ import annotations

import zlib

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.geo import polygons
from factory.geo.build import grid
from factory.geo.gazetteer import outlines

SIDE = 500
WEST, EAST, SOUTH, NORTH = 1_795_000, 1_805_000, 895_000, 905_000
POINTS = st.tuples(st.integers(WEST // 5, EAST // 5), st.integers(SOUTH // 5, NORTH // 5)).map(
    lambda point: (point[0] * 5, point[1] * 5)
)
"""Multiples of five, so that many lie on the lines between cells."""


@settings(deadline=None, max_examples=150)
@given(POINTS, POINTS)
def test_an_edge_touches_exactly_the_closed_squares_it_meets(a: tuple[int, int], b: tuple[int, int]) -> None:
    first, last = sorted([a, b])
    found = set(grid._cells(np.array([[*first, *last]], dtype=np.int64), SIDE).tolist())
    line = shapely.LineString([first, last]) if first != last else shapely.Point(first)
    column, row = np.meshgrid(
        np.arange(WEST // SIDE - 1, EAST // SIDE + 2), np.arange(SOUTH // SIDE - 1, NORTH // SIDE + 2)
    )
    squares = shapely.box(column * SIDE, row * SIDE, (column + 1) * SIDE, (row + 1) * SIDE)
    met = shapely.intersects(squares, line)
    wide = 3_600_000 // SIDE
    assert set((row * wide + column)[met].tolist()) <= found, "never misses one"
    almost = shapely.dwithin(squares, line, 1.0)
    assert found <= set((row * wide + column)[almost].tolist()), "and is at most one unit (11 m) generous"


def test_cells_wrap_at_the_antimeridian_and_stop_at_the_poles() -> None:
    edge = np.array([[0, 0, 0, 10], [3_600_000, 5, 3_600_000, 10]], dtype=np.int64)
    wide = 3_600_000 // 2500
    assert grid._cells(edge, 2500).tolist() == [0, wide - 1]


def test_a_small_world_is_labelled_exactly() -> None:
    """Two units that share a slanted border, one with a hole; every cell of the last level against its corners."""
    left = shapely.Polygon(
        [(0, 0), (30_000, 0), (34_567, 30_000), (0, 30_000)], [[(5000, 5000), (9001, 5000), (7000, 9003)]]
    )
    right = shapely.Polygon([(30_000, 0), (60_000, 0), (60_000, 30_000), (34_567, 30_000)])
    units = np.array([left, right], dtype=object)
    labels = grid.build_grid(units)
    assert np.array_equal(np.frombuffer(zlib.decompress(grid.encode(labels)), dtype="<i2"), labels)
    rows, columns = 720, 1440
    first = labels[: rows * columns].reshape(rows, columns)
    assert set(np.unique(first).tolist()) == {0, 1, grid.NO_LAND, grid.OPEN_SEA, grid.SPLIT}
    for row, column in np.argwhere(first >= 0):
        x, y = column * 2500 - 1_800_000, row * 2500 - 900_000
        assert shapely.contains_properly(units[first[row, column]], shapely.box(x, y, x + 2500, y + 2500))
    for row, column in np.argwhere(first == grid.NO_LAND):
        x, y = column * 2500 - 1_800_000, row * 2500 - 900_000
        assert not shapely.intersects(units, shapely.box(x, y, x + 2500, y + 2500)).any()


def test_no_open_sea_is_within_reach_of_a_coast() -> None:
    raster = polygons.grid().wide.reshape(720, 1440)
    row, column = np.nonzero(raster == polygons.OPEN_SEA)
    draw = np.random.default_rng(5)
    take = draw.choice(len(row), 20_000)
    lat = (row[take] + draw.uniform(size=len(take))) / 4 - 90
    lon = (column[take] + draw.uniform(size=len(take))) / 4 - 180
    chord, _ = polygons.coasts().tree.query(polygons.unit_vectors(lat, lon))
    assert 2 * 6371.0088 * np.arcsin(chord.min() / 2) > 25 + 1.5


@pytest.mark.parametrize("spread", [0.01, 0.3])
def test_the_raster_agrees_with_the_polygons(spread: float) -> None:
    """Around boundary vertices, where every cell is a split one; and on the vertices themselves."""
    draw = np.random.default_rng(9)
    vertices = outlines()
    vertices = vertices[draw.choice(len(vertices), 20_000)] / 10_000
    for shift in (0.0, spread):
        lon = np.clip(vertices[:, 0] + draw.normal(0, 1, len(vertices)) * shift, -180, 179.9999)
        lat = np.clip(vertices[:, 1] + draw.normal(0, 1, len(vertices)) * shift, -90, 90)
        by_raster, exact = polygons.locate(lat, lon), polygons.locate_exactly(lat, lon)
        assert np.array_equal(np.maximum(by_raster, -1), exact)
