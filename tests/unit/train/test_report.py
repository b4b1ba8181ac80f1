"""The page's values: curves, ways on the map, what a card says."""

from __future__ import annotations

import math
import re
from typing import Any

import polars as pl
import pytest

from train.evaluate.evaluation import evaluate, rules_of
from train.evaluate.predictions import predictions_of
from train.evaluate.report import CARDS, _way, bare, page_of, written
from train.evaluate.truth import SCHEMA


def page(*said: dict[str, Any], rows: int = 4, against: bool = False) -> dict[str, Any]:
    truth = pl.DataFrame([{"id": str(n), "lat": 0.0, "lon": 0.0, "city": "Null"} for n in range(rows)], schema=SCHEMA)
    answers = predictions_of({"id": str(n), **one} for n, one in enumerate(said))
    found = evaluate(truth, answers, rules_of("osv5m"), against=answers if against else None)
    return page_of(found, name="a", data="b", other="c" if against else None, radius_km=25.0)


def test_answers_are_of_four_kinds_and_the_failed_are_one_whatever_the_preset_counts() -> None:
    found = page({"lat": 0, "lon": 0.1}, {"lat": 0, "lon": 5}, {"lat": 0, "lon": 50})
    assert found["counts"] == {"near": 1, "off": 1, "far": 1, "failed": 1}
    names = [(gallery["name"], len(gallery["cards"])) for gallery in found["galleries"]]
    assert names == [("Nearest answers", 3), ("Farthest answers", 0), ("Failed answers", 1)]
    assert found["galleries"][2]["cards"][0]["failure"] == "no prediction"


def test_no_answer_is_among_the_best_and_the_worst() -> None:
    found = page(*({"lat": 0, "lon": n} for n in range(CARDS + 5)), rows=CARDS + 5)
    best, worst, failed = ([card["id"] for card in gallery["cards"]] for gallery in found["galleries"])
    assert best == [str(n) for n in range(CARDS)]
    assert worst == [str(n) for n in range(CARDS + 4, CARDS - 1, -1)]
    assert failed == []


def test_the_curve_ends_at_the_share_of_answers_with_a_distance() -> None:
    """Two of four rows are answered: half the height, from 110 up to 62."""
    found = page({"lat": 0, "lon": 0}, {"lat": 0, "lon": 90}, against=True)
    first, second = found["curve"]["lines"]
    assert first == second
    assert first.startswith("M34.0 86.0") and first.endswith("412.0 62.0")


def test_a_way_over_the_date_line_is_cut_at_the_edge() -> None:
    whole, cut = _way(10, 150, 10, 170), _way(10, 170, 10, -170)
    assert (len(whole), len(cut)) == (1, 2)
    ends = [[float(x) for x in re.findall(r"[ML](-?[\d.]+) ", part)] for part in cut]
    assert ends[0][-1] > 450 and ends[1][0] < -450


@pytest.mark.parametrize("points", [(5, 5, 5, 5), (0, 0, 0, 180)])
def test_a_way_without_a_direction_is_not_drawn(points: tuple[float, ...]) -> None:
    assert _way(*points) == []


def test_numbers_are_written_as_fine_as_they_are_known() -> None:
    assert [written(0.123, "%"), written(12.34, "km"), written(1234.5, "km"), written(4321.0, "points")] == [
        "12.3 %",
        "12.3 km",
        "1,234 km",
        "4,321",
    ]
    assert [bare(n, "%", sign=True) for n in (-0.05, -0.0001, 0.02)] == ["-5.0", "0.0", "+2.0"]
    assert bare(0.5, "%", digits=2) == "50.00" and written(math.nan, "km") == "–"


def test_a_difference_is_marked_where_its_interval_leaves_0_out() -> None:
    found = page({"lat": 0, "lon": 0}, against=True)
    assert not any(row["apart"] for row in found["table"])
