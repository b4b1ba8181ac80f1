"""Pictures that lie elsewhere are fetched before the shards that read them run: those of the plan, and no others."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from factory.phases.run import Run, UnderWay
from factory.plugins.fetching import Course
from factory.sources import fetches
from factory.sources.held import HeldSource
from factory.store.tables import read_table
from factory.text import counted
from schemas import arrow


def fetch_pictures(run: Run, shards: Sequence[int]) -> None:
    """Fetches what these shards will read; nothing where the source has its pictures itself.

    Raises what the source raises: not one of them came, or its folder is somebody else's.
    """
    source = run.source
    if not (isinstance(source, HeldSource) and fetches(source)):
        return
    plan = read_table(run.paths.plan, arrow.PLAN).filter(pl.col("shard").is_in(list(shards)))
    locators = plan["images"].explode().drop_nulls().struct.field("locator").unique(maintain_order=True).to_list()
    course = Course()

    def look() -> UnderWay:
        return UnderWay(done=course.done, refused=course.missing)

    with run.listener.working("fetch", len(locators), look):
        missing = source.fetch(locators, allowed=run.allowed, course=course)
    came = len(locators) - sum(missing.values())
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in missing.items())
    run.listener.phase("fetch", f"{counted(came, 'picture')} there" + (f", missing: {reasons}" if reasons else ""))
