"""`factory check` of what is neither a build nor a release, and of its old name. Damage is in the integration tests."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from factory.cli.check import file_faults
from factory.cli.main import app, known_commands
from factory.errors import RecipeError
from factory.store.info import read_info, write_info
from tests.build_fixture import make_build


@pytest.fixture
def builds(tmp_path: Path) -> Path:
    for name in ("demo-01234567", "mine-89abcdef"):
        (tmp_path / name / "shards").mkdir(parents=True)
        (tmp_path / name / "build.json").write_text("{}")
    return tmp_path


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("mine-89abcdeg", "; did you mean {}/mine-89abcdef?"),
        ("mine-89abcdef/shards", "; did you mean {}/mine-89abcdef?"),
        (".", "; did you mean {}/demo-01234567?"),
        ("away/nothing", ""),
    ],
)
def test_a_path_that_is_neither_is_refused_and_the_nearest_named(builds: Path, path: str, meant: str) -> None:
    with pytest.raises(RecipeError) as refused:
        file_faults(builds / path)
    said = str(refused.value)
    assert said.startswith(f"{builds / path}: neither a build (no build.json in it) nor a release (no manifest.json")
    assert said.endswith("in it)" + meant.format(builds))


def test_the_old_name_is_hidden_and_names_the_new_one() -> None:
    assert "verify" not in known_commands()
    ended = CliRunner().invoke(app, ["verify", "--all", "builds/one of mine"])
    assert isinstance(ended.exception, RecipeError) and ended.exception.exit_code == 2
    assert str(ended.exception).endswith("factory check --all 'builds/one of mine'")


@pytest.mark.parametrize("written", [b"oops", b""])
def test_decisions_that_nobody_can_read_are_a_fault_in_every_state(tmp_path: Path, written: bytes) -> None:
    paths = make_build(tmp_path / "build").paths
    for state in ("verified", "waiting", "done"):
        write_info({**read_info(paths.info), "state": state}, paths.info)
        paths.decisions.parent.mkdir(exist_ok=True)
        paths.decisions.unlink(missing_ok=True)
        assert not any(f"{paths.decisions}: cannot be read" in fault for fault in file_faults(paths.root))
        paths.decisions.write_bytes(written)
        assert any(f"{paths.decisions}: cannot be read" in fault for fault in file_faults(paths.root)), state


def test_rows_that_are_not_released_are_held_against_nothing(tmp_path: Path) -> None:
    paths = make_build(tmp_path / "build").paths
    shutil.rmtree(paths.release, ignore_errors=True)
    (tmp_path / "bench.csv").write_text("id,lat,lon\na,1,2\n")
    with pytest.raises(RecipeError, match="has no release yet, so no row that --benchmark could be held against"):
        file_faults(paths.root, [tmp_path / "bench.csv"])
