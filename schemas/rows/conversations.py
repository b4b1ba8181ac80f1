"""Many rows at once: the same questions that `messages` and `schema` answer of one, as columns.

For families that make millions of rows without asking anybody. What is not plainly sound is left to `message_faults`,
which says what is wrong; so the two need not agree on every doubt, only never on a fault that this one misses.
"""

from __future__ import annotations

from typing import Final

import orjson
import polars as pl
import pyarrow as pa

from schemas.rows.schema import RowSchema

MESSAGES: Final = pl.List(
    pl.Struct({"role": pl.String, "content": pl.List(pl.Struct({"type": pl.String, "text": pl.String}))})
)
"""`schemas.rows.schema.MESSAGE` in polars: the only form that is read here."""

_SAYS_SOMETHING: Final = r"[^\s\x00-\x1f\x7f-\xa0]"
"""No character that Python's `str.strip` takes away, and some more."""


def conversations(messages: pl.Series, pictures: pl.Series) -> pl.DataFrame:
    """Of every row whether its conversation is plainly sound, and what a student is given before the last answer.

    Args:
        messages: of the type `MESSAGES`.
        pictures: how many each row has.

    Returns:
        `sound`: true only where `message_faults` finds nothing. `before`: `text_before_answer` of a sound row.
    """
    rows = pl.DataFrame({"messages": messages, "pictures": pictures.cast(pl.Int64)}).with_row_index("row")
    length = pl.col("messages").list.len().cast(pl.Int64).fill_null(0)
    system = (pl.col("messages").list.first().struct.field("role") == "system").fill_null(value=False).cast(pl.Int64)
    rows = rows.with_columns(last=length - 1, system=system)
    ends = (pl.col("last") >= pl.col("system")) & ((pl.col("last") - pl.col("system")) % 2 == 1)
    rows = rows.with_columns(ends=ends)
    parts = _parts(rows)
    shows = (pl.col("type") == "image") & (pl.col("role") == "user") & (pl.col("text").fill_null("") == "")
    says = (pl.col("type") == "text") & pl.col("text").str.contains(_SAYS_SOMETHING)
    told = (pl.col("type") == "text") & (pl.col("turn") < pl.col("last"))
    found = (
        parts.group_by("row", maintain_order=True)
        .agg(
            sound=(pl.col("in_turn") & (shows | says)).fill_null(value=False).all(),
            shown=(pl.col("type") == "image").sum(),
            before=pl.col("text").filter(told).str.join("\n"),
        )
        .select("sound", "shown", "before")
    )
    whole = (pl.col("sound") & pl.col("ends") & (pl.col("shown") == pl.col("pictures"))).fill_null(value=False)
    return rows.hstack(found).select(sound=whole, before=pl.col("before").fill_null(""))


def _parts(rows: pl.DataFrame) -> pl.DataFrame:
    """One line a part of a message, in order: row, turn, last, role, in_turn (whether this role's turn it is), type,
    text. A conversation or a message without any has one line of nulls."""
    turns = (
        rows.select("row", "last", "system", "messages", turn=pl.int_ranges(0, pl.col("messages").list.len()))
        .explode("messages", "turn", empty_as_null=True)
        .unnest("messages")
    )
    nth = pl.col("turn") - pl.col("system")
    due = pl.when(nth < 0).then(pl.lit("system")).when(nth % 2 == 0).then(pl.lit("user")).otherwise(pl.lit("assistant"))
    turns = turns.with_columns(in_turn=pl.col("role") == due)
    return turns.explode("content", empty_as_null=True).unnest("content")


def json_texts(frame: pl.DataFrame, schema: RowSchema) -> list[bytes]:
    """The rows as their WebDataset JSON: `orjson.dumps` of the schema's `json_row`, of every row.

    Args:
        frame: the schema's columns but `images`, of its types.
    """
    plain = frame.select(_plain(pl.col(name), schema.columns.field(name).type).alias(name) for name in schema.json_keys)
    return [orjson.dumps(row) for row in plain.iter_rows(named=True)]


def _plain(value: pl.Expr, kind: pa.DataType) -> pl.Expr:
    """A column in the form that `json_row` promises: unknown text as "", at every depth."""
    if pa.types.is_string(kind):
        return value.fill_null("")
    if pa.types.is_list(kind):
        return value.list.eval(_plain(pl.element(), kind.value_type))
    if pa.types.is_struct(kind):
        fields = [kind.field(number) for number in range(kind.num_fields)]
        members = [_plain(value.struct.field(field.name), field.type).alias(field.name) for field in fields]
        return pl.when(value.is_not_null()).then(pl.struct(members))
    return value
