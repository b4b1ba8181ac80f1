"""What a build has paid itself: one sum for the budget, the status and the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import polars as pl

from factory.store.info import read_shard_report
from factory.store.layout import ShardPaths

PAID_COLUMNS: Final = ("teacher", "origin", "http_calls", "prompt_tokens", "completion_tokens", "cost")
"""The ledger's columns that `paid` reads."""

PAID_SCHEMA: Final = pl.Schema(
    {
        "teacher": pl.String,
        "calls": pl.Int64,
        "prompt_tokens": pl.Int64,
        "completion_tokens": pl.Int64,
        "tokens": pl.Int64,
        "cost": pl.Float64,
    }
)
"""`calls` are HTTP requests, failed ones included; `tokens` are both kinds together; `cost` is in the currency of the
recipe's prices."""


def paid(rows: pl.DataFrame) -> pl.DataFrame:
    """Calls, tokens and cost by teacher, as `PAID_SCHEMA`, of the ledger rows whose origin is `call`.

    Recorded answers, and answers that an earlier build paid for, are no spending of this one.

    Args:
        rows: ledger rows with the columns `PAID_COLUMNS`, each row once.
    """
    tokens = pl.col("prompt_tokens") + pl.col("completion_tokens")
    own = rows.filter(pl.col("origin") == "call").with_columns(calls=pl.col("http_calls"), tokens=tokens)
    return added_up([own.select(pl.col(name).cast(kind) for name, kind in PAID_SCHEMA.items())])


def added_up(shards: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Sums of `paid` over shards, sorted by teacher: the rows of a large build never lie in memory at once."""
    return pl.concat([PAID_SCHEMA.to_frame(), *shards]).group_by("teacher").sum().sort("teacher")


def taken_from(shard: ShardPaths) -> str | None:
    """The name of the earlier build from which a finished shard was taken over whole; None for a shard worked here.

    What the ledger of such a shard holds as calls, the earlier build has paid. Raises CorruptBuild for a damaged
    report.
    """
    if not shard.report.exists():
        return None
    name = read_shard_report(shard.report).get("taken_from")
    return None if name is None else str(name)


def currency_of(recipe: Mapping[str, Any]) -> str:
    """In what teachers and witnesses of a resolved recipe are paid: `USD`, or `EUR/USD` where they differ; empty where
    nobody has a price."""
    found = set()
    for block in ("teachers", "witnesses"):
        for one in recipe.get(block) or ():
            prices = one.get("prices") if isinstance(one, Mapping) else None
            if isinstance(prices, Mapping) and any(prices.get(f"{kind}_per_million") for kind in ("input", "output")):
                found.add(str(prices.get("currency") or "USD")[:8])
    return "/".join(sorted(found))
