"""`factory check`: every file of a build or a release against what was recorded when it was written."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from annotation.soundness import review_faults
from factory.calls.ledger import ledger_faults
from factory.errors import CorruptBuild, RecipeError
from factory.redact import named_secrets
from factory.select.benchmarks import Benchmark
from factory.store.databases import SIDE_FILES, databases, has_side_files
from factory.store.decided import released_with
from factory.store.files import file_digest, is_aside, odd_files
from factory.store.folder import LEASE
from factory.store.info import FINISHED, is_sealed, read_shard_report, read_verified
from factory.store.layout import (
    Build,
    BuildPaths,
    ShardPaths,
    fixed_files,
    open_build,
    shard_files,
    shards_digest,
)
from factory.store.reviews import read_reviews
from factory.store.tables import read_columns
from release import check_release
from release.manifest import MANIFEST
from release.withdrawals import Withdrawals, read_withdrawals

MOST_FAULTS: Final = 1_000
"""That are told, and looked for: a few numbers of a forger make millions."""


def file_faults(path: Path, benchmarks: Sequence[Path] = (), withdrawn: Path | None = None) -> Iterator[str]:
    """Every fault found in a build with its release, or in a release alone, each naming the file.

    Args:
        benchmarks: tables or folders of images of evaluation sets of which no released row may be.
        withdrawn: a list of withdrawals of which none may be.

    Raises RecipeError when the path is neither, SourceError for a benchmark that cannot be read.
    """
    paths = BuildPaths(path)
    known = [_benchmark(benchmark) for benchmark in benchmarks]
    withdrawals = None if withdrawn is None else Withdrawals(read_withdrawals(withdrawn))
    if paths.info.is_file():
        if (known or withdrawals is not None) and not paths.release.exists():
            raise RecipeError(f"{path}: has no release yet, so no row that {_asked(known)} could be held against")
        return _build_faults(Build(paths), known, withdrawals)
    if (path / MANIFEST).is_file():
        return iter(check_release(path, benchmarks=known, withdrawals=withdrawals))
    raise RecipeError(
        f"{path}: neither a build (no {paths.info.name} in it) nor a release (no {MANIFEST} in it){_nearest(path)}"
    )


def _asked(known: Sequence[Benchmark]) -> str:
    return "--benchmark" if known else "--withdrawn"


def _benchmark(path: Path) -> Benchmark:
    if not path.exists():
        raise RecipeError(f"{path}: no such table or folder of a benchmark")
    name, folder = path.stem[:64] or "benchmark", path.is_dir()
    return Benchmark(name=name, table=None if folder else path, images=path if folder else None)


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


def _build_faults(
    build: Build, benchmarks: Sequence[Benchmark] = (), withdrawals: Withdrawals | None = None
) -> Iterator[str]:
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
    if not is_sealed(info):
        yield f"{paths.info}: differs from what was written (its own digest)"
    finished = info["state"] in FINISHED
    noted: dict[str, str] = info.get("files", {})
    for path in _noted_files(paths, info["state"]):
        if path.name in noted:
            yield from _differs(path, noted[path.name])
        elif finished:
            yield f"{path}: {paths.info.name} has no digest of it"
    yield from _database_faults(paths, noted, finished)
    shards = _planned_shards(paths, info)
    yield from _verdict_faults(paths, shards if finished else None)
    faults_before = 0
    for number in range(shards):
        for fault in _shard_faults(paths.shard(number), finished):
            faults_before += 1
            yield fault
    if finished and not faults_before and shards_digest(paths, shards) != info.get("shards_sha256"):
        yield f"{paths.shard_folder}: a shard's report.json differs from what was written"
    if finished and not released_with(info, paths):
        yield f"{paths.decisions}: differs from what the release was made with; build again"
    yield from _decision_faults(paths)
    yield from review_faults(paths)
    yield from _unlisted(paths, shards, info["state"])
    if paths.release.exists():
        secrets = named_secrets(build.recipe)
        yield from check_release(paths.release, secrets, benchmarks=benchmarks, withdrawals=withdrawals)
    elif finished:
        yield f"{paths.release}: missing"


def _decision_faults(paths: BuildPaths) -> Iterator[str]:
    """People's decisions are not the factory's, but it must be able to read them."""
    try:
        read_reviews(paths)
    except CorruptBuild as error:
        yield str(error)


def _noted_files(paths: BuildPaths, state: str) -> list[Path]:
    """The files of which build.json has the digest: what is required is told by the code, not by the file."""
    return fixed_files(paths) + ([paths.report] if state == "done" else [])


def _database_faults(paths: BuildPaths, noted: Mapping[str, str], finished: bool) -> Iterator[str]:
    """The databases that stay; while somebody works in the build nothing is noted of them."""
    for path in databases(paths):
        if path.name in noted:
            yield from _differs(path, noted[path.name])
        elif finished and path.exists():
            yield f"{path}: {paths.info.name} has no digest of it; the same `factory build` notes it, without a call"
        if (finished or path.name in noted) and has_side_files(path):
            yield f"{path}: has a log beside it (-wal or -journal) that nobody wrote"


def _planned_shards(paths: BuildPaths, info: Mapping[str, Any]) -> int:
    """How many shards the plan has; what build.json says where the plan cannot be read, which is a fault by itself."""
    try:
        return int(read_columns(paths.plan, ["shard"])["shard"].n_unique()) if paths.plan.exists() else 0
    except CorruptBuild:
        return int(info["counts"].get("shards", 0))


def _unlisted(paths: BuildPaths, shards: int, state: str) -> Iterator[str]:
    """Files that the factory has not written, or has not taken away."""
    finished = state in FINISHED
    root = {path.name for path in _noted_files(paths, "done")}
    own = (paths.info, paths.log, paths.model, paths.shard_folder, paths.release, paths.review)
    root |= {path.name for path in (*own, paths.batches, paths.logs)}
    live = {LEASE} | {f"{path.name}{end}" for path in (paths.budget, paths.answered) for end in _DATABASE}
    live |= set() if finished else {f"{paths.release.name}.tmp", f"{paths.release.name}.old"}
    for path in _entries(paths.root):
        lock = re.fullmatch(re.escape(paths.budget.name) + "-[0-9a-f]{16}", path.name) and not path.stat().st_size
        if not (path.name in root | live or lock or (state != "done" and is_aside(path.name))):
            yield _NOT_OURS.format(path)
    for path in _entries(paths.batches):
        if not _OF_BATCHES.fullmatch(path.name) and not (not finished and is_aside(path.name)):
            yield _NOT_OURS.format(path)
    for path in _entries(paths.logs):
        if not re.fullmatch(rf"vllm-{TEACHER_NAME}\.log", path.name):
            yield _NOT_OURS.format(path)
    people = {paths.screen, paths.tasks, paths.annotations, paths.reviewers, paths.decisions}
    people |= {paths.review_report, paths.refused, paths.pulls, paths.review_projects, paths.server}
    people |= {paths.review_lease, paths.annotations_lease}
    for path in _entries(paths.review):
        if path not in people:
            yield _NOT_OURS.format(path)
    known = {paths.shard(number).root for number in range(shards)}
    for folder in _entries(paths.shard_folder):
        if folder not in known:
            yield _NOT_OURS.format(folder)
            continue
        shard = ShardPaths(folder)
        done = {path.name for path in (*shard_files(shard), shard.verdicts, shard.report)} | {LEASE}
        ledgers = (shard.live_ledger, shard.thawing)
        live = {shard.progress.name} | {f"{path.name}{end}" for path in ledgers for end in _DATABASE}
        for path in _entries(folder):
            if not (path.name in done or (not finished and (path.name in live or is_aside(path.name)))):
                yield _NOT_OURS.format(path)


TEACHER_NAME: Final = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}"
"""As `schemas.settings.TeacherSettings.name` has it."""
_OF_BATCHES: Final = re.compile(
    rf"{TEACHER_NAME}(?:\.sqlite(?:-wal|-shm|-journal)?|-[0-9a-f]{{32}}(?:\.out|\.part)?\.jsonl)"
)
_DATABASE: Final = ("", *SIDE_FILES)
"""Ends of the files that SQLite keeps beside each other."""
_NOT_OURS: Final = "{}: is not among what was written; look at it and take it away"


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _verdict_faults(paths: BuildPaths, shards: int | None) -> Iterator[str]:
    """Args: shards: of a finished build, whose shards all have verdicts."""
    if not paths.verified.exists():
        return
    try:
        verdicts, model = read_verified(paths.verified)
    except CorruptBuild as error:
        yield str(error)
        return
    if shards is not None and len(verdicts) != shards:
        yield f"{paths.verified}: has the digests of {len(verdicts)} shards, the plan has {shards}"
    for number, digest in enumerate(verdicts):
        yield from _differs(paths.shard(number).verdicts, digest)
    if model:
        yield from _differs(paths.model, model)
    elif paths.model.exists():
        yield _NOT_OURS.format(paths.model)


def _shard_faults(shard: ShardPaths, finished: bool) -> Iterator[str]:
    if not shard.report.exists():
        if finished:
            yield f"{shard.report}: missing"
        elif shard.live_ledger.exists():
            yield from ledger_faults(shard.live_ledger)
        return
    try:
        noted = read_shard_report(shard.report).get("files", {})
    except CorruptBuild as error:
        yield str(error)
        return
    for path in shard_files(shard):
        if path.name in noted:
            yield from _differs(path, noted[path.name])
        else:
            yield f"{path}: {shard.report.name} has no digest of it"


def _differs(path: Path, digest: str) -> Iterator[str]:
    if not path.is_file():
        yield f"{path}: missing"
    elif (found := file_digest(path)) != digest:
        faults = ledger_faults(path) if path.name == "ledger.parquet" else []
        yield from faults or [f"{path}: sha256 is {found[:12]}..., {digest[:12]}... was written"]
