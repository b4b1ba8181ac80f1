"""`factory status`: how far a build is, counted from its files, so it is right after a crash and from any terminal.

Sealed ledgers are summed without hashing their rows (`factory check` does that), so that a look at a large build is
cheap; a file that cannot be read is named and left out of the sums.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from factory.calls.budget import Spent
from factory.calls.of_shard import shard_rows
from factory.errors import CorruptBuild, EnvironmentFault
from factory.shard.spec import ShardReport, read_report
from factory.store.layout import Build, ShardPaths
from factory.store.lease import is_locked
from factory.store.progress import read_progress
from factory.store.tables import read_columns


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildStatus:
    """State of a build as its files tell it."""

    directory: str
    state: str
    """planning, working, selected, released or done; `stopped` is said by `running`."""
    running: bool
    samples: int
    samples_done: int
    shards: int
    shards_done: int
    decisions: dict[str, int]
    spent: dict[str, dict[str, float]]
    """Calls, tokens and cost paid so far, by teacher."""
    faults: tuple[str, ...] = ()
    """Files that could not be read; what they hold is not counted."""


def build_status(build: Build) -> BuildStatus:
    """The status of a build, running or not. Changes nothing, and where the system lists its locks, takes none."""
    paths = build.paths
    faults: list[str] = []
    planned = pl.Series("shard", [], pl.Int32)
    if paths.plan.exists():
        try:
            planned = read_columns(paths.plan, ("shard",))["shard"]
        except CorruptBuild as error:
            faults.append(str(error))
    shards = paths.shards()
    reports = [report for shard in shards if shard.report.exists() and (report := _report(shard, faults))]
    decisions: Counter[str] = Counter()
    for report in reports:
        decisions.update(report.decisions)
    under_way = sum(read_progress(shard.progress) for shard in shards if not shard.report.exists())
    spent = _spent(shards, faults)
    return BuildStatus(
        directory=str(paths.root),
        state=build.info["state"],
        running=is_locked(paths.root / "lease"),
        samples=len(planned),
        samples_done=sum(report.samples for report in reports) + under_way,
        shards=planned.n_unique(),
        shards_done=len(reports),
        decisions=dict(sorted(decisions.items())),
        spent={
            teacher: {"calls": paid.calls, "tokens": paid.tokens, "cost": paid.cost}
            for teacher, paid in sorted(spent.items())
        },
        faults=tuple(faults),
    )


def _report(shard: ShardPaths, faults: list[str]) -> ShardReport | None:
    try:
        return read_report(shard)
    except (CorruptBuild, OSError) as error:
        faults.append(str(error))
        return None


def _spent(shards: Sequence[ShardPaths], faults: list[str]) -> dict[str, Spent]:
    """What this build paid by teacher; `factory.calls.budget.spent_by_teacher` is the same with every row verified."""
    total: dict[str, Spent] = {}
    for shard in shards:
        try:
            rows = shard_rows(shard, _PAID)
        except (CorruptBuild, EnvironmentFault) as error:
            faults.append(str(error))
            continue
        tokens = (pl.col("prompt_tokens") + pl.col("completion_tokens")).sum()
        paid = rows.filter(pl.col("origin") == "call").group_by("teacher")
        sums = paid.agg(pl.col("http_calls").cast(pl.Int64).sum(), tokens, pl.col("cost").sum())
        for teacher, calls, token_sum, cost in sums.iter_rows():
            old = total.get(teacher, Spent())
            total[teacher] = Spent(old.calls + calls, old.tokens + token_sum, old.cost + cost)
    return total


_PAID = ("teacher", "origin", "http_calls", "prompt_tokens", "completion_tokens", "cost")
