"""Asking again: shards whose rows were quarantined for a passing reason are opened for another run.

An endpoint that was away or a photo that was missing says nothing of the sample. `factory build --retry` reopens such
shards; their answers and pictures are taken over, and only what failed is asked or decoded again.
"""

from __future__ import annotations

from factory.calls.files import row_from
from factory.calls.ledger import read_ledger, remove_live
from factory.shard.away import write_live
from factory.shard.spec import is_sound, read_report
from factory.store.files import remove
from factory.store.layout import BuildPaths, ShardPaths


def to_reopen(paths: BuildPaths) -> list[ShardPaths]:
    """The finished shards in which something failed for a passing reason."""
    return [shard for shard in paths.shards() if shard.report.exists() and read_report(shard).passing]


def reopen(shard: ShardPaths, paths: BuildPaths) -> None:
    """Opens a finished shard for another run."""
    clear(shard)
    thaw(shard)
    remove(paths.verified)  # it has the digests of verdicts that hold no longer
    remove(shard.verdicts)
    remove(shard.report)


def clear(shard: ShardPaths) -> None:
    """Takes away what a run left that was killed when it had written the report of a shard, before it could do so
    itself: the sealed ledger has it all."""
    if shard.report.exists():
        remove(shard.progress)
        remove_live(shard.live_ledger)
        remove_live(shard.thawing)


def unfinish(shard: ShardPaths) -> None:
    """Takes the mark of a finished shard away when its answers or pictures are not those it was finished with (edited,
    cut, lost): its ledger has all that was paid, so it is made again without a call."""
    if not shard.report.exists() or is_sound(shard, read_report(shard)):
        return
    for path in (shard.report, shard.answers, shard.images):
        remove(path)


def thaw(shard: ShardPaths) -> None:
    """The sealed ledger as a live one again, whole or not at all: the shard then stands where it stood before it was
    finished. Nothing happens where a live one is, or no sealed one. Raises CorruptBuild for a damaged ledger."""
    remove_live(shard.thawing)  # of a run that was killed while it did this
    if shard.live_ledger.exists() or not shard.ledger.exists():
        return
    write_live([row_from(shard.ledger, row) for row in read_ledger(shard.ledger).iter_rows()], shard)
