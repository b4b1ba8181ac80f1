"""What changed between two builds: rows in and out, decisions, labels and splits, and why each did."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from factory.cli.main import app
from factory.errors import CorruptBuild, RecipeError
from factory.store.layout import Build
from factory.store.tables import write_table
from release.build_diff import build_diff
from schemas import arrow
from tests.build_fixture import change_plan, make_build
from tests.rich_build import Rows, edit

LEIPZIG = {"country_code": "DE", "region": "Saxony", "city": "Leipzig"}


def verdicts(build: Build, change: Callable[[Rows], None]) -> None:
    for shard in build.paths.shards():
        edit(shard.verdicts, arrow.VERDICTS, change)


def selected(build: Build, change: Callable[[Rows], None]) -> None:
    edit(build.paths.selection, arrow.SELECTION, change)


@pytest.fixture
def before(tmp_path: Path) -> Build:
    """s000 to s011: s000, s001, s002, s006, ... accepted; s003 disputed, s004 too far, s005 quarantined; d0 dropped."""
    return make_build(tmp_path / "before", 12)


def found(before: Build, after: Build) -> dict[str, Any]:
    return build_diff(before.paths.root, after.paths.root)


def test_a_build_and_itself_differ_in_nothing(before: Build) -> None:
    same = found(before, before)
    assert [same[name] for name in ("came", "went", "decisions", "labels", "splits", "settings")] == [[]] * 6
    assert same["rows"]["stayed"] == same["rows"]["before"] == same["rows"]["after"] > 0
    assert same["samples"]["before"] == same["samples"]["after"] == 12


def test_a_decision_that_changed_names_the_check_and_its_threshold(before: Build, tmp_path: Path) -> None:
    after = make_build(tmp_path / "after", 12)

    def nearer(rows: Rows) -> None:
        for name, row in rows.items():
            for check in row["checks"]:
                if check["check"] == "near_truth":
                    check["threshold"] = 750.0
                    if name in ("s004", "s010"):
                        check["outcome"] = "pass"
            if name in ("s004", "s010"):
                row["decision"], row["reasons"] = "accept", []

    verdicts(after, nearer)
    told = found(before, after)
    assert told["decisions_by"] == {"reject → accept": 2}
    assert told["checks_by"] == [
        {
            **{"check": "near_truth", "outcome_before": "fail", "outcome_after": "pass", "rows": 2},
            **{"threshold_before": [25.0, 25.0], "threshold_after": [750.0, 750.0]},
        }
    ]
    (first, second) = told["decisions"]
    assert (first["id"], second["id"]) == ("s004", "s010")
    assert first["checks"][0]["score_before"] == 556.0
    assert first["state"] == "reject: near_truth:too_far" and first["state_after"] == "accepted, not selected"


def test_rows_that_came_and_went_say_where_from_and_why(before: Build, tmp_path: Path) -> None:
    after = make_build(tmp_path / "after", 13)
    kept = before.selection.filter("kept")["id"].to_list()

    def other(rows: Rows) -> None:
        gone = {"kept": False, "split": None, "removed_by": "quota", "reason": "country_full"}
        rows[kept[0]].update(gone)

    selected(after, other)
    told = found(before, after)
    split = before.selection.filter(pl.col("id") == kept[0])["split"][0]
    assert told["went"] == [{"id": kept[0], "before": split, "after": "removed: quota:country_full"}]
    assert told["went_by"] == {"removed: quota:country_full": 1}
    (came,) = told["came"]
    assert (came["id"], came["before"]) == ("s008", "removed: near_duplicates:perceptual_duplicate")
    assert came["after"] in ("train", "validation", "test")
    assert told["samples"]["new"] == 1 and told["rows"]["went"] == 1


def test_a_row_that_was_dropped_says_by_which_rule(before: Build, tmp_path: Path) -> None:
    after = make_build(tmp_path / "after", 12)
    plan = after.plan.filter(pl.col("id") != "s000").to_arrow().cast(arrow.PLAN)
    write_table(plan, after.paths.plan)
    selected(after, lambda rows: [rows.pop("s000")])  # type: ignore[arg-type, return-value]
    dropped = {"id": "s000", "source_row": 0, "phase": "plan", "rule": "licence", "reason": "excluded", "detail": ""}
    write_table(pa.Table.from_pylist([dropped], schema=arrow.DROPPED), after.paths.dropped)
    told = found(before, after)
    assert told["went_by"] == {"dropped: licence:excluded": 1}
    assert told["samples"] | {"other_label": 0} == {
        **{"before": 12, "after": 11, "new": 0, "gone": 1, "other_decision": 0, "other_label": 0}
    }


def test_people_are_named_where_they_decided(before: Build, tmp_path: Path) -> None:
    after = make_build(tmp_path / "after", 12)
    after.paths.review.mkdir()
    row = {
        "id": "s003",
        "decision": "accept",
        "by": ["r1"],
        "at": "2026-05-01",
        "rule": "one",
        "images": [],
        "keys": [],
    }
    moved = {**row, "id": "s000", "decision": None, "lat": 51.5, "lon": 12.5, "uncertainty_km": 0.1, **LEIPZIG}
    write_table(pa.Table.from_pylist([row, moved], schema=arrow.REVIEWS), after.paths.decisions)
    told = found(before, after)
    (decision,) = told["decisions"]
    assert (decision["id"], decision["before"], decision["after"]) == ("s003", "review", "accept")
    assert [(one["check"], one["outcome_before"], one["outcome_after"]) for one in decision["checks"]] == [
        ("people", "nobody", "accept")
    ]
    (label,) = told["labels"]
    assert (label["id"], label["by"], label["columns"]) == ("s000", "people", ["lat", "lon"])
    assert label["moved_km"] == pytest.approx(19.9, abs=0.1)


def test_labels_say_whether_the_place_or_its_names_changed(before: Build, tmp_path: Path) -> None:
    at = pl.col("id")
    after = change_plan(
        make_build(tmp_path / "after", 12),
        lat=pl.when(at == "s001").then(pl.col("lat") + 1).otherwise("lat"),
        city=pl.when(at == "s002").then(pl.lit("Otjomuise")).otherwise("city"),
    )
    told = found(before, after)
    assert told["labels_by"] == {"names": 1, "source": 1}
    place, names = told["labels"]
    assert (place["id"], place["columns"], round(place["moved_km"])) == ("s001", ["lat"], 111)
    assert (names["id"], names["columns"], names["moved_km"]) == ("s002", ["city"], 0.0)
    assert (names["before"]["country_code"], names["before"]["city"], names["after"]["city"]) == (
        *("NA", "Windhoek"),
        "Otjomuise",
    )


def test_rows_that_moved_between_splits_are_told(before: Build, tmp_path: Path) -> None:
    after = make_build(tmp_path / "after", 12)
    kept = before.selection.filter("kept").row(0, named=True)
    other = "test" if kept["split"] != "test" else "train"
    selected(after, lambda rows: rows[kept["id"]].update(split=other))
    assert found(before, after)["splits"] == [{"id": kept["id"], "before": kept["split"], "after": other}]


def test_the_command_tells_a_person_and_a_machine(before: Build, tmp_path: Path) -> None:
    after = make_build(tmp_path / "after", 13)

    def hostile(rows: Rows) -> None:
        for row in rows.values():
            if row["decision"] == "accept":
                row["decision"], row["reasons"] = "reject", ["no_leak:\x1b[31mred"]

    verdicts(after, hostile)
    runner = CliRunner()
    page = runner.invoke(app, ["diff", str(before.paths.root), str(after.paths.root)])
    assert page.exit_code == 0 and "\x1b" not in page.output
    assert "accept → reject" in page.output and "12 → 13: 1 new, 0 gone" in page.output
    told = runner.invoke(app, ["diff", str(before.paths.root), str(after.paths.root), "--json"])
    assert json.loads(told.output)["samples"]["other_decision"] == 6


def test_a_build_that_is_not_finished_is_told(before: Build, tmp_path: Path) -> None:
    after = make_build(tmp_path / "after", 4)
    after.paths.selection.unlink()
    with pytest.raises(RecipeError, match="nothing is selected yet"):
        found(before, after)


def test_a_table_of_another_kind_is_named(before: Build, tmp_path: Path) -> None:
    after = make_build(tmp_path / "after", 4)
    write_table(pa.table({"id": ["s000"], "decision": [1]}), after.paths.shard(0).verdicts)
    with pytest.raises(CorruptBuild, match=r"verdicts\.parquet: cannot be read"):
        found(before, after)
