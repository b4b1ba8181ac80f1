"""`factory verify`: every file of a build against what was recorded when it was written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from factory.calls.ledger import ledger_faults
from factory.errors import CorruptBuild
from factory.store.files import file_digest, read_json
from factory.store.layout import Build, ShardPaths, fixed_files, shards_digest

ReleaseChecker = Callable[[Path], Sequence[str]]


def build_faults(build: Build, check_release: ReleaseChecker) -> Iterator[str]:
    """Every fault found, each naming the file. Nothing when the build is sound."""
    paths = build.paths
    try:
        info = build.info
    except CorruptBuild as error:
        yield str(error)
        return
    for path in fixed_files(paths):
        if path.name in info.get("files", {}):
            yield from _differs(path, info["files"][path.name])
    finished = info.get("state") in ("released", "done")
    faults_before = 0
    for number in range(info.get("counts", {}).get("shards", 0)):
        for fault in _shard_faults(paths.shard(number), finished):
            faults_before += 1
            yield fault
    if finished and not faults_before and shards_digest(paths, info["counts"]["shards"]) != info.get("shards_sha256"):
        yield f"{paths.root / 'shards'}: a shard's report.json differs from what was written"
    if paths.release.exists():
        yield from check_release(paths.release)
    elif finished:
        yield f"{paths.release}: missing"


def _shard_faults(shard: ShardPaths, finished: bool) -> Iterator[str]:
    if not shard.report.exists():
        if finished:
            yield f"{shard.report}: missing"
        elif shard.live_ledger.exists():
            yield from ledger_faults(shard.live_ledger)
        return
    try:
        files = read_json(shard.report)["files"]
    except (CorruptBuild, KeyError) as error:
        yield f"{shard.report}: is damaged ({error})"
        return
    for name, digest in sorted(files.items()):
        yield from _differs(shard.root / name, digest)


def _differs(path: Path, digest: str) -> Iterator[str]:
    if not path.exists():
        yield f"{path}: missing"
    elif (found := file_digest(path)) != digest:
        faults = ledger_faults(path) if path.name == "ledger.parquet" else []
        yield from faults or [f"{path}: sha256 is {found[:12]}..., {digest[:12]}... was written"]
