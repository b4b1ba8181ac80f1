"""The `factory` command as users meet it: exit codes, messages, resuming, one writer, no secret anywhere."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from factory.store.layout import open_build
from tests.fake_endpoint import Running, running_endpoint
from tests.real_build import (
    COMMAND,
    factory,
    factory_process,
    make_photos,
    only_build,
    release_digests,
    start_factory,
    write_recipe,
)

SAMPLES = 40


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("photos")
    make_photos(root, SAMPLES)
    return root


@pytest.fixture
def work(photos: Path, tmp_path: Path) -> Path:
    for name in ("images", "photos.csv"):
        (tmp_path / name).symlink_to(photos / name)
    return tmp_path


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[Running]:
    with running_endpoint(tmp_path / "endpoint") as running:
        yield running


def test_a_file_where_a_folder_is_meant_is_a_fault_of_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    for words in (("demo", "--out", "a"), ("demo", "--copy", "a/b"), ("demo", "--copy", "a")):
        done = factory(*words, cwd=tmp_path)
        assert done.returncode == 2 and "folder" in done.stderr.splitlines()[-1], done


def built(work: Path, recipe: Path, *options: str) -> dict[str, object]:
    done = factory("build", recipe, "--json", *options, cwd=work)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1, "standard output holds one line of JSON and nothing else"
    result: dict[str, object] = json.loads(done.stdout)
    return result


@pytest.fixture(scope="module")
def built_once(photos: Path) -> Path:
    """The recipe's finished build, made once."""
    with running_endpoint(photos / "endpoint") as endpoint:
        return photos / str(built(photos, write_recipe(photos, endpoint.url))["directory"])


@pytest.fixture
def finished(built_once: Path, tmp_path: Path) -> Path:
    """A copy of a finished build, to damage or to look at."""
    return shutil.copytree(built_once, tmp_path / "builds" / built_once.name)


def test_a_build_tells_what_it_did_in_one_line_of_json(work: Path, endpoint: Running) -> None:
    result = built(work, write_recipe(work, endpoint.url))
    assert result["calls_now"] == len(endpoint.requests()) == SAMPLES
    counts = result["counts"]
    assert isinstance(counts, dict)
    assert counts["planned"] == sum(counts["decisions"].values()) == SAMPLES
    assert counts["kept"] == sum(counts["splits"].values()) > 0
    assert counts["prompt_tokens"] > 0
    assert (Path(work) / str(result["directory"]) / "report.html").exists()


def test_a_finished_build_makes_no_call(work: Path, endpoint: Running) -> None:
    recipe = write_recipe(work, endpoint.url)
    first = built(work, recipe)
    again = built(work, recipe)
    assert (again["calls_now"], again["directory"]) == (0, first["directory"])
    assert len(endpoint.requests()) == SAMPLES


def test_a_changed_threshold_is_a_new_build_without_a_call(work: Path, endpoint: Running) -> None:
    recipe = write_recipe(work, endpoint.url)
    first = built(work, recipe)
    second = built(work, recipe, "--set", "verify.checks.near_truth.tier=street")
    assert second["directory"] != first["directory"]
    assert second["calls_now"] == 0
    assert len(endpoint.requests()) == SAMPLES
    assert second["counts"]["reused"] == SAMPLES  # type: ignore[index]


def test_a_changed_model_asks_only_that_teacher_again(work: Path, endpoint: Running) -> None:
    recipe = write_recipe(work, endpoint.url, teachers=2)
    built(work, recipe)
    assert built(work, recipe, "--set", "teachers.t1.model=model-9")["calls_now"] == SAMPLES


def test_the_release_is_the_same_for_any_number_of_workers(work: Path, endpoint: Running) -> None:
    recipe = write_recipe(work, endpoint.url)
    digests = []
    for workers in ("1", "3"):
        built(work, recipe, "--workers", workers, "--out", f"out{workers}", "--set", "plan.shard_size=7")
        digests.append(release_digests(only_build(work / f"out{workers}")))
    assert digests[0] == digests[1]


def test_quarantined_rows_above_the_limit_end_with_1(work: Path) -> None:
    with running_endpoint(work / "endpoint", [{"kind": "empty", "every": 2}]) as endpoint:
        recipe = write_recipe(work, endpoint.url, teacher_keys=", bad_answer: {retries: 0}")
        done = factory("build", recipe, "--json", cwd=work)
    assert done.returncode == 1, done.stderr
    assert json.loads(done.stdout)["counts"]["reasons"]["teachers:empty"] == SAMPLES // 2


