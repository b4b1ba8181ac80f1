"""Rows that people accepted and rewrote, and that nobody can release so: what is left of them fails its checks.

That shows when they are verified. Reviewers who take out different clues, say, make a row together that none of them
read. Their lead is asked, as where they differ: `as_shown` takes what the teacher wrote, `reject` takes it out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import polars as pl

from factory.store.decided import decided_of
from factory.store.layout import BuildPaths
from factory.store.reviews import read_reviews
from factory.store.tables import read_columns
from factory.text import counted


def held_rows(paths: BuildPaths, decisions: Iterable[Mapping[str, Any]] | None = None) -> dict[str, str]:
    """Why each of these rows is released by nobody, by sample, as they were verified last.

    Args:
        decisions: rows of decisions.parquet as they would be written now; by default as they stand there.
    """
    rows = read_reviews(paths).iter_rows(named=True) if decisions is None else decisions
    edited = {row["id"] for row in rows if row["decision"] == "accept" and decided_of(row).edited}
    found: dict[str, str] = {}
    for shard in paths.shards() if edited else ():
        if shard.verdicts.exists():
            verdicts = read_columns(shard.verdicts, ["id", "decision", "unreleasable"])
            mine = verdicts.filter(pl.col("id").is_in(list(edited)) & pl.col("unreleasable").is_not_null())
            found |= dict(mine.filter(pl.col("decision") != "quarantine").select("id", "unreleasable").iter_rows())
    return dict(sorted(found.items()))


def told_of_held(held: Mapping[str, str]) -> Iterator[str]:
    """What is said of them, in a line."""
    if held:
        reasons = pl.Series([*held.values()]).value_counts(sort=True).rows()
        why = ", ".join(f"{reason} {count:,}" for reason, count in sorted(reasons, key=lambda one: (-one[1], one[0])))
        waits = "waits" if len(held) == 1 else "wait"
        yield (
            f"{counted(len(held), 'row')} that people accept and rewrote cannot be released so ({why}), and {waits} "
            "for the lead: as_shown takes what the teacher wrote, reject takes it out"
        )
