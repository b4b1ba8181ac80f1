"""The pictures of the gallery: small JPEGs without metadata, as data: URIs."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from factory.errors import CorruptBuild
from factory.images.blur import blurred
from factory.images.records import ImageSettings, Prepared
from factory.report.words import shorten
from factory.store.decided import WITHHELD, Decided
from factory.store.images import ImageStore
from factory.store.layout import Build


@dataclass(frozen=True, slots=True)
class Thumbnails:
    """How small a picture has to become."""

    steps: tuple[tuple[int, int], ...]
    """(longest side in pixels, JPEG quality), tried in turn until the picture fits."""
    most_bytes: int


FIRST = Thumbnails(((480, 70), (400, 65), (320, 55), (240, 45)), 36_000)
"""The picture a card is about. 240 of these in base64 are 11.5 MB."""
BESIDE = Thumbnails(((400, 64), (320, 58), (260, 50), (200, 45)), 12_000)
"""Of a card with several pictures the first three, side by side: together as large as one that stands alone."""
SIDE_BY_SIDE = 3
FURTHER = Thumbnails(((160, 65), (128, 55), (96, 45)), 5_000)
"""The others, side by side below it."""
MAX_FURTHER = 4
"""Further pictures shown on one card: 240 cards of them are 6.4 MB, so the page stays under 20 MB."""
MAX_SOURCE_MEGAPIXELS = 300.0
"""Larger ones are not decoded: a build's own pictures are at most a few megapixels, so this is no picture of ours."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One picture of a sample as its card shows it."""

    role: str
    uri: str | None
    """data: URI, or the name of a file beside the page; None when there is no prepared picture or it cannot be read."""
    refused: str
    """Why there is none; empty otherwise."""
    width: int | None
    height: int | None
    note: str = ""
    """What is known of its own place and scale, in a few words."""

    @property
    def shape(self) -> float:
        """Width to height, within bounds that a card can show; 4 / 3 where it is not known."""
        return min(max(self.width / self.height, 0.5), 3.0) if self.width and self.height else 4 / 3


PRIVATE = "private"
"""Said in place of a picture in which something is private and nobody marked what."""
_BLURRED_QUALITY = 90
"""Of a picture that is made small at once."""

Open = Callable[[bytes], bytes]
"""A prepared picture as a JPEG that was decoded before. Raises ValueError where it does not decode."""


@contextmanager
def opening(build: Build) -> Iterator[Open]:
    """How this build's pictures are opened: those that passed undecoded are decoded first in a limited process, as
    every picture is once."""
    if not (build.recipe.get("images") or {}).get("pass_through"):
        yield lambda jpeg: jpeg
        return
    from factory.images.worker import DecodeWorkers

    with DecodeWorkers(1, ImageSettings(max_side=FIRST.steps[0][0])) as workers:

        def decoded(jpeg: bytes) -> bytes:
            found = workers.submit(jpeg).result()
            if not isinstance(found, Prepared):
                raise ValueError(found.reason)
            return found.jpeg

        yield decoded


Address = Callable[[bytes], str]
"""What leads from the page to a small JPEG."""


def embedded(jpeg: bytes) -> str:
    """The picture itself, as a data: URI."""
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode("ascii")


def pictures(
    images: Path,
    samples: Sequence[tuple[int, Sequence[Mapping[str, Any]]]],
    opened: Open = lambda jpeg: jpeg,
    notes: Mapping[int, Mapping[str, str]] | None = None,
    people: Mapping[int, Decided] | None = None,
    address: Address = embedded,
) -> dict[int, tuple[tuple[Shown, ...], int]]:
    """By position in the shard: the pictures that a card shows, the first large, or the first three, and how many
    it leaves out.

    Args:
        images: the shard's tar; one that is missing or damaged costs only the pictures.
        samples: position and the structs `schemas.arrow.PHOTO` of its pictures.
        opened: see `opening`.
        notes: by position and role, what is said of a picture.
        people: by position, what people decided: what they marked as private is blurred, as in the release, and a
            picture of which they did not mark it is not shown.
        address: what leads to a small picture.
    """
    decided = people or {}
    small: dict[tuple[int, int], str] = {}
    places = [
        (position, at, FURTHER if at >= SIDE_BY_SIDE else BESIDE if len(photos) > 1 else FIRST)
        for position, photos in samples
        for at in range(min(len(photos), 1 + MAX_FURTHER))
    ]
    with suppress(OSError, CorruptBuild), ImageStore(images) as store:
        for position, at, size in places:
            with suppress(KeyError, ValueError, OSError, CorruptBuild):
                jpeg = opened(store.read(position, at))
                if data := thumbnail(_unmarked(jpeg, decided.get(position) if at == 0 else None), size):
                    small[position, at] = address(data)
    found = {}
    for position, photos in samples:
        shown = tuple(
            Shown(
                role=shorten(photo["role"], 40),
                uri=small.get((position, at)),
                refused=shorten(photo["refused"], 60) or _hidden(decided.get(position) if at == 0 else None),
                width=photo["width"],
                height=photo["height"],
                note=shorten((notes or {}).get(position, {}).get(photo["role"], ""), 60),
            )
            for at, photo in enumerate(photos[: 1 + MAX_FURTHER])
        )
        found[position] = (shown, len(photos) - len(shown))
    return found


def _unmarked(jpeg: bytes, decided: Decided | None) -> bytes:
    """A sample's first picture without what people marked as private. Raises ValueError where that is not known."""
    if decided is None:
        return jpeg
    if _hidden(decided):
        raise ValueError(PRIVATE)
    return blurred(jpeg, decided.private, quality=_BLURRED_QUALITY)


def _hidden(decided: Decided | None) -> str:
    return PRIVATE if decided is not None and WITHHELD in (decided.row.get("flags") or ()) else ""


def thumbnail(jpeg: bytes, size: Thumbnails = FIRST) -> bytes | None:
    """A small JPEG without metadata, or None when the bytes are no JPEG that can be decoded."""
    try:
        with Image.open(io.BytesIO(jpeg), formats=["JPEG"]) as opened:
            if opened.width * opened.height > MAX_SOURCE_MEGAPIXELS * 1e6:
                return None
            opened.draft("RGB", (size.steps[0][0], size.steps[0][0]))
            image = opened.convert("RGB")
    except Exception:  # codecs raise nearly every type on hostile bytes
        return None
    for side, quality in size.steps:
        image.thumbnail((side, side), Image.Resampling.LANCZOS)
        out = io.BytesIO()
        image.save(out, "JPEG", quality=quality, optimize=True)
        if out.tell() <= size.most_bytes:
            break
    return out.getvalue()
