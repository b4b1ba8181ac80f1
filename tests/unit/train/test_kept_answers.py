"""Paid answers are kept as they come: what stops a run loses none, and none is mixed with another run's."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from factory.errors import EnvironmentFault, RecipeError
from train.kept_answers import kept

ORDER = ["a", "b", "c", "d"]
ASKED = {"model": "m", "endpoint": "http://localhost/v1", "split": "test"}


def asking(paid: list[str], *, fails_at: str = "", backwards: bool = False) -> Callable[[Collection[str]], Any]:
    def ask(skip: Collection[str]) -> Iterator[dict[str, Any]]:
        for key in reversed(ORDER) if backwards else ORDER:
            if key in skip:
                continue
            if key == fails_at:
                raise EnvironmentFault("the server is gone")
            paid.append(key)
            yield {"id": key, "text": f"{key} says\n“Paris”"}

    return ask


def stopped(file: Path, paid: list[str], at: str) -> Path:
    with pytest.raises(EnvironmentFault, match="the server is gone"):
        kept(file, ASKED, ORDER, asking(paid, fails_at=at))
    return file.with_name(f"{file.name}.part")


def test_a_run_that_was_stopped_goes_on_and_pays_nothing_twice(tmp_path: Path) -> None:
    file, paid = tmp_path / "said.jsonl", list[str]()
    part = stopped(file, paid, "c")
    assert part.is_file() and not file.exists()
    stopped(file, paid, "d")
    rows = kept(file, ASKED, ORDER, asking(paid))
    assert paid == ORDER == [row["id"] for row in rows] and not part.exists()
    assert [orjson.loads(line) for line in file.read_bytes().splitlines()] == rows


def test_the_file_is_in_the_order_of_the_set_however_the_answers_came(tmp_path: Path) -> None:
    rows = kept(tmp_path / "said.jsonl", ASKED, ORDER, asking([], backwards=True))
    assert [row["id"] for row in rows] == ORDER


@pytest.mark.parametrize("cut", [1, 5, 20])
def test_a_line_that_was_cut_off_is_asked_again(cut: int, tmp_path: Path) -> None:
    file, paid = tmp_path / "said.jsonl", list[str]()
    part = stopped(file, paid, "c")
    part.write_bytes(part.read_bytes()[:-cut])
    rows = kept(file, ASKED, ORDER, asking(paid))
    assert paid == ["a", "b", "b", "c", "d"] and [row["id"] for row in rows] == ORDER


def test_answers_of_another_run_are_refused_and_left(tmp_path: Path) -> None:
    file, paid = tmp_path / "said.jsonl", list[str]()
    before = stopped(file, paid, "c").read_bytes()
    with pytest.raises(RecipeError, match="answers of a run with another model; give --save another name"):
        kept(file, {**ASKED, "model": "n"}, ORDER, asking(paid))
    assert file.with_name("said.jsonl.part").read_bytes() == before and paid == ["a", "b"]


@pytest.mark.parametrize(
    "there", [b"[]\n", b"no JSON\n", b"no line", b'{"asked": 1}\n', b'{"asked": {}}\n{"text": "a"}\n']
)
def test_a_file_of_somebody_else_is_refused_and_left(there: bytes, tmp_path: Path) -> None:
    part = tmp_path / "said.jsonl.part"
    part.write_bytes(there)
    with pytest.raises(RecipeError, match=r"said\.jsonl\.part: holds no answers that were kept here"):
        kept(tmp_path / "said.jsonl", ASKED, ORDER, asking([]))
    assert part.read_bytes() == there


def test_a_run_that_got_no_answer_leaves_nothing_to_refuse(tmp_path: Path) -> None:
    file, paid = tmp_path / "said.jsonl", list[str]()
    stopped(file, paid, "a")
    assert len(kept(file, {**ASKED, "endpoint": "http://localhost:8000/v1"}, ORDER, asking(paid))) == 4


def test_two_runs_do_not_write_into_one_file(tmp_path: Path) -> None:
    with (tmp_path / "said.jsonl.part").open("wb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(EnvironmentFault, match="another process writes its answers there"):
            kept(tmp_path / "said.jsonl", ASKED, ORDER, asking([]))


def test_a_folder_that_is_not_there_is_told_before_anybody_is_paid(tmp_path: Path) -> None:
    paid = list[str]()
    with pytest.raises(RecipeError, match="there is no such folder"):
        kept(tmp_path / "nowhere" / "said.jsonl", ASKED, ORDER, asking(paid))
    assert not paid
