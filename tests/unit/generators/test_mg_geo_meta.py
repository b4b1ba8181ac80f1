"""Rows of MG-Geo Meta, made at once."""

from __future__ import annotations

import json

import polars as pl
import pytest

from factory.generators.mg_geo_meta import QUESTIONS, mg_geo_meta
from schemas import arrow
from schemas.rows import message_faults
from schemas.rows.mg_geo_meta import ROW

PLAN = pl.Schema(arrow.PLAN)
SEATTLE = {
    "country_code": "US",
    "region": "Washington",
    "city": 'Seattle "Emerald"',
    "lat": 47.60687,
    "lon": -122.32831,
}


def samples(*places: dict[str, object]) -> pl.DataFrame:
    rows = [{"id": f"s{number}", "source_row": number, **place} for number, place in enumerate(places)]
    return pl.DataFrame([{name: row.get(name) for name in PLAN} for row in rows], schema=PLAN)


def test_the_answer_is_json_as_the_paper_prints_it() -> None:
    made = mg_geo_meta().records(samples(SEATTLE))  # type: ignore[misc]
    assert json.loads(made["answer"][0]) == {
        "country": "United States",
        "region": "Washington",
        "city": 'Seattle "Emerald"',
        "lat": "47.6069",
        "lon": "-122.3283",
    }
    assert list(json.loads(made["answer"][0])) == ["country", "region", "city", "lat", "lon"]
    assert tuple(made.columns) == ROW.own


def test_coordinates_are_numbers_where_one_wants_that() -> None:
    made = mg_geo_meta(coordinates="numbers", decimals=2).records(samples(SEATTLE))  # type: ignore[misc]
    said = json.loads(made["answer"][0])
    assert (said["lat"], said["lon"]) == (47.61, -122.33)


@pytest.mark.parametrize("pictures", [True, False])
def test_messages_are_a_question_that_shows_the_picture_and_the_answer(pictures: bool) -> None:
    made = mg_geo_meta(pictures=pictures).records(samples(SEATTLE)).row(0, named=True)  # type: ignore[misc]
    assert list(message_faults(made["messages"], int(pictures))) == []
    assert made["messages"][0]["content"][-1]["text"] == made["question"]
    assert made["messages"][1]["content"] == [{"type": "text", "text": made["answer"]}]


def test_a_place_without_a_name_makes_no_row() -> None:
    lacking = [{**SEATTLE, name: None} for name in ("country_code", "region", "city")]
    assert mg_geo_meta().records(samples(SEATTLE, *lacking))["id"].to_list() == ["s0"]  # type: ignore[misc]


def test_questions_vary_with_the_sample_and_not_with_its_neighbours() -> None:
    many = mg_geo_meta().records(samples(*[SEATTLE] * 200))  # type: ignore[misc]
    assert set(many["question"]) == set(QUESTIONS)
    alone = mg_geo_meta().records(samples(*[SEATTLE] * 3))  # type: ignore[misc]
    assert alone["question"].to_list() == many["question"][:3].to_list()
