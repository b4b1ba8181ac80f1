"""`factory convert` as people call it: what it says, and its exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.row_files import CLUES, TRL, json_file, with_pictures, written


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "factory", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_there_and_back(tmp_path: Path) -> None:
    file = written(with_pictures(tmp_path / "in"), "clues.jsonl", CLUES)
    done = run("convert", file, tmp_path / "there", "--to", "trl")
    assert (done.returncode, done.stdout) == (0, f"{tmp_path / 'there'}\n")
    assert "naviclues to trl: 2 rows (data 2)" in done.stderr
    assert "sidecar   2 rows say more than trl can" in done.stderr
    done = run("convert", tmp_path / "there", tmp_path / "back", "--to", "naviclues", "--json")
    assert done.returncode == 0 and json.loads(done.stdout)["rows"] == {"data": 2}
    assert json_file(tmp_path / "back/data.jsonl") == CLUES


def test_what_cannot_be_done_is_told_without_a_traceback(tmp_path: Path) -> None:
    file = written(with_pictures(tmp_path / "in"), "trl.jsonl", TRL)
    rows = written(tmp_path / "in", "bad\x1b[31m.json", [{"conversations": [{"from": "human", "value": "<image>"}]}])
    for arguments, said in (
        ((file, tmp_path / "a", "--to", "sharegtp"), "did you mean `sharegpt`?"),
        ((file, tmp_path / "a", "--to", "trl", "--names", "ids"), "did you mean `id`?"),
        ((file, tmp_path / "a", "--to", "trl", "--split", "tests"), "there are data"),
        ((tmp_path / "none.json", tmp_path / "a", "--to", "trl"), "no such file"),
        ((tmp_path, tmp_path / "a", "--to", "trl"), "is no release"),
        ((file, tmp_path / "a", "--to", "sharegpt", "--images", tmp_path / "none"), "no such folder"),
        ((rows, tmp_path / "a", "--to", "trl"), "its messages show 1 pictures and it has 0"),
    ):
        done = run("convert", *arguments)
        assert done.returncode == 2 and said in done.stderr, done.stderr
        assert "Traceback" not in done.stderr and "\x1b" not in done.stderr
    assert not (tmp_path / "a").exists()
