"""Localizability: the data of GLOBE's reward model, which nobody published; nobody is asked.

The source `build` reads the answers of a finished build and tells of each photo in the text `localizability`.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated, Final

import polars as pl
from pydantic import Field

from factory.generators.asked import said_in, turns
from factory.plugins.contracts import Generator, Needs
from factory.plugins.registry import register
from schemas.rows.localizability import ROW

QUESTION: Final = "Does this photo show enough to work out where it was taken? Answer with one word, yes or no."
"""Ours: GLOBE publishes neither prompt nor data of its reward model, only how its answer is read."""

_SAID: Final = pl.Struct(
    dict.fromkeys(("answer", "target", "build", "fingerprint"), pl.String)
    | dict.fromkeys(("p_yes", "calibrated", "radius_km"), pl.Float64)
    | {"decided": pl.Boolean}
    | dict.fromkeys(("teachers", "answers", "localizable", "near", "yes"), pl.Int64)
)
_COLUMNS: Final = {
    "answer": "answer",
    "decided": "decided",
    "target": "target",
    "p_yes": "p_yes",
    "calibrated": "calibrated",
    "radius_km": "radius_km",
    "teachers": "teachers",
    "answers": "answers",
    "answers_localizable": "localizable",
    "answers_near": "near",
    "answers_yes": "yes",
    "build": "build",
    "build_fingerprint": "fingerprint",
}
"""Columns of the row, and what the text calls them."""
_NEEDED: Final = frozenset(theirs for ours, theirs in _COLUMNS.items() if ours not in ROW.nullable)


@register("generator", "localizability")
def localizability(*, question: Annotated[str, Field(min_length=1, max_length=2000)] | None = None) -> Generator:
    """Photos of the source `build` with yes or no and P(yes); all rows of a shard at once.

    Args:
        question: for a reward model with a prompt of its own; by default ours.
    """
    return Generator(
        name="localizability",
        version="1",
        row=ROW,
        needs=Needs(texts=("localizability",), calls=(0, 0)),
        records=partial(records, question=question or QUESTION),
    )


def records(frame: pl.DataFrame, *, question: str) -> pl.DataFrame:
    """The rows of a table of samples; none of one whose text is not the source's.

    Args:
        frame: columns of `schemas.arrow.PLAN`, with the text `localizability` of the source `build`.
        question: of every row.
    """
    said = said_in(frame, "localizability", _SAID, _NEEDED)
    told = said.with_columns(
        pl.lit(question).alias("question"),
        *(pl.col("_said").struct.field(name).alias(ours) for ours, name in _COLUMNS.items()),
    ).with_columns(
        p_yes=pl.col("p_yes").round(6),
        calibrated=pl.col("calibrated").round(6),
        messages=turns(pl.col("question"), pl.col("answer"), pictures=1),
        saw_truth=pl.lit("none"),
    )
    return told.select(ROW.own)
