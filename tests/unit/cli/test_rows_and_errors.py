"""`factory rows` and `factory errors`: what they count is what the build's files say."""

from __future__ import annotations

from pathlib import Path

import pytest

from factory.cli.error_groups import error_groups
from factory.cli.rows import list_rows
from factory.errors import CorruptBuild, RecipeError
from factory.report.frames import read_frames
from factory.store.layout import Build
from tests.build_fixture import make_build
from tests.rich_build import make_rich_build


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    return make_build(tmp_path_factory.mktemp("rows") / "build", samples=36, shard_size=7)


def test_without_a_filter_every_sample_is_listed_in_the_order_of_the_plan(build: Build) -> None:
    found = list_rows(build)
    assert [row.id for row in found.rows] == build.plan["id"].to_list() and found.samples == 36


def test_a_decision_lists_what_the_report_counts(build: Build) -> None:
    counts = dict(read_frames(build).samples["decision"].value_counts().iter_rows())
    for decision, count in counts.items():
        found = list_rows(build, decisions=[decision])
        assert len(found.rows) == count and {row.decision for row in found.rows} == {decision}


def test_values_of_one_filter_add_up_and_filters_narrow_each_other(build: Build) -> None:
    both = list_rows(build, decisions=["review", "reject"])
    assert len(both.rows) == sum(len(list_rows(build, decisions=[one]).rows) for one in ("review", "reject"))
    narrowed = list_rows(build, decisions=["review", "reject"], countries=["jp"])
    assert 0 < len(narrowed.rows) < len(both.rows) and {row.country for row in narrowed.rows} == {"JP"}


def test_a_check_means_all_of_its_reasons(build: Build) -> None:
    whole = list_rows(build, reasons=["near_truth"])
    assert whole.rows and all(any(r.startswith("near_truth:") for r in row.reasons) for row in whole.rows)
    assert list_rows(build, reasons=["near_truth:too_far"]).rows == whole.rows


def test_splits_part_the_samples_and_none_is_one_of_them(build: Build) -> None:
    names = {row.split for row in list_rows(build).rows if row.split} | {"none"}
    assert sum(len(list_rows(build, splits=[name]).rows) for name in names) == 36


@pytest.mark.parametrize(
    ("option", "value", "near"),
    [
        ("decisions", "acept", "accept"),
        ("reasons", "near_truth:to_far", "near_truth:too_far"),
        ("splits", "trian", "train"),
    ],
)
def test_a_value_that_nothing_has_is_refused_with_the_nearest(build: Build, option: str, value: str, near: str) -> None:
    with pytest.raises(RecipeError, match=f"did you mean `{near}`"):
        list_rows(build, **{option: [value]})


def test_what_a_person_decided_counts(tmp_path: Path) -> None:
    build = make_rich_build(tmp_path / "build")
    accepted = {row.id for row in list_rows(build, decisions=["accept"]).rows}
    assert "s003" in accepted and "s006" not in accepted


def test_a_build_at_work_lists_what_is_not_answered_yet(tmp_path: Path) -> None:
    build = make_build(tmp_path / "build", samples=12, shard_size=4)
    build.paths.shard(1).report.unlink()
    build.paths.shard(2).verdicts.unlink()
    found = [row.decision for row in list_rows(build).rows]
    assert found[4:8] == ["pending"] * 4 and found[8:] == ["answered"] * 4


def test_every_group_of_errors_counts_the_rows_that_have_its_reason(build: Build) -> None:
    groups = [group for group in error_groups(build).groups if group.where in ("reject", "review", "quarantine")]
    assert groups
    for group in groups:
        rows = [row for row in list_rows(build, decisions=[group.where]).rows if group.reason in row.reasons]
        assert (group.samples, group.example) == (len(rows), rows[0].id)


def test_groups_are_sorted_and_every_one_says_what_to_do(build: Build) -> None:
    groups = error_groups(build).groups
    assert all(group.next and group.samples > 0 for group in groups)
    rejected = [group.samples for group in groups if group.where == "reject"]
    assert rejected == sorted(rejected, reverse=True)
    assert {"plan", "select"} <= {group.where for group in groups}


def test_a_teacher_without_an_answer_is_a_group_of_its_own_with_what_it_said(build: Build) -> None:
    mine = [group for group in error_groups(build).groups if group.where.startswith("teacher ")]
    failed = sum(answer["failure"] is not None for answers in build.answers["answers"].to_list() for answer in answers)
    assert mine and sum(group.samples for group in mine) == failed


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    build = make_build(tmp_path / "build", samples=6)
    build.paths.shard(0).verdicts.write_bytes(b"PAR1")
    for look in (list_rows, error_groups):
        with pytest.raises(CorruptBuild, match=r"verdicts\.parquet"):
            look(build)
