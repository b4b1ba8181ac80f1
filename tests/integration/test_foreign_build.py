"""A build that somebody else made: no command follows its links, waits for its pipes, or shows a traceback."""

from __future__ import annotations

import json
import os
import shutil
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.real_build import KEY, factory, factory_process, make_photos, only_build, write_recipe

RECIPE = Path(__file__).resolve().parents[2] / "recipes" / "mp16_reason.yaml"
SMALL = ("-s", "plan.limit=12", "-s", "plan.shard_size=6", "--workers", "1")
NAMES = (
    "lease",
    "build.json",
    "recipe.lock.yaml",
    "plan.parquet",
    "verified.json",
    "report.html",
    "report.html.tmp",
    "build.log",
    "budget.sqlite",
    "answered.sqlite",
    "release",
    "release.tmp",
    "review",
    "shards",
    "shards/00000",
    "shards/00000/lease",
    "shards/00000/progress",
    "shards/00000/ledger.sqlite",
    "shards/00000/ledger.sqlite-wal",
    "shards/00000/images.tar",
    "shards/00000/answers.parquet",
    "shards/00000/report.json",
)
"""Where the factory writes, or wrote once under a name that could be foreseen."""
READ = ("build.json", "lease", "plan.parquet", "shards/00000/report.json", "shards/00000/images.tar")


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    done = factory("build", RECIPE, *SMALL, cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def foreign(made_once: Path, tmp_path: Path) -> Path:
    """The build in a copy of that folder, to prepare."""
    shutil.copytree(made_once, tmp_path, dirs_exist_ok=True)
    return only_build(tmp_path / "builds")


def put(build: Path, name: str, kind: str, target: Path) -> Path:
    """A link or a pipe in the place of a file or folder of the build."""
    path = build / name
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "link":
        path.symlink_to(target)
    else:
        os.mkfifo(path)
    return path


@pytest.mark.parametrize("begun", [True, False], ids=["finished", "just begun"])
def test_a_build_with_links_is_refused_and_what_they_lead_to_stays(foreign: Path, tmp_path: Path, begun: bool) -> None:
    if not begun:
        for path in foreign.iterdir():
            if path.name != "build.json":
                shutil.rmtree(path) if path.is_dir() else path.unlink()
    kept = shutil.copytree(foreign, tmp_path / "kept")
    victim, folder = tmp_path / "victim", tmp_path / "folder"
    folder.mkdir()
    for name in NAMES if begun else ("lease", "budget.sqlite", "shards", "shards/00000/lease", "release.tmp"):
        victim.write_text("keep")
        put(foreign, name, "link", folder if "." not in name and kept.joinpath(name).is_dir() else victim)
        done = factory("build", RECIPE, *SMALL, cwd=tmp_path)
        assert done.returncode == 3 and f"{name}: is a symbolic link" in done.stderr, (name, done)
        assert victim.read_text() == "keep" and not list(folder.iterdir()), name
        shutil.rmtree(foreign)
        shutil.copytree(kept, foreign)


LOOKING = ("rows", "errors", "logs", "graph")


@pytest.mark.parametrize("command", ["build", "status", "check", "report", "explain", *LOOKING])
def test_no_command_waits_for_a_pipe(foreign: Path, tmp_path: Path, command: str) -> None:
    kept = shutil.copytree(foreign, tmp_path / "kept")
    arguments = {"build": (RECIPE, *SMALL), "explain": (foreign, "x")}.get(command, (foreign,))
    for name in READ:
        put(foreign, name, "pipe", tmp_path)
        done = factory(command, *arguments, cwd=tmp_path)
        assert done.returncode in ((2,) if name == "build.json" and command != "build" else (1, 3)), (name, done)
        assert name in done.stdout + done.stderr and "Traceback" not in done.stderr, (name, done)
        shutil.rmtree(foreign)
        shutil.copytree(kept, foreign)


def test_a_folder_of_builds_is_listed_and_cleaned_around_one_with_links(foreign: Path, tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("keep")
    for name, kind in (("build.log", "pipe"), ("shards/00000/images.tar", "link"), ("release", "link")):
        put(foreign, name, kind, tmp_path / "victim")
    (foreign.parent / "linked-00000000").symlink_to(foreign)
    listed = factory("builds", foreign.parent, cwd=tmp_path)
    assert listed.returncode == 1 and "damaged" in listed.stdout and "linked-" not in listed.stdout, listed
    cleaned = factory("clean", foreign.parent, "--yes", "--paid", cwd=tmp_path)
    assert cleaned.returncode == 0 and "nothing can go" in cleaned.stderr and foreign.exists(), cleaned
    assert (tmp_path / "victim").read_text() == "keep"


@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_a_log_that_is_none_is_not_followed_nor_waited_for(foreign: Path, tmp_path: Path, kind: str) -> None:
    (tmp_path / "victim").write_text("keep")
    put(foreign, "build.log", kind, tmp_path / "victim")
    for command in (("logs", foreign), ("build", RECIPE, *SMALL)):
        done = factory(*command, cwd=tmp_path)
        assert done.returncode == 3 and "build.log: is a" in done.stderr and "Traceback" not in done.stderr, done
    assert (tmp_path / "victim").read_text() == "keep"


def test_an_earlier_build_with_a_pipe_or_a_link_lends_nothing(foreign: Path, tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("keep")
    put(foreign, "shards/00000/images.tar", "pipe", tmp_path)
    put(foreign, "shards/00001/images.tar", "link", tmp_path / "victim")
    done = factory("build", RECIPE, *SMALL, "-s", "verify.checks.near_truth.radius_km=30", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "victim").read_text() == "keep"


def test_a_build_is_its_owners_alone_and_its_release_as_the_umask_says(made_once: Path) -> None:
    build = only_build(made_once / "builds")
    os.umask(umask := os.umask(0))
    for path in build.rglob("*"):
        mode = stat.S_IMODE(path.stat().st_mode)
        if "release" in path.parts:
            assert mode == (0o777 if path.is_dir() else 0o666) & ~umask, path
        else:
            assert mode == (0o700 if path.is_dir() else 0o600), path


def change(build: Path, name: str, **fields: Any) -> None:
    """Other values in a JSON file of the build."""
    stored = json.loads((build / name).read_text())
    (build / name).write_text(json.dumps({**stored, **fields}))


FORGERIES: dict[str, tuple[Callable[[Path], object], str]] = {
    "report replaced": (lambda build: (build / "report.html").write_text("<p>all is well"), "report.html"),
    "report deleted": (lambda build: (build / "report.html").unlink(), "report.html: missing"),
    "build.json flipped": (lambda build: change(build, "build.json", profile="other"), "build.json: differs"),
    "state put back": (lambda build: change(build, "build.json", state="working"), "build.json: differs"),
    "no files noted": (lambda build: change(build, "build.json", files={}), "plan.parquet: build.json has no digest"),
    "no files noted in a shard": (
        lambda build: change(build, "shards/00001/report.json", files={}),
        "shards/00001/answers.parquet: report.json has no digest",
    ),
    "an extra shard": (
        lambda build: shutil.copytree(build / "shards" / "00000", build / "shards" / "00002"),
        "shards/00002: is not among what was written",
    ),
    "a shard less": (lambda build: shutil.rmtree(build / "shards" / "00001"), "shards/00001/report.json: missing"),
    "fewer shards said": (
        lambda build: change(
            build, "build.json", counts={**json.loads((build / "build.json").read_text())["counts"], "shards": 1}
        ),
        "build.json: differs",
    ),
    "an extra file": (lambda build: (build / "notes.txt").write_text("x"), "notes.txt: is not among"),
    "an extra file in a shard": (
        lambda build: (build / "shards" / "00000" / "ledger.sqlite").write_text("x"),
        "ledger.sqlite: is not among",
    ),
    "decisions that nobody built with": (
        lambda build: (
            (build / "review").mkdir(),
            (build / "review" / "decisions.parquet").write_bytes(b"x"),
        ),
        "decisions.parquet: differs",
    ),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_check_finds_what_is_not_as_it_was_written(foreign: Path, tmp_path: Path, forgery: str) -> None:
    forge, fault = FORGERIES[forgery]
    forge(foreign)
    done = factory("check", foreign, cwd=tmp_path)
    assert done.returncode == 1 and fault in done.stdout and "Traceback" not in done.stderr, done


def test_check_finds_a_whole_build_sound_also_after_its_report_was_written_again(foreign: Path, tmp_path: Path) -> None:
    for command in ("check", "report", "check"):
        done = factory(command, foreign, cwd=tmp_path)
        assert done.returncode == 0, done
    again = factory("build", RECIPE, *SMALL, cwd=tmp_path)
    assert again.returncode == 0 and factory("check", foreign, cwd=tmp_path).returncode == 0, again


ODD = [
    ("build.json", {"state": ["done"]}, "state"),
    ("build.json", {"counts": [1]}, "counts"),
    ("build.json", {"counts": {"shards": 10**15}}, "counts.shards"),
    ("build.json", {"counts": {"shards": -1}}, "counts.shards"),
    ("build.json", {"counts": {"decisions": {"accept": "many"}}}, "counts.decisions.accept"),
    ("build.json", {"phases": {"plan": "done"}}, "phases.plan"),
    ("build.json", {"seconds": "1"}, "seconds"),
    ("build.json", {"files": {"plan.parquet": 7}}, "files.plan.parquet"),
    ("build.json", {"released": []}, "released"),
    ("build.json", {"identity": None}, "identity"),
    ("shards/00000/report.json", {"samples": "6"}, "samples"),
    ("shards/00000/report.json", {"samples": -6}, "samples"),
    ("shards/00000/report.json", {"files": ["x"]}, "files"),
    ("shards/00000/report.json", {"taken_from": {"x": 1}}, "taken_from"),
    ("shards/00000/report.json", {"passing": {"x": None}}, "passing.x"),
]


@pytest.mark.parametrize(("name", "fields", "key"), ODD, ids=[f"{name} {key}" for name, _, key in ODD])
def test_values_of_another_kind_are_named_with_their_place(
    foreign: Path, tmp_path: Path, name: str, fields: dict[str, Any], key: str
) -> None:
    change(foreign, name, **fields)
    looking = [[command, foreign] for command in ("check", "status", "report", *LOOKING)]
    looking += [[command, foreign.parent] for command in ("builds", "clean")]
    for command in (*looking, ["build", RECIPE, *SMALL, "--retry"]):
        done = factory(*command, cwd=tmp_path)
        said = done.stdout + done.stderr
        assert "Traceback" not in said and done.returncode in (0, 1, 3), (command, done)
        if command[0] == "clean":
            assert "nothing can go" in said, "what cannot be read is nobody's to throw away"
        elif command[0] == "check" or name == "build.json":
            assert f"`{key}" in said and name in said and done.returncode in (1, 3), (command, done)


KINDS = {
    "response": pa.array([Decimal("1.5")]),
    "usage": pa.array([{"prompt_tokens": timedelta(1)}]),
    "id": pa.array([datetime(2026, 1, 1, tzinfo=UTC)]),
    "raw": pa.array([{"country": [b"x"]}]),
}
"""Columns of a recording, and values of which no answer can be made: decimals, durations, times, bytes inside."""


def test_a_recording_of_values_that_are_no_json_is_refused_with_its_column(tmp_path: Path) -> None:
    make_photos(tmp_path, 1)
    recipe = write_recipe(tmp_path, "http://127.0.0.1:9/v1")
    teacher = ("-s", "teachers=[{name: t0, backend: replay, path: said.parquet}]")
    for column, values in KINDS.items():
        pq.write_table(pa.table({"id": ["p00000"], "response": ["{}"]} | {column: values}), tmp_path / "said.parquet")
        done = factory("build", recipe, *teacher, cwd=tmp_path)
        assert done.returncode == 2 and f"said.parquet: column `{column}`: expected" in done.stderr, (column, done)
        assert "Traceback" not in done.stderr


def test_a_table_that_leads_into_the_kernel_shows_nothing_of_the_environment(tmp_path: Path) -> None:
    """The message about a table names its columns: here they would be variables, keys among them."""
    (tmp_path / "photos.csv").symlink_to("/proc/self/environ")
    (tmp_path / "r.yaml").write_text(
        "name: t\ngenerator: mp16_reason\nsource: {kind: table, path: photos.csv}\n"
        "teachers: [{name: a, backend: replay, path: said.jsonl}]\n"
        "verify: {checks: [{near_truth: {tier: region}}], decide: {reject: [near_truth], review: []}}\n"
    )
    for command in (("plan", "r.yaml"), ("build", "r.yaml"), ("geo", "label", "photos.csv", "out.csv")):
        done = factory_process(*command, cwd=tmp_path)
        assert done.returncode == 2 and "photos.csv: is the system's own" in done.stderr, done
        assert KEY not in done.stderr + done.stdout and "PATH=" not in done.stderr + done.stdout


@pytest.mark.parametrize("name", ["pipe.csv", "pipe.parquet", "pipe.jsonl"])
def test_no_command_waits_for_a_pipe_in_place_of_its_input(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    (tmp_path / "r.yaml").write_text(
        "name: t\ngenerator: mp16_reason\nsource: {kind: table, path: photos.csv}\n"
        "teachers: [{name: a, backend: replay, path: answers.jsonl}]\n"
        "verify: {checks: [{near_truth: {tier: region}}], decide: {reject: [near_truth], review: []}}\n"
    )
    (tmp_path / "photos.csv").write_text("id,image,lat,lon\na,a.jpg,1,2\n")
    (tmp_path / "answers.jsonl").write_text("")
    benchmark = f"select=[{{decontaminate: {{benchmarks: [{{name: b, table: {name}}}]}}}}]"
    (tmp_path / "r2.yaml").symlink_to(name)
    for command in (
        ["recipe", "check", name],
        ["recipe", "check", "r2.yaml"],
        ["build", "r.yaml", "-s", f"source.path={name}"],
        ["build", "r.yaml", "-s", f"teachers.0.path={name}"],
        ["build", "r.yaml", "-s", benchmark],
        ["geo", "label", name, "out.csv"],
        ["check", name],
    ):
        done = factory(*command, cwd=tmp_path)
        assert done.returncode == 2 and (name in done.stderr or "r2.yaml" in done.stderr), (command, done)
        assert "Traceback" not in done.stderr
