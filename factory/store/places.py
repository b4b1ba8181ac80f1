"""Where the samples of a build are: in the plan, or, of a sample without coordinates, in its label."""

from __future__ import annotations

from typing import Final

import polars as pl

from factory.store.decided import moved
from factory.store.layout import Build
from factory.store.tables import beside, read_columns

PLACE: Final[dict[str, type[pl.DataType]]] = {
    "lat": pl.Float64,
    "lon": pl.Float64,
    "country_code": pl.String,
    "region": pl.String,
    "city": pl.String,
}
"""What a sample without a known place has from its label."""
LABEL_COLUMNS: Final = tuple(f"label.{name}" for name in PLACE)
"""Columns of verdicts.parquet that `placed` reads."""


def has_label() -> pl.Expr:
    """Whether the column `label` of a frame holds one."""
    return pl.col("label").struct.field("lat").is_not_null()


def placed() -> list[pl.Expr]:
    """The columns of `PLACE` for a frame of the plan's columns with a column `label`: NaN where no place is known."""
    label = pl.col("label").struct
    return [pl.when(has_label()).then(label.field(name)).otherwise(name).alias(name) for name in PLACE]


def placed_plan(build: Build, *columns: str) -> pl.DataFrame:
    """`id`, these columns of the plan and those of `PLACE`, with the labels of its samples in them, and a column
    `labelled` that says where."""
    none = pl.DataFrame(schema={"id": pl.String, "label": pl.Struct(PLACE)})
    verdicts = [shard.verdicts for shard in build.paths.shards() if shard.verdicts.exists()]
    labels = pl.concat([none, *(read_columns(path, ["id", *LABEL_COLUMNS]) for path in verdicts)])
    plan = moved(read_columns(build.paths.plan, ["id", *columns, *PLACE]), build.paths)
    return beside(plan, labels).with_columns(*placed(), labelled=has_label()).drop("label")