def test_a_bad_recipe_ends_with_2_and_no_traceback(work: Path) -> None:
    recipe = write_recipe(work, "http://127.0.0.1:1/v1")
    done = factory("build", recipe, "--set", "teachers.0.temprature=0.2", cwd=work)
    assert done.returncode == 2
    assert "unknown key `temprature` (did you mean `sampling.temperature`?)" in done.stderr
    assert "Traceback" not in done.stderr and not (work / "builds").exists()


@pytest.mark.parametrize("arguments", [["build"], ["build", "absent.yaml"], ["explain", ".", "x"], ["no-such-command"]])
def test_bad_usage_ends_with_2(work: Path, arguments: list[str]) -> None:
    done = factory(*arguments, cwd=work)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_key_ends_with_3_and_names_the_variable(work: Path) -> None:
    recipe = write_recipe(work, "https://api.openai.com/v1")
    done = factory("build", recipe, cwd=work, env={"OPENAI_API_KEY": ""})
    assert done.returncode == 3, done.stderr
    assert "OPENAI_API_KEY" in done.stderr and "Traceback" not in done.stderr


def test_an_endpoint_that_is_away_ends_with_3(work: Path) -> None:
    recipe = write_recipe(work, "http://127.0.0.1:9/v1")
    done = factory("build", recipe, "--set", "teachers.0.recovery_s=1", cwd=work)
    assert done.returncode == 3, done.stderr
    assert "127.0.0.1:9" in done.stderr and "Traceback" not in done.stderr


def test_a_spent_budget_ends_with_4_and_a_larger_one_goes_on(work: Path, endpoint: Running) -> None:
    recipe = write_recipe(work, endpoint.url)
    stopped = factory("build", recipe, "--set", "teachers.0.budget.calls=15", cwd=work)
    assert stopped.returncode == 4, stopped.stderr
    assert "budget" in stopped.stderr and len(endpoint.requests()) == 15
    assert built(work, recipe, "--set", "teachers.0.budget.calls=1000")["calls_now"] == SAMPLES - 15
    assert len(endpoint.requests()) == SAMPLES


def test_ctrl_c_ends_with_130_and_the_same_command_goes_on(work: Path) -> None:
    with running_endpoint(work / "endpoint", latency_ms=400) as endpoint:
        recipe = write_recipe(work, endpoint.url)
        recipe.write_text(recipe.read_text().replace("max_in_flight: 32", "max_in_flight: 2"))
        process = start_factory(["build", recipe], cwd=work)
        while len(endpoint.requests()) < 6:
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)
        talk = process.communicate(timeout=30)[1]
        assert process.returncode == 130, talk
        assert "goes on where it stopped" in talk and "Traceback" not in talk
        made = len(endpoint.requests())
        built(work, recipe)
        assert len(endpoint.requests()) <= SAMPLES + 2, f"{made} calls before Ctrl-C"


def test_a_second_build_of_one_directory_is_refused_naming_the_first(work: Path) -> None:
    with running_endpoint(work / "endpoint", latency_ms=1500) as endpoint:
        recipe = write_recipe(work, endpoint.url)
        process = start_factory(["build", recipe], cwd=work)
        while not endpoint.requests():
            time.sleep(0.05)
        second = factory("build", recipe, cwd=work)
        process.communicate(timeout=60)
    assert second.returncode == 3
    assert f"is in use by process {process.pid}" in second.stderr


def test_a_full_disk_stops_cleanly_and_the_build_resumes(work: Path, endpoint: Running) -> None:
    def small_files() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))

    recipe = write_recipe(work, endpoint.url)
    stopped = factory_process("build", recipe, cwd=work, preexec_fn=small_files)
    assert stopped.returncode == 3, stopped.stderr
    assert "Traceback" not in stopped.stderr
    calls = len(endpoint.requests())
    result = built(work, recipe)
    assert len(endpoint.requests()) == calls + int(str(result["calls_now"]))
    whole = built(work, recipe, "--out", "whole")
    assert release_digests(only_build(work / "whole")) == release_digests(work / str(result["directory"]))
    assert whole["counts"]["kept"] == result["counts"]["kept"]  # type: ignore[index]


