"""A build that somebody else made: no command follows its links, waits for its pipes, or shows a traceback."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import pytest

from tests.real_build import factory, only_build

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


@pytest.mark.parametrize("command", ["build", "status", "check", "report", "explain"])
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
