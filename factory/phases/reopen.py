"""Asking again: shards whose rows were quarantined for a passing reason are opened for another run.

An endpoint that was away or a photo that was missing says nothing of the sample. `factory build --retry` reopens such
shards; their answers and pictures are taken over, and only what failed is asked or decoded again.
"""

from __future__ import annotations

import asyncio
import shutil

from factory.calls.ledger import Ledger, read_ledger
from factory.calls.row import LedgerRow
from factory.shard.photos import PASSING_REFUSALS
from factory.shard.run import run_to_end
from factory.store.files import read_json
from factory.store.layout import BuildPaths, ShardPaths

PASSING_REASONS = frozenset({"teachers:exhausted", *(f"images:{reason}" for reason in PASSING_REFUSALS)})
"""Reasons of quarantine that another run may not repeat."""


def reopen(paths: BuildPaths) -> int:
    """Opens every finished shard that has a row with a passing reason. Returns how many."""
    opened = 0
    for shard in paths.shards():
        if shard.report.exists() and PASSING_REASONS & read_json(shard.report).get("reasons", {}).keys():
            forget_selection(paths)
            run_to_end(_thaw(shard))
            shard.report.unlink()
            opened += 1
    return opened


async def _thaw(shard: ShardPaths) -> None:
    """The sealed ledger as a live one again: the shard then stands where it stood before it was finished."""
    rows = read_ledger(shard.ledger).drop("row_sha256")
    with Ledger(shard.live_ledger) as ledger:
        await asyncio.gather(*(ledger.record(LedgerRow(**row)) for row in rows.iter_rows(named=True)))


def forget_selection(paths: BuildPaths) -> None:
    """Removes what was made from the shards, because the shards change. The release goes last: it is worth most."""
    paths.selection.unlink(missing_ok=True)
    paths.report.unlink(missing_ok=True)
    if paths.release.exists():
        shutil.rmtree(paths.release)
