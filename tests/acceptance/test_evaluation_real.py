"""The evaluator on published numbers: OSV-5M's own fifty rows, and the points of NaviClues' rounds."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from schemas.plain_json import read_json
from train.evaluate.evaluation import evaluate, rules_of
from train.evaluate.predictions import read_predictions
from train.evaluate.scores import scores_of
from train.evaluate.truth import read_truth

SHARED = Path(os.environ.get("FACTORY_SHARED", Path(__file__).parents[2].parent / "shared"))
OSV5M = SHARED / "data" / "osv5m" / "select.csv"
NAVICLUES = SHARED / "data" / "naviclues" / "filtered_clues.jsonl"

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not OSV5M.is_file(), reason="the published rows are missing: set FACTORY_SHARED"),
]
"""Its twin on made numbers: tests/unit/train/test_presets.py."""


def test_osv5m_published_distances_and_scores_are_found_again() -> None:
    """And its verdicts on countries, by another geocoder; of regions and cities all but two."""
    published = pl.read_csv(OSV5M)
    found = evaluate(read_truth(OSV5M), read_predictions(OSV5M), rules_of("osv5m"))
    rows = found.measured.rows
    assert rows["id"].to_list() == published["id"].cast(pl.String).to_list()
    assert (rows["km"] - published["distance"]).abs().max() < 1e-6  # type: ignore[operator]
    assert (rows["score"] - published["score"]).abs().max() < 1e-6  # type: ignore[operator]
    assert rows["country_ok"].to_list() == published["country_hit"].cast(pl.Float64).to_list()
    for level, apart in (("region", 2), ("city", 2)):
        assert (rows[f"{level}_ok"] != published[f"{level}_hit"].cast(pl.Float64)).sum() <= apart


def test_osv5m_published_numbers_of_the_base_model_are_found_again(tmp_path: Path) -> None:
    published = pl.read_csv(OSV5M)
    base = published.select("id", pred_lat="pred_lat_base", pred_lon="pred_lon_base")
    base.write_csv(tmp_path / "base.csv")
    found = evaluate(read_truth(OSV5M), read_predictions(tmp_path / "base.csv"), rules_of("osv5m"))
    assert (found.measured.rows["km"] - published["distance_base"]).abs().max() < 1e-6  # type: ignore[operator]
    numbers = {line.name: line.interval.value for line in found.table}
    assert numbers["mean error"] == pytest.approx(published["distance_base"].mean(), abs=1e-6)
    assert numbers["geoscore"] == pytest.approx(published["score_base"].mean(), abs=1e-6)


def test_points_of_naviclues_are_the_score_of_their_distance() -> None:
    """5000 * exp(-km / 1492.7), to one point for 99 % of the rounds; the worst is a fault of the data by 163."""
    rows = [read_json(line) for line in NAVICLUES.read_bytes().splitlines()]
    points = np.array([float(row["points"]) for row in rows])
    scores = scores_of(np.array([float(row["distance"]) for row in rows]), rules_of("navig"))
    apart = np.abs(points - scores)
    assert (apart <= 1.0).mean() >= 0.99
    assert 162 < apart.max() < 164
