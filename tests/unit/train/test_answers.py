"""What models write, and what is read of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.errors import RecipeError, SourceError
from train.evaluate.answer_text import KEYS, read_answer
from train.evaluate.predictions import predictions_of, read_predictions

GLOBE = "<think>Brick towers, a tram.</think><answer>country: Finland\ncity: Helsinki</answer>"


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        (GLOBE, {"country": "Finland", "city": "Helsinki", "reasoning": "Brick towers, a tram."}),
        ("<answer> country: Finland, city: Helsinki </answer>", {"country": "Finland", "city": "Helsinki"}),
        ('```json\n{"city": "Arica", "lat": "-18", "lon": "-70",}\n```', {"city": "Arica", "lat": "-18", "lon": "-70"}),
        ('{"answer": {"City": "Arica", "Latitude": -18, "lng": -70}}', {"city": "Arica", "lat": -18, "lon": -70}),
        (json.dumps({"data": "country: Peru\ncity: Lima"}), {"country": "Peru", "city": "Lima"}),
        ('First {"city": "Oslo"}, no: {"city": "Bergen"}', {"city": "Bergen", "reasoning": "First"}),
        ('{"location": {"city": "Oslo", "latitude": 59.9, "lng": 10.7}}', {"city": "Oslo", "lat": 59.9, "lon": 10.7}),
        ('{"coordinates": [59.9, 10.7]}', {"lat": 59.9, "lon": 10.7}),
        ("Coordinates: 59.9, 10.7", {"lat": "59.9", "lon": "10.7"}),
        ("59.9139, 10.7522", {"lat": "59.9139", "lon": "10.7522"}),
        ("France; Provence; Arles", {"place": "France; Provence; Arles"}),
        ("Helsinki, Finland.", {"place": "Helsinki, Finland"}),
        ("<think>Helsinki? Or", {}),
        ("Oslo<think>or Bergen", {"place": "Oslo", "reasoning": "or Bergen"}),
        ("", {}),
        ("I see a road. " * 30, {}),
        ('{"country": "Fin', {}),
    ],
)  # fmt: skip
def test_an_answer_is_read_as_it_is_written(text: str, fields: dict[str, Any]) -> None:
    assert read_answer(text) == fields


@given(st.text(max_size=300) | st.text('{}[]":,<>answer/think\n', max_size=300))
def test_no_text_breaks_the_reader(text: str) -> None:
    assert read_answer(text).keys() <= KEYS.keys()


def test_thousands_of_braces_cost_nothing() -> None:
    assert read_answer("{" * 40_000 + '"a":' * 5_000) == {}


def first(row: dict[str, Any]) -> dict[str, Any]:
    return predictions_of([{"id": 1, **row}]).row(0, named=True)


def test_the_columns_of_the_truth_are_not_taken_for_an_answer() -> None:
    """GLOBE's script writes its answers into a copy of the truth's table, NAVIG's beside the truth."""
    globe = {"LAT": 1.0, "LON": 2.0, "country": "Peru", "prediction": json.dumps({"data": GLOBE}), "pred_LAT": ""}
    assert first(globe) | {"id": ""} == first({"text": GLOBE}) | {"id": ""}
    navig = {"LAT": 1.0, "LON": 2.0, "country": "Peru", "answer": {"latitude": "3", "longitude": 4, "country": "Chile"}}
    assert [first(navig)[key] for key in ("lat", "lon", "country")] == [3.0, 4.0, "Chile"]
    osv = {"latitude": 1.0, "longitude": 2.0, "pred_lat": 5.0, "pred_lon": 6.0, "country": "PE", "pred_country": "CL"}
    assert [first(osv)[key] for key in ("lat", "lon", "country", "city")] == [5.0, 6.0, "CL", None]


COPY = {"lat": 48.8566, "lon": 2.3522, "country": "France"}


@pytest.mark.parametrize("column", ["text", "prediction", "model_response"])
@pytest.mark.parametrize("empty", ["", None, " \n\t", [], {}])
def test_an_empty_text_beside_the_truth_is_an_empty_answer(column: str, empty: object) -> None:
    said = first({**COPY, column: empty, "confidence": 0.5})
    assert {name for name, value in said.items() if value is not None} == {"id", "confidence"}
    assert first({**COPY, column: empty, "pred_country": "Chile"})["country"] == "Chile"


