"""Taking over whole shards of an earlier build: the same questions about the same pictures, answered already.

A changed threshold is a new build with the same answers. Its shards' files are hard-linked, and only verification and
what follows runs: no image, no ledger is read. A shard is taken over only while its pictures lie unchanged in the
source and nothing in it failed for a passing reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace

import orjson
import pyarrow.parquet as pq

from factory.errors import CorruptBuild
from factory.phases.earlier import EarlierBuild
from factory.phases.run import Run
from factory.shard.photos import unchanged
from factory.shard.spec import ShardReport, read_report
from factory.store.cases import stored_photos
from factory.store.files import file_digest, write_bytes
from factory.store.folder import link
from factory.store.layout import ShardPaths, read_samples


def take_over(run: Run, earlier: Sequence[EarlierBuild]) -> int:
    """Links every finished shard that an earlier build has for this one, the newest first. Returns how many."""
    now = run.identity.stages["answers"]
    same = [build for build in earlier if build.same_layout and build.stages.get("answers") == now]
    taken = 0
    for number in run.shards:
        mine = run.paths.shard(number)
        if mine.report.exists() or mine.live_ledger.exists() or mine.answers.exists():
            continue
        for build in same:
            theirs = build.paths.shard(number)
            if _usable(run, theirs, number):
                _link(theirs, mine, build.paths.root.name)
                taken += 1
                break
    return taken


def _usable(run: Run, theirs: ShardPaths, number: int) -> bool:
    try:
        if not theirs.report.exists() or read_report(theirs).passing:
            return False
        samples, photos = read_samples(run.paths.plan, number), stored_photos(theirs.answers)
    except CorruptBuild:
        return False
    same = [sample.id for sample in samples] == list(photos)
    return same and all(unchanged(photos[sample.id], sample, run.source) for sample in samples)


def _link(theirs: ShardPaths, mine: ShardPaths, name: str) -> None:
    """The report comes last: it marks the shard as done."""
    mine.root.mkdir(parents=True, exist_ok=True)
    for source, target in ((theirs.answers, mine.answers), (theirs.images, mine.images), (theirs.ledger, mine.ledger)):
        link(source, target)
    report = _as_taken(read_report(theirs), pq.read_metadata(mine.ledger).num_rows, name)
    files = {path.name: file_digest(path) for path in (mine.answers,)}
    report = replace(report, files={**report.files, **files})
    write_bytes(orjson.dumps(asdict(report), option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2), mine.report)


def _as_taken(report: ShardReport, rows: int, name: str) -> ShardReport:
    """A report of a shard of which this build paid nothing."""
    free = {"calls": 0, "calls_now": 0, "prompt_tokens": 0, "completion_tokens": 0, "cost": 0.0, "seconds": 0.0}
    return replace(report, **free, reused=rows - report.replayed, taken_from=name)  # type: ignore[arg-type]
