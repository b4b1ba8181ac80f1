"""`factory status`: how far a build is, counted from its files, so it is right after a crash and from any terminal.

Sealed ledgers are summed without hashing their rows (`factory check` does that), so that a look at a large build is
cheap; a file that cannot be read is named and left out of the sums.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import polars as pl

from factory.calls.of_shard import shard_rows
from factory.errors import CorruptBuild, EnvironmentFault
from factory.phases.watch import away_lines
from factory.store.info import read_shard_report
from factory.store.layout import Build, ShardPaths
from factory.store.lease import is_locked
from factory.store.paid import PAID_COLUMNS, PAID_SCHEMA, added_up, paid, taken_from
from factory.store.progress import read_progress
from factory.store.reviews import final_decision, read_reviews
from factory.store.tables import read_columns
from factory.teachers.batch_box import standing_of
from factory.text import counted

WhatT = TypeVar("WhatT")
ReadT = TypeVar("ReadT")
ElseT = TypeVar("ElseT")


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildStatus:
    """State of a build as its files tell it."""

    directory: str
    state: str
    """planning, the `state` of the last phase that is done, or waiting; whether it goes on now is said by `running`."""
    running: bool
    samples: int
    samples_done: int
    """Answered, in finished shards and in those at work or stopped."""
    shards: int
    shards_answered: int
    shards_verified: int
    decisions: dict[str, int]
    """Of the samples in verified shards, with people's decisions laid over those of the checks."""
    people: dict[str, int]
    """What people decided: accept and reject."""
    spent: dict[str, dict[str, float]]
    """Calls, tokens and cost paid so far, by teacher."""
    waiting: str = ""
    """For what a build waits, as the run said that ended so; empty where it does not wait."""
    away: tuple[str, ...] = ()
    """Endpoints that a running build waits for, and since when."""
    batches: tuple[str, ...] = ()
    """How the batches of each teacher stand that has any under way."""
    faults: tuple[str, ...] = ()
    """Files that could not be read; what they hold is not counted."""


def build_status(build: Build) -> BuildStatus:
    """The status of a build, running or not. Changes nothing, and where the system lists its locks, takes none."""
    paths = build.paths
    faults: list[str] = []
    planned = pl.Series("shard", [], pl.Int32)
    if paths.plan.exists():
        planned = _read(_planned, build, planned, faults)
    shards = paths.shards()
    finished = [(shard, _read(_samples, shard, None, faults)) for shard in shards if shard.report.exists()]
    answered = {shard: samples for shard, samples in finished if samples is not None}
    verdicts = [_read(_verdicts, shard, None, faults) for shard in answered if shard.verdicts.exists()]
    decided = [frame for frame in verdicts if frame is not None]
    people = _read(_people, build, _PEOPLE.to_frame(), faults)
    said = [read_progress(shard.progress) for shard in shards if not shard.report.exists()]
    under_way = [progress for progress in said if progress is not None]
    running = is_locked(paths.root / "lease")
    spent = added_up([_read(_spent, shard, PAID_SCHEMA.to_frame(), faults) for shard in shards])
    return BuildStatus(
        directory=str(paths.root),
        state=build.info["state"],
        running=running,
        samples=len(planned),
        samples_done=sum(answered.values()) + sum(progress.done for progress in under_way),
        shards=planned.n_unique(),
        shards_answered=len(answered),
        shards_verified=len(decided),
        decisions=_tally(_decisions(decided, people)),
        people=_tally(people["decision"].drop_nulls()),
        spent={
            teacher: {"calls": calls, "tokens": tokens, "cost": cost}
            for teacher, calls, tokens, cost in spent.select("teacher", "calls", "tokens", "cost").iter_rows()
        },
        waiting=build.info.get("waiting", "") if build.info["state"] == "waiting" and not running else "",
        away=away_lines(one for progress in under_way for one in progress.away) if running else (),
        batches=tuple(_read(_batches, build, (), faults)),
        faults=tuple(dict.fromkeys(faults)),
    )


def _read(look: Callable[[WhatT], ReadT], what: WhatT, otherwise: ElseT, faults: list[str]) -> ReadT | ElseT:
    """What is found, or `otherwise` and the fault noted."""
    try:
        return look(what)
    except (CorruptBuild, EnvironmentFault, OSError) as error:
        faults.append(str(error))
        return otherwise


def _batches(build: Build) -> list[str]:
    """Each teacher's questions that wait or are on their way, read without changing anything."""
    told = []
    for path in sorted(build.paths.batches.glob("*.sqlite")):
        waiting, batches, asked = standing_of(path)
        if waiting or asked:
            told.append(f"{path.stem}: {counted(asked, 'question')} in batches ({batches:,}), {waiting:,} to be sent")
    return told


def _planned(build: Build) -> pl.Series:
    return read_columns(build.paths.plan, ("shard",))["shard"]


def _people(build: Build) -> pl.DataFrame:
    return read_reviews(build.paths).select(_PEOPLE.names())


def _samples(shard: ShardPaths) -> int:
    return int(read_shard_report(shard.report)["samples"])


def _verdicts(shard: ShardPaths) -> pl.DataFrame:
    return read_columns(shard.verdicts, _VERDICTS.names())


def _decisions(verdicts: Sequence[pl.DataFrame], people: pl.DataFrame) -> pl.Series:
    """The final decision of every verified sample."""
    found = pl.concat([_VERDICTS.to_frame(), *verdicts])
    both = found.join(people.rename({"decision": "person"}), on="id", how="left")
    return both.select(decision=final_decision(*map(pl.col, ("decision", "person", "unreleasable"))))["decision"]


def _spent(shard: ShardPaths) -> pl.DataFrame:
    """What this build paid for a shard, by teacher; `factory.calls.budget.spent_by_teacher` is the same with every row
    verified. A shard that was taken over whole was paid by an earlier build."""
    return paid(shard_rows(shard, PAID_COLUMNS)) if taken_from(shard) is None else PAID_SCHEMA.to_frame()


def _tally(values: pl.Series) -> dict[str, int]:
    return dict(sorted(values.value_counts().iter_rows()))


_PEOPLE = pl.Schema({"id": pl.String, "decision": pl.String})
_VERDICTS = pl.Schema({"id": pl.String, "decision": pl.String, "unreleasable": pl.String})
