"""Families that the engine room has never heard of: built, killed between their turns, resumed, released, read back."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from factory.store.layout import open_build
from release.read import open_release
from tests.fake_endpoint import running_endpoint
from tests.real_build import make_photos, only_build, release_digests

REPOSITORY = Path(__file__).resolve().parents[2]


def build(recipe: Path, out: Path, *, workers: int = 1) -> subprocess.CompletedProcess[str]:
    process = start(recipe, out, workers=workers)
    talked, said = process.communicate(timeout=240)
    return subprocess.CompletedProcess(process.args, process.returncode, talked, said)


def start(recipe: Path, out: Path, *, workers: int = 1) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.families", str(recipe), str(out), str(workers)],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def result_of(done: subprocess.CompletedProcess[str], *, released: bool = True) -> dict[str, Any]:
    """What a build came to; one that releases no row is no success."""
    assert done.returncode == (0 if released else 1), done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def write_names(root: Path, photos: int) -> Path:
    make_photos(root, photos)
    path = root / "names.yaml"
    path.write_text(
        "name: names\ngenerator: place_names\nsource: {kind: table, path: photos.csv, images: images}\n"
        "plan: {shard_size: 4}\nrelease: {shard_size: 5}\n"
    )
    return path


def write_views(root: Path, url: str, photos: int, *, shard_size: int = 250, keys: str = "") -> Path:
    """Every photo with its neighbour as the view from above."""
    table = pl.read_csv(make_photos(root, photos))
    above = pl.concat([table["image"][1:], table["image"][:1]]).alias("tile")
    table.with_columns(above).rename({"image": "street"}).write_csv(root / "views.csv")
    path = root / "views.yaml"
    path.write_text(
        f"""\
name: views
generator: two_views
source: {{kind: table, path: views.csv, images: images, pictures: {{ground: street, above: tile}}}}
plan: {{shard_size: {shard_size}}}
teachers:
  - {{name: t, backend: openai, model: m, base_urls: ['{url}'], attempts: 8, max_in_flight: 32, recovery_s: 20{keys}}}
verify:
  checks: [{{near_truth: {{tier: region}}}}]
  decide: {{reject: [near_truth], review: []}}
