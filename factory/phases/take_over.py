"""Taking over whole shards of an earlier build: the same questions about the same pictures, answered already.

A changed threshold is a new build with the same answers. Its shards' files are hard-linked, and only verification and
what follows runs: no image, no ledger is read. A shard is taken over only while its pictures lie unchanged in the
source and nothing in it failed for a passing reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from factory.calls.files import is_readable
from factory.errors import CorruptBuild
from factory.phases.earlier import EarlierBuild
from factory.phases.run import Run
from factory.shard.photos import unchanged
from factory.shard.spec import ShardReport, is_sound, read_report, stored_report
from factory.store.cases import stored_photos
from factory.store.files import make_folder, write_bytes
from factory.store.folder import link
from factory.store.layout import ShardPaths, read_samples


def take_over(run: Run, earlier: Sequence[EarlierBuild]) -> None:
    """Links every finished shard that an earlier build has for this one, the newest first."""
    now = run.identity.stages["answers"]
    same = [build for build in earlier if build.same_layout and build.stages.get("answers") == now]
    for number in run.shards:
        mine = run.paths.shard(number)
        if mine.report.exists() or mine.live_ledger.exists() or mine.answers.exists():
            continue
        for build in same:
            theirs = build.paths.shard(number)
            report = _usable(run, theirs, number)
            if report is not None:
                _link(theirs, mine, report, build.paths.root.name)
                break


def _usable(run: Run, theirs: ShardPaths, number: int) -> ShardReport | None:
    """The report of a finished shard with the same pictures, of which nothing passing failed, if its answers are still
    those it was finished with."""
    samples = read_samples(run.paths.plan, number)
    try:
        report = read_report(theirs) if theirs.report.exists() else None
        if report is None or report.passing or not is_sound(theirs, report) or not is_readable(theirs.ledger):
            return None
        photos = stored_photos(theirs.answers)
        pq.read_metadata(theirs.ledger)
    except (CorruptBuild, OSError, pa.ArrowException):
        return None  # lost or damaged since: what is sound of it is found question by question
    same = [sample.id for sample in samples] == list(photos)
    return report if same and all(unchanged(photos[sample.id], sample, run.source) for sample in samples) else None


def _link(theirs: ShardPaths, mine: ShardPaths, report: ShardReport, name: str) -> None:
    """The report comes last: it marks the shard as done."""
    make_folder(mine.root)
    for source, target in ((theirs.answers, mine.answers), (theirs.images, mine.images), (theirs.ledger, mine.ledger)):
        link(source, target)
    report = _as_taken(report, pq.read_metadata(mine.ledger).num_rows, name)
    write_bytes(orjson.dumps(stored_report(report), option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2), mine.report)


def _as_taken(report: ShardReport, rows: int, name: str) -> ShardReport:
    """A report of a shard of which this build paid nothing."""
    free = {"calls": 0, "prompt_tokens": 0, "completion_tokens": 0, "cost": 0.0, "seconds": 0.0}
    return replace(report, **free, reused=rows - report.replayed, taken_from=name)  # type: ignore[arg-type]
