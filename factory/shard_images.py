"""The photos of a shard, in plan order: decoded in limited processes, or linked from an earlier build."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

from factory.errors import ImageMissing, SourceError
from factory.image_store import ImageStore
from factory.images.records import ImageRejected, ImageSettings, Prepared
from factory.images.worker import DecodeWorkers
from factory.part import ShardImage, part_images
from factory.recipe import Recipe
from factory.sources import Source
from factory.store import ShardPaths, durable
from schemas import Sample

DECODE_AHEAD = 32
"""Photos that may be decoded before the teachers are ready for them."""


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
    with DecodeWorkers(processes=decoders, settings=settings) as workers:
        pending: deque[asyncio.Future[Prepared | ImageRejected]] = deque()
        position = 0

        async def settle() -> ShardImage:
            nonlocal position
            image = await pending.popleft()
            position += 1
            if isinstance(image, ImageRejected):
                return ShardImage(sha256=image.sha256, refused=image.reason, detail=image.detail)
            store.add(position - 1, image.jpeg)
            return ShardImage(
                sha256=image.sha256,
                phash=image.phash,
                width=image.width,
                height=image.height,
                bytes=len(image.jpeg),
            )

        for sample in samples:
            if len(pending) >= DECODE_AHEAD:
                yield await settle()
            pending.append(_decode(sample, source, workers))
        while pending:
            yield await settle()


async def linked_images(prior_shard: str) -> AsyncGenerator[ShardImage]:
    """The photos of a finished shard with the same samples and settings."""
    for image in part_images(ShardPaths(Path(prior_shard)).part):
        yield image


def _decode(sample: Sample, source: Source, workers: DecodeWorkers) -> asyncio.Future[Prepared | ImageRejected]:
    try:
        located = source.read(sample.image)
    except SourceError as error:
        refused: asyncio.Future[Prepared | ImageRejected] = asyncio.get_running_loop().create_future()
        reason = "file_missing" if isinstance(error, ImageMissing) else "file_unreadable"
        refused.set_result(ImageRejected(reason, str(error)))
        return refused
    return asyncio.wrap_future(workers.submit(located))
