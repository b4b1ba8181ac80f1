"""What the ledger costs the event loop, which also has to serve the calls."""

from __future__ import annotations

import asyncio
import hashlib
import time
from pathlib import Path

from factory.calls.ledger import Ledger, LedgerRow

ROWS, IN_FLIGHT = 10_000, 64
REPLY = "The signs are in Polish. " * 80


def row(number: int) -> LedgerRow:
    return LedgerRow(
        key=hashlib.sha256(str(number).encode()).hexdigest(),
        sample_id=str(number),
        teacher="t",
        purpose="answer",
        draw=0,
        turn=0,
        attempt=0,
        model="m",
        origin="call",
        status="ok",
        response=REPLY,
        finish_reason="stop",
        error_kind=None,
        error_detail=None,
        http_calls=1,
        prompt_tokens=900,
        completion_tokens=300,
        cost=0.001,
        latency_s=0.5,
        created_at="2026-01-01T00:00:00Z",
    )


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
