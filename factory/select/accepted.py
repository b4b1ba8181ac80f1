"""The select phase on a build's files: the rows that were accepted, under the recipe's rules."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pyarrow as pa
from pydantic import BaseModel

from factory.geo.memory import return_to_system
from factory.plugins.blocks import Call
from factory.recipe.model import Recipe
from factory.select import FRAME_SCHEMA, run_selection
from factory.store.decided import moved
from factory.store.layout import Build, ShardPaths
from factory.store.paths import input_path
from factory.store.places import LABEL_COLUMNS, PLACE, placed
from factory.store.reviews import final_decision, read_reviews
from factory.store.tables import beside, read_columns


def select_rows(build: Build, recipe: Recipe, root: Path) -> pl.DataFrame:
    """selection.parquet of a build: every accepted row, kept or removed by a named rule."""
    rows = accepted_rows(build)
    # What reading hundreds of files left in the allocators is as much as the rows.
    pa.default_memory_pool().release_unused()
    return_to_system()
    return run_selection(rows, selection_rules(recipe.select, root))


def accepted_rows(build: Build, *, disputed: bool = False) -> pl.DataFrame:
    """What the selectors may look at: one row an accepted sample, in plan order; see `factory.select.FRAME_SCHEMA`.

    A person's decision lies over that of the checks: one that accepts a reviewed or rejected sample brings it in, one
    that rejects takes it out. `image_sha256` and `image_phash` are of the first picture. `best_distance_km` is the
    smallest distance of any teacher's answer to the truth: of its coordinates, else of the place named. A sample
    without a known place has that of its label, and no distance.

    Args:
        disputed: also what waits for people, as if they would accept it, where a row can be made of it.
    """
    people = read_reviews(build.paths).select("id", person="decision")
    found = [_accepted(shard, people, disputed) for shard in build.paths.shards() if shard.verdicts.exists()]
    accepted = pl.concat([_ACCEPTED.to_frame(), *found])
    columns = ["id", *(name for name in FRAME_SCHEMA if name not in _ACCEPTED)]
    planned = moved(read_columns(build.paths.plan, columns), build.paths)
    if accepted.height < planned.height:
        planned = planned.filter(pl.col("id").is_in(accepted["id"].implode()))
    joined = beside(planned, accepted)
    return joined.with_columns(placed()).select(pl.col(name).cast(kind) for name, kind in FRAME_SCHEMA.items())


_ACCEPTED = pl.Schema(
    {name: FRAME_SCHEMA[name] for name in ("id", "image_sha256", "image_phash", "best_distance_km")}
    | {"label": pl.Struct(PLACE)}
)
_PHOTO = ("sha256", "phash")
_LOCATED = ("combined", "distance_km", "named_distance_km")


def _accepted(shard: ShardPaths, people: pl.DataFrame, disputed: bool) -> pl.DataFrame:
    """A shard's accepted rows, without the teachers' texts, which would not fit into memory for a large build."""
    located = (f"located.list.element.{name}" for name in _LOCATED)
    verdicts = read_columns(shard.verdicts, ["id", "decision", "unreleasable", *LABEL_COLUMNS, *located])
    seen = read_columns(shard.answers, ["id", *(f"photos.list.element.{name}" for name in _PHOTO)])
    decided = verdicts.join(people, on="id", how="left", maintain_order="left")
    final = final_decision(*map(pl.col, ("decision", "person", "unreleasable")))
    waits = (final == "review") & pl.col("unreleasable").is_null() & disputed
    accepted = decided.filter((final == "accept") | waits)
    photo = pl.col("photos").list.first().struct
    rows = accepted.join(seen, on="id", how="left", maintain_order="left")
    answer = pl.element().struct
    near = pl.coalesce(answer.field("distance_km"), answer.field("named_distance_km"))
    told = pl.when(~answer.field("combined")).then(near)  # what a family combined, no teacher said
    return rows.select(
        "id",
        image_sha256=photo.field("sha256"),
        image_phash=photo.field("phash"),
        best_distance_km=pl.col("located").list.eval(told).list.min(),
        label="label",
    )


def selection_rules(calls: Sequence[Call], root: Path) -> list[tuple[str, BaseModel]]:
    """The recipe's selectors with the benchmarks' relative paths resolved against the recipe's folder."""
    return [(call.name, _rooted(call.settings, root)) for call in calls]


def _rooted(settings: BaseModel, root: Path) -> BaseModel:
    benchmarks = getattr(settings, "benchmarks", None)
    if benchmarks is None:
        return settings

    def full(path: Path | None) -> Path | None:
        return None if path is None else input_path(root, path)

    resolved = tuple(
        entry.model_copy(update={"table": full(entry.table), "images": full(entry.images)}) for entry in benchmarks
    )
    return settings.model_copy(update={"benchmarks": resolved})
