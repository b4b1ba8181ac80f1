"""Rows of VIGOR pairs: where in the tile the camera stood, and what a text of somebody else becomes."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
import pytest

from factory.generators.vigor_pairs import QUESTIONS, records, shuffled, vigor_pairs
from factory.plugins.contracts import Needs
from schemas import arrow
from schemas.rows import message_faults


def tile(number: int, north: float, east: float) -> dict[str, Any]:
    return {
        "tile": f"satellite_41.{number}_-87.{number}.png",
        "lat": 41.0,
        "lon": -87.0,
        "metres_per_pixel": 0.1113,
        "north_px": north,
        "east_px": east,
        "row": 320 + north,
        "column": 320 - east,
        "distance_m": 4.1,
    }


def pair(**more: Any) -> str:
    said = {
        "city": "Chicago",
        "split": "train",
        "area": "same",
        "labels": "corrected",
        "panorama": "a_b-c,41.0,-87.0,.jpg",
        "tile_pixels": 640,
        "positive": tile(0, 23.0, -29.0),
        "semi_positives": [tile(1, 20.0, 300.0), tile(2, -304.0, -32.0), tile(3, -307.0, 297.0)],
        "negatives": [{"tile": f"satellite_42.{at}_-88.0.png", "distance_m": 70.0 + at} for at in range(30)],
    }
    return json.dumps(said | more)


def frame(*texts: str) -> pl.DataFrame:
    rows = [
        {
            "shard": 0,
            "position": at,
            "id": f"p{at}",
            "images": [],
            "texts": [{"name": "pair", "text": text}],
            "lat": 41.0,
            "lon": -87.0,
            "uncertainty_km": 0.0,
            "country_code": "US",
            "source_row": at,
        }
        for at, text in enumerate(texts)
    ]
    return pl.DataFrame(rows, schema=pl.Schema(arrow.PLAN))


def made(*texts: str, further: int = 0, candidates: int = 20, decimals: int = 3) -> pl.DataFrame:
    return records(frame(*texts), further=further, candidates=candidates, decimals=decimals)


def test_the_answer_is_where_the_camera_stood_from_the_upper_left_corner() -> None:
    row = made(pair()).row(0, named=True)
    assert json.loads(row["answer"]) == {"x": round(349 / 640, 3), "y": round(343 / 640, 3)}
    assert (row["row"], row["column"], row["north_px"], row["east_px"]) == (343.0, 349.0, 23.0, -29.0)
    assert row["question"] in QUESTIONS
    assert list(message_faults(row["messages"], images=2)) == []
    assert row["messages"][1]["content"][0]["text"] == row["answer"]


def test_semi_positives_are_columns_and_on_request_pictures() -> None:
    plain, shown = made(pair()).row(0, named=True), made(pair(), further=3).row(0, named=True)
    assert [one["east_px"] for one in plain["semi_positives"]] == [300.0, -32.0, 297.0]
    assert plain["semi_positives"] == shown["semi_positives"]
    points = json.loads(shown["answer"])
    assert len(points) == 4 and points[1] == {"x": round(20 / 640, 3), "y": round(340 / 640, 3)}
    assert list(message_faults(shown["messages"], images=5)) == []
    assert vigor_pairs(semi_positives=True).needs == Needs(
        images=("ground", "satellite", "semi_1", "semi_2", "semi_3"), texts=("pair",), calls=(0, 0)
    )


def test_candidates_are_the_positive_among_its_hardest_negatives_in_no_telling_order() -> None:
    rows = made(*(pair(panorama=f"{at},41.0,-87.0,.jpg") for at in range(200)))
    first = rows.row(0, named=True)
    hardest = {one["tile"] for one in first["negatives"][:19]}
    assert set(first["candidates"]) == hardest | {first["tile"]} and len(first["candidates"]) == 20
    places = [candidates.index(tile) for candidates, tile in rows.select("candidates", "tile").iter_rows()]
    assert {min(places), max(places)} == {0, 19} and 7 < sum(places) / len(places) < 12
    assert made(pair(), candidates=5)["candidates"].list.len().to_list() == [5]
    assert made(pair(), candidates=0)["candidates"].list.len().to_list() == [0]
    assert shuffled("k", ["a", "b", "c"]) == shuffled("k", ["c", "a", "b"])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        pair(positive=None),
        pair(tile_pixels=0),
        pair(tile_pixels="640"),
        pair(positive=tile(0, 1e300, 0.0)),
        pair().replace("23.0", "NaN"),
        pair(city=["Chicago"]),
        pair(negatives=[{"tile": "x", "distance_m": 1.0}] * 201),
        pair(semi_positives=[tile(1, 0.0, 0.0)] * 4),
        pair() + pair(),
        "[" * 100_000,
    ],
)
def test_a_text_of_somebody_else_is_no_row_and_changes_no_other(text: str) -> None:
    alone = made(pair())
    beside = made(text, pair())
    assert beside["id"].to_list() == ["p1"]
    assert beside.drop("id", "question", "messages", "source_row").equals(
        alone.drop("id", "question", "messages", "source_row")
    )


def test_no_samples_are_no_rows() -> None:
    assert made().height == 0 and made("nothing").height == 0
