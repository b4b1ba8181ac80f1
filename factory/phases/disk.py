"""The disk that a build takes, foreseen from its settings, and the refusal to start one that cannot fit.

Pictures are nearly all of it: once in the shards, and once more in each release format, for rows that are kept. Those
that a shard hard-links from an earlier build take no room. Everything here is an estimate: a disk that fills up in
spite of it stops a build cleanly (`factory.store.files.disk_faults`), and the same command goes on.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection
from itertools import pairwise
from pathlib import Path
from typing import Final

import polars as pl

from factory.calls.teacher import ANSWERS
from factory.errors import EnvironmentFault
from factory.generators import needs_of
from factory.images.records import ImageSettings
from factory.plugins.contracts import Source
from factory.recipe.model import Recipe, teacher_settings
from factory.sources.contract import even_sample

# Measured in November 2026 on 215 photos, among them the 138 of tests/acceptance; on builds of these 138 with two
# recorded teachers; and on a build of 1,000 small pictures with two teachers behind an endpoint.
BYTES_BY_QUALITY: Final = {75: 0.130, 85: 0.175, 90: 0.218, 95: 0.308, 100: 0.581}
"""Bytes of a JPEG for each pixel of the square over its longer side, by quality, at 512 pixels (photos cover 0.67 of
that square). Longer sides need less: 0.208 at 768 pixels and quality 90; shorter ones more: 0.249 at 256."""
MEMBER_BYTES: Final = 770
"""A picture's header and padding in a tar."""
SAMPLE_BYTES: Final = 200
"""A sample in the plan and the selection (146)."""
ANSWER_BYTES: Final = 900
"""An answer in the sealed ledger (390) and in the part (485)."""
OPEN_ANSWER_BYTES: Final = 5_500
"""An answer in the ledger of a shard that runs: its row, and its share of SQLite's log, which is the larger."""
OPEN_SHARD_BYTES: Final = 8_000_000
"""The most that such a ledger takes: SQLite folds its log back at 4 MB."""
ROW_BYTES: Final = {"webdataset": 4_100, "parquet": 1_600}
"""A released row without its picture: JSON, headers and padding in a tar; compressed columns in Parquet."""
CARD_BYTES: Final = 39_000
"""A sample in the report's gallery, with its thumbnail as text; less where the picture itself is smaller."""
MOST_CARDS: Final = 240
"""Samples in the gallery; as `factory.report.gallery.MAX_CARDS`, which loads an image library."""
FIXED_BYTES: Final = 500_000
"""The rest: build.json, the lock, card, map, manifest, Parquet footers, the report without its gallery."""

SIZED_PICTURES: Final = 256
"""Source pictures whose size is looked at: the mean of so many is within some percent of everybody's."""


def picture_bytes(images: ImageSettings, source_bytes: float | None = None) -> float:
    """Mean bytes of a prepared picture.

    Args:
        images: the recipe's block.
        source_bytes: mean size of the source's files, see `mean_source_bytes`. A JPEG that is small already keeps its
            coded picture, so small sources stay small whatever `max_side` allows.
    """
    points = sorted(BYTES_BY_QUALITY.items())
    share = points[0][1]
    for (low, less), (high, more) in pairwise(points):
        if images.quality > low:
            share = less + (more - less) * (min(images.quality, high) - low) / (high - low)
    encoded = share * images.max_side**2
    return encoded if source_bytes is None else min(encoded, source_bytes)


