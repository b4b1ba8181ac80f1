"""Runs the recipe's selectors over the accepted rows. A rule sees only what earlier rules left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import polars as pl
from pydantic import BaseModel

from factory.errors import FactoryError, PluginFault
from factory.plugins.registry import plugin
from factory.select.ruling import FRAME_SCHEMA, SPLITS, Ruling
from factory.store.tables import beside
from factory.text import counted
from schemas import arrow

DEFAULT_SPLIT: Final = "train"
"""Where rows go when the recipe has no `split`."""

_START: Final = {
    "kept": pl.lit(True),
    "split": pl.lit(None, pl.String),
    "group": pl.lit(None, pl.String),
    "removed_by": pl.lit(None, pl.String),
    "reason": pl.lit(None, pl.String),
    "detail": pl.lit(None, pl.String),
}


def run_selection(frame: pl.DataFrame, rules: Sequence[tuple[str, BaseModel]]) -> pl.DataFrame:
    """What every rule together leaves, as `schemas.arrow.SELECTION`, in plan order.

    Args:
        frame: accepted rows with the columns of `FRAME_SCHEMA`, ids unique.
        rules: selector names with their validated settings, in the recipe's order.

    Raises:
        ValueError: a column is missing, or an id is there twice.
        PluginFault: a selector raised, or ruled on rows it was not given.
    """
    remaining = _checked(frame)
    state = remaining.select("id", "shard", "position").with_columns(**_START)
    for name, settings in rules:
        found = _ruling(name, settings, remaining)
        state = _apply(state, name, found, remaining["id"])
        if found.removed.height:
            remaining = remaining.filter(~pl.col("id").is_in(found.removed["id"].implode()))
    state = state.with_columns(split=pl.when("kept").then(pl.col("split").fill_null(DEFAULT_SPLIT)))
    return state.select(arrow.SELECTION.names)


def _checked(frame: pl.DataFrame) -> pl.DataFrame:
    if missing := [name for name in FRAME_SCHEMA if name not in frame.columns]:
        raise ValueError(f"selection needs the columns {', '.join(missing)}")
    frame = frame.select(pl.col(name).cast(kind) for name, kind in FRAME_SCHEMA.items()).sort("shard", "position")
    if frame["id"].n_unique() != frame.height:
        twice = frame.filter(pl.col("id").is_duplicated())["id"][0]
        raise ValueError(f"id {twice!r} is there twice; the plan makes ids unique")
    return frame


def _ruling(name: str, settings: BaseModel, remaining: pl.DataFrame) -> Ruling:
    """What one selector says of the rows still kept: of these only, of each once, and splits that a release has."""
    try:
        found = plugin("selector", name).function(remaining, **dict(settings))
        if not isinstance(found, Ruling):
            raise TypeError(f"returned {type(found).__name__}, not Ruling")
        for what, table in (("removed", found.removed), ("groups", found.groups), ("splits", found.splits)):
            if table["id"].equals(remaining["id"]):
                continue
            if not (strange := table.join(remaining.select("id"), on="id", how="anti")).is_empty():
                raise ValueError(f"`{what}` names {strange['id'][0]!r}, which is not among the rows it was given")
            if table["id"].is_duplicated().any():
                raise ValueError(f"`{what}` names {table.filter(table['id'].is_duplicated())['id'][0]!r} twice")
        if not (odd := found.splits.filter(~pl.col("split").is_in(SPLITS))).is_empty():
            raise ValueError(f"`splits` has {odd['split'][0]!r}, expected {', '.join(SPLITS)}")
        if not (mute := found.removed.filter(pl.col("reason").is_null())).is_empty():
            raise ValueError(f"`removed` gives no reason for {mute['id'][0]!r}")
    except FactoryError:
        raise
    except Exception as error:
        raise PluginFault(
            f"selector `{name}` failed on {counted(remaining.height, 'row')}: {type(error).__name__}: {error}. This is "
            "a fault of the selector: mend it, or take it out of `select` in the recipe; everything before it is kept"
        ) from error
    return found


def _apply(state: pl.DataFrame, rule: str, found: Ruling, remaining: pl.Series) -> pl.DataFrame:
    """Lays one rule's findings beside the state; a rule that groups or splits overrides earlier ones for its rows.

    Args:
        remaining: ids of the rows that it was given.
    """
    for table in (
        found.removed.rename({"reason": "r", "detail": "d"}),
        found.groups.rename({"group": "g"}),
        found.splits.rename({"split": "s"}),
    ):
        state = _laid(state, table, remaining)
    gone = pl.col("r").is_not_null()
    return state.with_columns(
        kept=pl.col("kept") & ~gone,
        split=pl.coalesce("s", "split"),
        group=pl.coalesce("g", "group"),
        removed_by=pl.when(gone).then(pl.lit(rule)).otherwise("removed_by"),
        reason=pl.coalesce("reason", "r"),
        detail=pl.coalesce("detail", "d"),
    ).drop("r", "d", "g", "s")


def _laid(state: pl.DataFrame, table: pl.DataFrame, remaining: pl.Series) -> pl.DataFrame:
    """`beside`; a rule that names all rows it was given names them in their order, and is not joined, either."""
    if table["id"].equals(remaining) and table.height < state.height:
        place = pl.when("kept").then(pl.col("kept").cum_sum() - 1)
        table = table.select(pl.all().gather(state.select(place).to_series())).with_columns(state["id"])
    return beside(state, table)
