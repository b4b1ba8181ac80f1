"""The photos of a shard, in plan order: decoded in limited processes, or taken over from an earlier build.

A photo is taken over only while its file has the size and time it had when it was decoded. When all can be, the whole
tar is hard-linked and nothing is copied.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from factory.errors import ImageMissing, SourceError
from factory.images.records import ImageRejected, ImageSettings, Prepared
from factory.images.worker import ChunkFailed, DecodeWorkers
from factory.sources import Source
from factory.store.files import durable
from factory.store.images import ImageStore
from factory.store.layout import ShardPaths
from factory.store.part import ShardImage, part_images
from schemas import Sample

CHUNK = 8
"""Photos in one message to a decoder."""
CHUNKS_AHEAD = 8
"""Chunks a decoder may be ahead of the teachers: bounds memory, hides decoding behind the calls."""
PASSING_REFUSALS = frozenset(
    {"file_missing", "file_unreadable", "decode_timeout", "decode_memory", "worker_died", "heif_support_missing"}
)
"""Refusals that another run may not repeat: they say something of the machine, not of the picture."""


@dataclass(frozen=True, slots=True)
class Photos:
    """A shard's store of prepared pictures, and what of it an earlier build has already."""

    store: ImageStore
    known: Sequence[ShardImage | None]
    """By position; None is to be decoded."""
    earlier: ImageStore | None
    """Where the known pictures lie, when they have to be copied."""


def open_photos(
    stack: ExitStack, paths: ShardPaths, samples: Sequence[Sample], source: Source, prior_shard: str | None
) -> Photos:
    """Opens the shard's store for a run; it is closed with the stack.

    Args:
        prior_shard: a finished shard with the same samples and image settings; the shard itself when it is run again.
    """
    if prior_shard is None:
        return Photos(stack.enter_context(ImageStore.create(paths.images)), [None] * len(samples), None)
    prior = ShardPaths(Path(prior_shard))
    found = part_images(prior.part)
    known = [image if _unchanged(image, sample, source) else None for image, sample in zip(found, samples, strict=True)]
    earlier = stack.enter_context(ImageStore(prior.images))
    if None in known:
        return Photos(stack.enter_context(ImageStore.create(paths.images)), known, earlier)
    if prior.root != paths.root:
        _link(prior.images, paths.images)
    return Photos(stack.enter_context(ImageStore(paths.images)), known, None)


async def shard_images(
    samples: Sequence[Sample], photos: Photos, source: Source, settings: ImageSettings, *, decoders: int
) -> AsyncGenerator[ShardImage]:
    """Each sample's photo in plan order, written to the store as it comes. A refused photo is data."""
    if None not in photos.known:
        for known in photos.known:
            assert known is not None
            yield known
        return
    async with _in_a_thread(DecodeWorkers(processes=decoders, settings=settings)) as workers:
        pending: deque[asyncio.Task[list[tuple[ShardImage, bytes | None]]]] = deque()
        starts = deque(range(0, len(samples), CHUNK))
        position = 0
        try:
            while starts or pending:
                while starts and len(pending) < CHUNKS_AHEAD * decoders:
                    chunk = range(starts[0], min(starts.popleft() + CHUNK, len(samples)))
                    pending.append(asyncio.create_task(_chunk(chunk, samples, photos, source, workers)))
                for image, jpeg in await pending.popleft():
                    if jpeg is not None:
                        photos.store.add(position, jpeg)
                    position += 1
                    yield image
        finally:
            for task in pending:
                task.cancel()


async def _chunk(
    positions: Sequence[int], samples: Sequence[Sample], photos: Photos, source: Source, workers: DecodeWorkers
) -> list[tuple[ShardImage, bytes | None]]:
    """A few photos in order, each with its prepared picture where it has one."""
    missing = [position for position in positions if photos.known[position] is None]
    decoded = dict(zip(missing, await _decode([samples[at] for at in missing], source, workers), strict=True))
    results: list[tuple[ShardImage, bytes | None]] = []
    for position in positions:
        known = photos.known[position]
        if known is None:
            results.append(decoded[position])
        else:
            assert photos.earlier is not None
            results.append((known, photos.earlier.read(position) if known.refused is None else None))
    return results


async def _decode(
    samples: Sequence[Sample], source: Source, workers: DecodeWorkers
) -> list[tuple[ShardImage, bytes | None]]:
    """Decodes photos, in order. When one of them costs the worker its life, each is tried alone."""
    results: list[tuple[ShardImage, bytes | None] | None] = []
    found: list[Path | bytes] = []
    for sample in samples:
        try:
            found.append(source.read(sample.image))
            results.append(None)
        except SourceError as error:
            reason = "file_missing" if isinstance(error, ImageMissing) else "file_unreadable"
            results.append((ShardImage(sha256=None, refused=reason, detail=str(error)), None))
    stats = [_stat(photo) for photo in found]
    try:
        decoded = await asyncio.wrap_future(workers.submit_chunk(found)) if found else []
    except ChunkFailed:
        decoded = [await asyncio.wrap_future(workers.submit(photo)) for photo in found]
    arriving = (_shard_image(image, stat) for image, stat in zip(decoded, stats, strict=True))
    return [next(arriving) if result is None else result for result in results]


def _shard_image(
    image: Prepared | ImageRejected, stat: tuple[int | None, int | None]
) -> tuple[ShardImage, bytes | None]:
    size, mtime_ns = stat
    if isinstance(image, ImageRejected):
        facts = ShardImage(sha256=image.sha256, refused=image.reason, detail=image.detail)
        return replace(facts, source_bytes=size, source_mtime_ns=mtime_ns), None
    facts = ShardImage(
        sha256=image.sha256,
        phash=image.phash,
        width=image.width,
        height=image.height,
        bytes=len(image.jpeg),
        source_bytes=size,
        source_mtime_ns=mtime_ns,
    )
    return facts, image.jpeg


def _unchanged(image: ShardImage, sample: Sample, source: Source) -> bool:
    if image.refused in PASSING_REFUSALS:
        return False
    try:
        return (image.source_bytes, image.source_mtime_ns) == _stat(source.read(sample.image))
    except SourceError:
        return False


def _stat(photo: Path | bytes) -> tuple[int | None, int | None]:
    """Size and time of a photo's file; bytes out of a tar have no time of their own."""
    if isinstance(photo, bytes):
        return len(photo), None
    try:
        found = photo.stat()
    except OSError:
        return None, None
    return found.st_size, found.st_mtime_ns


def _link(finished: Path, target: Path) -> None:
    """A second name for a finished tar, or a copy where the disk cannot do that."""
    target.unlink(missing_ok=True)
    try:
        os.link(finished, target)
    except OSError:
        with durable(target) as file, finished.open("rb") as original:
            shutil.copyfileobj(original, file)


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
