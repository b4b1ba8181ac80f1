"""What the ledger costs the event loop, which also has to serve the calls."""

from __future__ import annotations

import asyncio
import hashlib
import time
from pathlib import Path

from factory.calls.ledger import Ledger, LedgerRow
from tests.ledger_rows import ledger_row

ROWS, IN_FLIGHT = 10_000, 64
REPLY = "The signs are in Polish. " * 80


def row(number: int) -> LedgerRow:
    return ledger_row(hashlib.sha256(str(number).encode()).hexdigest(), sample_id=str(number), response=REPLY)


def test_a_recorded_call_costs_the_event_loop_less_than_60_microseconds(tmp_path: Path) -> None:
    rows = iter([row(number) for number in range(ROWS)])

    async def caller(ledger: Ledger) -> None:
        for one in rows:
            await ledger.record(one)

    async def go() -> tuple[float, float]:
        with Ledger(tmp_path / "ledger.sqlite") as ledger:
            wall, loop = time.perf_counter(), time.thread_time()
            await asyncio.gather(*[caller(ledger) for _ in range(IN_FLIGHT)])
            return time.perf_counter() - wall, time.thread_time() - loop

    wall, loop = asyncio.run(go())
    cost_us = loop / ROWS * 1e6
    print(f"{ROWS / wall:,.0f} rows/s at {IN_FLIGHT} in flight; event loop {cost_us:.1f} us a row")
    assert cost_us < 60
