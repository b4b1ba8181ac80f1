"""The photos of a shard, in plan order: decoded in limited processes, or taken over from an earlier build.

A sample's photos are taken over only while each file has the size and time it had when it was decoded. When all can be,
the whole tar is hard-linked and nothing is copied.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from factory.errors import CorruptBuild, ImageMissing, SourceError
from factory.images.coded import as_coded, read_source
from factory.images.records import ImageRejected, ImageSettings, Prepared
from factory.images.worker import DecodeWorkers
from factory.plugins.contracts import Source
from factory.shard.spec import is_sound, read_report
from factory.store.cases import PASSING_REFUSALS, stored_photos
from factory.store.files import file_digest
from factory.store.folder import link
from factory.store.images import ImageStore
from factory.store.layout import ShardPaths
from schemas import FilePart, ImageRef, Photo, Sample

CHUNK = 8
"""Photos in one message to a decoder."""
CHUNKS_AHEAD = 8
"""Chunks a decoder may be ahead of the teachers: bounds memory, hides decoding behind the calls."""
MAX_HELD_BYTES = 64_000_000
"""Of source pictures that wait for one decoder, where a source gives bytes instead of places: some ten photos."""
Place = tuple[int, int]
"""Position of a sample in its shard, and which of its pictures."""
Decoded = tuple[Photo, bytes | None]


@dataclass(frozen=True, slots=True)
class Photos:
    """A shard's store of prepared pictures, and what of it an earlier build has already."""

    store: ImageStore
    known: Sequence[tuple[Photo, ...] | None]
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
    found = _sound_photos(prior)
    if list(found) != [sample.id for sample in samples]:  # positions in its tar are those of other samples
        return Photos(stack.enter_context(ImageStore.create(paths.images)), [None] * len(samples), None)
    known = [found[one.id] if unchanged(found[one.id], one, source) else None for one in samples]
    earlier = stack.enter_context(ImageStore(prior.images))
    if None in known:
        return Photos(stack.enter_context(ImageStore.create(paths.images)), known, earlier)
    if prior.root != paths.root:
        link(prior.images, paths.images)
    return Photos(stack.enter_context(ImageStore(paths.images)), known, None)


def _sound_photos(prior: ShardPaths) -> dict[str, tuple[Photo, ...]]:
    """The photos of a finished shard by sample; none when one of its files was lost, cut or changed since, pictures
    included: teachers would be asked about something else than what the ledger says. Then all are decoded again."""
    try:
        report = read_report(prior) if prior.report.exists() else None
        if report is not None and not is_sound(prior, report):
            return {}
        if report is not None and report.files.get(prior.images.name) != file_digest(prior.images):
            return {}
        return stored_photos(prior.answers)
    except CorruptBuild:
        return {}


def unchanged(photos: Sequence[Photo], sample: Sample, source: Source) -> bool:
    """Whether the pictures that were prepared once are those that the source has now."""
    same_roles = tuple(photo.role for photo in photos) == sample.roles
    if not same_roles or any(photo.refused in PASSING_REFUSALS for photo in photos):
        return False
    stamps = [(photo.source_bytes, photo.source_mtime_ns) for photo in photos]
    return stamps == [source.stamp(image.locator) for image in sample.images]


async def shard_photos(
    samples: Sequence[Sample],
    photos: Photos,
    source: Source,
    workers: Callable[[], DecodeWorkers],
    *,
    decoders: int,
    settings: ImageSettings,
) -> AsyncGenerator[tuple[Photo, ...]]:
    """Each sample's photos in plan order, written to the store as they come. A refused photo is data."""
    places = [
        (position, index)
        for position, sample in enumerate(samples)
        if photos.known[position] is None or photos.earlier is not None
        for index in range(len(sample.images))
    ]
    arriving = _in_order(places, samples, photos, _Reading(source, settings, workers, decoders))
    try:
        for position, sample in enumerate(samples):
            known = photos.known[position]
            if known is not None and photos.earlier is None:
                yield known
                continue
            found = []
            for index in range(len(sample.images)):
                photo, jpeg = await anext(arriving)
                if jpeg is not None:
                    photos.store.add(position, jpeg, index)
                found.append(photo)
            yield tuple(found)
    finally:
        await arriving.aclose()


async def _in_order(
    places: Sequence[Place], samples: Sequence[Sample], photos: Photos, reading: _Reading
) -> AsyncGenerator[Decoded]:
    """The pictures at these places, decoded a few chunks ahead of whoever takes them."""
    pending: deque[asyncio.Task[list[Decoded]]] = deque()
    starts = deque(range(0, len(places), CHUNK))
    try:
        while starts or pending:
            while starts and len(pending) < CHUNKS_AHEAD * reading.decoders:
                start = starts.popleft()
                chunk = places[start : start + CHUNK]
                pending.append(asyncio.create_task(_chunk(chunk, samples, photos, reading)))
            for decoded in await pending.popleft():
                yield decoded
    finally:
        for task in pending:
            task.cancel()


