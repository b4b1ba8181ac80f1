"""The select phase on a build's files: the rows that were accepted, under the recipe's rules."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl
from pydantic import BaseModel

from factory.plugins.blocks import Call
from factory.recipe.model import Recipe
from factory.select import FRAME_SCHEMA, run_selection
from factory.store.layout import Build, ShardPaths
from factory.store.tables import read_columns


def select_rows(build: Build, recipe: Recipe, root: Path) -> pl.DataFrame:
    """selection.parquet of a build: every accepted row, kept or removed by a named rule."""
    return run_selection(accepted_rows(build), selection_rules(recipe.select, root))


def accepted_rows(build: Build) -> pl.DataFrame:
    """What the selectors may look at: one row an accepted sample, in plan order; see `factory.select.FRAME_SCHEMA`.

    `best_distance_km` is the smallest distance of any answer to the truth: of its coordinates, else of the place named.
    """
    found = [_accepted(shard) for shard in build.paths.shards() if shard.report.exists()]
    accepted = pl.concat(found) if found else pl.DataFrame(schema=_ACCEPTED)
    planned = read_columns(build.paths.plan, ["id", *(name for name in FRAME_SCHEMA if name not in _ACCEPTED)])
    joined = planned.join(accepted, on="id", maintain_order="left")
    return joined.select(pl.col(name).cast(kind) for name, kind in FRAME_SCHEMA.items())


_ACCEPTED = {name: FRAME_SCHEMA[name] for name in ("id", "image_sha256", "image_phash", "best_distance_km")}


def _accepted(shard: ShardPaths) -> pl.DataFrame:
    """A part's accepted rows without the teachers' texts, which would not fit into memory for a large build."""
    kilometres = [f"answers.list.element.{name}" for name in ("distance_km", "named_distance_km")]
    columns = ["id", "decision", "image_sha256", "image_phash", *kilometres]
    part = read_columns(shard.part, columns).filter(pl.col("decision") == "accept")
    near = pl.element().struct.field("distance_km").fill_null(pl.element().struct.field("named_distance_km"))
    best = pl.col("answers").list.eval(near).list.min()
    return part.select("id", "image_sha256", "image_phash", best_distance_km=best)


def selection_rules(calls: Sequence[Call], root: Path) -> list[tuple[str, BaseModel]]:
    """The recipe's selectors with the benchmarks' relative paths resolved against the recipe's folder."""
    return [(call.name, _rooted(call.settings, root)) for call in calls]


def _rooted(settings: BaseModel, root: Path) -> BaseModel:
    benchmarks = getattr(settings, "benchmarks", None)
    if benchmarks is None:
        return settings

    def full(path: Path | None) -> Path | None:
        return None if path is None else root / path.expanduser()

    resolved = tuple(
        entry.model_copy(update={"table": full(entry.table), "images": full(entry.images)}) for entry in benchmarks
    )
    return settings.model_copy(update={"benchmarks": resolved})
