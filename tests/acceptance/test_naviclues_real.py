"""The rows that NaviClues released: read, and written again without loss."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from factory.errors import SourceError
from factory.generators.naviclues import CONTINENTS
from factory.geo.gazetteer import countries
from factory.geo.names import country_code
from factory.sources.captions import read_transcript
from factory.sources.released_clues import flat, is_released, read_records, write_records
from factory.sources.transcripts import transcripts
from factory.verify.clue_length import clue_length
from factory.verify.no_game_talk import no_game_talk
from factory.verify.right_country import right_country
from factory.verify.round_score import points_fit_distance, round_score
from schemas import Answered, Case, LocatedAnswer, Sample
from schemas.rows.naviclues import RELEASED as COLUMNS
from schemas.rows.naviclues import ROW, from_released, to_released

SHARED = Path(os.environ.get("FACTORY_SHARED", Path(__file__).parents[2].parent / "shared"))
RELEASED = SHARED / "data" / "naviclues" / "filtered_clues.jsonl"
CAPTIONS = SHARED / "data" / "formats" / "transcripts"

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not RELEASED.is_file(), reason="the released rows are missing: set FACTORY_SHARED"),
]
"""Its twins on made data: tests/unit/sources/test_transcripts.py and test_captions.py, generators/test_naviclues.py and
verify/test_spoken_checks.py."""


@pytest.fixture(scope="module")
def released() -> list[dict[str, Any]]:
    return list(read_records(RELEASED, label="filtered_clues.jsonl"))


def test_all_released_rows_are_read_and_written_without_loss(tmp_path: Path, released: list[dict[str, Any]]) -> None:
    rows = released
    assert len(rows) == 1120
    assert Counter(type(row["points"]) for row in rows) == {int: 1098, str: 22}
    assert sum(row["location"]["continent"] == "N/A" for row in rows) == 4
    (tmp_path / "again.jsonl").write_text(write_records(rows), encoding="utf-8")
    again = list(read_records(tmp_path / "again.jsonl", label="again.jsonl"))
    assert [repr(row) for row in again] == [repr(row) for row in rows]
    assert all(is_released(row) and tuple(row) == COLUMNS for row in rows)
    assert {flat(row)["lat"] for row in rows} == {row["location"]["lat"] for row in rows}


def test_all_released_rows_pass_our_columns_and_parquet_to_the_byte(
    tmp_path: Path, released: list[dict[str, Any]]
) -> None:
    kept = [from_released(row) for row in released]
    pq.write_table(pa.Table.from_pylist(kept, pa.schema([ROW.columns.field(name) for name in kept[0]])), tmp_path / "a")
    again = write_records(to_released(row) for row in pq.read_table(tmp_path / "a").to_pylist())
    assert again.encode() == RELEASED.read_bytes().replace(b"\r\n", b"\n"), "but for the ends of lines"


def test_a_file_of_clues_is_no_source_and_says_which_is(tmp_path: Path) -> None:
    source = transcripts(tmp_path, path=str(RELEASED), transcripts=".")
    with pytest.raises(
        SourceError, match=r"none of 1,120 rows can be read: it has finished clues .*quality_data\.jsonl"
    ):
        source.table()


def as_case(row: dict[str, Any]) -> Case:
    """A released row as if a teacher had just written its text."""
    place = row["location"]
    texts = {"points": str(row["points"]), "distance_km": repr(row["distance"])}
    code = country_code(place["country"])
    sample = Sample(id=row["image_path"], lat=place["lat"], lon=place["lng"], country_code=code, texts=texts)
    values = {"sentences": [{"text": row["clues"], "quotes": []}], "country": None}
    return Case(sample=sample, answers=(LocatedAnswer(answered=Answered(teacher="t", model="m", values=values)),))


def test_the_rules_are_those_that_the_released_rows_follow(released: list[dict[str, Any]]) -> None:
    cases = [as_case(row) for row in released]
    checks = (round_score, points_fit_distance, clue_length, no_game_talk, right_country)
    found = {check.__name__: [check(case) for case in cases] for check in checks}
    tally = {name: Counter(one.reason for one in every) for name, every in found.items()}
    assert tally == {
        "round_score": {"good_score": 1120},
        "points_fit_distance": {"fits": 1119, "points_differ": 1},
        "clue_length": {"fits": 1120},
        "no_game_talk": {"clean": 1119, "quotes_coordinates": 1},
        "right_country": {"right": 1107, "no_country": 6, "names_others": 6, "no_truth": 1},
    }
    assert min(one.score or 0 for one in found["round_score"]) == 3406
    off = sorted(one.score or 0 for one in found["points_fit_distance"])
    assert (off[-2] <= 1, round(off[-1])) == (True, 163)
    assert sum("points" in row["clues"] for row in released) > 200, "no word of the game"


def test_continents_of_the_gazetteer_are_those_that_were_released(released: list[dict[str, Any]]) -> None:
    known = dict(countries().select("code", "continent").iter_rows())
    named = [(row["location"]["country"], row["location"]["continent"]) for row in released]
    whole = [
        (CONTINENTS[known[country_code(country)]], continent) for country, continent in named if continent != "N/A"
    ]
    assert len(whole) == 1116 and all(ours == theirs for ours, theirs in whole)


@pytest.mark.parametrize("path", sorted(CAPTIONS.glob("*/*")), ids=lambda path: path.name)
def test_captions_of_the_wild_are_read(path: Path) -> None:
    said = read_transcript(path, label=path.name)
    assert said and not any("<" in one.text or "-->" in one.text for one in said)
