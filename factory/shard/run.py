"""One shard: planned samples in, a committed part out. The unit of work, of resuming and of distribution.

    run_shard(spec) -> ShardReport

is all an engine sees. Inside, every sample goes image -> answers -> verdict:

- its photo is decoded in a limited worker process and appended to the shard's `images.tar`, in plan order;
- every teacher is asked through the ledger, so an answer that was paid for is never paid for again;
- when all answers are in, the checks decide and the part is written.

A sample that fails anywhere is a row with a reason, never an exception. The report is written last and marks the shard
as done; killed before that, the shard runs again and finds its answers in the ledger.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Coroutine, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, ExitStack, aclosing, asynccontextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import orjson

from factory.calls.ask import ask, open_teachers
from factory.calls.budget import Budget
from factory.calls.ledger import Ledger, remove_live
from factory.errors import FactoryError
from factory.generators import open_generator
from factory.images.prepare import image_key
from factory.recipe.model import Recipe, teacher_settings
from factory.shard.memory import rare_collections
from factory.shard.photos import open_photos, shard_images
from factory.shard.spec import ShardReport, ShardSpec, read_report
from factory.sources import open_source
from factory.store.files import disk_faults, file_digest, write_bytes
from factory.store.layout import BuildPaths, ShardPaths, read_samples
from factory.store.lease import lease
from factory.store.part import ShardImage, part_table
from factory.store.progress import progress_file
from factory.store.tables import write_table
from factory.verify.judge import judge
from factory.witnesses.embeddings import clue_vectors
from schemas import Answered, Evidence, Sample
from schemas.settings import BudgetLimits

ResultT = TypeVar("ResultT")


def run_shard(spec: ShardSpec) -> ShardReport:
    """Runs a shard to its end, or returns the report of one that is done.

    Raises BudgetReached, EnvironmentFault (disk, credentials) or CorruptBuild; what was recorded until then is kept.
    """
    paths = BuildPaths(Path(spec.build)).shard(spec.number)
    if paths.report.exists():
        return read_report(paths)
    mine = lease(paths.root / "lease", what=f"shard {spec.number} of {spec.build}", wait_s=10)
    with disk_faults(paths.root), mine, rare_collections():
        return run_to_end(_work(spec, paths))


async def _work(spec: ShardSpec, paths: ShardPaths) -> ShardReport:
    started = time.monotonic()
    recipe = Recipe.model_validate(spec.recipe)
    samples = read_samples(BuildPaths(Path(spec.build)).plan, spec.number)
    priors = [Path(path) for path in spec.prior_ledgers]
    with Ledger(paths.live_ledger, prior=priors, sample_ids={sample.id for sample in samples}) as ledger:
        before = ledger.totals()
        images, answers = await _ask_all(spec, recipe, samples, paths, ledger)
        ids = [sample.id for sample in samples]
        evidence: list[tuple[Evidence, ...]] = [() for _ in samples]
        if recipe.verify.embeddings is not None:
            evidence = await clue_vectors(ids, answers, recipe.verify.embeddings, ledger)
        located, verdicts = judge(samples, images, answers, evidence, recipe.verify, worldview=recipe.geo.worldview)
        write_table(part_table(ids, images, located, verdicts), paths.part)
        ledger.seal(paths.ledger)
        after = ledger.totals()
    report = ShardReport(
        number=spec.number,
        samples=len(samples),
        decisions=dict(Counter(verdict.decision for verdict in verdicts)),
        reasons=dict(Counter(reason for verdict in verdicts for reason in verdict.reasons)),
        calls=after.calls,
        calls_now=after.calls - before.calls,
        replayed=after.replayed,
        reused=after.reused,
        prompt_tokens=after.prompt_tokens,
        completion_tokens=after.completion_tokens,
        cost=after.cost,
        seconds=round(time.monotonic() - started, 3),
        files={path.name: file_digest(path) for path in (paths.part, paths.images, paths.ledger)},
    )
    write_bytes(orjson.dumps(asdict(report), option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2), paths.report)
    remove_live(paths.live_ledger)
    return report


async def _ask_all(
    spec: ShardSpec, recipe: Recipe, samples: Sequence[Sample], paths: ShardPaths, ledger: Ledger
) -> tuple[list[ShardImage], list[tuple[Answered, ...]]]:
    """The photo and the answers of every sample, in plan order.

    When something stops the shard (a spent budget, an endpoint that stays away), no new sample is taken up, and the
    calls in flight finish and are recorded before the error is raised.
    """
    root, settings = Path(spec.root), recipe.images
    images: list[ShardImage] = []
    answers: list[tuple[Answered, ...]] = [() for _ in samples]
    stopped: list[FactoryError] = []
    async with AsyncExitStack() as stack:
        files = stack.enter_context(ExitStack())
        progress = stack.enter_context(progress_file(paths.progress, len(samples)))
        source = open_source(recipe.source, root)
        photos = open_photos(files, paths, samples, source, spec.prior_shard)
        budget = stack.enter_context(Budget(BuildPaths(Path(spec.build)).budget, budget_limits(recipe)))
        teachers = await stack.enter_async_context(open_teachers(recipe.teachers, root, share=spec.share))
        generator = open_generator(recipe.generator)
        gate = asyncio.Semaphore(max(teacher.max_in_flight for teacher in teachers))

        async def ask_teachers(position: int, key: str) -> None:
            sample, image = samples[position], partial(photos.store.read, position)
            try:
                questions = (ask(teacher, generator, sample, image, key, ledger, budget) for teacher in teachers)
                answers[position] = await all_answered(questions)
                progress.advance()
            except FactoryError as error:
                stopped.append(error)
            finally:
                gate.release()

        arriving = shard_images(samples, photos, source, settings, decoders=spec.decoders)
        async with aclosing(arriving), all_tasks() as tasks:
            async for image in arriving:
                images.append(image)
                if image.refused is None and image.sha256 is not None:
                    await gate.acquire()
                    tasks.create_task(ask_teachers(len(images) - 1, image_key(image.sha256, settings)))
                else:
                    progress.advance()
                if stopped:
                    break
        if stopped:
            raise stopped[0]
        photos.store.finish()
    return images, answers


def run_to_end(work: Coroutine[Any, Any, ResultT]) -> ResultT:
    """Runs a coroutine from plain code; in a notebook, where a loop is running already, in a thread of its own."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


def budget_limits(recipe: Recipe) -> dict[str, BudgetLimits]:
    """What each teacher of a recipe may spend."""
    teachers = [teacher_settings(call) for call in recipe.teachers]
    return {teacher.name: teacher.budget for teacher in teachers}


async def all_answered(questions: Iterable[Awaitable[Answered]]) -> tuple[Answered, ...]:
    """Every teacher's answer to one sample; an error is raised only after the other teachers' calls are recorded."""
    results = await asyncio.gather(*questions, return_exceptions=True)
    answers = []
    for result in results:
        if isinstance(result, BaseException):
            raise result
        answers.append(result)
    return tuple(answers)


@asynccontextmanager
async def all_tasks() -> AsyncIterator[asyncio.TaskGroup]:
    """A task group that raises its first error as it is, so that callers see a disk fault and not a group of one."""
    try:
        async with asyncio.TaskGroup() as tasks:
            yield tasks
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None
