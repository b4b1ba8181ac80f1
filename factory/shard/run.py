"""One shard: planned samples in, their photos and answers out. The unit of work, of resuming and of distribution.

    run_shard(spec, staff) -> ShardReport

is all an engine sees. Inside, every sample goes photos -> witnesses -> answers -> witnesses:

- its photos are decoded in limited worker processes and appended to the shard's `images.tar`, in plan order;
- its family asks through the ledger, so an answer that was paid for is never paid for again;
- when all answers are in, `answers.parquet` is written. Nothing is judged here: that is the verify phase's.

A sample that fails anywhere is a row with a reason, never an exception. The report is written last and marks the shard
as done; killed before that, the shard runs again and finds its answers in the ledger.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, aclosing, asynccontextmanager, suppress
from functools import partial
from pathlib import Path

import orjson

from factory.calls.ask import Desk
from factory.calls.ledger import Ledger, remove_live
from factory.calls.lost import require_whole
from factory.calls.outages import outages
from factory.errors import FactoryError
from factory.images.records import image_key
from factory.plugins.contracts import Deferred
from factory.plugins.shared import Store
from factory.shard.away import made_away, send_home
from factory.shard.memory import rare_collections
from factory.shard.photos import open_photos, shard_photos
from factory.shard.sample import answer_sample
from factory.shard.spec import ShardReport, ShardSpec, read_report, stored_report
from factory.shard.staff import Staff, open_staff
from factory.store.cases import AnsweredSample, answers_table, may_pass, nothing_to_check, outcomes, unseen_table
from factory.store.files import disk_faults, file_digest, remove
from factory.store.folder import FolderStore
from factory.store.held import held
from factory.store.images import ImageStore
from factory.store.layout import BuildPaths, ShardPaths, read_ids, read_samples, shard_files
from factory.store.progress import EVERY_S, ProgressFile
from factory.store.tables import write_table
from schemas import Photo, Sample


def run_shard(spec: ShardSpec, staff: Staff | None = None) -> ShardReport:
    """Runs a shard to its end, or returns the report of one that is done.

    Args:
        spec: what to do.
        staff: who works in this process; without, it is opened for this shard alone.

    Raises BudgetReached, EnvironmentFault (disk, credentials) or CorruptBuild; what was recorded until then is kept.
    """
    paths = BuildPaths(Path(spec.build)).shard(spec.number)
    if spec.away is None and paths.report.exists():
        return read_report(paths)
    if staff is None:
        with open_staff(spec) as staff:
            return run_shard(spec, staff)
    if spec.away is not None:
        with made_away(spec) as here:
            report = _run(here, BuildPaths(Path(here.build)).shard(here.number), staff)
            send_home(here, report)
            return report
    return _run(spec, paths, staff)


def _run(spec: ShardSpec, paths: ShardPaths, staff: Staff) -> ShardReport:
    root = Path(spec.build)
    store: Store = FolderStore(paths.root)
    mine = store.claim(f"shard {spec.number} of {spec.build}", wait_s=10)
    with disk_faults(paths.root), held(root), mine as token, rare_collections():
        report = staff.loop.run(_work(spec, paths, staff))
        if not report.deferred:
            text = orjson.dumps(stored_report(report), option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2)
            store.put(paths.report.name, text, token=token)
            remove(paths.progress)
            remove_live(paths.live_ledger)
        return report


async def _work(spec: ShardSpec, paths: ShardPaths, staff: Staff) -> ShardReport:
    if not staff.asks and not staff.generator.needs.shown:
        return _unseen(spec, paths)
    started = time.monotonic()
    samples = read_samples(BuildPaths(Path(spec.build)).plan, spec.number)
    priors = [Path(path) for path in spec.prior_ledgers]
    require_whole(paths.live_ledger)
    ids = {sample.id for sample in samples}
    kept = None if spec.away is None else spec.away.claim.journal()
    with Ledger(paths.live_ledger, prior=priors, sample_ids=ids, beside=kept) as ledger:
        before = ledger.totals()
        found, images = await _answer_all(
            spec, samples, paths, Desk(ledger, staff.budget, staff.teachers, staff.siblings), staff
        )
        done = [one for one in found if one is not None]
        if len(done) == len(samples):
            write_table(answers_table([sample.id for sample in samples], done), paths.answers)
            ledger.seal(paths.ledger)
        after = ledger.totals()
    failures = Counter(reason for one in done for reason in nothing_to_check(one, asked=bool(staff.answering)))
    finished = len(done) == len(samples)
    return ShardReport(
        number=spec.number,
        samples=len(samples),
        failures=dict(sorted(failures.items())),
        passing=dict(sorted(Counter(reason for one in done for reason in may_pass(one)).items())),
        calls=after.calls,
        answers=outcomes(done),
        calls_now=after.calls - before.calls,
        tokens_now=after.tokens - before.tokens,
        cost_now=round(after.cost - before.cost, 9),
        replayed=after.replayed,
        reused=after.reused,
        prompt_tokens=after.prompt_tokens,
        completion_tokens=after.completion_tokens,
        cost=after.cost,
        seconds=round(time.monotonic() - started, 3),
        deferred=len(samples) - len(done),
        files=_digests(paths, images) if finished else {},
    )


def _digests(paths: ShardPaths, images: str | None) -> dict[str, str]:
    """sha256 of a shard's files; `images` is that of its pictures, where they were written now."""
    known = {} if images is None else {paths.images.name: images}
    return {path.name: known.get(path.name) or file_digest(path) for path in shard_files(paths)}


