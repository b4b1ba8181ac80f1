"""What strangers wrote reaches a terminal as text: no control sequence, no turned writing, no markup."""

from __future__ import annotations

import contextlib
import csv
import fcntl
import io
import json
import logging
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import orjson
import polars as pl
import pytest
import yaml

from tests.fake_endpoint import running_endpoint
from tests.real_build import Done, factory, make_photos, only_build, write_recipe

ATTACK = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202e[bold red]mark[/bold red][/nope]:smile:"
"""Sets a window's title, clears the screen, colours, turns the writing, is markup that ends too often, and an emoji."""
SHOWN = "\\x1b]0;owned\\x07\\x1b[2J\\x9b31m\\u202e[bold red]mark[/bold red][/nope]:smile:"


def require_plain(done: Done, *codes: int) -> str:
    """What a command said, which is nothing but text."""
    said = done.stdout + done.stderr
    assert done.returncode in codes and "Traceback" not in said, done
    odd = sorted({letter for letter in said if not letter.isprintable() and letter != "\n"})
    assert not odd, (odd, said)
    return said


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build whose table, names and answers hold the attack."""
    folder = tmp_path_factory.mktemp("terminal")
    table = make_photos(folder, 4)
    rows = list(csv.reader(table.open(newline="")))
    with table.open("w", newline="") as file:
        csv.writer(file).writerows([rows[0], *([*row[:4], f"{row[4]} {ATTACK}", row[5]] for row in rows[1:])])
    plan = [{"kind": "bad_request", "every": 3, "message": f"refused {ATTACK}"}]
    with running_endpoint(folder / "endpoint", plan) as endpoint:
        recipe = write_recipe(folder, endpoint.url)
        require_plain(factory("build", recipe, "-s", f"description={json.dumps(ATTACK)}", cwd=folder), 0, 1)
    return folder


def test_every_command_shows_a_build_as_text(built: Path) -> None:
    build = only_build(built / "builds")
    told = [factory("explain", build, f"p{number:05d}", cwd=built) for number in range(4)]
    assert all(f"author a{number} {SHOWN}" in require_plain(done, 0) for number, done in enumerate(told))
    for number in range(4):
        done = factory("explain", build, f"p{number:05d}", "--json", cwd=built)
        require_plain(done, 0)
        assert json.loads(done.stdout)["truth"]["author"] == f"a{number} {ATTACK}"
    for command in (["status", build], ["status", build, "--json"], ["check", build], ["report", build]):
        require_plain(factory(*command, cwd=built), 0)
    for command in ("show", "check"):
        require_plain(
            factory("recipe", command, "recipe.yaml", "-s", f"description={json.dumps(ATTACK)}", cwd=built), 0
        )


def test_names_of_columns_are_text(tmp_path: Path) -> None:
    names = ["id", ATTACK, "lat"]
    with (tmp_path / "t.csv").open("w", newline="") as file:
        csv.writer(file).writerows([names, ["1", "2", "3"]])
    pl.DataFrame({name: [1.0] for name in names}).write_parquet(tmp_path / "t.parquet")
    (tmp_path / "t.jsonl").write_bytes(orjson.dumps(dict.fromkeys(names, "x")) + b"\n")
    for name in ("t.csv", "t.parquet", "t.jsonl"):
        require_plain(factory("geo", "label", name, "out.csv", cwd=tmp_path), 1, 2)
        require_plain(factory("geo", "map", name, "out.html", cwd=tmp_path), 0, 2)
        (tmp_path / "r.yaml").write_text(
            f"name: t\ngenerator: mp16_reason\nsource: {{kind: table, path: {name}}}\n"
            "teachers: [{name: a, backend: replay, path: answers.jsonl}]\n"
            "verify: {checks: [{near_truth: {tier: region}}], decide: {reject: [near_truth], review: []}}\n"
        )
        require_plain(factory("build", "r.yaml", cwd=tmp_path), 2)


@pytest.mark.parametrize("place", ["key", "deep key", "value", "generator"])
def test_a_recipes_keys_and_values_are_text(tmp_path: Path, place: str) -> None:
    recipe: dict[str, object] = {
        "name": "t",
        "generator": ATTACK if place == "generator" else "mp16_reason",
        "source": {"kind": "table", "path": ATTACK if place == "value" else "t.csv"},
        "teachers": [{"name": "a", "backend": "replay", "path": "answers.jsonl"}],
        "verify": {"checks": ["no_leak"], "decide": {"reject": ["no_leak"], "review": []}},
    }
    if place == "key":
        recipe[ATTACK] = 1
    if place == "deep key":
        recipe["release"] = {ATTACK: {ATTACK: 1}}
    (tmp_path / "r.yaml").write_text(yaml.safe_dump(recipe))
    said = require_plain(factory("build", "r.yaml", cwd=tmp_path), 2)
    assert "owned" in said, "the message does not say what is wrong"


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("build.json", {"state": ATTACK}),
        ("build.json", {"counts": {ATTACK: 1}}),
        ("build.json", {"phases": {ATTACK: {}}}),
        ("build.json", {"files": {ATTACK: "x"}}),
        ("build.json", {"factory_version": ATTACK, "layout": 0}),
        ("shards/00000/report.json", {"passing": {ATTACK: 1}}),
        ("shards/00000/report.json", {"files": {ATTACK: 7}}),
    ],
    ids=["state", "counts", "phases", "files", "version", "passing", "shard files"],
)
def test_what_a_foreign_build_says_of_itself_is_text(
    built: Path, tmp_path: Path, name: str, fields: dict[str, object]
) -> None:
    shutil.copytree(built, tmp_path, dirs_exist_ok=True)
    build = only_build(tmp_path / "builds")
    stored = orjson.loads((build / name).read_bytes())
    (build / name).write_bytes(orjson.dumps({**stored, **fields}))
    for command in (["status", build], ["check", build], ["explain", build, "p00001"], ["plan", "recipe.yaml"]):
        require_plain(factory(*command, cwd=tmp_path), 0, 1, 2, 3)


def test_whoever_holds_a_build_is_named_as_text(built: Path, tmp_path: Path) -> None:
    shutil.copytree(built, tmp_path, dirs_exist_ok=True)
    build = only_build(tmp_path / "builds")
    with (build / "lease").open("r+b") as lease:
        fcntl.flock(lease, fcntl.LOCK_EX)
        lease.truncate()
        lease.write(f"process 1 on {ATTACK}".encode())
        lease.flush()
        done = factory("build", "recipe.yaml", "-s", f"description={json.dumps(ATTACK)}", cwd=tmp_path)
        assert "owned" in require_plain(done, 3), done
        require_plain(factory("status", build, cwd=tmp_path), 0)


FORGED = "a\nall checks pass\rdone\u2028ok"
"""A name that wants to be lines of ours."""


def test_a_line_break_in_a_name_makes_no_line(tmp_path: Path) -> None:
    (tmp_path / FORGED).write_text("x")
    teachers = "teachers: [{name: a, backend: replay, path: a.jsonl}]"
    recipe = f"name: t\ngenerator: mp16_reason\n{teachers}\nverify: {{checks: [no_leak]}}\n"
    (tmp_path / "r.yaml").write_text(f"{recipe}source: {{kind: table, path: {json.dumps(FORGED)}}}\n")
    (tmp_path / "k.yaml").write_text(f"{recipe}source: {{kind: table, {json.dumps(FORGED)}: 1, path: t.csv}}\n")
    (tmp_path / "t.csv").write_text('id,"a\nall checks pass",lat\n1,2,3\n')
    for command in (
        ["check", FORGED],
        ["status", FORGED],
        ["build", FORGED],
        ["build", "r.yaml"],
        ["build", "k.yaml"],
        ["build", "k.yaml", "-s", f"{FORGED}=1"],
        [FORGED],
        ["geo", "label", FORGED, "out.csv"],
        ["geo", "label", "t.csv", "out.csv"],
        ["geo", "forward", FORGED],
    ):
        said = require_plain(factory(*command, cwd=tmp_path), 0, 1, 2)
        assert not any(line.startswith("all checks pass") for line in said.splitlines()), (command, said)


def test_a_foreign_build_s_files_make_no_line_of_a_check(built: Path, tmp_path: Path) -> None:
    shutil.copytree(built, tmp_path, dirs_exist_ok=True)
    build = only_build(tmp_path / "builds")
    (build / FORGED).write_text("x")
    done = factory("check", build, cwd=tmp_path)
    said = require_plain(done, 1)
    assert "a\\nall checks pass\\rdone\\u2028ok: is not among" in said and len(done.stdout.splitlines()) == 1


def test_what_children_write_by_themselves_is_text(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    (tmp_path / "beside.py").write_text(
        "import logging, warnings\n"
        "from tests.integration.test_terminal import ATTACK\n"
        "def says():\n"
        "    warnings.warn('a warning: ' + ATTACK)\n"
        "    logging.getLogger('x').warning('logged: ' + ATTACK)\n"
        "    raise ValueError('raised: ' + ATTACK)\n"
    )
    script.write_text(
        "from factory.processes import forkserver_context, spawn_context\n"
        "from beside import says\n"
        "if __name__ == '__main__':\n"
        "    for context in (spawn_context(), forkserver_context()):\n"
        "        child = context.Process(target=says)\n"
        "        child.start(); child.join()\n"
    )
    command = (sys.executable, str(script))
    repository = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    done = subprocess.run(
        command, cwd=tmp_path, env=repository, capture_output=True, text=True, timeout=120, check=True
    )
    assert not [letter for letter in done.stderr if not letter.isprintable() and letter != "\n"], done.stderr
    for kind in ("a warning", "logged", "raised"):
        assert done.stderr.count(f"{kind}: {SHOWN}") == 2, (kind, done.stderr)


def test_warnings_and_logs_of_libraries_are_lines_of_text(tmp_path: Path) -> None:
    from factory.cli.out import TellingHandler, show_thread_fault, show_warning

    told = io.StringIO()
    with contextlib.redirect_stderr(told):
        show_warning(UserWarning(f"{ATTACK}\nline"), UserWarning, "f.py", 1)
        record = logging.LogRecord("x", logging.WARNING, "f.py", 1, "%s", (f"{ATTACK}\nline",), None)
        TellingHandler().emit(record)
        show_thread_fault(threading.ExceptHookArgs((ValueError, ValueError(ATTACK), None, None)))
    assert told.getvalue() == f"UserWarning: {SHOWN}\\nline\n{SHOWN}\\nline\nValueError: {SHOWN}\n"


def test_names_of_files_are_text(tmp_path: Path) -> None:
    name = ATTACK.replace("/", "|")
    (tmp_path / name).write_text("x")
    for command in (["check", name], ["status", name], ["build", name], ["check", "a", name], [name], ["geo", name]):
        assert "owned" in require_plain(factory(*command, cwd=tmp_path), 2)
    assert "owned" in require_plain(factory("geo", "forward", name, cwd=tmp_path), 0, 1)
