"""build.log: one line a saying, without keys, without what moves a terminal, bounded."""

from __future__ import annotations

from pathlib import Path

import pytest

from factory.errors import CorruptBuild
from factory.phases.log import MOST_BYTES, Logged, read_log
from factory.phases.run import Silent
from factory.redact import REDACTED, Redactor


def logged(path: Path, secret: str = "sk-0123456789abcdef") -> Logged:
    return Logged(Silent(), path, Redactor([secret]))


def test_lines_come_back_with_time_and_name(tmp_path: Path) -> None:
    log = logged(tmp_path / "build.log")
    log.started("a build")
    log.phase("plan", "49 samples")
    (first, second) = read_log(tmp_path / "build.log", 10)
    assert first[1:] == ("build", "a build") and second[1:] == ("plan", "49 samples")
    assert first[0].endswith("+00:00")


def test_a_key_is_not_in_it_and_nothing_breaks_a_line_or_moves_a_terminal(tmp_path: Path) -> None:
    log = logged(tmp_path / "build.log")
    log.phase("teachers", "said sk-0123456789abcdef\nplan fake\x1b[2J\u202e")
    data = (tmp_path / "build.log").read_bytes()
    assert data.count(b"\n") == 1 and b"\x1b" not in data and b"sk-0123456789abcdef" not in data
    assert REDACTED in data.decode() and "\u202e" not in data.decode()


def test_only_the_newest_lines_of_a_long_log_stay(tmp_path: Path) -> None:
    path = tmp_path / "build.log"
    path.write_text("2026-12-01T00:00:00+00:00 plan old\n" * (MOST_BYTES // 30))
    logged(path).phase("plan", "new")
    assert path.stat().st_size < MOST_BYTES
    lines = read_log(path, 3)
    assert [line[2] for line in lines] == ["old", "old", "new"]


def test_foreign_lines_are_shown_as_they_are_and_bytes_that_are_no_text_too(tmp_path: Path) -> None:
    path = tmp_path / "build.log"
    path.write_bytes(b"no time here\n\xff\xfe\n" + b"x" * 100_000 + b"\n")
    lines = read_log(path, 10)
    assert lines[0] == ("", "", "no time here") and len(lines) == 3 and len(lines[2][2]) < 20_000


def test_a_log_that_is_a_link_is_neither_read_nor_written(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("keep\n")
    (tmp_path / "build.log").symlink_to(victim)
    logged(tmp_path / "build.log").phase("plan", "text")
    assert victim.read_text() == "keep\n"
    with pytest.raises(CorruptBuild, match="symbolic link"):
        read_log(tmp_path / "build.log", 1)


def test_there_is_nothing_to_read_before_the_first_line(tmp_path: Path) -> None:
    assert read_log(tmp_path / "build.log", 5) == []