@pytest.mark.parametrize(
    "name",
    ["answers.parquet", "verdicts.parquet", "images.tar", "ledger.parquet", "plan.parquet", "*.tar", "train-*.parquet"],
)
def test_one_flipped_byte_is_found_and_the_file_named(finished: Path, name: str) -> None:
    assert factory("check", finished, cwd=finished).returncode == 0
    damaged = sorted(finished.rglob(name))[0]
    data = bytearray(damaged.read_bytes())
    data[len(data) // 2] ^= 0x10
    damaged.write_bytes(bytes(data))
    found = factory("check", finished, cwd=finished)
    assert found.returncode == 1
    assert damaged.name in found.stdout and "Traceback" not in found.stderr


def test_a_release_alone_is_checked_too(finished: Path, tmp_path: Path) -> None:
    moved = (finished / "release").rename(tmp_path / "published")
    sound = factory("check", moved, cwd=tmp_path)
    assert (sound.returncode, sound.stdout) == (0, ""), sound.stdout
    (moved / "LICENSE-DATA.md").write_text("all yours")
    found = factory("check", moved, cwd=tmp_path)
    assert found.returncode == 1 and "LICENSE-DATA.md" in found.stdout


@pytest.mark.parametrize("arguments", [["check", "images"], ["verify", "images"]])
def test_what_cannot_be_checked_ends_with_2(work: Path, arguments: list[str]) -> None:
    done = factory(*arguments, cwd=work)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "neither a build" in done.stderr or "factory check images" in done.stderr


def test_no_secret_reaches_a_byte_of_the_build_or_the_output(work: Path, endpoint: Running) -> None:
    recipe = write_recipe(work, endpoint.url, teacher_keys=", api_key_env: OPENAI_API_KEY")
    done = factory_process("build", recipe, cwd=work)
    assert done.returncode == 0, done.stderr
    assert any("sk-canary" in json.dumps(request) for request in endpoint.requests()), "the endpoint got the key"
    assert "sk-canary" not in done.stdout + done.stderr
    for path in only_build(work / "builds").rglob("*"):
        assert not path.is_file() or b"sk-canary" not in path.read_bytes(), path


def test_plan_foresees_calls_without_making_one(work: Path, endpoint: Running) -> None:
    recipe = write_recipe(work, endpoint.url)
    before = json.loads(factory("plan", recipe, "--json", cwd=work).stdout)
    assert (before["samples"], before["teachers"][0]["calls"], before["teachers"][0]["cost"]) == (
        SAMPLES,
        SAMPLES,
        None,
    )
    built(work, recipe)
    priced = ["--set", "teachers.0.prices={input_per_million: 2, output_per_million: 6}", "--set", "images.max_side=64"]
    after = json.loads(factory("plan", recipe, "--json", *priced, cwd=work).stdout)
    assert any("images.max_side: 1024 → 64" in cause for cause in after["causes"])
    assert len(endpoint.requests()) == SAMPLES


def test_status_and_explain_tell_the_story(finished: Path) -> None:
    status = json.loads(factory("status", finished, "--json", cwd=finished).stdout)
    assert (status["state"], status["running"], status["samples_done"]) == ("done", False, SAMPLES)
    assert status["spent"]["t0"]["calls"] == SAMPLES
    story = json.loads(factory("explain", finished, "p00003", "--json", cwd=finished).stdout)
    assert story["id"] == "p00003" and story["calls"][0]["http_calls"] == 1 and len(story["checks"]) == 3
    missing = factory("explain", finished, "p0000x", cwd=finished)
    assert missing.returncode == 2 and "near: p000" in missing.stderr


def test_a_build_opens_as_polars_frames(finished: Path) -> None:
    build = open_build(finished)
    assert build.plan.height == build.verdicts.height == build.ledger.height == SAMPLES
    assert build.image(0, 3)[:2] == b"\xff\xd8"


@pytest.mark.parametrize("command", [["--version"], ["recipe", "schema"]])
def test_output_that_cannot_be_written_is_said_and_output_that_nobody_reads_is_not(command: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run([*COMMAND, *command], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (3, "the output: No space left on device\n")
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([*COMMAND, *command], stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (1, "")
