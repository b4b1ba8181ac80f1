"""People look at rows that would be kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from factory.recipe.load import load_recipe
from factory.select.reviewable import REVIEWABLE, reviewable_rows, uncertainty
from factory.store.layout import open_build
from schemas import arrow
from tests.build_fixture import make_build
from tests.rich_build import Rows, decide, edit

RECIPE = Path(__file__).resolve().parents[3] / "recipes" / "mp16_reason.yaml"


def check(name: str, outcome: str, score: float | None = None) -> dict[str, object]:
    return {"check": name, "outcome": outcome, "score": score}


@pytest.mark.parametrize(
    ("checks", "expected"),
    [
        ([check("near_truth", "pass"), check("no_leak", "pass")], 0.0),
        ([check("near_truth", "pass"), check("no_leak", "abstain")], 0.5),
        ([check("near_truth", "fail")], 1.0),
        ([], 0.5),
        ([check("near_truth", "fail"), check("calibrated", "fail", 0.5)], 1.0),
        ([check("near_truth", "pass"), check("calibrated", "pass", 0.98)], 0.04),
        ([check("near_truth", "pass"), check("calibrated", "abstain")], 0.5),
    ],
)
def test_uncertainty_is_the_deciders_where_it_states_a_probability(checks: list[Any], expected: float) -> None:
    assert uncertainty(checks) == pytest.approx(expected)


def kinds(root: Path, *overrides: str) -> dict[str, str]:
    loaded = load_recipe(RECIPE, overrides=overrides)
    rows = reviewable_rows(open_build(root), loaded.recipe, loaded.root)
    assert rows.schema == REVIEWABLE
    return dict(rows.select("id", "kind").iter_rows())


def test_disputed_and_accepted_rows_are_reviewable_and_rejected_ones_are_not(tmp_path: Path) -> None:
    make_build(tmp_path / "b", samples=12, shard_size=4)
    audits = dict.fromkeys(("s000", "s001", "s002", "s006", "s007", "s008"), "audit")
    assert kinds(tmp_path / "b") == {**audits, "s003": "dispute", "s009": "dispute"}


def test_what_selection_would_drop_nobody_looks_at(tmp_path: Path) -> None:
    build = make_build(tmp_path / "b", samples=12, shard_size=4)

    def alike(rows: Rows) -> None:
        rows["s003"]["photos"][0]["phash"] = 1
        rows["s000"]["photos"][0]["phash"] = 1

    edit(build.paths.shard(0).answers, arrow.ANSWERS, alike)
    found = kinds(tmp_path / "b", "select=[near_duplicates: {}]")
    assert len({"s000", "s003"} & found.keys()) == 1


def test_a_row_of_which_nothing_can_be_made_is_no_question(tmp_path: Path) -> None:
    build = make_build(tmp_path / "b", samples=12, shard_size=4)
    edit(build.paths.shard(0).verdicts, arrow.VERDICTS, lambda rows: rows["s003"].update(unreleasable="leaks"))
    assert "s003" not in kinds(tmp_path / "b")


def test_what_people_took_out_is_not_asked_again(tmp_path: Path) -> None:
    build = make_build(tmp_path / "b", samples=12, shard_size=4)
    decide(build, ("s003", "reject", ""), ("s000", "reject", ""))
    assert not {"s000", "s003"} & kinds(tmp_path / "b").keys()
