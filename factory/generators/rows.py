"""The rows of a family that makes them at once, told apart by sample."""

from __future__ import annotations

from typing import Any

import polars as pl

from factory.errors import PluginFault
from factory.plugins.contracts import Generator


def rows_by_sample(generator: Generator, frame: pl.DataFrame) -> dict[str, list[dict[str, Any]]]:
    """The rows that `records` makes of a shard's samples, by sample; a row `a/2` follows the row `a`."""
    assert generator.records is not None
    try:
        made = generator.records(frame)
        rows = list(made.iter_rows(named=True))
    except Exception as error:
        raise PluginFault(f"generator `{generator.name}` raised at {frame.height} samples: {error!r}") from error
    found: dict[str, list[dict[str, Any]]] = {}
    samples, owner = set(frame["id"]), None
    for row in rows:
        owner = row.get("id") if row.get("id") in samples else owner
        if owner is None:
            raise PluginFault(f"generator `{generator.name}`: its first row is {row.get('id')!r}, of no sample it got")
        found.setdefault(owner, []).append(row)
    return found
