"""`factory check`: every file of a build or a release against what was recorded when it was written."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path

from factory.calls.ledger import ledger_faults
from factory.errors import CorruptBuild, RecipeError
from factory.shard.spec import read_report
from factory.store.files import file_digest, odd_files, read_json
from factory.store.layout import Build, BuildPaths, ShardPaths, fixed_files, open_build, shards_digest
from release import check_release
from release.manifest import MANIFEST


def file_faults(path: Path) -> Iterator[str]:
    """Every fault found in a build with its release, or in a release alone, each naming the file.

    Raises RecipeError when the path is neither.
    """
    paths = BuildPaths(path)
    if paths.info.is_file():
        return _build_faults(Build(paths))
    if (path / MANIFEST).is_file():
        return iter(check_release(path))
    raise RecipeError(
        f"{path}: neither a build (no {paths.info.name} in it) nor a release (no {MANIFEST} in it){_nearest(path)}"
    )


def _nearest(path: Path) -> str:
    """The build or release that was meant, in words, where one can be guessed."""
    if path.is_dir():
        around = [path.resolve().parent, *sorted(path.iterdir())]
        near = next((place for place in around if _is_checkable(place)), None)
    else:
        beside = sorted(path.parent.iterdir()) if path.parent.is_dir() else []
        names = [place.name for place in beside if _is_checkable(place)]
        close = difflib.get_close_matches(path.name, names, n=1)
        near = path.parent / close[0] if close else None
    return f"; did you mean {near}?" if near else ""


def _is_checkable(path: Path) -> bool:
    return BuildPaths(path).info.is_file() or (path / MANIFEST).is_file()


def _build_faults(build: Build) -> Iterator[str]:
    paths = build.paths
    odd = list(odd_files(paths.root))
    if odd:
        yield from odd
        return
    try:
        info = open_build(paths.root).info
    except (CorruptBuild, RecipeError) as error:
        yield str(error)
        return
    for path in fixed_files(paths):
        if path.name in info.get("files", {}):
            yield from _differs(path, info["files"][path.name])
    yield from _verdict_faults(paths)
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


def _verdict_faults(paths: BuildPaths) -> Iterator[str]:
    if not paths.verified.exists():
        return
    try:
        noted = read_json(paths.verified)
    except CorruptBuild as error:
        yield str(error)
        return
    verdicts, model = noted.get("verdicts"), noted.get("model")
    if not isinstance(verdicts, list) or not all(isinstance(digest, str) for digest in (*verdicts, model)):
        yield f"{paths.verified}: is damaged (it does not hold the digests of the verdicts and of the model)"
        return
    for number, digest in enumerate(verdicts):
        yield from _differs(paths.shard(number).verdicts, digest)
    if model:
        yield from _differs(paths.model, model)


def _shard_faults(shard: ShardPaths, finished: bool) -> Iterator[str]:
    if not shard.report.exists():
        if finished:
            yield f"{shard.report}: missing"
        elif shard.live_ledger.exists():
            yield from ledger_faults(shard.live_ledger)
        return
    try:
        files = read_report(shard).files
    except CorruptBuild as error:
        yield str(error)
        return
    for path in (shard.answers, shard.images, shard.ledger):
        if path.name not in files:
            yield f"{shard.report}: is damaged (it has no digest of {path.name})"
    for name, digest in sorted(files.items()):
        yield from _differs(shard.root / name, digest)


def _differs(path: Path, digest: str) -> Iterator[str]:
    if not path.exists():
        yield f"{path}: missing"
    elif (found := file_digest(path)) != digest:
        faults = ledger_faults(path) if path.name == "ledger.parquet" else []
        yield from faults or [f"{path}: sha256 is {found[:12]}..., {digest[:12]}... was written"]
