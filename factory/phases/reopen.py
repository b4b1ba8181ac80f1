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
from factory.shard.photos import PASSING_REFUSALS
from factory.shard.spec import read_report
from factory.store.layout import BuildPaths, ShardPaths

PASSING_REASONS = frozenset({"teachers:exhausted", *(f"images:{reason}" for reason in PASSING_REFUSALS)})
"""Reasons of quarantine that another run may not repeat."""


def reopen(paths: BuildPaths) -> int:
    """Opens every finished shard that has a row with a passing reason. Returns how many."""
    opened = 0
    for shard in paths.shards():
        if shard.report.exists() and PASSING_REASONS & read_report(shard).failures.keys():
            _thaw(shard, foreign=read_report(shard).taken_from is not None)
            shard.verdicts.unlink(missing_ok=True)
            shard.report.unlink()
            opened += 1
    return opened


def _thaw(shard: ShardPaths, *, foreign: bool) -> None:
    """The sealed ledger as a live one again: the shard then stands where it stood before it was finished.

    Args:
        foreign: the shard was taken over whole from an earlier build: what it paid is no spending of this one.
    """
    rows = read_ledger(shard.ledger).drop("row_sha256")
    if foreign:
        rows = rows.with_columns(origin=pl.col("origin").replace("call", "ledger"))
    with Loop() as loop, Ledger(shard.live_ledger) as ledger:
        loop.run(_record(ledger, rows))


async def _record(ledger: Ledger, rows: pl.DataFrame) -> None:
    await asyncio.gather(*(ledger.record(LedgerRow(**row)) for row in rows.iter_rows(named=True)))
