"""Parts of a set, by hand."""

from __future__ import annotations

import math
from typing import Any

import polars as pl
import pytest

from train.evaluate.breakdown import Part, breakdown
from train.evaluate.evaluation import rules_of
from train.evaluate.predictions import predictions_of
from train.evaluate.scores import measure
from train.evaluate.truth import SCHEMA

TRUTH: list[dict[str, Any]] = [
    {"id": "a", "lat": 48.85, "lon": 2.35, "country": "FR", "scene": "urban"},
    {"id": "b", "lat": 45.76, "lon": 4.84, "country": "France", "scene": "urban"},
    {"id": "c", "lat": -22.56, "lon": 17.08, "country": "NA", "scene": None},
    {"id": "d", "lat": 35.01, "lon": 135.77, "country": None, "scene": "natural"},
]
SAID = [{"id": "a", "lat": 48.86, "lon": 2.34}, {"id": "b", "lat": 48.86, "lon": 2.34}, {"id": "d", "lat": 0, "lon": 0}]


def parts(kind: str) -> dict[str, Part]:
    rules = rules_of("osv5m")
    measured = measure(pl.DataFrame(TRUTH, schema=SCHEMA), predictions_of(SAID), rules)
    return {part.value: part for part in breakdown(measured, rules) if part.kind == kind}


def test_countries_are_those_that_are_stated_else_where_the_truth_lies() -> None:
    """Code and name are one country; of Kyoto nothing is stated; Namibia's code is no missing value."""
    found = parts("country")
    assert {name: part.n for name, part in found.items()} == {"France": 2, "Japan": 1, "Namibia": 1}
    assert next(iter(found)) == "France", "the largest first"


def test_a_part_has_the_numbers_of_its_rows_alone() -> None:
    """Paris is right; of Lyon Paris was said, 392 km away; nothing was said of Windhoek."""
    france, namibia = parts("country")["France"], parts("country")["Namibia"]
    assert (france.within_25_km, france.within_750_km, france.recall) == (0.5, 1.0, 1.0)
    assert france.median_km == pytest.approx((1.33 + 392.2) / 2, abs=1)
    assert (namibia.within_750_km, namibia.score, namibia.recall) == (0.0, 0.0, 0.0)
    assert math.isnan(namibia.median_km)


@pytest.mark.parametrize(
    ("kind", "sizes"),
    [("continent", {"Europe": 2, "Africa": 1, "Asia": 1}), ("scene", {"urban": 2, "natural": 1, "not known": 1})],
)
def test_every_row_is_in_one_part_of_each_kind(kind: str, sizes: dict[str, int]) -> None:
    assert {name: part.n for name, part in parts(kind).items()} == sizes
