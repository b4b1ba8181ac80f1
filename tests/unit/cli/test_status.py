from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from factory.cli.status import build_status
from factory.store.layout import Build
from factory.store.lease import is_locked, lease
from tests.build_fixture import make_build


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


def test_a_damaged_ledger_is_named_and_the_others_are_counted(build: Build) -> None:
    ledgers = [shard.ledger for shard in build.paths.shards()]
    ledgers[1].write_bytes(b"PAR1 gone")
    found = build_status(build)
    assert len(found.faults) >= 1
    assert any(str(ledgers[1]) in fault for fault in found.faults)
