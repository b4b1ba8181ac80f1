"""Parts of a build by `--select`, a smaller one by `--limit`, a change that is accepted, and what build.log keeps."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from factory.store.layout import open_build
from tests.real_build import KEY, factory, only_build

RECIPE = Path(__file__).resolve().parents[2] / "recipes" / "mp16_reason.yaml"
SMALL = ("--limit", "12", "-s", "plan.shard_size=6", "--workers", "1")
REGION = ("-s", "verify.checks.near_truth.tier=region")


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    assert factory("build", RECIPE, *SMALL, cwd=folder).returncode == 0
    return folder


@pytest.fixture
def folder(made_once: Path, tmp_path: Path) -> Path:
    shutil.copytree(made_once, tmp_path, dirs_exist_ok=True)
    return tmp_path


def test_parts_of_a_build_one_after_the_other_make_the_same_release(folder: Path, tmp_path: Path) -> None:
    parts = tmp_path / "parts"
    parts.mkdir()
    done = factory("build", RECIPE, *SMALL, "--select", "shard:1", cwd=parts)
    assert done.returncode == 0 and "ends      with 1 shard left out" in done.stderr, done
    build = only_build(parts / "builds")
    assert [shard.root.name for shard in open_build(build).paths.shards() if shard.report.exists()] == ["00001"]
    done = factory("build", RECIPE, *SMALL, "--exclude", "release+", "--json", cwd=parts)
    told = json.loads(done.stdout)
    assert (done.returncode, told["state"], told["left_out"]) == (0, "selected", "release")
    assert not (build / "release").exists()
    assert factory("build", RECIPE, *SMALL, cwd=parts).returncode == 0
    whole = only_build(folder / "builds")
    assert (build / "release" / "manifest.json").read_bytes() == (whole / "release" / "manifest.json").read_bytes()


def test_a_phase_before_which_another_is_missing_is_not_run(tmp_path: Path) -> None:
    done = factory("build", RECIPE, *SMALL, "--select", "verify", cwd=tmp_path)
    assert done.returncode == 0 and "ends      before plan" in done.stderr
    assert not (only_build(tmp_path / "builds") / "plan.parquet").exists()


def test_an_accepted_change_is_recorded_and_the_next_build_returns_at_once(folder: Path) -> None:
    build = only_build(folder / "builds")
    done = factory("accept", RECIPE, build, *_plan(), *REGION, "--reason", "read them all", "--json", cwd=folder)
    told = json.loads(done.stdout)
    assert done.returncode == 0 and told["changed"] == ["verify.checks.near_truth.tier: city → region"], done
    (noted,) = open_build(build).info["accepted"]
    assert noted["reason"] == "read them all" and noted["fingerprint"] == told["fingerprint"]
    again = factory("build", RECIPE, *SMALL, *REGION, "--json", cwd=folder)
    result = json.loads(again.stdout)
    assert (again.returncode, Path(result["directory"]).name, result["accepted"]) == (0, build.name, "read them all")
    assert only_build(folder / "builds") == build, "no other folder was made"
    assert factory("check", build, cwd=folder).returncode == 0


def _plan() -> tuple[str, ...]:
    return ("-s", "plan.limit=12", "-s", "plan.shard_size=6")


def test_what_cannot_be_accepted_says_why(folder: Path) -> None:
    build = only_build(folder / "builds")
    for options, said in (
        ((*_plan(), "--reason", "x"), "own build"),
        ((*_plan(), *REGION, "--reason", " "), "expected why"),
    ):
        done = factory("accept", RECIPE, build, *options, cwd=folder)
        assert done.returncode == 2 and said in done.stderr, done
    change = json.loads((build / "build.json").read_text())
    (build / "build.json").write_text(json.dumps({**change, "state": "working"}))
    done = factory("accept", RECIPE, build, *_plan(), *REGION, "--reason", "x", cwd=folder)
    assert done.returncode == 2 and "only a finished build" in done.stderr, done


def test_the_log_has_every_run_and_no_key(folder: Path) -> None:
    build = only_build(folder / "builds")
    assert factory("build", RECIPE, *SMALL, cwd=folder).returncode == 0
    done = factory("logs", build, "-n", "1000", "--json", cwd=folder)
    lines = json.loads(done.stdout)["lines"]
    assert sum(line["name"] == "ended" for line in lines) == 2
    assert any(line["name"] == "work" and "12/12 samples" in line["text"] for line in lines)
    assert sum(line["text"] == "is done already" for line in lines) == 8
    assert KEY not in (build / "build.log").read_text()


def test_a_quiet_build_says_nothing_and_a_verbose_one_says_how_long_phases_took(tmp_path: Path) -> None:
    done = factory("build", RECIPE, *SMALL, "-q", cwd=tmp_path)
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "")
    done = factory("build", RECIPE, *SMALL, "-v", cwd=tmp_path)
    assert "is done already" in done.stderr
    assert factory("build", RECIPE, *SMALL, "-v", "-q", cwd=tmp_path).returncode == 2
