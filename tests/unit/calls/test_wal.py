from __future__ import annotations

from pathlib import Path

from factory.calls.wal import wal_faults


def test_a_log_that_no_ledger_has_is_a_fault_and_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "ledger.sqlite-wal").open("wb") as file:
        file.truncate(1 << 40)
    (fault,) = wal_faults(tmp_path / "ledger.sqlite")
    assert "ledger.sqlite-wal: has 1,099,511,627,776 bytes" in fault


def test_without_a_log_there_is_no_fault(tmp_path: Path) -> None:
    assert wal_faults(tmp_path / "ledger.sqlite") == []
