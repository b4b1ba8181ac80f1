"""What is evaluated on: released rows, and tables of other benchmarks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from factory.errors import RecipeError, SourceError
from release.read import open_release
from train.evaluate.predictions import read_predictions
from train.evaluate.truth import read_truth


def test_a_released_split_is_read_with_its_places_reasoning_and_clues(released: Path) -> None:
    found = read_truth(released)
    rows = list(open_release(released).rows("test"))
    assert found["id"].to_list() == [row["id"] for row in rows]
    for mine, row in zip(found.iter_rows(named=True), rows, strict=True):
        assert [mine[key] for key in ("lat", "lon", "country", "region", "city", "scene")] == [
            row[key] for key in ("lat", "lon", "country", "region", "city", "scene")
        ]
        assert mine["reference"] == row["response"].strip()
        assert mine["clues"] == [entity["text"] for entity in row["entities"]]


def test_a_build_means_its_release(released: Path) -> None:
    assert read_truth(released.parent, split="train").height == 10


def test_a_split_that_is_not_there_names_those_that_are(released: Path) -> None:
    with pytest.raises(
        RecipeError, match=r"no split `tests` \(did you mean `test`\?\).*train \(10 rows\), test \(4 rows\)"
    ):
        read_truth(released, split="tests")


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("id,lat,lon,country,city", "a,1.5,2.5,NA,Windhoek"),
        ("IMG_ID,AUTHOR,LAT,LON,country,city", "a,x,1.5,2.5,NA,Windhoek"),
        ("id,true_lat,true_lon,pred_lat,pred_lon,country,city", "a,1.5,2.5,9,9,NA,Windhoek"),
        ("image_id,latitude,longitude,country_code,city", "a,1.5,2.5,NA,Windhoek"),
    ],
)
def test_benchmarks_name_their_columns_differently(tmp_path: Path, header: str, row: str) -> None:
    (tmp_path / "t.csv").write_text(f"{header}\n{row}\n")
    found = read_truth(tmp_path / "t.csv").row(0, named=True)
    assert [found[key] for key in ("id", "lat", "lon", "country", "city")] == ["a", 1.5, 2.5, "NA", "Windhoek"]


def test_scenes_of_mp16_are_words(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("IMG_ID,LAT,LON,S3_Label\na,1,2,0\nb,1,2,1\nc,1,2,2\nd,1,2,7\n")
    assert read_truth(tmp_path / "t.csv")["scene"].to_list() == ["indoor", "natural", "urban", None]


def test_places_of_naviclues_stand_in_a_struct(tmp_path: Path) -> None:
    line = '{"id": "a", "location": {"round": 1, "lat": 1.5, "lng": 2.5, "country": "Kenya"}, "clues": "Red soil."}'
    (tmp_path / "t.jsonl").write_text(line + "\n")
    found = read_truth(tmp_path / "t.jsonl").row(0, named=True)
    assert [found[key] for key in ("lat", "lon", "country", "reference")] == [1.5, 2.5, "Kenya", "Red soil."]


@pytest.mark.parametrize("lat", ["", "91", "north", "nan"])
def test_a_row_without_a_usable_place_stays_and_has_none(tmp_path: Path, lat: str) -> None:
    (tmp_path / "t.csv").write_text(f"id,lat,lon\na,{lat},2\nb,1,2\n")
    assert read_truth(tmp_path / "t.csv")["lat"].to_list() == [None, 1.0]


def test_what_cannot_be_evaluated_on_says_why(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("id,latt,lon\na,1,2\n")
    with pytest.raises(RecipeError, match=r"no column `lat` of the true place \(did you mean `latt`\?\)"):
        read_truth(tmp_path / "t.csv")
    (tmp_path / "u.csv").write_text("id,lat,lon\na,1,2\na,1,2\n")
    with pytest.raises(SourceError, match="row 2: id 'a' stands there twice"):
        read_truth(tmp_path / "u.csv")
    (tmp_path / "v.csv").write_text("id,lat,lon\n")
    with pytest.raises(SourceError, match="no rows to evaluate on"):
        read_truth(tmp_path / "v.csv")
    with pytest.raises(RecipeError, match="is a table, which has no split 'test'"):
        read_truth(tmp_path / "v.csv", split="test")
    with pytest.raises(RecipeError, match=r"no release .* and no table"):
        read_truth(tmp_path)
    with pytest.raises(SourceError, match="there is no such file"):
        read_truth(tmp_path / "w.csv")


def test_navigs_own_files_are_read_as_they_are(tmp_path: Path) -> None:
    """`meta.jsonl`, and results whose answers lie beside the truth."""
    row = {"ID": "a", "LAT": "1.5", "LON": 2.5, "country": "Kenya", "city": "Nairobi"}
    (tmp_path / "meta.jsonl").write_text(json.dumps(row) + "\n")
    (tmp_path / "results.jsonl").write_text(json.dumps({**row, "answer": {"latitude": 3, "longitude": "4"}}) + "\n")
    assert read_truth(tmp_path / "meta.jsonl").select("id", "lat", "lon", "city").row(0) == ("a", 1.5, 2.5, "Nairobi")
    assert read_predictions(tmp_path / "results.jsonl").select("id", "lat", "lon", "city").row(0) == (
        "a",
        3.0,
        4.0,
        None,
    )
