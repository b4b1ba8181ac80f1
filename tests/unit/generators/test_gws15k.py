"""Rows of GWS15k, made at once."""

from __future__ import annotations

import json

import polars as pl
import pytest

from factory.generators.gws15k import QUESTION, gws15k
from schemas import arrow
from schemas.rows import message_faults
from schemas.rows.gws15k import ROW

PLAN = pl.Schema(arrow.PLAN)
DRAW = {
    "algorithm": "published",
    "seed": 7,
    "country": "FR",
    "city": "Kehl",
    "city_lat": 48.57,
    "city_lon": 7.81,
    "km": 0.6,
    "wanted": 12.5,
    "available": 40,
    "given": 13,
    "draw": 3,
}
STRASBOURG = {"country_code": "DE", "region": "Baden", "city": "Kehl", "lat": 48.57123456, "lon": 7.8}


def samples(*draws: str, **place: object) -> pl.DataFrame:
    rows = [
        {"id": f"s{number}", "source_row": number, **STRASBOURG, **place, "texts": [{"name": "draw", "text": text}]}
        for number, text in enumerate(draws)
    ]
    return pl.DataFrame([{name: row.get(name) for name in PLAN} for row in rows], schema=PLAN)


@pytest.mark.parametrize("pictures", [True, False])
def test_a_row_has_the_question_the_truth_and_the_draw(pictures: bool) -> None:
    made = gws15k(pictures=pictures).records(samples(json.dumps(DRAW)))  # type: ignore[misc]
    row = made.row(0, named=True)
    assert tuple(made.columns) == ROW.own
    assert list(message_faults(row["messages"], int(pictures))) == []
    assert row["question"] == QUESTION
    assert json.loads(row["answer"]) == {
        "country": "Germany",
        "region": "Baden",
        "city": "Kehl",
        "lat": 48.57123,
        "lon": 7.8,
    }
    assert (row["draw"], row["drawn_country"], row["drawn_city_km"], row["country_wanted"]) == (3, "FR", 0.6, 12.5)


def test_all_rows_ask_the_same() -> None:
    made = gws15k().records(samples(*[json.dumps(DRAW)] * 50))  # type: ignore[misc]
    assert made["question"].n_unique() == 1 and made.height == 50


def test_a_place_without_a_name_makes_no_row() -> None:
    assert gws15k().records(samples(json.dumps(DRAW), region=None)).is_empty()  # type: ignore[misc]


FOREIGN = {
    "no JSON": "{",
    "nothing": "",
    "a blank": "\n",
    "two objects": f"{json.dumps(DRAW)},{json.dumps(DRAW)}",
    "a list": "[1]",
    "another object": '{"a": 1}',
    "words for numbers": json.dumps({**DRAW, "seed": "many"}),
    "a number beyond its column": json.dumps({**DRAW, "given": 2**70}),
    "a value less": json.dumps({name: value for name, value in DRAW.items() if name != "km"}),
    "deep": '{"given": ' + "[" * 100_000 + "]" * 100_000 + "}",
}
"""Texts that a table may have where the source of this family tells of a draw."""


@pytest.mark.parametrize("text", FOREIGN.values(), ids=FOREIGN)
def test_a_text_that_is_no_draw_makes_no_row_and_takes_no_other_with_it(text: str) -> None:
    good = json.dumps(DRAW)
    made = gws15k().records(samples(good, text, text, good, text))  # type: ignore[misc]
    assert made["id"].to_list() == ["s0", "s3"]
