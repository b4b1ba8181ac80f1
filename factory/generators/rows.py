"""The rows of a family that makes them at once, told apart by sample."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

import polars as pl

from factory.errors import PluginFault
from factory.plugins.contracts import Generator

OWNER: Final = "_sample"
"""Column of `made_at_once` with the id of the sample whose row it is."""


def made_at_once(generator: Generator, frame: pl.DataFrame) -> pl.DataFrame:
    """The rows that `records` makes of these samples, in its order, with `OWNER`; a row `a/2` follows the row `a`.

    Raises PluginFault where it raises, makes no table, or begins with a row of no sample it got.
    """
    assert generator.records is not None
    try:
        made: object = generator.records(frame)
        if not isinstance(made, pl.DataFrame):
            raise TypeError(f"returned {type(made).__name__}, not DataFrame")
        named = made["id"] if "id" in made.columns else pl.Series("id", [None] * made.height, dtype=pl.String)
        known = named.dtype == pl.String
        mine = named.is_in(frame["id"].implode()) if known else pl.repeat(value=False, n=made.height, eager=True)
        owned = made.with_columns(pl.when(mine).then(named).forward_fill().alias(OWNER))
    except Exception as error:
        raise PluginFault(f"generator `{generator.name}` raised at {frame.height} samples: {error!r}") from error
    if owned.height and owned[OWNER][0] is None:
        raise PluginFault(f"generator `{generator.name}`: its first row is {named[0]!r}, of no sample it got")
    return owned


def rows_by_sample(made: pl.DataFrame, ids: Collection[str]) -> dict[str, list[dict[str, Any]]]:
    """Of the rows of `made_at_once` those of some samples, by sample."""
    found: dict[str, list[dict[str, Any]]] = {}
    mine = made.filter(pl.col(OWNER).is_in(list(ids)))
    for owner, row in zip(mine[OWNER], mine.drop(OWNER).iter_rows(named=True), strict=True):
        found.setdefault(owner, []).append(row)
    return found
