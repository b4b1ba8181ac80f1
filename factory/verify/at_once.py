"""Samples of a family that asks nobody and is checked by nobody, judged as columns: who is plainly accepted.

The gates are those of `factory.verify.judge.decide`, closed for whatever is not plain: a refused picture, a word of a
witness, an unsound conversation, words that tell the truth. Such samples are judged one by one, and that says why.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import polars as pl

from factory.generators.rows import OWNER
from factory.store.tables import read_columns
from factory.verify.judge import Judge
from factory.verify.untold import TRUTH, tells_nothing
from schemas.rows.conversations import MESSAGES, conversations

_SAID: Final = ("answers.list.element.teacher", "evidence.list.element.source")
"""Columns of answers.parquet that tell whether anybody said anything."""


def silent(answers: Path) -> pl.Series:
    """Whether nobody said anything about a sample, of all in an answers.parquet. Raises CorruptBuild."""
    found = read_columns(answers, _SAID)
    return found.select(silent=(pl.col("answers").list.len() == 0) & (pl.col("evidence").list.len() == 0))["silent"]


def plainly_accepted(samples: pl.DataFrame, made: pl.DataFrame, judge: Judge) -> pl.Series:
    """Which samples are accepted with nothing said against them; of the others one by one finds what holds.

    Args:
        samples: `factory.store.cases.sample_frame`, with a column `silent`.
        made: `factory.generators.rows.made_at_once` of them.
        judge: the recipe's rules.

    Returns:
        A flag a sample, in the order of `samples`.
    """
    generator = judge.generator
    if judge.checks or judge.decider is not None or generator.states_place or made.schema.get("messages") != MESSAGES:
        return pl.repeat(value=False, n=samples.height, dtype=pl.Boolean, eager=True)
    role, refused = pl.element().struct.field("role"), pl.element().struct.field("refused")
    embedded = pl.element().struct.field("embed") & role.is_in(list(generator.needs.shown))
    usable = samples.select(
        "id",
        *TRUTH,
        pictures=pl.col("images").list.eval(embedded).list.sum().fill_null(0),
        usable=pl.col("silent") & ~pl.col("photos").list.eval(refused.is_not_null()).list.any().fill_null(value=False),
    )
    rows = made.select("messages", id=pl.col(OWNER)).join(usable, on="id", how="left", maintain_order="left")
    read = conversations(rows["messages"], rows["pictures"])
    sound = read["sound"] & tells_nothing(read["before"], rows, generator.row.truth_in_messages)
    whole = rows.select("id", sound=sound).group_by("id").agg(pl.col("sound").all())
    joined = usable.join(whole, on="id", how="left", maintain_order="left")
    return joined.select(plain=pl.col("usable") & pl.col("sound").fill_null(value=False))["plain"]
