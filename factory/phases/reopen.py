"""Asking again: shards whose rows were quarantined for a passing reason are opened for another run.

An endpoint that was away or a photo that was missing says nothing of the sample. `factory build --retry` reopens such
shards; their answers and pictures are taken over, and only what failed is asked or decoded again.
"""

from __future__ import annotations

import asyncio

import polars as pl

from factory.calls.ledger import Ledger, read_ledger
from factory.calls.row import LedgerRow
from factory.shard.loop import Loop
from factory.shard.spec import read_report
from factory.store.layout import BuildPaths, ShardPaths


def reopen(paths: BuildPaths) -> None:
    """Opens every finished shard in which something failed for a passing reason."""
    for shard in paths.shards():
        if shard.report.exists() and read_report(shard).passing:
            _thaw(shard)
            shard.verdicts.unlink(missing_ok=True)
            shard.report.unlink()


def _thaw(shard: ShardPaths) -> None:
    """The sealed ledger as a live one again: the shard then stands where it stood before it was finished."""
    rows = read_ledger(shard.ledger).drop("row_sha256")
    with Loop() as loop, Ledger(shard.live_ledger) as ledger:
        loop.run(_record(ledger, rows))


async def _record(ledger: Ledger, rows: pl.DataFrame) -> None:
    await asyncio.gather(*(ledger.record(LedgerRow(**row)) for row in rows.iter_rows(named=True)))
