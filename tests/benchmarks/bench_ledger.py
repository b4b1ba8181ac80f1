"""What a durable row costs: the ledger with 64 callers, beside SQLite that commits each row by itself.

    python tests/benchmarks/bench_ledger.py [--rows 10000] [--in-flight 64] [--rounds 3]

Both write the same rows to a file with a write-ahead log and wait for the disk before a row counts as written. The
ledger commits what came while the last commit ran, so many callers share one wait. The event loop's own time is shown
too: it also has to serve the calls.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from factory.calls.ledger import Ledger, LedgerRow
from factory.calls.row import row_values
from tests.ledger_rows import ledger_row

REPLY = "The signs are in Polish. " * 80


def row(number: int) -> LedgerRow:
    return ledger_row(hashlib.sha256(str(number).encode()).hexdigest(), sample_id=str(number), response=REPLY)


def ours(path: Path, rows: Sequence[LedgerRow], in_flight: int) -> tuple[float, float]:
    """(rows a second, microseconds of the event loop a row)."""

    async def go() -> tuple[float, float]:
        waiting = iter(rows)

        async def caller(ledger: Ledger) -> None:
            for one in waiting:
                await ledger.record(one)

        with Ledger(path) as ledger:
            wall, loop = time.perf_counter(), time.thread_time()
            await asyncio.gather(*[caller(ledger) for _ in range(in_flight)])
            return time.perf_counter() - wall, time.thread_time() - loop

    wall, loop = asyncio.run(go())
    return len(rows) / wall, 1e6 * loop / len(rows)


def one_by_one(path: Path, rows: Sequence[LedgerRow]) -> float:
    """Rows a second of plain SQLite, one transaction a row."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    width = len(row_values(rows[0]))
    connection.execute(f"CREATE TABLE rows ({', '.join(f'c{n}' for n in range(width))}, PRIMARY KEY (c0))")
    insert = f"INSERT INTO rows VALUES ({', '.join('?' * width)})"
    started = time.perf_counter()
    for one in rows:
        connection.execute(insert, row_values(one))
    seconds = time.perf_counter() - started
    connection.close()
    return len(rows) / seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--in-flight", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    rows = [row(number) for number in range(options.rows)]
    found: list[tuple[float, float, float]] = []
    for _ in range(options.rounds):
        with tempfile.TemporaryDirectory(dir=".") as folder:
            plain = one_by_one(Path(folder, "plain.sqlite"), rows)
            found.append((plain, *ours(Path(folder, "ledger.sqlite"), rows, options.in_flight)))
    plain, rate, loop = (statistics.median(column) for column in zip(*found, strict=True))
    print(f"SQLite, a commit a row   {plain:>9,.0f} rows/s")
    print(f"ledger, {options.in_flight} in flight    {rate:>9,.0f} rows/s   event loop {loop:.0f} us a row")
    print(f"ratio                    {rate / plain:>9.2f}")


if __name__ == "__main__":
    main()
