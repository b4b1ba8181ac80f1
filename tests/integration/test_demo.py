"""The shipped demo: everything is replayed, nothing is called, and the release is the same bytes everywhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import factory
from factory.phases.run import BuildResult
from factory.store.layout import open_build
from release import check_release
from tests.golden_digests import held_to
from tests.real_build import release_digests

REPOSITORY = Path(__file__).resolve().parents[2]
RECIPE = REPOSITORY / "recipes" / "mp16_reason.yaml"
GOLDEN = REPOSITORY / "tests" / "golden" / "demo_release.json"


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def result(out: Path) -> BuildResult:
    return factory.build(RECIPE, out=out)


def test_every_kind_of_story_is_told(result: BuildResult) -> None:
    counts = result.counts
    assert (counts["planned"], counts["calls"], counts["replayed"]) == (49, 0, 98)
    assert all(counts["decisions"].get(decision, 0) > 5 for decision in ("accept", "review", "reject"))
    expected = {"localizable:not_localizable", "near_truth:country_differs", "no_leak:quotes_coordinates"}
    assert expected <= set(counts["reasons"])
    assert counts["removed"] == {"near_duplicates": 2}
    assert set(counts["splits"]) == {"train", "validation", "test"}


def test_scenes_without_evidence_are_rejected_as_such(result: BuildResult) -> None:
    rejected = {row["id"]: row["reasons"] for row in open_build(result.directory).verdicts.to_dicts()}
    for name in ("s29-snowfield", "s30-white-wall", "s33-fog-field", "s36-leaves", "s49-open-sea"):
        assert "localizable:not_localizable" in rejected[name]


def test_a_second_run_calls_nobody_and_changes_nothing(result: BuildResult, out: Path) -> None:
    before = release_digests(Path(result.directory))
    again = factory.build(RECIPE, out=out)
    assert (again.calls_now, again.directory) == (0, result.directory)
    assert release_digests(Path(result.directory)) == before
    assert check_release(Path(result.directory) / "release") == []


def test_what_a_buffer_takes_out_is_counted_and_shown(result: BuildResult, tmp_path: Path) -> None:
    apart = factory.build(RECIPE, out=tmp_path, overrides=["select.geocell_split.buffer_km=1000"])
    assert apart.counts["removed"] == {"near_duplicates": 2, "geocell_split": 2}
    assert apart.counts["splits"] == {**result.counts["splits"], "train": result.counts["splits"]["train"] - 2}
    assert "geocell_split:near_other_split (2)" in (Path(apart.directory) / "report.html").read_text()
    card = (Path(apart.directory) / "release" / "README.md").read_text()
    assert r"| geocell\_split | near\_other\_split | 2 |" in card


def test_the_worldview_reaches_the_plan_and_the_checks(tmp_path: Path) -> None:
    table = "id,file,lat,lon,coord_uncertainty_km,scene,captured_at,author,licence\n"
    table += "s03-crimea,one.jpg,44.95,34.10,,urban,,somebody,CC0\n"
    (tmp_path / "scenes.csv").write_text(table)
    (tmp_path / "one.jpg").write_bytes((RECIPE.parent / "demo" / "images" / "023.jpg").read_bytes())
    said = {"id": "s03-crimea", "response": {"localizable": True, "confidence": 0.9, "city": "Simferopol"}}
    for teacher in ("first", "second"):
        (tmp_path / f"{teacher}.jsonl").write_text(json.dumps(said) + "\n")
    moved = [f"source.path={tmp_path}/scenes.csv", f"source.images={tmp_path}"]
    moved += [f"teachers.{teacher}.path={tmp_path}/{teacher}.jsonl" for teacher in ("first", "second")]
    for view, code in (("default", "UA"), ("natural_earth", "RU")):
        built = factory.build(RECIPE, out=tmp_path / view, overrides=[*moved, f"geo.worldview={view}"])
        build = open_build(built.directory)
        assert build.plan["country_code"].to_list() == [code]
        assert [answer["country_code"] for answer in build.verdicts["located"][0]] == [code, code]


def test_the_release_is_the_same_bytes_on_every_machine(
    result: BuildResult,
    tmp_path: Path,
) -> None:
    """With the locked versions. Renew after a change of meaning: RENEW_GOLDEN=1 pytest, this file."""
    digests = held_to(GOLDEN, result)
    sharded = factory.build(RECIPE, out=tmp_path, workers=2, overrides=["plan.shard_size=10"])
    assert sharded.counts["shards"] == 5
    parquet = {name: digest for name, digest in digests.items() if name.endswith((".parquet", ".tar"))}
    assert parquet.items() <= release_digests(Path(sharded.directory)).items()
