"""`backend: vllm` with `serve: true`: a server as long as the build runs, started again when it dies, never left over.

The command `vllm` is the fake endpoint here; tests/live has the real one.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from factory.calls.teacher import made_teachers
from factory.errors import EnvironmentFault, RecipeError
from factory.plugins.server import Server
from factory.recipe.load import load_recipe
from factory.teachers.serving import is_up, key_of, serving, vllm_program
from tests import fake_endpoint
from tests.real_build import factory_process, make_photos, only_build, start_factory, write_recipe

SAMPLES = 60


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An environment with a command `vllm`, which notes how it was started; what is left of it is killed."""
    home = tmp_path / "vllm"
    (home / "bin").mkdir(parents=True)
    program = home / "bin" / "vllm"
    program.write_text(
        f"""#!{sys.executable} -I
import json, os, subprocess, sys
home = {str(home)!r}
given = sys.argv[1:]
with open(home + "/starts.jsonl", "a") as file:
    file.write(json.dumps({{"pid": os.getpid(), "arguments": given, "environment": dict(os.environ)}}) + "\\n")
if os.path.exists(home + "/broken"):
    print("no GPU here; key", os.environ["VLLM_API_KEY"], flush=True)
    sys.exit(3)
endpoint = [sys.executable, {fake_endpoint.__file__!r}, "--port", given[given.index("--port") + 1]]
endpoint += ["--log", home + "/requests.jsonl", "--log-headers"]
plan = home + f"/plan-{{sum(1 for _ in open(home + '/starts.jsonl'))}}.json"
if os.path.exists(plan):
    endpoint += ["--plan", plan]
sys.exit(subprocess.call(endpoint, env={{"PATH": os.environ["PATH"]}}))
"""
    )
    program.chmod(0o755)
    monkeypatch.setenv("FACTORY_VLLM", str(home))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    yield home
    for start in starts(home):
        with_group(start["pid"], signal.SIGKILL)


def starts(home: Path) -> list[dict[str, Any]]:
    path = home / "starts.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def with_group(pid: int, number: int) -> bool:
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        return False
    return True


def served_recipe(root: Path, port: int, keys: str = "") -> Path:
    make_photos(root, SAMPLES)
    path = write_recipe(root, "http://127.0.0.1:1/v1")
    served = (
        f"{{name: t0, backend: vllm, model: model-0, serve: true, port: {port}, recovery_s: 60, start_s: 60{keys}}}"
    )
    lines = [f"  - {served}" if line.startswith("  - {name: t0") else line for line in path.read_text().splitlines()]
    path.write_text("\n".join(lines) + "\n")
    return path


def server(port: int, **changes: Any) -> Server:
    known: Mapping[str, Any] = {
        "name": "t0", "arguments": ("m", "--port", str(port)), "environment": {}, "port": port, "start_s": 60.0,
        "restarts": 0,
    }  # fmt: skip
    return Server(**{**known, **changes})


