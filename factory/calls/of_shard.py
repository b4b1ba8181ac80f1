"""The ledger of one shard as a whole: sealed when it is finished, live while it is at work, both when it was reopened.

For looking, not for answering: the rows of a sealed ledger are read by column under Parquet's page checksums, and their
own digests, which cost ten times as much, are left to `factory check`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from factory.calls.files import is_sealed, read_ledger
from factory.errors import EnvironmentFault
from factory.store.layout import ShardPaths
from factory.store.tables import read_columns, read_tables
from schemas import arrow

KEY = "key"


def shard_ledgers(shard: ShardPaths) -> list[Path]:
    """The files that hold a shard's answers, the newest first. Once its report stands, the sealed one has them all."""
    order = [shard.ledger] if shard.report.exists() and shard.ledger.exists() else [shard.live_ledger, shard.ledger]
    return [path for path in order if path.exists()]


def shard_rows(shard: ShardPaths, columns: Sequence[str] = arrow.LEDGER.names) -> pl.DataFrame:
    """Some columns of all rows of a shard, each row once; empty when it has none yet.

    Raises:
        CorruptBuild: a file is damaged; names it.
        EnvironmentFault: a file cannot be read, or a newer release wrote it.
    """
    read = list(dict.fromkeys((*columns, KEY)))
    try:
        frames = [_read(path, read) for path in shard_ledgers(shard)]
    except EnvironmentFault:
        if shard.live_ledger.exists():
            raise
        frames = [_read(path, read) for path in shard_ledgers(shard)]  # the shard was finished just now
    rows = pl.concat([read_tables([], arrow.LEDGER).select(read), *frames])
    return (rows.unique(KEY, keep="first", maintain_order=True) if len(frames) > 1 else rows).select(columns)


def _read(path: Path, columns: Sequence[str]) -> pl.DataFrame:
    if not is_sealed(path):
        return read_ledger(path).select(columns)
    return read_columns(path, columns).select(columns)
