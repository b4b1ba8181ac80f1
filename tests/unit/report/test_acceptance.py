"""The report's section on what a fitted decider accepts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest

from factory.errors import CorruptBuild
from factory.report import write_report
from factory.report.acceptance import acceptance, interval
from factory.store.layout import Build, open_build
from tests.build_fixture import HOSTILE_TEXT, make_build
from tests.rich_build import decide

MODEL: dict[str, Any] = {
    "rows": 200,
    "groups": 40,
    "threshold": {
        "kind": "promise",
        "asked": 0.9,
        "confidence": 0.95,
        "score": 0.8,
        "accepted": 100,
        "right": 98,
        "words": "98 of 100 accepted rows with known truth are right: 0.9 at 95%",
    },
    "curve": [
        {"score": 0.99, "accepted": 50, "right": 50},
        {"score": 0.8, "accepted": 100, "right": 98},
        {"score": 0.1, "accepted": 200, "right": 160},
    ],
    "reliability": [{"rows": 100, "mean": 0.4, "right": 62}, {"rows": 100, "mean": 0.95, "right": 98}],
}
NOBODY = pl.DataFrame(schema={"verdict": pl.String, "person": pl.String})


def with_model(folder: Path, model: Any = MODEL) -> Build:
    build = make_build(folder)
    build.paths.model.write_bytes(orjson.dumps(model))
    return open_build(folder)


def test_each_wish_has_the_loosest_threshold_that_counts_so_well_and_its_cost(tmp_path: Path) -> None:
    found = acceptance(with_model(tmp_path / "b"), NOBODY)
    assert found is not None
    by_wish = {choice.wish: choice for choice in found.choices}
    assert (by_wish[0.98].score, by_wish[0.98].accepted, by_wish[0.98].right) == (0.8, 100, 98)
    assert (by_wish[0.99].score, by_wish[0.99].coverage) == (0.99, 0.25)
    assert by_wish[0.9].score == 0.8
    assert found.chosen is not None and found.chosen.coverage == 0.5


def test_what_no_threshold_reaches_is_said_so(tmp_path: Path) -> None:
    poor = {**MODEL, "threshold": None, "curve": [{"score": 0.9, "accepted": 10, "right": 5}]}
    found = acceptance(with_model(tmp_path / "b", poor), NOBODY)
    assert found is not None
    assert [choice.score for choice in found.choices] == [None] * 5
    assert "no threshold reaches it" in write_report(open_build(tmp_path / "b")).read_text()


def test_the_curve_rises_with_precision_and_runs_with_coverage(tmp_path: Path) -> None:
    found = acceptance(with_model(tmp_path / "b"), NOBODY)
    assert found is not None
    points = [tuple(map(float, point.split())) for point in found.curve.line.removeprefix("M").split("L")]
    assert [x for x, _ in points] == sorted(x for x, _ in points)
    assert points[0][1] < points[1][1] < points[2][1], "the axis of a picture points down"
    assert found.curve.chosen == points[1]


def test_a_build_without_a_fitted_model_has_no_section(tmp_path: Path) -> None:
    build = make_build(tmp_path / "b")
    assert acceptance(build, NOBODY) is None
    assert "section:acceptance" not in write_report(build).read_text()
    assert acceptance(with_model(tmp_path / "c", {"cut": 0.5}), NOBODY) is None, "another decider's model"


@pytest.mark.parametrize("damage", [{"rows": "many"}, {"curve": [{"score": 1}]}, {"reliability": [{"rows": 0}]}])
def test_a_damaged_model_is_a_damaged_build(tmp_path: Path, damage: dict[str, Any]) -> None:
    with pytest.raises(CorruptBuild, match=r"model\.json"):
        acceptance(with_model(tmp_path / "b", {**MODEL, **damage}), NOBODY)


def test_words_of_the_model_are_text_and_never_markup(tmp_path: Path) -> None:
    hostile = {**MODEL, "threshold": {**MODEL["threshold"], "words": HOSTILE_TEXT, "score": None}}
    page = write_report(with_model(tmp_path / "b", hostile)).read_text()
    assert "accepts nothing" in page
    assert HOSTILE_TEXT not in page, "it is escaped"


def test_what_people_say_of_accepted_samples_is_the_audited_precision(tmp_path: Path) -> None:
    build = with_model(tmp_path / "b")
    decide(build, ("s000", "accept", ""), ("s001", "reject", ""))
    page = write_report(open_build(tmp_path / "b")).read_text()
    assert "people looked at" in page


def test_an_interval_holds_the_share_and_stays_a_share() -> None:
    for right, rows in ((0, 1), (1, 1), (98, 100), (189, 189)):
        low, high = interval(right, rows)
        assert 0 <= low <= right / rows <= high <= 1
    assert interval(189, 189)[0] == pytest.approx(0.98, abs=0.001)