def test_a_build_starts_its_teacher_and_leaves_no_process(tmp_path: Path, home: Path, port: int) -> None:
    recipe = served_recipe(tmp_path, port, ", max_model_len: 4096, prefix_caching: true, cpu_kv_cache_gb: 1")
    done = factory_process("build", recipe, "--out", "served", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (start,) = starts(home)
    arguments = start["arguments"]
    assert arguments[:6] == ["serve", "model-0", "--host", "127.0.0.1", "--port", str(port)]
    assert arguments[arguments.index("--max-model-len") + 1] == "4096"
    assert "--enable-prefix-caching" in arguments
    assert start["environment"]["VLLM_CPU_KVCACHE_SPACE"] == "1"
    assert not with_group(start["pid"], 0), "the server's processes have ended"
    assert not is_up(port)
    asked = [json.loads(line) for line in (home / "requests.jsonl").read_text().splitlines()]
    keys = {line["headers"]["authorization"] for line in asked}
    assert keys == {f"Bearer {start['environment']['VLLM_API_KEY']}"}, "it asks for a key of its own"
    build = only_build(tmp_path / "served")
    secret = start["environment"]["VLLM_API_KEY"].encode()
    assert not [path for path in build.rglob("*") if path.is_file() and secret in path.read_bytes()]
    assert (build / "logs" / "vllm-t0.log").exists()


def test_the_answers_are_those_of_the_same_model_behind_an_address(tmp_path: Path, home: Path, port: int) -> None:
    recipe = served_recipe(tmp_path, port)
    done = factory_process("build", recipe, "--out", "builds", "--json", cwd=tmp_path)
    assert json.loads(done.stdout)["counts"]["calls"] == SAMPLES, done.stderr
    with fake_endpoint.running_endpoint(tmp_path / "endpoint") as endpoint:
        write_recipe(tmp_path, endpoint.url)
        again = factory_process("build", recipe, "--out", "builds", "--json", cwd=tmp_path)
        assert json.loads(again.stdout)["counts"]["answers"]["t0"], again.stderr
        assert endpoint.requests() == [], "every answer was found under its key"


def test_a_dead_engine_is_started_again_and_every_sample_gets_its_answer(tmp_path: Path, home: Path, port: int) -> None:
    recipe = served_recipe(tmp_path, port, ", restarts: 2, max_in_flight: 4")
    (home / "plan-1.json").write_text('[{"kind": "die", "first": 20}]')
    done = factory_process("build", recipe, "--out", "served", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(starts(home)) == 2
    assert "is started again" in done.stderr
    counts = json.loads(done.stdout)["counts"]
    assert sum(counts["answers"]["t0"].values()) == SAMPLES
    asked = [json.loads(line) for line in (home / "requests.jsonl").read_text().splitlines()]
    answered = [line["image"] for line in asked if line["status"] == 200]
    assert len(answered) == len(set(answered)) == SAMPLES, "no acknowledged call is paid twice"


def test_a_killed_build_takes_its_server_along(tmp_path: Path, home: Path, port: int) -> None:
    recipe = served_recipe(tmp_path, port)
    (home / "plan-1.json").write_text('[{"kind": "slow", "latency_ms": 600000}]')
    process = start_factory(["build", recipe, "--out", "killed"], cwd=tmp_path)
    while not is_up(port) or fake_endpoint.Running(port, 0).stats()["requests"] == 0:
        assert process.poll() is None, process.communicate()
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    (start,) = starts(home)
    while with_group(start["pid"], 0):
        pass  # the test's own limit of time ends it
    assert not is_up(port)


def test_a_server_that_does_not_start_is_told_with_the_end_of_its_log(tmp_path: Path, home: Path, port: int) -> None:
    (home / "broken").touch()
    said: list[str] = []
    with (
        pytest.raises(EnvironmentFault, match="did not start") as fault,
        serving([server(port, restarts=0)], tmp_path / "logs", said.append),
    ):
        raise AssertionError("it never came up")
    secret = starts(home)[0]["environment"]["VLLM_API_KEY"]
    assert any("no GPU here; key" in line for line in fault.value.args)
    assert not any(secret in line for line in (*fault.value.args, *said))
    assert key_of(port) == ""


def test_it_is_started_again_no_more_than_the_recipe_says(tmp_path: Path, home: Path, port: int) -> None:
    (home / "broken").touch()
    with pytest.raises(EnvironmentFault), serving([server(port, restarts=1)], tmp_path / "logs", lambda _: None):
        pass
    assert len(starts(home)) == 2


def test_a_port_that_is_taken_is_named(tmp_path: Path, home: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = int(taken.getsockname()[1])
        with (
            pytest.raises(EnvironmentFault, match=f"port {port} of 127.0.0.1 cannot be used"),
            serving([server(port)], tmp_path / "logs", lambda _: None),
        ):
            pass
    assert not starts(home)


def test_keys_of_the_recipe_do_not_reach_the_server(
    tmp_path: Path, home: Path, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_OTHER_KEY", "sk-canary-0123456789")
    with serving([server(port)], tmp_path / "logs", lambda _: None, hidden=("MY_OTHER_KEY",)):
        (start,) = starts(home)
    assert "MY_OTHER_KEY" not in start["environment"]


def test_arguments_of_ones_own_come_last(
    tmp_path: Path, home: Path, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACTORY_VLLM_ARGS", "--chat-template 'my template'")
    with serving([server(port)], tmp_path / "logs", lambda _: None, more=("--seed", "1")):
        (start,) = starts(home)
    assert start["arguments"][-4:] == ["--chat-template", "my template", "--seed", "1"]
    assert "FACTORY_VLLM_ARGS" not in start["environment"]


def test_builds_use_the_server_that_serve_teacher_runs(tmp_path: Path, home: Path, port: int) -> None:
    recipe = served_recipe(tmp_path, port)
    process = start_factory(["serve-teacher", recipe, "t0"], cwd=tmp_path)
    while not (tmp_path / "state" / "geo-reasoning-factory" / "teachers" / f"{port}.json").exists():
        assert process.poll() is None, process.communicate()
    done = factory_process("build", recipe, "--out", "served", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "using the server at" in done.stderr
    assert len(starts(home)) == 1
    other = factory_process("build", recipe, "--out", "other", "-s", "teachers.0.max_model_len=77", cwd=tmp_path)
    assert other.returncode == 3
    assert "is another model, or has other settings" in other.stderr
    os.kill(process.pid, signal.SIGINT)
    process.communicate()
    assert not with_group(starts(home)[0]["pid"], 0)


def test_serve_teacher_names_the_teachers_there_are(tmp_path: Path, home: Path, port: int) -> None:
    recipe = served_recipe(tmp_path, port)
    done = factory_process("serve-teacher", recipe, "other", cwd=tmp_path)
    assert (done.returncode, "no teacher `other`; it has t0" in done.stderr) == (2, True), done.stderr


def test_two_teachers_on_one_port_are_refused(tmp_path: Path, port: int) -> None:
    recipe = served_recipe(tmp_path, port)
    second = f"  - {{name: t1, backend: vllm, model: model-1, serve: true, port: {port}}}\n"
    recipe.write_text(recipe.read_text().replace("teachers:\n", f"teachers:\n{second}"))
    loaded = load_recipe(recipe)
    with pytest.raises(RecipeError, match=f"t1 and t0 would both be served on port {port}"):
        made_teachers(loaded.recipe.teachers, loaded.root)


def test_without_vllm_the_message_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FACTORY_VLLM", str(tmp_path))
    with pytest.raises(EnvironmentFault, match="there is no"):
        vllm_program()
    monkeypatch.delenv("FACTORY_VLLM")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EnvironmentFault, match="pip install vllm"):
        vllm_program()
