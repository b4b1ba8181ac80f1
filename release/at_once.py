"""Rows of a family that makes them at once and shows no picture: from a shard to its splits' tables, no row touched.

Only where nothing is odd about any of them: for all else `release.rows`, which looks at rows one by one, says what.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import polars as pl
import pyarrow as pa

from factory.generators.rows import OWNER
from factory.store.decided import Decided, told
from schemas.rows.schema import PEOPLE_FIELDS, RowSchema


@dataclass(frozen=True, slots=True)
class Block:
    """Released rows of a shard, and of how many samples they are."""

    splits: tuple[tuple[str, pl.DataFrame], ...]
    """Rows by split, each in plan order: the schema's columns but `images`, of its types."""
    rows: pl.Series
    """Rows of each kept sample, in plan order."""


_NTH: Final = "_nth"
_SPLIT: Final = "_split"


def block(
    schema: RowSchema, made: pl.DataFrame, kept: pl.DataFrame, taken: pl.Series, people: Mapping[str, Decided]
) -> Block | None:
    """What is released of a shard; None where its columns are not the schema's to the letter, a sample has no row, or a
    row an id that is not its own.

    Args:
        schema: the family's.
        made: `factory.generators.rows.made_at_once` of the kept samples.
        kept: id and split of the kept samples, in plan order.
        taken: ids of all kept samples of the build.
        people: what they decided, by sample.
    """
    if {*made.columns} != {OWNER, *schema.own} or "answers" in schema.filled:
        return None
    typed = _typed(made.select(schema.own), schema)
    if typed is None:
        return None
    counted = made.group_by(OWNER).len()
    rows = kept.select(pl.col("id").alias(OWNER), pl.col("split").alias(_SPLIT))
    rows = rows.join(counted, on=OWNER, how="left", maintain_order="left")
    typed = typed.hstack(made.select(OWNER, pl.int_range(1, pl.len() + 1).over(OWNER).alias(_NTH)))
    if rows["len"].null_count() or not _ids_are_due(typed, taken):
        return None
    # Rows stand in the order of their samples, those of a sample together.
    typed = rows.select(OWNER, _SPLIT).join(typed, on=OWNER, how="left", maintain_order="left_right")
    if "people" in schema.json_keys:
        of_people = [told(people.get(name)) for name in typed[OWNER]]
        typed = typed.with_columns(pl.Series("people", of_people, pl.Struct(dict.fromkeys(PEOPLE_FIELDS, pl.String))))
    typed = typed.drop(OWNER, _NTH)
    splits = typed.partition_by(_SPLIT, maintain_order=True, as_dict=True)
    named = ((str(split), part.rename({_SPLIT: "split"}).select(schema.json_keys)) for (split,), part in splits.items())
    return Block(tuple(named), rows["len"])


def _typed(rows: pl.DataFrame, schema: RowSchema) -> pl.DataFrame | None:
    """The rows in the schema's types, where no value changes by that."""
    due = pl.Schema(schema.columns)
    for name, kind in rows.schema.items():
        whole = kind.is_integer() and due[name].is_integer()
        if not (kind == due[name] or kind == pl.Null or whole):
            return None
    try:
        return rows.cast({name: due[name] for name in rows.columns})
    except pl.exceptions.InvalidOperationError:  # a number that does not fit
        return None


def _ids_are_due(rows: pl.DataFrame, taken: pl.Series) -> bool:
    """Whether ids are those of their samples, `id`, `id/2`, ..., and none is that of another kept sample."""
    further = pl.col(_NTH) > 1
    due = pl.when(further).then(pl.col(OWNER) + "/" + pl.col(_NTH).cast(pl.String)).otherwise(OWNER)
    odd = pl.col("id").ne_missing(due) | (further & pl.col("id").is_in(taken.implode()))
    return not rows.select(odd.any()).item()


def arrow_rows(rows: pl.DataFrame, schema: pa.Schema) -> pa.Table:
    """Rows of a `Block` as the table of a Parquet file, with no picture."""
    table = rows.to_arrow(compat_level=pl.CompatLevel.oldest())
    none = pa.repeat(pa.scalar([], schema.field("images").type), rows.height)
    columns = [none if field.name == "images" else table[field.name].cast(field.type) for field in schema]
    return pa.Table.from_arrays(columns, schema=schema)


def slices(rows: pl.DataFrame, first: int, most: int) -> Iterator[pl.DataFrame]:
    """The rows in parts that fill up files of `most` rows, the first of which has `first` already."""
    at = 0
    while at < rows.height:
        size = most - (first + at) % most
        yield rows[at : at + size]
        at += size
