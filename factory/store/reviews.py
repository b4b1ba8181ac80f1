"""What people decided about a build's samples, and how that lies over what the checks decided.

A person's decision is final: `accept` promotes a reviewed or a rejected sample, `reject` takes an accepted one out. A
quarantined sample stays so: it has no picture or no answer that could be released.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from factory.errors import CorruptBuild
from factory.store.layout import BuildPaths
from factory.store.tables import read_table
from schemas import arrow

PEOPLE_SAY: Final = ("accept", "reject")


def read_reviews(paths: BuildPaths) -> pl.DataFrame:
    """People's decisions as `schemas.arrow.REVIEWS`, one row a sample; empty where nobody decided anything yet.

    Where a sample stands there twice, the last row counts. Raises CorruptBuild for a damaged file and for a decision
    that is neither accept nor reject; names the file.
    """
    if not paths.reviews.is_file():
        empty = pl.from_arrow(arrow.REVIEWS.empty_table())
        assert isinstance(empty, pl.DataFrame)
        return empty
    rows = read_table(paths.reviews, arrow.REVIEWS)
    unknown = rows.filter(~pl.col("decision").is_in(PEOPLE_SAY) | pl.col("decision").is_null())
    if not unknown.is_empty():
        raise CorruptBuild(f"{paths.reviews}: sample {unknown['id'][0]!r} is neither accepted nor rejected")
    return rows.unique("id", keep="last", maintain_order=True)


def final_decision(verdict: pl.Expr, person: pl.Expr) -> pl.Expr:
    """What holds in the end, from the checks' decision and a person's (null where nobody looked, or nothing to look at
    yet: a sample without a verdict has no decision either)."""
    return pl.when(verdict.is_null() | (verdict == "quarantine")).then(verdict).otherwise(pl.coalesce(person, verdict))


def decided_by(verdict: str | None, person: str | None) -> str | None:
    """`final_decision` for one sample."""
    return verdict if person is None or verdict in (None, "quarantine") else person
