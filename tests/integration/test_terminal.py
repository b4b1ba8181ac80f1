"""What strangers wrote reaches a terminal as text: no control sequence, no turned writing, no markup."""

from __future__ import annotations

import csv
import fcntl
import json
import shutil
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


def test_names_of_files_are_text(tmp_path: Path) -> None:
    name = ATTACK.replace("/", "|")
    (tmp_path / name).write_text("x")
    for command in (["check", name], ["status", name], ["build", name], ["check", "a", name], [name], ["geo", name]):
        assert "owned" in require_plain(factory(*command, cwd=tmp_path), 2)
    assert "owned" in require_plain(factory("geo", "forward", name, cwd=tmp_path), 0, 1)
