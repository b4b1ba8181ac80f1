"""README's lines of Python as people use them: a script without a guard, standard input, a notebook; with processes."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pages import blocks, page
from tests.unit.recipe.test_load import SHIPPED

(CODE,) = [block for block in blocks(page("README.md"), "python") if "factory.build" in block]
FEW = 'overrides=["plan.limit=6", "plan.shard_size=2", "verify.checks.localizable.min_confidence=0"], workers=2'
AS_ROWS = '\nprint("rows", [frame.height for frame in frames])\n'
NOTEBOOK = "import asyncio, sys\nasync def cell():\n    exec(sys.stdin.read(), globals())\nasyncio.run(cell())\n"
"""A notebook's `__main__` has no file, and its cells run while a loop of events does."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the shipped recipe, as README names it."""
    shutil.copytree(SHIPPED.parent / "demo", tmp_path / "recipes" / "demo")
    shutil.copy(SHIPPED, tmp_path / "recipes")
    return tmp_path


def run(folder: Path, arguments: list[str], stdin: str = "") -> str:
    done = subprocess.run(
        [sys.executable, *arguments], input=stdin, capture_output=True, text=True, timeout=240, cwd=folder, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def few(code: str = CODE) -> str:
    """README's lines on six samples in three shards, so that they are shared by processes."""
    return code.replace('mp16_reason.yaml")', f'mp16_reason.yaml", {FEW})') + AS_ROWS


def test_a_script_without_a_guard_runs_once_and_its_processes_know_the_check_that_it_imports(folder: Path) -> None:
    (folder / "signed.py").write_text(PLUGIN)
    (folder / "mine.py").write_text('import signed\nprint("begun")\n' + with_signed(""))
    told = run(folder, ["mine.py"]).splitlines()
    assert told[0] == "begun" and told.count("begun") == 1
    assert told[-1].startswith("rows [6, 6, 6, ")


@pytest.mark.parametrize("arguments", [["-"], ["-c", NOTEBOOK]], ids=["standard input", "notebook"])
def test_without_a_file_it_runs_too(folder: Path, arguments: list[str]) -> None:
    assert run(folder, arguments, few()).splitlines()[-1].startswith("rows [6, 6, 6, ")


PLUGIN = blocks(page("README.md"), "python")[1]


def with_signed(import_line: str) -> str:
    """A script that builds with README's check."""
    code = few().replace("workers=2", 'workers=2, profile="demo"')
    return import_line + code.replace('"verify.checks.localizable.min_confidence=0"', '"verify={checks: [signed]}"')


def test_a_script_that_registers_a_check_itself_is_told_what_to_do(folder: Path) -> None:
    (folder / "mine.py").write_text(PLUGIN + with_signed(""))
    done = subprocess.run(
        [sys.executable, "mine.py"], capture_output=True, text=True, timeout=240, cwd=folder, check=False
    )
    assert done.returncode == 1
    assert "mine.py, which registers a plug-in: move the plug-in into a module of its own" in done.stderr


def test_a_check_in_a_notebook_is_refused_before_a_process_is_started(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-"],
        input=PLUGIN + with_signed(""),
        capture_output=True,
        text=True,
        timeout=240,
        cwd=folder,
        check=False,
    )
    assert "a plug-in is registered in a notebook or on standard input" in done.stderr


def test_a_guarded_script_with_its_own_check_builds(folder: Path) -> None:
    code = with_signed("").replace("import factory\n", "")
    guarded = "import factory\nif __name__ == '__main__':\n" + "".join(f"    {line}\n" for line in code.splitlines())
    (folder / "mine.py").write_text(PLUGIN + guarded)
    assert run(folder, ["mine.py"]).splitlines()[-1].startswith("rows [6, 6, 6, ")
