from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from factory.report.frames import PENDING, country_name, dropped, haversine_km, ledger_totals, read_frames
from factory.store import Build, BuildPaths
from tests.build_fixture import make_build


def test_every_planned_sample_has_one_row_with_its_decision(tmp_path: Path) -> None:
    frames = read_frames(make_build(tmp_path / "b", samples=12))
    assert frames.samples["id"].to_list() == [f"s{i:03d}" for i in range(12)]
    counts = dict(frames.samples["decision"].value_counts().iter_rows())
    assert counts == {"accept": 6, "review": 2, "reject": 2, "quarantine": 2}
    assert frames.teachers == ("first", "second")
    assert frames.answers.height == 20, "quarantined samples have no answers"
    assert frames.checks.height == 40


def test_namibia_is_a_country(tmp_path: Path) -> None:
    frames = read_frames(make_build(tmp_path / "b"))
    row = frames.samples.row(2, named=True)
    assert (row["country_code"], row["country"]) == ("NA", "Namibia")
    assert country_name("NA") == "Namibia"


def test_an_unfinished_shard_leaves_its_samples_pending(tmp_path: Path) -> None:
    build = make_build(tmp_path / "b", samples=8, shard_size=4)
    build.paths.shard(1).report.unlink()
    decisions = read_frames(build).samples["decision"].to_list()
    assert decisions[4:] == [PENDING] * 4
    assert PENDING not in decisions[:4]


def test_a_build_that_has_only_begun_gives_empty_frames(tmp_path: Path) -> None:
    build = Build(BuildPaths(tmp_path))
    frames = read_frames(build)
    assert (frames.samples.height, frames.answers.height, frames.checks.height) == (0, 0, 0)
    assert dropped(build).is_empty()
    assert ledger_totals(build)["calls"] == 0


def test_a_guess_without_coordinates_takes_the_named_place(tmp_path: Path) -> None:
    build = make_build(tmp_path / "b", samples=4)
    frames = read_frames(build)
    first = frames.answers.filter(pl.col("teacher") == "first").row(0, named=True)
    assert first["distance_km"] == pytest.approx(5.6)
    failed = frames.answers.filter(pl.col("failure").is_not_null()).row(0, named=True)
    assert failed["distance_km"] is None and failed["lat"] is None


def test_distances_on_the_sphere() -> None:
    paris, new_york = (48.8566, 2.3522), (40.7128, -74.0060)
    columns = [pl.Series([value, None], dtype=pl.Float64) for value in (*paris, *new_york)]
    found = haversine_km(*columns)
    assert found[0] == pytest.approx(5837, abs=3)
    assert np.isnan(found[1])


def test_replayed_answers_are_not_counted_as_calls(tmp_path: Path) -> None:
    totals = ledger_totals(make_build(tmp_path / "b"))
    assert (totals["calls"], totals["replayed"], totals["completion_tokens"]) == (0, 10, 1200)
