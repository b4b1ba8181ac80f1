from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from factory.calls.ledger import Ledger
from factory.calls.lost import require_whole
from factory.errors import CorruptBuild
from factory.store.progress import ProgressFile
from tests.ledger_rows import ledger_row

ROWS = 5


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """A ledger as a killed process leaves it: its rows stand in the log."""
    path = tmp_path / "ledger.sqlite"

    async def go() -> None:
        ledger = Ledger(path)
        for number in range(ROWS):
            await ledger.record(ledger_row(f"k{number}"))
        files = [(file, file.read_bytes()) for file in (path, path.with_name("ledger.sqlite-wal"))]
        ledger.close()
        for file, data in files:
            file.write_bytes(data)

    asyncio.run(go())
    ProgressFile(tmp_path / "progress", 9).write(recorded=ROWS)
    return path


def test_a_whole_ledger_is_opened_as_ever(ledger: Path) -> None:
    require_whole(ledger)
    with Ledger(ledger) as again:
        assert len(again) == ROWS


def test_a_ledger_that_nobody_has_written_yet_lacks_nothing(tmp_path: Path) -> None:
    require_whole(tmp_path / "ledger.sqlite")


def test_a_copy_without_its_log_is_told_before_anything_is_asked(ledger: Path) -> None:
    ledger.with_name("ledger.sqlite-wal").unlink()
    with pytest.raises(CorruptBuild, match=rf"0 of at least {ROWS} recorded answers.*delete \S*progress$"):
        require_whole(ledger)


def test_a_ledger_that_is_gone_is_told(ledger: Path) -> None:
    for file in ledger.parent.glob("ledger.sqlite*"):
        file.unlink()
    with pytest.raises(CorruptBuild, match=f"0 of at least {ROWS} recorded answers"):
        require_whole(ledger)


def test_a_damaged_log_is_told_and_both_ways_out_are_named(ledger: Path) -> None:
    log = ledger.with_name("ledger.sqlite-wal")
    data = bytearray(log.read_bytes())
    data[len(data) // 2] ^= 0xFF
    log.write_bytes(data)
    with pytest.raises(CorruptBuild, match=r"frame \d+ of \d+ is damaged.*delete \S*-wal and \S*progress$"):
        require_whole(ledger)
    log.unlink()
    (ledger.parent / "progress").unlink()
    require_whole(ledger)