def _unseen(spec: ShardSpec, paths: ShardPaths) -> ShardReport:
    """A shard of a family that shows no picture and asks nobody: there is nothing to do with a sample but to name it.
    Its files are those of a shard in which nothing was found."""
    started = time.monotonic()
    ids = read_ids(BuildPaths(Path(spec.build)).plan, spec.number)
    require_whole(paths.live_ledger)
    with Ledger(paths.live_ledger, sample_ids=()) as ledger, ImageStore.create(paths.images) as store:
        store.finish()
        write_table(unseen_table(ids), paths.answers)
        ledger.seal(paths.ledger)
    files = _digests(paths, store.digest)
    seconds = round(time.monotonic() - started, 3)
    return ShardReport(number=spec.number, samples=len(ids), seconds=seconds, files=files)


async def _answer_all(
    spec: ShardSpec, samples: Sequence[Sample], paths: ShardPaths, desk: Desk, staff: Staff
) -> tuple[list[AnsweredSample | None], str | None]:
    """What was learnt about every sample, in plan order; None where answers come later. And the digest of the pictures,
    where they were written now.

    When something stops the shard (a spent budget, an endpoint that stays away), no new sample is taken up, and the
    calls in flight finish and are recorded before the error is raised.
    """
    found: list[AnsweredSample | None] = []
    stopped: list[FactoryError] = []
    with ExitStack() as files:
        progress = ProgressFile(paths.progress, len(samples))
        files.callback(lambda: progress.write(recorded=len(desk.ledger)))
        photos = open_photos(files, paths, samples, staff.source, spec.prior_shard)
        gate = asyncio.Semaphore(staff.slots)

        async def answer(position: int, seen: tuple[Photo, ...]) -> None:
            sample = samples[position]
            keys = {photo.role: image_key(str(photo.sha256), staff.recipe.images) for photo in seen}
            read = partial(_read_role, photos.store, position, sample.roles)
            try:
                found[position] = await answer_sample(staff, desk, sample, seen, keys, read)
                progress.advance()
            except Deferred:
                found[position] = None
            except FactoryError as error:
                stopped.append(error)
            finally:
                gate.release()

        arriving = shard_photos(
            samples, photos, staff.source, staff.workers, decoders=staff.decoders, settings=staff.recipe.images
        )
        async with aclosing(arriving), telling(progress, desk), all_tasks() as tasks:
            async for seen in arriving:
                found.append(AnsweredSample(photos=seen))
                if staff.asks and all(photo.refused is None for photo in seen):
                    await gate.acquire()
                    tasks.create_task(answer(len(found) - 1, seen))
                else:
                    progress.advance(refused=any(photo.refused is not None for photo in seen))
                if stopped:
                    break
        if stopped:
            raise stopped[0]
        photos.store.finish()
        return found, photos.store.digest


@asynccontextmanager
async def telling(progress: ProgressFile, desk: Desk) -> AsyncIterator[None]:
    """Tells a few times a second how far the shard is and which endpoints are away."""

    async def tell() -> None:
        while True:
            now = asyncio.get_running_loop().time()
            progress.write(recorded=len(desk.ledger), away=list(outages(desk.teachers, now)))
            await asyncio.sleep(EVERY_S)

    task = asyncio.create_task(tell())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError, OSError):  # a full disk is told by the last count, and by the ledger
            await task


def _read_role(store: ImageStore, position: int, roles: Sequence[str], role: str) -> bytes:
    return store.read(position, roles.index(role))


@asynccontextmanager
async def all_tasks() -> AsyncIterator[asyncio.TaskGroup]:
    """A task group that raises its first error as it is, so that callers see a disk fault and not a group of one."""
    try:
        async with asyncio.TaskGroup() as tasks:
            yield tasks
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None
