from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from factory.cli.console import print_status
from factory.cli.status import build_status
from factory.store.layout import Build
from factory.store.lease import is_locked, lease
from factory.store.tables import write_table
from schemas import arrow
from tests.build_fixture import make_build
from tests.rich_build import Rows, decide, edit, make_rich_build


@pytest.fixture
def build(tmp_path: Path) -> Build:
    return make_build(tmp_path / "build", samples=12, shard_size=5)


@pytest.fixture
def no_lock_taken(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def refuse(*_: object) -> None:
        raise AssertionError("a lock was tried")

    monkeypatch.setattr(fcntl, "flock", refuse)
    yield


def table(path: Path, line: str) -> Path:
    found = path.stat()
    place = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
    locks = path.with_name("locks")
    locks.write_text(line.format(place=place, inode=found.st_ino))
    return locks


@pytest.mark.parametrize(
    ("line", "locked"),
    [
        ("1: FLOCK  ADVISORY  WRITE 4711 {place} 0 EOF\n", True),
        ("1: FLOCK  ADVISORY  READ 4711 {place} 0 EOF\n", False),
        ("1: POSIX  ADVISORY  WRITE 4711 {place} 0 EOF\n", False),
        ("1: FLOCK  ADVISORY  WRITE 4711 fe:00:1 0 EOF\n", False),
        ("1: -> FLOCK  ADVISORY  WRITE 4711 {place} 0 EOF\nnonsense\n", False),
        ("", False),
    ],
)
def test_the_list_of_locks_is_asked_and_none_is_taken(
    tmp_path: Path, line: str, locked: bool, no_lock_taken: None
) -> None:
    path = tmp_path / "lease"
    path.touch()
    assert is_locked(path, table(path, line)) is locked


@pytest.mark.parametrize("line", [None, "1: FLOCK  ADVISORY  WRITE 4711 ff:ff:{inode} 0 EOF\n"])
def test_without_a_usable_list_a_shared_lock_is_tried_and_let_go(tmp_path: Path, line: str | None) -> None:
    path = tmp_path / "lease"
    path.touch()
    locks = tmp_path / "absent" if line is None else table(path, line)
    assert not is_locked(path, locks)
    with path.open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        assert is_locked(path, locks)


def test_a_lease_that_nobody_ever_took_is_not_locked(tmp_path: Path) -> None:
    assert not is_locked(tmp_path / "lease")


@pytest.mark.skipif(not Path("/proc/locks").exists(), reason="this system does not list its locks")
def test_looking_all_the_time_never_refuses_a_starting_build(tmp_path: Path) -> None:
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            is_locked(tmp_path / "lease")

    watching = [threading.Thread(target=look) for _ in range(2)]
    for thread in watching:
        thread.start()
    try:
        for _ in range(100):
            with lease(tmp_path / "lease", what="x"):
                assert is_locked(tmp_path / "lease")
    finally:
        over.set()
        for thread in watching:
            thread.join()
    assert not is_locked(tmp_path / "lease")


def pay(build: Build) -> None:
    """Makes paid calls of all recorded answers: 1 HTTP call, 1,020 tokens and 0.25 each."""
    for shard in build.paths.shards():
        rows = pq.read_table(shard.ledger, schema=arrow.LEDGER, partitioning=None).to_pylist()
        paid = [{**row, "origin": "call", "http_calls": 1, "cost": 0.25} for row in rows]
        write_table(pa.Table.from_pylist(paid, schema=arrow.LEDGER), shard.ledger)


def test_shards_are_answered_before_they_are_verified(build: Build) -> None:
    whole = build_status(build)
    assert (whole.samples, whole.samples_done, whole.faults) == (12, 12, ())
    assert (whole.shards, whole.shards_answered, whole.shards_verified) == (3, 3, 3)
    assert whole.decisions == {"accept": 6, "quarantine": 2, "reject": 2, "review": 2}
    build.paths.shard(2).verdicts.unlink()
    build.paths.shard(1).report.unlink()
    found = build_status(build)
    assert (found.samples_done, found.shards_answered, found.shards_verified) == (7, 2, 1)
    assert sum(found.decisions.values()) == 5


def test_people_lie_over_the_decisions_of_the_checks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = build_status(make_rich_build(tmp_path / "rich"))
    assert found.decisions == {"accept": 6, "quarantine": 2, "reject": 3, "review": 1}
    assert found.people == {"accept": 2, "reject": 1}
    print_status(found)
    said = capsys.readouterr().out
    assert "shards answered 3/3, verified 3/3" in said
    assert "people    accept 2 · reject 1" in said


def test_a_person_cannot_promote_what_makes_no_row(tmp_path: Path) -> None:
    rich = make_rich_build(tmp_path / "rich")

    def no_row(rows: Rows) -> None:
        rows["s003"]["unreleasable"] = "nothing_to_release"

    edit(rich.paths.shard(0).verdicts, arrow.VERDICTS, no_row)
    assert build_status(rich).decisions == {"accept": 5, "quarantine": 2, "reject": 3, "review": 2}


def test_a_sample_of_an_unverified_shard_has_no_decision_whatever_people_said(build: Build) -> None:
    build.paths.shard(0).verdicts.unlink()
    before = build_status(build).decisions
    decide(build, ("s000", "reject", ""))
    assert build_status(build).decisions == before


def test_what_was_paid_is_summed_by_teacher(build: Build) -> None:
    assert build_status(build).spent == {}, "recorded answers cost nothing"
    pay(build)
    one = {"calls": 10, "tokens": 10_200, "cost": 2.5}
    assert build_status(build).spent == {"first": one, "second": one}


def test_a_shard_taken_over_whole_is_no_spending_of_this_build(build: Build) -> None:
    pay(build)
    report = build.paths.shard(0).report
    report.write_bytes(orjson.dumps({**orjson.loads(report.read_bytes()), "taken_from": "mp16_reason-earlier0"}))
    assert build_status(build).spent["first"] == {"calls": 5, "tokens": 5_100, "cost": 1.25}


def test_damaged_files_are_named_and_the_others_are_counted(build: Build) -> None:
    pay(build)
    damaged = [build.paths.shard(1).ledger, build.paths.shard(0).verdicts, build.paths.shard(2).report]
    for path in damaged:
        path.write_bytes(b"PAR1 gone")
    found = build_status(build)
    for path in damaged:
        assert any(str(path) in fault for fault in found.faults), path
    assert (found.shards_answered, found.shards_verified) == (2, 1)
    assert found.spent["first"]["calls"] == 5, "of shard 0 alone: shard 2 may have been taken over"


def test_a_report_that_does_not_count_its_samples_is_a_fault(build: Build) -> None:
    build.paths.shard(0).report.write_bytes(b'{"number": 0}')
    assert "report.json: is damaged (`samples`: field required)" in build_status(build).faults[0]
