"""A folder that is written aside and becomes another when it is whole."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from release.shards import new_folder


def test_it_appears_whole_and_leaves_nothing_beside(tmp_path: Path) -> None:
    with new_folder(tmp_path / "deep" / "out") as folder:
        (folder / "rows.json").write_text("[]")
        assert not (tmp_path / "deep" / "out").exists()
    assert (tmp_path / "deep" / "out" / "rows.json").read_text() == "[]"
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["out"]


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with new_folder(tmp_path / "out") as folder:
        (folder / "rows.json").touch()
    assert (tmp_path / "out" / "rows.json").exists()


def test_what_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no"), new_folder(tmp_path / "out") as folder:
        (folder / "rows.json").touch()
        raise ValueError("no")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["out.tmp", "out.old", ".out.part", ".out.0123.part"])
def test_somebody_s_folder_beside_it_stays(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / name / "thesis.txt").write_text("years")
    with new_folder(tmp_path / "out"):
        pass
    assert (tmp_path / name / "thesis.txt").read_text() == "years"


def test_what_a_killed_run_left_goes_and_what_another_writes_stays(tmp_path: Path) -> None:
    code = "import pathlib, sys, time; from release.shards import new_folder\n"
    code += "with new_folder(pathlib.Path(sys.argv[1])) as folder: print(folder.name, flush=True); time.sleep(600)"
    process = subprocess.Popen([sys.executable, "-c", code, tmp_path / "out"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    left = tmp_path / process.stdout.readline().strip()
    with new_folder(tmp_path / "out"):
        assert left.is_dir(), "its writer lives"
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert left.is_dir()
    (tmp_path / "out").rmdir()
    with new_folder(tmp_path / "out"):
        assert not left.exists()
