from __future__ import annotations

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from factory.geo import haversine_km
from factory.geo.overlap import is_within, nearest_within

PLACE = st.tuples(st.floats(-90, 90), st.floats(-180, 180))
NEAR = st.tuples(st.floats(-0.02, 0.02), st.floats(-0.02, 0.02))
POINTS = st.lists(st.one_of(PLACE, NEAR), max_size=15)


def frame(points: list[tuple[float | None, float | None]]) -> pl.DataFrame:
    return pl.DataFrame(points, schema={"lat": pl.Float64, "lon": pl.Float64}, orient="row")


@settings(deadline=None)
@example([(0.0, 180.0)], [(0.0, -180.0)], 0.0)
@example([(90.0, 12.0)], [(90.0, -100.0)], 0.001)
@given(POINTS, POINTS, st.sampled_from([0.0, 0.5, 1.0, 500.0, 20_100.0]))
def test_the_nearest_target_is_that_of_all_pairs(
    points: list[tuple[float, float]], targets: list[tuple[float, float]], radius: float
) -> None:
    found = {row[0]: row[1:] for row in nearest_within(frame(points), frame(targets), radius).iter_rows()}
    for number, point in enumerate(points):
        nearest = min((haversine_km(*point, *target) for target in targets), default=None)
        if number in found:
            target, km = found[number]
            assert km <= radius
            assert km == pytest.approx(haversine_km(*point, *targets[target]), abs=1e-6)
            assert nearest is not None and km == pytest.approx(nearest, abs=1e-6)
        else:
            assert nearest is None or nearest > radius - 1e-6


@settings(deadline=None)
@given(PLACE, st.floats(-0.01, 0.01))
def test_the_radius_is_inclusive_to_the_last_bit(place: tuple[float, float], step: float) -> None:
    here, there = frame([place]), frame([(max(-90.0, min(90.0, place[0] + step)), place[1])])
    km = nearest_within(here, there, 5.0)["km"].item()
    assert nearest_within(here, there, km).height == 1
    assert nearest_within(here, there, km - 1e-9).height == 0


def test_of_targets_at_one_place_the_first_counts() -> None:
    found = nearest_within(frame([(1.0, 1.0)]), frame([(5.0, 5.0), (1.0, 1.001), (1.0, 1.001)]), 1.0)
    assert found.select("point", "target").rows() == [(0, 1)]


def test_rows_without_a_place_match_nothing() -> None:
    nowhere = [(None, 0.0), (float("nan"), 0.0), (91.0, 0.0), (0.0, float("inf"))]
    assert nearest_within(frame(nowhere), frame([(0.0, 0.0)]), 20_100).is_empty()
    assert nearest_within(frame([(0.0, 0.0)]), frame(nowhere), 20_100).is_empty()
    assert is_within(frame([*nowhere, (0.0, 0.0)]), frame([(0.0, 0.0)]), 1.0).to_list() == [False] * 4 + [True]


def test_other_columns_do_not_disturb() -> None:
    points = frame([(0.0, 0.0)]).with_columns(row=pl.lit("a"), target=pl.lit(7))
    assert nearest_within(points, points, 1.0).rows() == [(0, 0, 0.0)]
