"""A build goes on from wherever it was left, notices what changed under it, and asks again when it is told to."""

from __future__ import annotations

import asyncio
import csv
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import factory as package
from factory.store.layout import open_build
from tests.fake_endpoint import Running, running_endpoint
from tests.real_build import factory, make_photos, only_build, release_digests, write_recipe

SAMPLES = 24


@pytest.fixture
def work(tmp_path: Path) -> Path:
    make_photos(tmp_path, SAMPLES)
    return tmp_path


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[Running]:
    with running_endpoint(tmp_path / "endpoint") as running:
        yield running


def built(work: Path, recipe: Path, *options: str, code: int = 0) -> dict[str, Any]:
    done = factory("build", recipe, "--json", *options, cwd=work)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def directory(work: Path, result: dict[str, Any]) -> Path:
    return work / str(result["directory"])


@pytest.fixture(scope="module")
def built_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with photos, recipe and finished build, made once. Its endpoint is gone: nothing can be asked again."""
    root = tmp_path_factory.mktemp("built")
    make_photos(root, SAMPLES)
    with running_endpoint(root / "endpoint") as endpoint:
        built(root, write_recipe(root, endpoint.url))
    return root


@pytest.fixture
def finished(built_once: Path, tmp_path: Path) -> Path:
    """The build in a copy of that folder, to damage."""
    shutil.copytree(built_once, tmp_path, dirs_exist_ok=True)
    return only_build(tmp_path / "builds")


PHASES = ("plan", "work", "verify", "review", "select", "release", "report")
LEFT = {"verify": "verified.json", "select": "selection.parquet", "release": "release", "report": "report.html"}
"""What a phase leaves that is not there when the build is killed before its end."""


@pytest.mark.parametrize("killed", PHASES[1:])
@pytest.mark.parametrize("at", ["the beginning", "the end"])
def test_a_build_killed_in_a_phase_goes_on(finished: Path, tmp_path: Path, killed: str, at: str) -> None:
    build = finished
    digests = release_digests(build)
    info = json.loads((build / "build.json").read_text())
    for phase in PHASES[PHASES.index(killed) :]:
        del info["phases"][phase]
        if phase in LEFT and (phase != killed or at == "the beginning"):
            path = build / LEFT[phase]
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    if PHASES.index(killed) <= PHASES.index("release"):
        for key in ("released", "files", "shards_sha256"):
            del info[key]
    (build / "build.json").write_text(json.dumps(info | {"state": "working"}))
    assert built(tmp_path, tmp_path / "recipe.yaml")["calls_now"] == 0
    assert release_digests(build) == digests
    assert factory("check", build, cwd=tmp_path).returncode == 0


def test_a_release_that_was_deleted_is_made_again(finished: Path, tmp_path: Path) -> None:
    digests = release_digests(finished)
    shutil.rmtree(finished / "release")
    built(tmp_path, tmp_path / "recipe.yaml")
    assert release_digests(finished) == digests


def test_another_folder_of_photos_is_another_build(work: Path, endpoint: Running) -> None:
    recipe = write_recipe(work, endpoint.url)
    first = built(work, recipe)
    shutil.copytree(work / "images", work / "other")
    Image.new("RGB", (64, 64), "teal").save(work / "other" / "00003.jpg")
    second = built(work, recipe, "--set", "source.images=other")
    assert second["directory"] != first["directory"]
    assert second["calls_now"] == 1, "only the new picture is asked about"


def test_a_replaced_photo_is_not_taken_over_from_an_earlier_build(work: Path, endpoint: Running) -> None:
    recipe = write_recipe(work, endpoint.url)
    old = open_build(directory(work, built(work, recipe)))
    photo = work / "images" / "00003.jpg"
    size = photo.stat().st_size
    shutil.copy(work / "images" / "00004.jpg", photo)
    photo.write_bytes(photo.read_bytes()[:size].ljust(size, b"\0"))
    new = open_build(directory(work, built(work, recipe, "--set", "verify.checks.near_truth.tier=street")))
    same = [
        a[0]["sha256"] == b[0]["sha256"]
        for a, b in zip(old.answers["photos"].to_list(), new.answers["photos"].to_list(), strict=True)
    ]
    assert same.count(False) == 1 and not same[3]


def test_retry_asks_again_where_the_endpoint_was_away(work: Path) -> None:
    with running_endpoint(work / "endpoint", [{"kind": "error_500", "first": 0, "count": 10}]) as endpoint:
        recipe = write_recipe(work, endpoint.url)
        once = ("--set", "teachers.0.attempts=1", "--workers", "1")
        first = built(work, recipe, *once, code=1)
        lost = first["counts"]["reasons"]["teachers:exhausted"]
        assert lost > 5
        assert built(work, recipe, *once, code=1)["calls_now"] == 0, "without --retry nothing is asked"
        again = built(work, recipe, *once, "--retry")
        assert again["calls_now"] == lost
        assert again["counts"]["calls"] == SAMPLES + lost
        assert again["counts"]["decisions"].get("quarantine", 0) == 0


def test_retry_looks_again_for_a_missing_photo(work: Path, endpoint: Running) -> None:
    recipe = write_recipe(work, endpoint.url)
    (work / "images" / "00005.jpg").rename(work / "kept.jpg")
    first = built(work, recipe)
    assert first["counts"]["reasons"]["images:file_missing"] == 1
    (work / "kept.jpg").rename(work / "images" / "00005.jpg")
    second = built(work, recipe, "--retry")
    assert second["counts"]["decisions"].get("quarantine", 0) == 0
    assert len(endpoint.requests()) == SAMPLES


def test_calls_in_flight_are_shared_by_shards_that_exist(work: Path) -> None:
    with running_endpoint(work / "endpoint", latency_ms=200) as endpoint:
        built(work, write_recipe(work, endpoint.url), "--workers", "16")
        assert endpoint.stats()["max_in_flight"] >= SAMPLES // 2


@pytest.mark.parametrize("name", ["shards", "recipe.lock.yaml", "shards/00000/report.json", "build.json"])
def test_check_misses_nothing(finished: Path, name: str) -> None:
    target = finished / name
    if target.is_dir():
        shutil.rmtree(target)
    elif name == "build.json":
        target.write_text(target.read_text()[:-40])
    else:
        target.write_text(target.read_text().replace("2", "3", 1))
    found = factory("check", finished, cwd=finished)
    assert found.returncode == 1, found.stdout
    assert Path(name).name.split(".")[0] in found.stdout and "Traceback" not in found.stderr


def test_a_damaged_build_is_named_without_a_traceback(finished: Path, tmp_path: Path) -> None:
    (finished / "build.json").write_text('{"state": "do')
    for arguments in (["build", tmp_path / "recipe.yaml"], ["status", finished]):
        done = factory(*arguments, cwd=tmp_path)
        assert done.returncode == 3 and "build.json" in done.stderr and "Traceback" not in done.stderr


def test_an_output_folder_that_cannot_be_made_is_named(work: Path, endpoint: Running) -> None:
    (work / "file").write_text("")
    done = factory("build", write_recipe(work, endpoint.url), "--out", "file", cwd=work)
    assert done.returncode == 2 and "Traceback" not in done.stderr and "file" in done.stderr


def test_a_stopped_build_says_so_in_json(work: Path, endpoint: Running) -> None:
    recipe = write_recipe(work, endpoint.url)
    result = built(work, recipe, "--set", "teachers.0.budget.calls=5", code=4)
    assert result["state"] == "stopped" and result["exit_code"] == 4 and "budget" in result["error"]


def test_foreign_text_cannot_drive_a_terminal(work: Path, endpoint: Running) -> None:
    with (work / "photos.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    rows[1][4] = "evil\x1b]0;pwned\x07\x1b[31m [bold]x[/bold]"
    with (work / "photos.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    build = directory(work, built(work, write_recipe(work, endpoint.url)))
    told = factory("explain", build, "p00000", cwd=work).stdout
    assert "evil" in told and "[bold]x[/bold]" in told and "\x1b" not in told and "\x07" not in told


def test_a_notebook_with_a_running_loop_can_build(
    work: Path, endpoint: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "x")
    recipe = write_recipe(work, endpoint.url)

    async def cell() -> str:
        return package.build(recipe, out=work / "builds").state

    assert asyncio.run(cell()) == "done"
