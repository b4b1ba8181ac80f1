from __future__ import annotations

import fcntl
import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from factory.errors import RecipeError
from factory.geo.whole_file import whole_file


def test_a_file_appears_when_the_block_ends_and_not_before(tmp_path: Path) -> None:
    target = tmp_path / "out [1].csv"
    with whole_file(target) as file:
        file.write(b"new")
        assert not target.exists()
    assert target.read_bytes() == b"new" and list(tmp_path.iterdir()) == [target]


def test_parts_that_nobody_locks_go_and_others_stay(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    target = tmp_path / "out*.csv"
    drawn = "0123456789abcdef"
    dead, live = tmp_path / f".out*.csv.{drawn}.part", tmp_path / f".out*.csv.{drawn[::-1]}.part"
    names = (f".out1.csv.{drawn}.part", ".out*.csv.1.part", f".out*.csv.{drawn}.part.old")
    others = [tmp_path / name for name in names]
    for path in (dead, live, *others):
        path.write_text("half")
    with live.open("rb") as held, caplog.at_level(logging.WARNING):
        fcntl.flock(held, fcntl.LOCK_EX)
        with whole_file(target) as file:
            file.write(b"whole")
    assert not dead.exists() and live.exists() and all(path.exists() for path in others)
    assert [record.getMessage() for record in caplog.records] == [
        f"{target}: another process is writing it ({live.name}); the last one to end wins"
    ]


def test_a_link_in_the_place_of_a_part_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("keep")
    (tmp_path / ".out.csv.0123456789abcdef.part").symlink_to(tmp_path / "mine")
    with whole_file(tmp_path / "out.csv") as file:
        file.write(b"x")
    assert (tmp_path / "mine").read_text() == "keep"


def test_threads_that_write_one_target_take_turns(tmp_path: Path) -> None:
    target = tmp_path / "out.csv"

    def write(number: int) -> None:
        with whole_file(target) as file:
            file.write(str(number).encode() * 100_000)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(write, range(8)))
    text = target.read_text()
    assert len(text) == 100_000 and len(set(text)) == 1 and list(tmp_path.iterdir()) == [target]


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="no such folder"), whole_file(tmp_path / "no" / "out.csv"):
        pass
