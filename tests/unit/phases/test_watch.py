from __future__ import annotations

from pathlib import Path

from factory.phases.watch import Watch
from factory.shard.spec import ShardReport
from factory.store.cases import IMAGE_CHECK
from factory.store.layout import BuildPaths
from factory.store.progress import Outage, ProgressFile


def said(paths: BuildPaths, number: int, done: int, *, refused: int = 0, away: tuple[Outage, ...] = ()) -> None:
    shard = paths.shard(number)
    shard.root.mkdir(parents=True, exist_ok=True)
    shard.progress.unlink(missing_ok=True)
    file = ProgressFile(shard.progress, 10)
    for index in range(done):
        file.advance(refused=index < refused)
    file.write(recorded=0, away=away)


def test_the_count_never_jumps_back(tmp_path: Path) -> None:
    paths = BuildPaths(tmp_path)
    watch = Watch(paths, [ShardReport(number=0, samples=10)])
    said(paths, 1, 4)
    counts = [watch.look([1, 2]).done]
    paths.shard(1).progress.write_text("")  # half written, as an older release does it
    counts.append(watch.look([1, 2]).done)
    said(paths, 1, 2)  # a worker that died is run again
    said(paths, 2, 3)
    counts.append(watch.look([1, 2]).done)
    said(paths, 1, 9)
    counts.append(watch.look([1, 2]).done)
    paths.shard(1).progress.unlink()  # finished, and its report on the way
    counts.append(watch.look([1, 2]).done)
    watch.ended(ShardReport(number=1, samples=10))
    counts.append(watch.look([1, 2]).done)
    assert counts == [14, 14, 17, 22, 22, 23]


def test_samples_without_a_usable_picture_are_told_apart(tmp_path: Path) -> None:
    paths = BuildPaths(tmp_path)
    failures = {f"{IMAGE_CHECK}:file_missing": 3, "teachers:empty": 2}
    watch = Watch(paths, [ShardReport(number=0, samples=10, failures=failures)])
    said(paths, 1, 6, refused=2)
    look = watch.look([1])
    assert (look.done, look.refused) == (16, 5)


def test_a_shard_that_waits_for_a_batch_is_not_done(tmp_path: Path) -> None:
    watch = Watch(BuildPaths(tmp_path), [])
    watch.ended(ShardReport(number=0, samples=10, deferred=4))
    assert watch.look([0]).done == 0


def test_an_endpoint_that_several_processes_miss_is_named_once(tmp_path: Path) -> None:
    paths = BuildPaths(tmp_path)
    for number, since in ((1, 2_000.0), (2, 1_000.0)):
        outage = Outage(endpoint="http://a/v1", says="refuses connections", since=since, patience_s=180.0)
        said(paths, number, 1, away=(outage,))
    earliest = Outage(endpoint="http://a/v1", says="refuses connections", since=1_000.0, patience_s=180.0)
    assert Watch(paths, []).look([1, 2]).notes == (str(earliest),)
