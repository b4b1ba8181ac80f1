"""Rows of a family that makes them at once and shows no picture: from a shard to its splits' tables, no row touched.

Held to what `release.rows` asks of each row; where columns are not of the schema's types to the letter, that looks at
the rows one by one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import polars as pl
import pyarrow as pa

from factory.errors import CorruptBuild, PluginFault
from factory.generators.rows import OWNER
from factory.plugins.contracts import Generator
from factory.store.decided import Decided, told
from schemas.rows.schema import FILLED, PEOPLE_FIELDS, RowSchema


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
    generator: Generator, made: pl.DataFrame, kept: pl.DataFrame, taken: pl.Series, people: Mapping[str, Decided]
) -> Block | None:
    """What is released of a shard; None where its columns are not of the schema's types.

    Args:
        made: `factory.generators.rows.made_at_once` of the kept samples.
        kept: id and split of the kept samples, in plan order.
        taken: ids of all kept samples of the build.
        people: what they decided, by sample.

    Raises CorruptBuild for a sample without a row, or a row with another sample's id, PluginFault for a row of another
    schema or id.
    """
    schema, own = generator.row, made.drop(OWNER)
    expected = {*schema.json_keys} - {*FILLED}
    if odd := {*own.columns} ^ expected:
        first = made[OWNER][0] if made.height else kept["id"][0]
        raise PluginFault(f"generator `{generator.name}`, row 1 of sample {first!r}: {other_columns(odd)}")
    typed = _typed(own.select(name for name in schema.json_keys if name not in FILLED), schema)
    if typed is None:
        return None
    counted = made.group_by(OWNER).len()
    rows = kept.select(pl.col("id").alias(OWNER), pl.col("split").alias(_SPLIT))
    rows = rows.join(counted, on=OWNER, how="left", maintain_order="left")
    if (lacking := rows.filter(pl.col("len").is_null())).height:
        raise CorruptBuild(no_row(generator, lacking[OWNER][0]))
    typed = typed.hstack(made.select(OWNER, pl.int_range(1, pl.len() + 1).over(OWNER).alias(_NTH)))
    _require_ids(generator, typed, taken)
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


def _require_ids(generator: Generator, rows: pl.DataFrame, taken: pl.Series) -> None:
    further = pl.col(_NTH) > 1
    due = pl.when(further).then(pl.col(OWNER) + "/" + pl.col(_NTH).cast(pl.String)).otherwise(OWNER)
    odd = rows.select("id", OWNER, _NTH, due=due).filter(pl.col("id").ne_missing(pl.col("due")))
    if odd.height:
        name, owner, nth, expected = odd.row(0)
        raise PluginFault(f"generator `{generator.name}`, row {nth} of sample {owner!r}: {other_id(name, expected)}")
    if twice := rows.filter(further & pl.col("id").is_in(taken.implode())).select(OWNER, "id").rows()[:1]:
        raise CorruptBuild(another_id(*twice[0]))


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


def other_columns(odd: set[str]) -> str:
    """What a row is told of that has other columns than its schema."""
    return f"has other columns than its schema: {', '.join(sorted(odd))}"


def other_id(found: object, expected: str) -> str:
    """What a row is told of that has another id."""
    return f"is called {found!r}, expected {expected!r}"


def another_id(sample_id: str, row_id: str) -> str:
    """What a sample is told of whose further row has the id of another sample."""
    return f"sample {sample_id!r} has a row {row_id!r}, which is another sample's id"


def no_row(generator: Generator, sample_id: str) -> str:
    """What a kept sample is told of that makes no row."""
    return (
        f"row {sample_id!r} is kept but `{generator.name}` makes no row of it; `factory build` sends such samples to "
        "review, so the shard's files were written by something else or changed since"
    )