"""
    )
    return path


def test_a_family_that_asks_nobody_is_built_and_read_back(tmp_path: Path) -> None:
    recipe = write_names(tmp_path, 10)
    result = result_of(build(recipe, tmp_path / "out"))
    assert result["counts"]["decisions"] == {"accept": 10}
    assert result["counts"]["calls"] == 0
    release = open_release(only_build(tmp_path / "out") / "release")
    rows = list(release.rows("train"))
    assert [row["id"] for row in rows] == [f"p{number:05d}" for number in range(10)]
    assert release.schema.family == "place_names"
    assert all(row["messages"][-1]["content"][0]["text"] == row["city"] for row in rows)
    assert all(len(row["images"]) == 1 and row["images"][0]["bytes"][:2] == b"\xff\xd8" for row in rows)


def test_a_recipe_without_teachers_says_so_when_its_family_asks(tmp_path: Path) -> None:
    recipe = write_names(tmp_path, 1)
    recipe.write_text(recipe.read_text().replace("place_names", "two_views"))
    done = build(recipe, tmp_path / "out")
    assert done.returncode != 0
    assert "needs at least one of the role `answer`" in done.stderr


def test_a_conversation_of_two_turns_about_two_pictures_is_released(tmp_path: Path) -> None:
    with running_endpoint(tmp_path / "endpoint") as endpoint:
        recipe = write_views(tmp_path, endpoint.url, 12, shard_size=5)
        result = result_of(build(recipe, tmp_path / "out"))
        requests = endpoint.requests()
    assert len(requests) == 24
    assert sorted(request["turns"] for request in requests) == [1] * 12 + [3] * 12
    made = open_build(only_build(tmp_path / "out"))
    assert made.ledger.group_by("purpose", "turn").len().sort("turn").rows() == [("look", 0, 12), ("where", 1, 12)]
    rows = list(open_release(made.paths.release).rows("train"))
    assert len(rows) == 2 * result["counts"]["kept"] > 0
    first, second = rows[:2]
    assert second["id"] == f"{first['id']}/2"
    assert [len(row["images"]) for row in rows] == [2] * len(rows)
    assert [message["role"] for message in first["messages"]] == ["user", "assistant", "user", "assistant"]
    assert len(first["requests"]) == 2


def test_a_row_that_tells_the_truth_too_early_goes_to_people(tmp_path: Path) -> None:
    with running_endpoint(tmp_path / "endpoint") as endpoint:
        recipe = write_views(tmp_path, endpoint.url, 3)
        recipe.write_text(recipe.read_text().replace("two_views", "{name: two_views, silent: true}", 1))
        result = result_of(build(recipe, tmp_path / "out"), released=False)
    assert result["counts"]["decisions"] == {"review": 3}
    assert result["counts"]["reasons"] == {"row:tells_the_truth": 3}


def test_killed_between_its_turns_it_goes_on_with_one_call(tmp_path: Path) -> None:
    stalled = [{"kind": "slow", "first": 2, "count": 1, "latency_ms": 600_000}]
    with running_endpoint(tmp_path / "endpoint", stalled) as endpoint:
        recipe = write_views(tmp_path, endpoint.url, 1, keys=", timeout_s: 900")
        process = start(recipe, tmp_path / "out")
        endpoint.wait_for(2)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        result = result_of(build(recipe, tmp_path / "out"))
        assert endpoint.stats()["requests"] == 3, "the first turn was asked again"
    assert result["calls_now"] == 1
    keys = open_build(only_build(tmp_path / "out")).ledger["key"]
    assert len(keys) == keys.n_unique() == 2


@pytest.mark.parametrize(("workers", "shard_size"), [(2, 5), (1, 3)])
def test_rows_do_not_depend_on_workers_or_shards(tmp_path: Path, workers: int, shard_size: int) -> None:
    with running_endpoint(tmp_path / "endpoint") as endpoint:
        recipe = write_views(tmp_path, endpoint.url, 12, shard_size=5)
        result_of(build(recipe, tmp_path / "one"))
        recipe.write_text(recipe.read_text().replace("shard_size: 5", f"shard_size: {shard_size}"))
        result_of(build(recipe, tmp_path / "two", workers=workers))
    one, two = only_build(tmp_path / "one"), only_build(tmp_path / "two")
    rows = [list(open_release(made / "release").rows("train")) for made in (one, two)]
    assert rows[0] == rows[1]
    if shard_size == 5:
        assert release_digests(one) == release_digests(two)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_ten_kills_ask_no_acknowledged_turn_twice(tmp_path: Path) -> None:
    samples, in_flight, kills = 160, 32, 10
    with running_endpoint(tmp_path / "endpoint", latency_ms=100) as endpoint:
        recipe = write_views(tmp_path, endpoint.url, samples, shard_size=50)
        process = start(recipe, tmp_path / "killed")
        for kill in range(1, kills + 1):
            endpoint.wait_for(2 * samples * kill // (kills + 2))
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            process = start(recipe, tmp_path / "killed")
        _, said = process.communicate(timeout=240)
        assert process.returncode == 0, said
        calls = endpoint.stats()["requests"]
        print("calls", calls, "bound", 2 * samples + kills * in_flight)
        assert 2 * samples <= calls <= 2 * samples + kills * in_flight
        result_of(build(recipe, tmp_path / "whole"))
    killed, whole = only_build(tmp_path / "killed"), only_build(tmp_path / "whole")
    keys = open_build(killed).ledger["key"]
    assert len(keys) == keys.n_unique() == 2 * samples
    assert release_digests(killed) == release_digests(whole)


def test_a_build_waits_for_answers_that_come_later_and_goes_on(tmp_path: Path) -> None:
    box = tmp_path / "box"
    recipe = write_views(tmp_path, "http://unused", 2)
    text = recipe.read_text()
    line = next(line for line in text.splitlines() if "backend: openai" in line)
    recipe.write_text(text.replace(line, "  - {name: t, backend: postbox, model: m, path: box, budget: {calls: 4}}"))
    for turn in (1, 2):
        done = build(recipe, tmp_path / "out")
        assert done.returncode == 5, done.stderr
        result = json.loads(done.stdout.splitlines()[-1])
        assert (result["state"], result["waiting"][:40]) == ("waiting", "a batch: the answers about 2 samples com")
        assert len(list(box.iterdir())) == 2 * turn
        for posted in box.iterdir():
            if not posted.read_text():
                posted.write_text('{"localizable": true, "country": "Chad", "city": "Faya", "confidence": 0.9}')
    result = result_of(build(recipe, tmp_path / "out"), released=False)
    ledger = open_build(only_build(tmp_path / "out")).ledger
    assert ledger["status"].to_list() == ["ok"] * 4
    assert ledger.select(pl.col("prompt_tokens").sum()).item() == result["counts"]["prompt_tokens"] == 28


def test_a_family_run_again_from_its_ledger_gives_the_same_rows(tmp_path: Path) -> None:
    with running_endpoint(tmp_path / "endpoint") as endpoint:
        recipe = write_views(tmp_path, endpoint.url, 8, shard_size=5)
        result_of(build(recipe, tmp_path / "out"))
        first = only_build(tmp_path / "out")
        rows = list(open_release(first / "release").rows("train"))
        recipe.write_text(recipe.read_text().replace("shard_size: 5", "shard_size: 3"))
        again = result_of(build(recipe, tmp_path / "out"))
        assert endpoint.stats()["requests"] == 16
    assert again["calls_now"] == 0 and again["directory"] != str(first)
    assert list(open_release(Path(again["directory"]) / "release").rows("train")) == rows
