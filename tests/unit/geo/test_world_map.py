from __future__ import annotations

import re

import numpy as np
import polars as pl
import pytest

from factory.geo import world_map as maps
from factory.report.frames import DECISIONS


def samples(lat: list[float], lon: list[float], decisions: list[str] | None = None) -> pl.DataFrame:
    n = len(lat)
    return pl.DataFrame(
        {
            "id": [f"s{i}" for i in range(n)],
            "decision": decisions or ["accept"] * n,
            "place": ["somewhere"] * n,
            "lat": lat,
            "lon": lon,
        }
    )


def test_projection_keeps_the_centre_the_width_and_the_symmetry() -> None:
    x, y = maps.project(np.array([0.0, 0.0, 0.0, 60.0, -60.0]), np.array([0.0, 180.0, -180.0, 30.0, 30.0]))
    assert (x[0], y[0]) == (0.0, 0.0)
    assert np.allclose(x[1:3], [500.0, -500.0])
    assert np.isclose(x[3], x[4])
    assert np.isclose(y[3], -y[4])
    assert y[3] < 0, "north is up"


def test_projection_has_the_published_aspect_ratio() -> None:
    _, y = maps.project(np.array([90.0]), np.array([0.0]))
    assert np.isclose(1000.0 / (2 * -y[0]), 1.923, atol=0.002)  # 0.8707 pi / 1.4224, Savric et al. 2011


def test_outlines_are_small_and_no_land_edge_runs_across_the_map() -> None:
    file = maps.OUTLINES
    assert file.stat().st_size <= 60_000
    assert "Natural Earth" in file.read_text() and "ISC" in file.read_text()
    edges = re.findall(r"-?[\d.]+", re.sub(r"M[^l]*l", "", maps.world().land.replace("-", " -")))
    assert len(edges) > 5000
    northern = maps.world().land.split("M")[1:]
    longest = max(abs(float(dx)) for ring in northern for dx in _steps(ring))
    assert longest < 1000, "only Antarctica's edge may run along the map's bottom"
    assert sum(abs(float(dx)) > 60 for ring in northern for dx in _steps(ring)) <= 2


def _steps(ring: str) -> list[str]:
    numbers = re.findall(r"-?(?:\d+\.\d+|\.\d+|\d+)", ring.split("l", 1)[1].rstrip("z"))
    return numbers[::2]


def test_one_dot_a_sample_while_they_are_few() -> None:
    drawn = maps.world_map(samples([52.0, -33.9], [13.0, 151.2], ["accept", "reject"]), DECISIONS)
    assert [dot.id for dot in drawn.dots] == ["s0", "s1"]
    assert [dot.decision for dot in drawn.dots] == ["accept", "reject"]
    assert not drawn.binned


def test_many_samples_become_few_bins_that_hold_them_all() -> None:
    rng = np.random.default_rng(3)
    many = samples(
        list(rng.uniform(-60, 80, 20_000)), list(rng.uniform(-180, 180, 20_000)), ["accept", "reject"] * 10_000
    )
    drawn = maps.world_map(many, DECISIONS, max_dots=900)
    assert drawn.binned and len(drawn.dots) <= 900
    assert sum(dot.count for dot in drawn.dots) == 20_000
    assert {dot.decision for dot in drawn.dots} == {"accept", "reject"}
    assert maps.world_map(many, DECISIONS, max_dots=900) == drawn


def test_the_map_reaches_south_for_a_sample_in_antarctica() -> None:
    usual = maps.world_map(samples([10.0], [10.0]), DECISIONS).view_box
    south = maps.world_map(samples([-77.8], [166.7]), DECISIONS).view_box
    assert south[3] > usual[3]
    assert south[1] + south[3] > maps.world_map(samples([-77.8], [166.7]), DECISIONS).dots[0].y


def test_the_map_reaches_north_for_a_sample_near_the_pole() -> None:
    usual = maps.world_map(samples([71.0], [10.0]), DECISIONS).view_box
    north = maps.world_map(samples([89.0], [10.0]), DECISIONS)
    assert usual == maps.world_map(samples([10.0], [10.0]), DECISIONS).view_box
    assert north.view_box[1] < north.dots[0].y and north.view_box[1] < usual[1]
    assert north.view_box[1] + north.view_box[3] == pytest.approx(usual[1] + usual[3], abs=0.2)  # both rounded


def test_a_build_without_samples_still_has_a_map() -> None:
    assert maps.world_map(samples([], []).cast({"lat": pl.Float64, "lon": pl.Float64}), DECISIONS).dots == ()