@pytest.mark.parametrize("answered", [{"text": "Lima, Peru"}, {"pred_country": "Peru"}, {"text": ""}])
@pytest.mark.parametrize("turned", [False, True])
def test_a_row_without_the_text_that_others_have_is_an_empty_answer(answered: dict[str, str], turned: bool) -> None:
    rows = [{"id": "a", **COPY, **answered}, {"id": "b", **COPY, "reasoning": "Brick."}]
    said = predictions_of(reversed(rows) if turned else rows).filter(id="b").row(0, named=True)
    assert {name: value for name, value in said.items() if value is not None} == {"id": "b", "reasoning": "Brick."}


def test_columns_are_the_answer_where_no_row_has_a_text() -> None:
    said = predictions_of([{"id": "a", **COPY}, {"id": "b", **COPY, "confidence": 1}])
    assert said["country"].to_list() == ["France", "France"]


@pytest.mark.parametrize(
    ("row", "unread"),
    [
        ({"lat": 5}, "coordinates not read: 'None'"),
        ({"lat": "five", "lon": 5}, "coordinates not read: 'five'"),
        ({"lat": 5, "lon": 181}, "impossible coordinates: 5, 181"),
        ({"lat": True, "lon": 5}, "coordinates not read: 'True'"),
        ({"lat": float("nan"), "lon": 5}, "coordinates not read: 'nan'"),
        ({"lat": float("inf"), "lon": 5}, "coordinates not read: 'inf'"),
        ({"lat": 10**400, "lon": 5}, "coordinates not read: '1000000000000000000000000000000000000000'"),
        ({"confidence": 10**400}, "confidence not read: '1000000000000000000000000000000000000000', expected 0 to 1"),
        ({"confidence": 85}, "confidence not read: '85', expected 0 to 1"),
        ({"confidence": "high"}, "confidence not read: 'high', expected 0 to 1"),
        ({"text": "I see a road, and no more than that. " * 9}, "no place in the text"),
        ({"text": '{"reasoning": "a road"}'}, "no place in the text"),
    ],
)
def test_what_cannot_be_read_is_nothing_and_named(row: dict[str, Any], unread: str) -> None:
    found = first(row)
    assert found["unread"] == unread
    assert (found["lat"], found["lon"], found["confidence"]) == (None, None, None)


@pytest.mark.parametrize("word", ["Unknown", "N/A", "none", " ", "not visible"])
def test_a_word_for_not_knowing_names_no_place(word: str) -> None:
    assert first({"country": "NA", "city": word})["city"] is None
    assert first({"country": "NA", "city": word})["country"] == "NA", "which is Namibia"


def test_predictions_are_read_from_any_table(tmp_path: Path) -> None:
    rows = [
        {"id": "a", "lat": 1.5, "lon": 2.5, "country": "NA"},
        {"id": "b", "lat": None, "lon": None, "country": None},
    ]
    frame = pl.DataFrame(rows)
    frame.write_csv(tmp_path / "p.csv")
    frame.write_parquet(tmp_path / "p.parquet")
    frame.write_ndjson(tmp_path / "p.jsonl")
    read = [read_predictions(tmp_path / name) for name in ("p.csv", "p.parquet", "p.jsonl")]
    assert read[0].equals(read[1]) and read[1].equals(read[2])
    assert read[0].select("id", "lat", "lon", "country").rows() == [("a", 1.5, 2.5, "NA"), ("b", None, None, None)]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("p.csv", "idd,lat\n1,2\n", r"p.csv: no column `id` \(did you mean `idd`\?\); the columns are idd, lat"),
        ("p.csv", "id,city\n", r"p.csv: no predictions"),
        ("p.csv", "id,lattitude,lon\na,1,2\n", r"have half of the coordinates \(did you mean `lattitude`\?\)"),
        ("p.csv", "id,pred_lat,lat,lon\na,1,2,3\n", r"have half of the coordinates"),
        ("p.csv", "id,foo,confidence\na,1,2\n", r"have no answer; expected `text`, `lat` and `lon`"),
        ("p.csv", "id,city\na,1\na,2\n", r"row 2: id 'a' is that of row 1, too"),
        ("p.jsonl", '{"id": "a"}\n{"lat": 1}\n', r"row 2: no id; expected a field `id`.*its fields: lat"),
        ("p.jsonl", '{"id": "a"}\n[]\n', r"row 2: a list; expected one object a line"),
        ("p.jsonl", '{"id": "a"\n', r"row 1: not JSON"),
    ],
)
def test_a_file_that_cannot_be_read_says_where_and_what_was_expected(
    tmp_path: Path, name: str, text: str, message: str
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(SourceError, match=message):
        read_predictions(tmp_path / name)


def test_a_name_that_says_no_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="expected one of"):
        read_predictions(tmp_path / "p.xlsx")
