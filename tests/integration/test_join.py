"""`factory merge` and `factory mix` as people call them: what they say, and their exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from release.read import open_release
from tests.joined import part_of


def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "factory", *map(str, arguments)]
    given = {**os.environ, **environment}
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, env=given)


@pytest.fixture(scope="module")
def builds(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    root = tmp_path_factory.mktemp("builds")
    parts = part_of(root / "a", 24, lambda n: n < 14), part_of(root / "b", 24, lambda n: n >= 12)
    return parts[0].parent, parts[1].parent


def test_merged_builds_pass_the_check(builds: tuple[Path, Path], tmp_path: Path) -> None:
    done = run("merge", *builds, "--out", tmp_path / "m")
    assert (done.returncode, done.stdout) == (0, f"{tmp_path / 'm'}\n"), done.stderr
    assert "2 rows stood in several, and are there once" in done.stderr
    assert "release   24 rows" in done.stderr
    assert run("check", tmp_path / "m").returncode == 0


def test_a_mix_of_the_command_line_and_of_a_recipe_are_the_same(builds: tuple[Path, Path], tmp_path: Path) -> None:
    recipe = tmp_path / "two.yaml"
    parts = "".join(
        f'  - {{name: {path.name}, release: "${{PARTS}}/{path.name}", weight: {n}}}\n'
        for n, path in enumerate(builds, 1)
    )
    recipe.write_text(f"name: two\nrows: 6\nseed: 5\nparts:\n{parts}")
    first = run("mix", recipe, "--out", tmp_path / "one", "--json", PARTS=str(builds[0].parent))
    assert first.returncode == 0, first.stderr
    written = [f"{path}={n}" for n, path in enumerate(builds, 1)]
    second = run("mix", *written, "--rows", 6, "--seed", 5, "--out", tmp_path / "other", "--json")
    told = [json.loads(one.stdout) for one in (first, second)]
    assert told[0]["parts"] == told[1]["parts"] and told[0]["splits"]["train"] == 6
    ids = [[row["id"] for row in open_release(tmp_path / name).rows("train")] for name in ("one", "other")]
    assert ids[0] == ids[1] and run("check", tmp_path / "one").returncode == 0


def test_what_cannot_be_done_is_told_without_a_traceback(builds: tuple[Path, Path], tmp_path: Path) -> None:
    trained = tmp_path / "run"
    trained.mkdir()
    (trained / "run.json").write_text("{}")
    out = ("--out", tmp_path / "m")
    for arguments, said in (
        (("merge", trained, *out), f"factory merge-adapter {trained} --out {tmp_path / 'm'}"),
        (("merge", builds[0], *out), "name two or more"),
        (("merge", builds[0], tmp_path, *out), "no release"),
        (("mix", builds[0], *out), "releases with weights"),
        (("mix", f"{tmp_path / 'none'}=1", *out), "no release"),
        (("mix", tmp_path / "none.yaml", *out), "none.yaml"),
        (("mix", f"{builds[0]}=1", "--rows", 1000, *out), "there are too few rows"),
    ):
        done = run(*arguments)
        assert done.returncode == 2 and said in done.stderr, (arguments, done.stderr)
        assert "Traceback" not in done.stderr
    assert not (tmp_path / "m").exists()
