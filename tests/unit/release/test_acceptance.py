"""What a release says of its labels' precision."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from factory.errors import CorruptBuild
from factory.store.layout import Build, open_build
from release import write_release
from release.acceptance import acceptance
from tests.build_fixture import make_build
from tests.rich_build import decide

THRESHOLD: dict[str, Any] = {
    "kind": "promise",
    "asked": 0.98,
    "confidence": 0.95,
    "score": 0.9,
    "rows": 400,
    "accepted": 300,
    "right": 299,
    "worth": 300.0,
    "words": "299 of 300 accepted rows with known truth are right: 0.98 at 95%",
}


def with_threshold(folder: Path, threshold: Any = THRESHOLD) -> Build:
    build = make_build(folder)
    build.paths.model.write_bytes(orjson.dumps({"threshold": threshold}))
    return open_build(folder)


def card_of(build: Build) -> str:
    write_release(build)
    return " ".join((build.paths.release / "README.md").read_text(encoding="utf-8").split())


def test_the_card_tells_what_was_promised_counted_and_audited(tmp_path: Path) -> None:
    build = with_threshold(tmp_path / "b")
    decide(build, ("s000", "accept", ""), ("s001", "reject", ""), ("s002", "accept", ""))
    decisions = {row["id"]: row["decision"] for row in _verdicts(build)}
    found = acceptance(open_build(build.paths.root))
    assert found is not None
    seen = [name for name in ("s000", "s001", "s002") if decisions[name] == "accept"]
    assert (found["audited"], found["upheld"]) == (len(seen), len([name for name in seen if name != "s001"]))
    card = card_of(open_build(build.paths.root))
    assert "Asked for was a precision of 0.98, as a promise that holds in 0.95 of builds." in card
    assert "299 of 300 samples that would be accepted are right, of 400 whose place is known." in card
    assert f"People looked at {len(seen)} accepted samples" in card
    manifest = orjson.loads((build.paths.release / "manifest.json").read_bytes())
    assert manifest["acceptance"]["asked"] == 0.98


def test_a_target_is_told_as_a_count_and_no_proof(tmp_path: Path) -> None:
    target = {**THRESHOLD, "kind": "target", "confidence": None}
    card = card_of(with_threshold(tmp_path / "b", target))
    assert "as a target. Judged" in card and "; that is a count and no proof." in card
    assert "No person has looked at an accepted sample." in card


@pytest.mark.parametrize("model", [{"threshold": None}, {"cut": 0.5}])
def test_a_decider_without_a_threshold_says_nothing(tmp_path: Path, model: dict[str, Any]) -> None:
    build = make_build(tmp_path / "b")
    build.paths.model.write_bytes(orjson.dumps(model))
    assert acceptance(build) is None
    assert "Asked for" not in card_of(build)


def test_a_threshold_that_lacks_a_figure_is_a_damaged_build(tmp_path: Path) -> None:
    with pytest.raises(CorruptBuild, match="lacks right"):
        acceptance(with_threshold(tmp_path / "b", {key: THRESHOLD[key] for key in THRESHOLD if key != "right"}))


def _verdicts(build: Build) -> list[dict[str, Any]]:
    from factory.store.tables import read_columns

    return [
        row
        for shard in build.paths.shards()
        for row in read_columns(shard.verdicts, ["id", "decision"]).iter_rows(named=True)
    ]
