"""What `pip install` gives far from the repository: from an sdist a wheel, from the wheel the demo, byte for byte."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from tests.golden_digests import held
from tests.real_build import only_build

REPOSITORY = Path(__file__).resolve().parents[2]
GOLDEN = REPOSITORY / "tests" / "golden" / "demo_release.json"
UNTRACKED = shutil.ignore_patterns(".*", "__pycache__", "builds", "build", "dist", "*.egg-info", "tests", "docs")
SDIST = "import sys; from setuptools import build_meta; build_meta.build_sdist(sys.argv[1])"

pytestmark = [pytest.mark.slow]


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Runs a command without anything that would lead it back to the repository."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    done = subprocess.run(list(map(str, command)), cwd=cwd, env=clean, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from the sdist of a copy: an old `build/` of the checkout must not lend it files."""
    pytest.importorskip("setuptools", minversion="77")
    root = tmp_path_factory.mktemp("packing")
    shutil.copytree(REPOSITORY, root / "source", ignore=UNTRACKED)
    run(sys.executable, "-c", SDIST, root, cwd=root / "source")
    (sdist,) = root.glob("*.tar.gz")
    offline = ("--no-index", "--no-deps", "--no-build-isolation", "--disable-pip-version-check")
    run(sys.executable, "-m", "pip", "wheel", *offline, "--wheel-dir", root, sdist, cwd=root)
    (built,) = root.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def command(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`factory`, installed without its dependencies; these are lent by the environment that runs the tests."""
    home = tmp_path_factory.mktemp("installed")
    run(sys.executable, "-m", "venv", "--without-pip", "env", cwd=home)
    python = home / "env" / "bin" / "python"
    offline = ("--no-index", "--no-deps", "--disable-pip-version-check")
    run(sys.executable, "-m", "pip", "--python", python, "install", *offline, wheel, cwd=home)
    where = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=home).stdout.strip()
    lent = dict.fromkeys(sysconfig.get_path(name) for name in ("purelib", "platlib"))
    (Path(where) / "lent.pth").write_text("\n".join(lent) + "\n")
    return home / "env" / "bin" / "factory"


def test_the_wheel_carries_what_a_recipe_needs_and_not_the_program_that_drew_it(wheel: Path) -> None:
    carried = [name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("recipes/")]
    pictures = {name for name in carried if name.endswith((".jpg", ".jpeg"))}
    drawn = {path.relative_to(REPOSITORY).as_posix() for path in (REPOSITORY / "recipes" / "demo").rglob("*.jp*g")}
    assert {"recipes/mp16_reason.yaml", "recipes/demo/scenes.csv", "recipes/demo/first.jsonl"} <= set(carried)
    assert {"recipes/clues/world.csv", "recipes/demo/mg_geo_clue/teacher.jsonl"} <= set(carried)
    assert {"recipes/train/sft_lora.yaml", "recipes/train/accelerate/fsdp2.yaml"} <= set(carried)
    assert {"train/sft.py", "train/py.typed", "schemas/train.schema.json"} <= set(zipfile.ZipFile(wheel).namelist())
    assert pictures == drawn and sum(name.startswith("recipes/demo/images/") for name in pictures) == 49
    assert {f"recipes/demo/cross_view/{name}.jsonl" for name in ("described", "regions")} <= set(carried)
    assert not [name for name in carried if name.endswith((".py", ".ttf", ".otf"))]


def test_the_demo_of_an_installed_package_is_the_same_release(command: Path, tmp_path: Path) -> None:
    told = run(command, "demo", cwd=tmp_path).stderr
    assert held(only_build(tmp_path / "builds")) == json.loads(GOLDEN.read_text())
    assert "plan      49 samples" in told and "all checks pass" in told
    recipe = Path(next(line.split()[1] for line in told.splitlines() if line.startswith("recipe ")))
    assert recipe.is_relative_to(command.parents[1].resolve()) and "factory demo --copy DIR" in told


def test_a_family_with_data_of_its_own_is_built_from_an_installed_package(command: Path, tmp_path: Path) -> None:
    (recipe,) = command.parents[1].rglob("recipes/mg_geo_clue.yaml")
    built = json.loads(run(command, "build", recipe, "--json", cwd=tmp_path).stdout)
    assert (built["counts"]["planned"], built["counts"]["calls"], built["state"]) == (49, 0, "done")


def test_a_copy_of_the_demo_can_be_edited_and_built(command: Path, tmp_path: Path) -> None:
    run(command, "demo", "--copy", "mine", cwd=tmp_path)
    recipe = tmp_path / "mine" / "mp16_reason.yaml"
    recipe.write_text(recipe.read_text().replace("name: mp16_reason", "name: mine"))
    built = json.loads(run(command, "build", recipe, "--json", cwd=tmp_path).stdout)
    assert (built["counts"]["planned"], built["counts"]["calls"]) == (49, 0)
    assert (tmp_path / built["directory"]).name.startswith("mine-")
