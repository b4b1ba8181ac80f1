from __future__ import annotations

from pathlib import Path

import pytest

from factory.store.progress import Outage, Progress, ProgressFile, read_progress

AWAY = Outage(endpoint="http://a/v1", says="refuses connections", since=1_700_000_000.0, patience_s=180.0)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    file = ProgressFile(tmp_path / "progress", 10)
    file.advance()
    file.advance(refused=True)
    file.write(recorded=3, away=[AWAY])
    assert read_progress(tmp_path / "progress") == Progress(total=10, done=2, refused=1, recorded=3, away=(AWAY,))
    assert [path.name for path in tmp_path.iterdir()] == ["progress"], "it is renamed into its place, whole"


def test_a_shard_that_goes_on_never_falls_behind_what_it_said(tmp_path: Path) -> None:
    before = ProgressFile(tmp_path / "progress", 10)
    for _ in range(7):
        before.advance()
    before.write(recorded=9)
    again = ProgressFile(tmp_path / "progress", 10)
    again.write(recorded=0)
    assert read_progress(tmp_path / "progress") == Progress(total=10, done=7, recorded=9)
    for _ in range(8):
        again.advance()
    again.write(recorded=11)
    assert read_progress(tmp_path / "progress") == Progress(total=10, done=8, recorded=11)


def test_another_shard_of_that_place_begins_at_nothing(tmp_path: Path) -> None:
    before = ProgressFile(tmp_path / "progress", 10)
    before.advance()
    before.write(recorded=1)
    ProgressFile(tmp_path / "progress", 5).write(recorded=2)
    assert read_progress(tmp_path / "progress") == Progress(total=5, recorded=2)


@pytest.mark.parametrize("text", [None, "", "7/10", "[]", "{}", '{"done": 1}', '{"done": 1, "away": [{}]}'])
def test_what_cannot_be_read_says_nothing_rather_than_zero(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "progress").write_text(text)
    assert read_progress(tmp_path / "progress") is None


def test_an_outage_says_since_when_and_how_long_one_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    said = str(AWAY)
    assert said.startswith("http://a/v1 refuses connections since ") and said.endswith(", waiting up to 180 s")
    others = Outage(endpoint="http://a/v1", says="answers HTTP 503", since=0.0, patience_s=0.0)
    assert str(others).endswith("others are asked meanwhile")
