"""`factory status`: how far a build is, counted from its files, so it is right after a crash and from any terminal.

Sealed ledgers are summed without hashing their rows (`factory verify` does that), so that a look at a large build is
cheap; a file that cannot be read is named and left out of the sums.
"""

from __future__ import annotations

import fcntl
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from factory.budget import Spent
from factory.errors import CorruptBuild, EnvironmentFault
from factory.ledger_shard import shard_rows
from factory.progress import read_progress
from factory.shard import ShardReport, read_report
from factory.store import Build, ShardPaths, read_columns

LOCKS = Path("/proc/locks")


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
    """What this build paid by teacher; `factory.budget.spent_by_teacher` is the same with every row verified."""
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


def is_locked(path: Path, locks: Path = LOCKS) -> bool:
    """Whether a process of this machine holds the lock of a lease file.

    Linux lists locks in /proc/locks, by file. Only where there is no such list, or where it names a file of the same
    number on a device that goes by another name (btrfs, overlays), a shared lock is tried and let go at once; a build
    that starts in that moment finds its directory taken. Locks that another machine or container holds are not listed.
    """
    try:
        found = path.stat()
        lines = locks.read_text(encoding="ascii", errors="replace").splitlines()
    except FileNotFoundError:
        return path.exists() and _cannot_be_shared(path)
    except OSError:
        return _cannot_be_shared(path)
    devices = {place[0] for line in lines if (place := _locked_file(line)) is not None and place[1] == found.st_ino}
    if (os.major(found.st_dev), os.minor(found.st_dev)) in devices:
        return True
    return bool(devices) and _cannot_be_shared(path)


def _locked_file(line: str) -> tuple[tuple[int, int], int] | None:
    """Device and inode of an exclusive `flock`, from `1: FLOCK  ADVISORY  WRITE 4711 fe:00:5308705 0 EOF`."""
    words = line.split()
    if len(words) < 6 or words[1] != "FLOCK" or words[3] != "WRITE":
        return None
    try:
        major, minor, inode = words[5].split(":")
        return (int(major, 16), int(minor, 16)), int(inode)
    except ValueError:
        return None


def _cannot_be_shared(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
