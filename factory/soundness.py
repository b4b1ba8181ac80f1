"""`factory verify`: every file of a build against what was recorded when it was written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import orjson

from factory.ledger import ledger_faults
from factory.store import Build, ShardPaths, file_digest

ReleaseChecker = Callable[[Path], Sequence[str]]


def build_faults(build: Build, check_release: ReleaseChecker) -> Iterator[str]:
    """Every fault found, each naming the file. Nothing when the build is sound."""
    recorded = build.info.get("files", {})
    for path in (build.paths.plan, build.paths.dropped, build.paths.selection):
        if path.name in recorded:
            yield from _differs(path, recorded[path.name])
    for shard in build.paths.shards():
        yield from _shard_faults(shard)
    if build.paths.release.exists():
        yield from check_release(build.paths.release)
    elif build.info.get("state") == "done":
        yield f"{build.paths.release}: missing"


def _shard_faults(shard: ShardPaths) -> Iterator[str]:
    if not shard.report.exists():
        if shard.live_ledger.exists():
            yield from ledger_faults(shard.live_ledger)
        return
    try:
        files = orjson.loads(shard.report.read_bytes())["files"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        yield f"{shard.report}: not a shard report ({error})"
        return
    for name, digest in sorted(files.items()):
        yield from _differs(shard.root / name, digest)


def _differs(path: Path, digest: str) -> Iterator[str]:
    if not path.exists():
        yield f"{path}: missing"
    elif (found := file_digest(path)) != digest:
        faults = ledger_faults(path) if path.name == "ledger.parquet" else []
        yield from faults or [f"{path}: sha256 is {found[:12]}..., {digest[:12]}... was written"]
