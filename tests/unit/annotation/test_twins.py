"""Two samples of a build with the same picture: what is said of the picture through one holds for the other."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

from factory.phases.decide import decide_build
from factory.store.decided import read_decided
from factory.store.layout import Build
from factory.store.tables import write_table
from schemas import arrow
from tests.annotations import box, said, shown, write_annotations
from tests.build_fixture import make_build


@pytest.fixture
def twins(tmp_path: Path) -> tuple[Build, str, str]:
    build = make_build(tmp_path / "build", samples=4, shard_size=4)
    path = build.paths.shard(0).answers
    rows = pl.read_parquet(path).to_dicts()
    rows[1]["photos"] = rows[0]["photos"]
    write_table(pa.Table.from_pylist(rows, schema=arrow.ANSWERS), path)
    return build, rows[0]["id"], rows[1]["id"]


def test_what_is_marked_through_one_is_blurred_in_both(twins: tuple[Build, str, str]) -> None:
    build, one, other = twins
    write_annotations(build.paths, [said(one, "ann", boxes=[box()], **shown(build, one))])
    decide_build(build)
    assert {name: row.private for name, row in read_decided(build.paths).items()} == {one: (box(),), other: (box(),)}


def test_what_another_program_marks_in_one_is_blurred_in_both(twins: tuple[Build, str, str]) -> None:
    build, one, other = twins
    build.paths.review.mkdir(mode=0o700)
    own = [{"id": one, "decision": "accept", "by": ["max"], "at": "2026-12-01", "boxes": [box()]}]
    pl.DataFrame(own).write_parquet(build.paths.decisions)
    decide_build(build)
    decide_build(build)
    rows = {name: (row.private, row.row["decision"]) for name, row in read_decided(build.paths).items()}
    assert rows == {one: ((box(),), "accept"), other: ((box(),), None)}


def test_a_flag_through_one_withholds_both_until_the_lead_says_of_either_that_it_is_none(
    twins: tuple[Build, str, str],
) -> None:
    build, one, other = twins
    write_annotations(build.paths, [said(one, "ann", flags=["privacy"], **shown(build, one))])
    decide_build(build, lead="dora", said=[f"{other}=accept"])
    assert all(row.hides for row in read_decided(build.paths).values()) and len(read_decided(build.paths)) == 2
    decide_build(build, lead="dora", said=[f"{other}=not_private"])
    decided = read_decided(build.paths)
    assert not any(row.hides for row in decided.values()) and decided[other].row["decision"] == "accept"
