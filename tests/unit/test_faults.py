"""The fuzz of `make test-faults`: its cases are those of their seed, and what is wrong is told."""

from __future__ import annotations

import errno
from pathlib import Path
from random import Random

import pytest

from tests.faults.cases import CASES, Case, faults_of
from tests.faults.mutate import CHANGES, MOST_BYTES, Change, mutated
from tests.faults.stops import Disk

DATA = b'{"id": "a", "response": {"country": "Chad"}}\n' * 40


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_the_same_for_the_same_seed_and_stays_small(change: Change) -> None:
    for seed in range(40):
        assert change(DATA, Random(seed)) == change(DATA, Random(seed))
        assert isinstance(change(b"", Random(seed)), bytes)
        assert len(mutated(DATA, Random(seed))) <= MOST_BYTES
    assert len({change(DATA, Random(seed)) for seed in range(40)}) > 10


@pytest.mark.parametrize(
    ("code", "said", "fault"),
    [
        (0, "fine", None),
        (3, "fine", None),
        (-9, "", "it ended with -9"),
        (70, "", "it ended with 70"),
        (2, "Traceback (most recent call last):", "a traceback"),
        (2, "no column `\x1b[31m`", "an escape sequence"),
        (2, "x" * 300_000, "it said 300,000 characters"),
    ],
)
def test_how_a_command_may_not_end_is_told(code: int, said: str, fault: str | None) -> None:
    found = list(faults_of(Case((), "t.csv"), ["build", "r.yaml"], code, said))
    assert (fault is None and not found) or (fault is not None and fault in found[0])


def test_damage_that_check_does_not_see_is_told() -> None:
    case = Case((), "made/plan.parquet", must_be_found=True)
    assert list(faults_of(case, ["check", "made"], 0, "sound")) == ["`factory check` finds nothing wrong"]
    assert not list(faults_of(case, ["check", "made"], 1, "differs"))
    assert not list(faults_of(case, ["status", "made"], 0, ""))


def test_a_disk_fails_at_the_call_that_was_drawn_and_where_it_is_full_at_all_that_follow() -> None:
    for what, fails in {"EIO": [2], "ENOSPC": [2], "ENOSPC from then on": [2, 3, 4]}.items():
        disk = Disk(2, what)
        call = disk.around(lambda: 7)
        failed = []
        for number in range(1, 5):
            try:
                assert call() == 7
            except OSError as error:
                assert error.errno in (errno.EIO, errno.ENOSPC)
                failed.append(number)
        assert failed == fails and disk.count == 4


def test_each_kind_has_a_name_that_the_command_line_takes() -> None:
    assert set(CASES) >= {"replies", "recording", "recipe", "csv", "parquet", "tar", "pictures", "build_folder"}


def test_ci_does_not_run_the_fuzz() -> None:
    root = Path(__file__).resolve().parents[2]
    makefile = (root / "Makefile").read_text()
    (rule,) = [part for part in makefile.split("\n\n") if part.startswith("test:")]
    assert "test-faults:" in makefile and "faults" not in rule + (root / ".ci" / "run").read_text()
