from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from factory.select import FRAME_SCHEMA, run_selection
from factory.select.accepted import accepted_rows
from factory.store.tables import write_table
from schemas import arrow
from tests.build_fixture import make_build
from tests.rich_build import Rows, decide, edit, make_rich_build


def test_accepted_rows_come_from_verdicts_and_answers(tmp_path: Path) -> None:
    build = make_build(tmp_path / "b", samples=12)
    rows = accepted_rows(build)
    assert dict(rows.schema) == dict(FRAME_SCHEMA)
    assert rows["id"].to_list() == ["s000", "s001", "s002", "s006", "s007", "s008"]
    assert rows["best_distance_km"].to_list() == [1.1] * 6
    assert rows["image_sha256"].null_count() == rows["image_phash"].null_count() == 0


def test_the_first_picture_counts_and_a_combined_answer_does_not(tmp_path: Path) -> None:
    def near(rows: Rows) -> None:
        rows["s000"]["located"][3] |= {"distance_km": 0.001}

    build = make_rich_build(tmp_path / "b")
    edit(build.paths.shard(0).verdicts, arrow.VERDICTS, near)
    first = accepted_rows(build).row(0, named=True)
    assert first["best_distance_km"] == 1.1
    assert first["image_sha256"] != "5a7e" * 16 and first["image_phash"] != 7


def test_an_answer_without_coordinates_counts_by_the_place_it_names(tmp_path: Path) -> None:
    def named(rows: Rows) -> None:
        for located in rows["s000"]["located"]:
            located |= {"distance_km": None, "named_distance_km": 7.5}

    build = make_build(tmp_path / "b")
    edit(build.paths.shard(0).verdicts, arrow.VERDICTS, named)
    assert accepted_rows(build).row(0, named=True)["best_distance_km"] == 7.5


def test_a_sample_without_pictures_and_places_is_accepted_all_the_same(tmp_path: Path) -> None:
    def bare(rows: Rows) -> None:
        rows["s000"] |= {"photos": [], "answers": []}

    def unmeasured(rows: Rows) -> None:
        rows["s000"]["located"] = []

    build = make_build(tmp_path / "b")
    edit(build.paths.shard(0).answers, arrow.ANSWERS, bare)
    edit(build.paths.shard(0).verdicts, arrow.VERDICTS, unmeasured)
    first = accepted_rows(build).row(0, named=True)
    assert (first["id"], first["image_sha256"], first["image_phash"]) == ("s000", None, None)
    assert first["best_distance_km"] is None


def test_people_promote_and_remove_but_never_free_a_quarantined_row(tmp_path: Path) -> None:
    build = make_build(tmp_path / "b", samples=12)
    decide(build, ("s003", "accept", ""), ("s004", "accept", ""), ("s005", "accept", ""), ("s006", "reject", ""))
    rows = accepted_rows(build)
    assert rows["id"].to_list() == ["s000", "s001", "s002", "s003", "s004", "s007", "s008"]
    assert rows.sort("shard", "position")["id"].to_list() == rows["id"].to_list(), "in plan order"
    assert run_selection(rows, [])["kept"].all()


def test_a_person_cannot_promote_what_makes_no_row(tmp_path: Path) -> None:
    def no_row(rows: Rows) -> None:
        rows["s003"]["unreleasable"] = "tells_the_truth"

    build = make_build(tmp_path / "b")
    decide(build, ("s003", "accept", ""))
    assert "s003" in accepted_rows(build)["id"].to_list()
    edit(build.paths.shard(0).verdicts, arrow.VERDICTS, no_row)
    assert "s003" not in accepted_rows(build)["id"].to_list()


@pytest.mark.parametrize("last", ["accept", "reject"])
def test_the_last_of_several_decisions_counts(tmp_path: Path, last: str) -> None:
    build = make_build(tmp_path / "b")
    first = "reject" if last == "accept" else "accept"
    rows = [{"id": "s003", "decision": d, "by": [], "at": "", "note": ""} for d in (first, last)]
    build.paths.decisions.parent.mkdir()
    write_table(pa.Table.from_pylist(rows, schema=arrow.REVIEWS), build.paths.decisions)
    assert ("s003" in accepted_rows(build)["id"].to_list()) is (last == "accept")


def test_a_shard_without_verdicts_has_nothing_accepted(tmp_path: Path) -> None:
    build = make_build(tmp_path / "b", samples=8)
    for shard in build.paths.shards():
        shard.verdicts.unlink()
    rows = accepted_rows(build)
    assert rows.is_empty() and dict(rows.schema) == dict(FRAME_SCHEMA)
