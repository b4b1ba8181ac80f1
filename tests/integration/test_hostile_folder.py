"""Commands started in a folder of somebody else's: nothing that lies there is run."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
RECIPE = REPOSITORY / "recipes" / "mp16_reason.yaml"
OURS = ("factory", "release", "schemas", "recipes", "annotation", "train", "tests", "sitecustomize", "usercustomize")
CANARY = """
with open({place!r}, "a") as file:
    file.write({name!r} + "\\n")
raise ImportError({name!r})
"""
SCRIPT = """
import sys
import factory
import beside

if __name__ == "__main__":
    beside.build(sys.argv[1], sys.argv[2])
"""
BESIDE = """
import factory

def build(recipe, out):
    factory.build(recipe, overrides=("plan.limit=12", "plan.shard_size=6"), out=out, workers=2)
"""


def trap(folder: Path, names: set[str]) -> Path:
    """Puts a module of every name into `folder`; which of them were run stands in the file that is returned."""
    folder.mkdir()
    canary = folder.parent / "canary"
    for name in names:
        (folder / f"{name}.py").write_text(CANARY.format(place=str(canary), name=name))
    return canary


def every_name() -> set[str]:
    """The standard library, what is installed here, and ours."""
    installed = {name for name in packages_distributions() if name.isidentifier()}
    return set(sys.stdlib_module_names) | installed | set(OURS)


def environment() -> dict[str, str]:
    """This process's, with the repository's own packages and nothing that makes paths safe already."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    return {**kept, "PYTHONPATH": str(REPOSITORY)}


def run_in(folder: Path, *command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command], cwd=folder, env=environment(), capture_output=True, text=True, timeout=240
    )


def build_command(out: Path) -> list[str | Path]:
    """A build in two worker processes, each with a decoder of its own."""
    return ["build", RECIPE, "--workers", "2", "--out", out, "-s", "plan.limit=12", "-s", "plan.shard_size=6"]


def test_the_trap_catches_plain_python(tmp_path: Path) -> None:
    canary = trap(tmp_path / "foreign", {"socket"})
    assert run_in(tmp_path / "foreign", sys.executable, "-c", "import socket").returncode == 1
    assert canary.read_text() == "socket\n"


@pytest.mark.parametrize("entry", [["factory"], [sys.executable, "-P", "-m", "factory"]], ids=["script", "python -P"])
def test_a_build_runs_no_module_of_the_working_folder(tmp_path: Path, entry: list[str]) -> None:
    canary = trap(tmp_path / "foreign", every_name())
    command = [str(Path(sys.executable).with_name("factory"))] if entry == ["factory"] else entry
    done = run_in(tmp_path / "foreign", *command, *build_command(tmp_path / "out"))
    assert not canary.exists(), canary.read_text()
    assert done.returncode == 0, done.stderr


def test_python_m_takes_from_the_working_folder_only_what_it_loads_before_our_first_line(tmp_path: Path) -> None:
    first = f"import sys, runpy; sys.path.insert(0, {str(REPOSITORY)!r}); import factory; print(*sys.modules)"
    loaded = run_in(tmp_path, sys.executable, "-P", "-c", first).stdout.split()
    canary = trap(tmp_path / "foreign", every_name() - {name.partition(".")[0] for name in loaded})
    done = run_in(tmp_path / "foreign", sys.executable, "-m", "factory", *build_command(tmp_path / "out"))
    assert not canary.exists(), canary.read_text()
    assert done.returncode == 0, done.stderr


def test_a_script_that_builds_finds_what_lies_beside_it_and_nothing_of_the_working_folder(tmp_path: Path) -> None:
    canary = trap(tmp_path / "foreign", every_name() | {"beside"})
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    (scripts / "run.py").write_text(SCRIPT)
    (scripts / "beside.py").write_text(BESIDE)
    done = run_in(tmp_path / "foreign", sys.executable, scripts / "run.py", RECIPE, tmp_path / "out")
    assert not canary.exists(), canary.read_text()
    assert done.returncode == 0, done.stderr


def test_python_without_its_environment_is_refused_by_name(tmp_path: Path) -> None:
    """`-E` hides from children what would keep them safe."""
    code = f"import sys; sys.path.insert(0, {str(REPOSITORY)!r}); from factory.processes import spawn_context as s; s()"
    done = run_in(tmp_path, sys.executable, "-E", "-c", code)
    assert done.returncode == 1 and "start it with -I" in done.stderr
    assert run_in(tmp_path, sys.executable, "-I", "-c", code).returncode == 0
