"""What people decided about a build's samples, and how that lies over what the checks decided.

A person's decision is final: `accept` promotes a reviewed or a rejected sample, `reject` takes an accepted one out, and
`review`, where people differ, sends an accepted one to their lead. A quarantined sample stays so: it has no picture or
no answer that could be released. So does one of which no row can be made, or none that keeps the truth to itself.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from factory.errors import CorruptBuild
from factory.store.brought_back import mends
from factory.store.layout import BuildPaths
from factory.store.tables import column_names, read_table, read_tables
from factory.text import did_you_mean
from schemas import arrow

PEOPLE_SAY: Final = ("accept", "reject", "review")
_REQUIRED: Final = ("id", "decision")


def read_reviews(paths: BuildPaths) -> pl.DataFrame:
    """People's decisions as `schemas.arrow.REVIEWS`, one row a sample; empty where nobody decided anything yet.

    Where a sample stands there twice, the last row counts. Raises CorruptBuild for a damaged file, for one that does
    not say what was decided about which sample, and for a decision that is none of `PEOPLE_SAY`; names the file.
    """
    if not paths.decisions.exists():
        return read_tables([], arrow.REVIEWS)
    remedy = mends(paths, paths.decisions)
    if lacking := sorted({*_REQUIRED} - {*column_names(paths.decisions, remedy)}):
        raise CorruptBuild(
            f"{paths.decisions}: has no column `{lacking[0]}`; expected id, decision and, where known, "
            f"{', '.join(name for name in arrow.REVIEWS.names if name not in _REQUIRED)}"
        )
    rows = read_table(paths.decisions, arrow.REVIEWS, remedy)
    of_picture = pl.col("rule").is_not_null() | pl.col("lat").is_not_null() | (pl.col("boxes").list.len() > 0)
    silent = pl.col("decision").is_null() & ~of_picture.fill_null(value=False)
    unknown = rows.filter(~pl.col("decision").is_in(PEOPLE_SAY) | silent)
    if not unknown.is_empty():
        found = unknown["decision"][0]
        said = "no decision" if found is None else f"the decision {found!r:.40}{did_you_mean(found, PEOPLE_SAY)}"
        raise CorruptBuild(
            f"{paths.decisions}: sample {unknown['id'][0]!r} has {said}; expected one of {', '.join(PEOPLE_SAY)}"
        )
    return rows.unique("id", keep="last", maintain_order=True)


def final_decision(verdict: pl.Expr, person: pl.Expr, unreleasable: pl.Expr) -> pl.Expr:
    """What holds in the end.

    Args:
        verdict: the checks' decision; null where a sample has none yet, and then it has no final one either.
        person: a person's, null where nobody looked.
        unreleasable: why no row can be made of the sample, null where one can.
    """
    stays = verdict.is_null() | (verdict == "quarantine") | ((person == "accept") & unreleasable.is_not_null())
    tied = (person == "review") & (verdict != "accept")
    return pl.when(stays.fill_null(False) | tied.fill_null(False) | person.is_null()).then(verdict).otherwise(person)


def rule_name(rule: str | None) -> str:
    """What decided a row, without how many of how many: `majority` of `majority (2 of 3)`; `by hand` for a row that
    another program wrote."""
    return (rule or "by hand").partition(" (")[0]


def decided_by(verdict: str | None, person: str | None, unreleasable: str | None) -> str | None:
    """`final_decision` for one sample."""
    stays = person is None or verdict in (None, "quarantine") or (person == "accept" and unreleasable is not None)
    stays = stays or (person == "review" and verdict != "accept")
    return verdict if stays else person
