"""`calibrated` through a whole build: fitted, decided, released, reported, and decided again by another target."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from factory import build
from factory.store.cases import read_cases
from factory.store.layout import Build, open_build
from tests.made_build import PHOTOS, record


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Build]:
    folder = tmp_path_factory.mktemp("fitted")
    recipe = record(folder)
    return recipe, open_build(build(recipe, out=folder / "out").directory)


def test_every_decision_carries_its_probability_and_follows_the_fitted_threshold(recorded: tuple[Path, Build]) -> None:
    _, made = recorded
    model = orjson.loads(made.paths.model.read_bytes())
    assert model["rows"] == PHOTOS and model["teachers"] == ["a", "b"]
    seen = {"accept": 0, "review": 0, "reject": 0}
    for shard in range(3):
        for case in read_cases(made.paths, shard):
            assert case.verdict is not None
            seen[case.verdict.decision] += 1
            own = next(check for check in case.verdict.checks if check.check == "calibrated")
            if case.verdict.decision == "accept":
                assert own.score is not None and own.score >= 0.6
                assert all(found.near for found in case.answers)
    assert seen["accept"] > 30 and seen["reject"] > 5, seen


def test_the_release_carries_the_finding_and_the_card_and_report_tell_of_it(recorded: tuple[Path, Build]) -> None:
    _, made = recorded
    manifest = orjson.loads((made.paths.release / "manifest.json").read_bytes())
    assert manifest["acceptance"]["kind"] == "target" and manifest["acceptance"]["rows"] == PHOTOS
    assert "Asked for was a precision of 0.9" in (made.paths.release / "README.md").read_text()
    assert "section:acceptance" in made.paths.report.read_text()


def test_another_target_asks_nobody_again_and_decides_by_its_own_threshold(recorded: tuple[Path, Build]) -> None:
    recipe, made = recorded
    stricter = open_build(build(recipe, out=made.paths.root.parent, overrides=["verify.decide.target=0.97"]).directory)
    assert stricter.paths.root != made.paths.root
    scores = [orjson.loads(one.paths.model.read_bytes())["threshold"]["score"] for one in (made, stricter)]
    assert scores[0] < scores[1]
    assert stricter.info["counts"]["decisions"]["accept"] < made.info["counts"]["decisions"]["accept"]


def test_the_same_answers_give_the_same_model_and_verdicts_bytes(recorded: tuple[Path, Build], tmp_path: Path) -> None:
    recipe, made = recorded
    again = open_build(build(recipe, out=tmp_path).directory)
    assert again.paths.model.read_bytes() == made.paths.model.read_bytes()
    assert again.paths.verified.read_bytes() == made.paths.verified.read_bytes()
