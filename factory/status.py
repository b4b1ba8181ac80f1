"""`factory status`: how far a build is, counted from its files, so it is right after a crash and from any terminal."""

from __future__ import annotations

import fcntl
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from factory.budget import spent_by_teacher
from factory.progress import read_progress
from factory.shard import read_report
from factory.store import Build


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


def build_status(build: Build) -> BuildStatus:
    """The status of a build, running or not."""
    paths = build.paths
    samples = build.plan.height if paths.plan.exists() else 0
    shards = int(build.plan["shard"].n_unique()) if paths.plan.exists() else 0
    reports = [read_report(shard) for shard in paths.shards() if shard.report.exists()]
    decisions: Counter[str] = Counter()
    for report in reports:
        decisions.update(report.decisions)
    under_way = sum(read_progress(shard.progress) for shard in paths.shards() if not shard.report.exists())
    ledgers = [path for shard in paths.shards() for path in (shard.ledger, shard.live_ledger) if path.exists()]
    return BuildStatus(
        directory=str(paths.root),
        state=build.info["state"],
        running=_is_locked(paths.root / "lease"),
        samples=samples,
        samples_done=sum(report.samples for report in reports) + under_way,
        shards=shards,
        shards_done=len(reports),
        decisions=dict(sorted(decisions.items())),
        spent={
            teacher: {"calls": spent.calls, "tokens": spent.tokens, "cost": spent.cost}
            for teacher, spent in sorted(spent_by_teacher(ledgers).items())
        },
    )


def _is_locked(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
