"""The photos of a shard, in plan order: decoded in limited processes, or linked from an earlier build."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from factory.errors import ImageMissing, SourceError
from factory.image_store import ImageStore
from factory.images.records import ImageRejected, ImageSettings, Prepared
from factory.images.worker import ChunkFailed, DecodeWorkers
from factory.part import ShardImage, part_images
from factory.recipe import Recipe
from factory.sources import Source
from factory.store import ShardPaths, durable
from schemas import Sample

CHUNK = 8
"""Photos in one message to a decoder."""
CHUNKS_AHEAD = 4
"""Chunks a decoder may be ahead of the teachers: bounds memory, hides decoding behind the calls."""


def image_settings(recipe: Recipe) -> ImageSettings:
    """The recipe's `images` block as the decoder's settings."""
    return ImageSettings(**recipe.images.model_dump())


def open_image_store(paths: ShardPaths, prior_shard: str | None) -> ImageStore:
    """The shard's tar of prepared images; a finished one of an earlier build is hard-linked, or copied across disks."""
    paths.images.unlink(missing_ok=True)
    if prior_shard is not None:
        finished = ShardPaths(Path(prior_shard)).images
        try:
            os.link(finished, paths.images)
        except OSError:
            with durable(paths.images) as file, finished.open("rb") as original:
                shutil.copyfileobj(original, file)
        return ImageStore(paths.images)
    return ImageStore.create(paths.images)


async def shard_images(
    samples: Sequence[Sample], source: Source, settings: ImageSettings, store: ImageStore, *, decoders: int
) -> AsyncGenerator[ShardImage]:
    """Each sample's photo in plan order, written to the store as it comes. A refused photo is data."""
    async with _in_a_thread(DecodeWorkers(processes=decoders, settings=settings)) as workers:
        pending: deque[asyncio.Task[list[Prepared | ImageRejected]]] = deque()
        chunks = [samples[at : at + CHUNK] for at in range(0, len(samples), CHUNK)]
        position = 0
        try:
            while chunks or pending:
                while chunks and len(pending) < CHUNKS_AHEAD * decoders:
                    pending.append(asyncio.create_task(_decode(chunks.pop(0), source, workers)))
                for image in await pending.popleft():
                    yield _stored(image, store, position)
                    position += 1
        finally:
            for task in pending:
                task.cancel()


async def linked_images(prior_shard: str) -> AsyncGenerator[ShardImage]:
    """The photos of a finished shard with the same samples and settings."""
    for image in part_images(ShardPaths(Path(prior_shard)).part):
        yield image


@asynccontextmanager
async def _in_a_thread(workers: DecodeWorkers) -> AsyncGenerator[DecodeWorkers]:
    """Starts and stops the decoders without holding up the calls that are under way."""
    await asyncio.to_thread(workers.__enter__)
    try:
        yield workers
    except BaseException as error:
        await asyncio.to_thread(workers.__exit__, type(error), error, error.__traceback__)
        raise
    await asyncio.to_thread(workers.__exit__, None, None, None)


def _stored(image: Prepared | ImageRejected, store: ImageStore, position: int) -> ShardImage:
    if isinstance(image, ImageRejected):
        return ShardImage(sha256=image.sha256, refused=image.reason, detail=image.detail)
    store.add(position, image.jpeg)
    return ShardImage(
        sha256=image.sha256, phash=image.phash, width=image.width, height=image.height, bytes=len(image.jpeg)
    )


async def _decode(samples: Sequence[Sample], source: Source, workers: DecodeWorkers) -> list[Prepared | ImageRejected]:
    """One chunk's photos, in order. When one of them costs the worker its life, each is tried alone."""
    results: list[Prepared | ImageRejected | None] = []
    found: list[Path | bytes] = []
    for sample in samples:
        try:
            found.append(source.read(sample.image))
            results.append(None)
        except SourceError as error:
            reason = "file_missing" if isinstance(error, ImageMissing) else "file_unreadable"
            results.append(ImageRejected(reason, str(error)))
    try:
        decoded = await asyncio.wrap_future(workers.submit_chunk(found)) if found else []
    except ChunkFailed:
        decoded = [await asyncio.wrap_future(workers.submit(photo)) for photo in found]
    arriving = iter(decoded)
    return [next(arriving) if result is None else result for result in results]