async def _chunk(
    places: Sequence[Place], samples: Sequence[Sample], photos: Photos, reading: _Reading
) -> list[Decoded]:
    """A few photos in order, each with its prepared picture where it has one."""
    missing = [place for place in places if photos.known[place[0]] is None]
    refs = [samples[position].images[index] for position, index in missing]
    decoded = dict(zip(missing, await _decode(refs, reading), strict=True))
    results: list[Decoded] = []
    for position, index in places:
        known = photos.known[position]
        if known is None:
            results.append(decoded[position, index])
        else:
            assert photos.earlier is not None
            photo = known[index]
            results.append((photo, photos.earlier.read(position, index) if photo.refused is None else None))
    return results


class _Room:
    """How many bytes of source pictures may lie in this process at once."""

    def __init__(self, most: int) -> None:
        self.turn = asyncio.Lock()
        """Held by the one who reads: chunks read one after the other, in order."""
        self._most, self._held, self._freed = most, 0, asyncio.Event()

    async def take(self, size: int) -> None:
        """Waits, under one's `turn`, until what the others hold leaves room, or nobody holds anything."""
        while self._held and self._held + size > self._most:
            self._freed.clear()
            await self._freed.wait()
        self._held += size

    def give_back(self, size: int) -> None:
        self._held -= size
        self._freed.set()


class _Reading:
    """How a shard comes by its pictures: the source, the limits, and decoders once one is needed."""

    def __init__(
        self, source: Source, settings: ImageSettings, workers: Callable[[], DecodeWorkers], decoders: int
    ) -> None:
        self.source, self.settings, self.decoders = source, settings, decoders
        self.most_bytes = int(settings.max_file_mb * 1e6)
        self.room = _Room(MAX_HELD_BYTES * decoders)
        self._workers, self._starting = workers, asyncio.Lock()

    async def decode(self, sources: Sequence[Path | FilePart | bytes]) -> Sequence[Prepared | ImageRejected]:
        """These pictures, in order; those that pass undecoded without a decoder."""
        kept = [self._as_coded(one) if self.settings.pass_through else None for one in sources]
        rest = [source for source, found in zip(sources, kept, strict=True) if found is None]
        if not rest:
            return [found for found in kept if found is not None]
        async with self._starting:
            pool = await asyncio.to_thread(self._workers)  # starting them must not hold up calls that are under way
        images: list[Prepared | ImageRejected] = await asyncio.wrap_future(pool.submit_all(rest))
        decoded = iter(images)
        return [next(decoded) if found is None else found for found in kept]

    def _as_coded(self, source: Path | FilePart | bytes) -> Prepared | ImageRejected | None:
        data = source if isinstance(source, bytes) else read_source(source, self.settings)
        return data if isinstance(data, ImageRejected) else as_coded(data, self.settings)


async def _decode(refs: Sequence[ImageRef], reading: _Reading) -> list[Decoded]:
    """Decodes photos, in order; a few at a time where they are large."""
    results: list[Decoded] = []
    while len(results) < len(refs):
        async with reading.room.turn:
            read = _read_some(refs[len(results) :], reading.source, reading.most_bytes)
            held = sum(len(one.data) for one in read if isinstance(one.data, bytes))
            await reading.room.take(held)
        try:
            sent = [one.data for one in read if one.data is not None]
            arriving = iter(await reading.decode(sent))
        finally:
            reading.room.give_back(held)
        results += [(one.photo, None) if one.data is None else _prepared(one.photo, next(arriving)) for one in read]
    return results


@dataclass(frozen=True, slots=True)
class _Read:
    """A picture on its way to a decoder, or why there is none."""

    photo: Photo
    data: Path | FilePart | bytes | None


def _read_some(refs: Sequence[ImageRef], source: Source, most_bytes: int) -> list[_Read]:
    """The first of these pictures, until their bytes are MAX_HELD_BYTES or more."""
    read: list[_Read] = []
    held = 0
    for ref in refs:
        one = _read(ref, source, most_bytes)
        read.append(one)
        held += len(one.data) if isinstance(one.data, bytes) else 0
        if held >= MAX_HELD_BYTES:
            break
    return read


def _read(ref: ImageRef, source: Source, most_bytes: int) -> _Read:
    try:
        size, modified = source.stamp(ref.locator) or (None, None)
        data = source.read(ref.locator)
    except SourceError as error:
        reason = "file_missing" if isinstance(error, ImageMissing) else "file_unreadable"
        return _Read(Photo(role=ref.role, sha256=None, refused=reason, detail=str(error)), None)
    photo = Photo(role=ref.role, sha256=None, source_bytes=size, source_mtime_ns=modified)
    if isinstance(data, bytes) and len(data) > most_bytes:
        detail = f"{len(data)} bytes, limit {most_bytes / 1e6:g} MB"
        return _Read(replace(photo, refused="file_too_large", detail=detail), None)
    return _Read(photo, data)


def _prepared(photo: Photo, image: Prepared | ImageRejected) -> Decoded:
    photo = replace(photo, sha256=image.sha256)
    if isinstance(image, ImageRejected):
        return replace(photo, refused=image.reason, detail=image.detail), None
    prepared = replace(photo, phash=image.phash, width=image.width, height=image.height, bytes=len(image.jpeg))
    return prepared, image.jpeg
