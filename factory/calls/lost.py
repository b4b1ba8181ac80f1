"""Whether a live ledger still has every row that it was acknowledged to have.

SQLite ends a damaged log without a word, and a copy without the log is a smaller ledger: what is missing would be
asked, and paid, again. A shard's progress file says how many rows there were at the least.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from factory.calls.files import open_live, sqlite_fault
from factory.calls.wal import wal_faults
from factory.errors import CorruptBuild
from factory.store.layout import ShardPaths
from factory.store.progress import read_progress


def require_whole(ledger: Path) -> None:
    """Before a live ledger is opened to be written, which truncates its log, or used as a prior one.

    Raises CorruptBuild when rows are lost, with what brings them back and what goes on without them; also for a damaged
    file. EnvironmentFault when it cannot be read.
    """
    progress = ShardPaths(ledger.parent).progress
    told = read_progress(progress)
    there = ledger.exists()
    log = wal_faults(ledger) if there else []
    faults = list(log)
    rows = _rows(ledger) if there else 0
    if told is not None and rows < told.recorded:
        faults.append(f"{ledger}: {rows:,} of at least {told.recorded:,} recorded answers are there")
    if faults:
        gone = [ledger.with_name(f"{ledger.name}-wal")] if log else []  # a sound log has rows, too
        names = " and ".join(str(path) for path in (*gone, progress) if path.exists())
        raise CorruptBuild(
            f"{'; '.join(faults)}. Answers that were paid for are lost: put back the file and its `-wal` from a copy; "
            f"or, to go on and pay for them again, delete {names}"
        )


def _rows(ledger: Path) -> int:
    connection = open_live(ledger)
    try:
        counted: int = connection.execute("SELECT count(*) FROM calls").fetchone()[0]
        return counted
    except sqlite3.Error as error:
        raise sqlite_fault(ledger, error) from error
    finally:
        connection.close()