def disk_needed(
    samples: int,
    *,
    images: ImageSettings,
    pictures: int = 1,
    answers: int = 2,
    formats: Collection[str] = ("webdataset", "parquet"),
    kept: float = 1.0,
    source_bytes: float | None = None,
    at_hand: int = 0,
    shards_at_once: int = 1,
) -> int:
    """Bytes that a build will add to its disk.

    Args:
        samples: planned samples.
        images: the recipe's block; `max_side` and `quality` decide how large a picture is.
        pictures: pictures of a sample.
        answers: calls of a sample that are recorded: teachers times draws times turns.
        formats: of the release; each holds every kept picture again.
        kept: share of the samples that the release keeps. 1.0 gives the most that a build can take, 0.0 what it takes
            in any case.
        source_bytes: mean size of the source's pictures, where known.
        at_hand: samples whose pictures are on this disk already: in finished shards of this build, or in those of an
            earlier one, which are hard-linked.
        shards_at_once: shards that run at the same time, each with an open ledger.
    """
    picture = picture_bytes(images, source_bytes)
    in_shards = (samples - at_hand) * pictures * (picture + MEMBER_BYTES)
    recorded = samples * (SAMPLE_BYTES + answers * ANSWER_BYTES)
    running = min(samples * answers * OPEN_ANSWER_BYTES, shards_at_once * OPEN_SHARD_BYTES)
    # A tar's row counts the header of its first picture; a Parquet file needs no header for any.
    released = sum(pictures * picture + (pictures - 1) * MEMBER_BYTES + ROW_BYTES[name] for name in formats)
    report = min(samples, MOST_CARDS) * min(CARD_BYTES, ROW_BYTES["webdataset"] + picture * 4 / 3)
    return round(in_shards + recorded + running + samples * kept * released + report + FIXED_BYTES)


def room_for(
    recipe: Recipe, samples: pl.DataFrame, source: Source, *, at_hand: int = 0, shards_at_once: int = 1
) -> tuple[int, int]:
    """Bytes that a recipe's build takes at the least (no row is kept) and at the most (every row is).

    Args:
        samples: the plan.
        at_hand, shards_at_once: see `disk_needed`.
    """
    needs = needs_of(recipe.generator)
    asked = [settings for call in recipe.teachers if (settings := teacher_settings(call)).role == ANSWERS]
    locators = samples["images"].explode().drop_nulls().struct.field("locator")
    source_bytes = mean_source_bytes(source, locators)
    least, most = (
        disk_needed(
            samples.height,
            images=recipe.images,
            pictures=-(-len(locators) // max(1, samples.height)),
            answers=needs.calls[1] * sum(settings.sampling.draws for settings in asked),
            formats=recipe.release.formats,
            kept=kept,
            source_bytes=source_bytes,
            at_hand=at_hand,
            shards_at_once=shards_at_once,
        )
        for kept in (0.0, 1.0)
    )
    return least, most


def mean_source_bytes(source: Source, locators: pl.Series) -> float | None:
    """Mean size of up to SIZED_PICTURES source pictures, evenly chosen; None where none of them is there.

    Args:
        locators: what names the pictures, in the plan's order.
    """
    stamps = map(source.stamp, even_sample(locators, SIZED_PICTURES).to_list())
    sizes = [stamp[0] for stamp in stamps if stamp is not None]
    return sum(sizes) / len(sizes) if sizes else None


def require_room(path: Path, needed: int) -> None:
    """Raises EnvironmentFault when the disk under `path`, which need not be there yet, has less than `needed` bytes."""
    free = free_bytes(path)
    if needed > free:
        raise EnvironmentFault(
            f"{path}: this build needs at least {in_words(needed)}, {in_words(free)} are free on its disk. Make room, "
            "choose another disk with --out, or make it smaller: images.max_side, images.quality, plan.limit"
        )


def free_bytes(path: Path) -> int:
    """Free on the disk under a path, which need not be there yet."""
    place = next(parent for parent in (path.absolute(), *path.absolute().parents) if parent.exists())
    return shutil.disk_usage(place).free


def in_words(size: float) -> str:
    """`3.1 GB`: decimal units, two digits below ten."""
    units = ["bytes", "kB", "MB", "GB", "TB"]
    while size >= 999.5 and len(units) > 1:
        size /= 1000
        del units[0]
    digits = 1 if size < 9.95 and units[0] != "bytes" else 0
    return f"{size:,.{digits}f} {units[0]}"
