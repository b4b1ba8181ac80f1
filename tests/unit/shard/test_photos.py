"""When the pictures of an earlier shard are those that the source has now, and which pictures need a decoder."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from factory.images import ImageRejected, ImageSettings, Prepared
from factory.images.prepare import prepare
from factory.shard.photos import PASSING_REFUSALS, Photos, shard_photos, unchanged
from factory.store.images import ImageStore
from schemas import ImageRef, Photo, Sample
from tests.hostile import encode, exif_tiff, picture

SAMPLE = Sample(
    id="s",
    images=(ImageRef(role="ground", locator="g.jpg"), ImageRef(role="map", locator="m.jpg")),
    lat=0.0,
    lon=0.0,
)
GROUND = Photo(role="ground", sha256="0", source_bytes=5, source_mtime_ns=7)
MAP = Photo(role="map", sha256="1", source_bytes=6, source_mtime_ns=8)


@dataclass
class Stamps:
    """A source that knows sizes and times."""

    by_locator: dict[str, tuple[int, int | None]]

    def stamp(self, locator: str) -> tuple[int, int | None] | None:
        return self.by_locator.get(locator)

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name}: nothing is read to find that out")


SAME: Any = Stamps({"g.jpg": (5, 7), "m.jpg": (6, 8)})


def test_every_picture_must_have_its_size_and_time() -> None:
    assert unchanged((GROUND, MAP), SAMPLE, SAME)
    for other in ({"g.jpg": (5, 7)}, {"g.jpg": (5, 7), "m.jpg": (6, 9)}, {"g.jpg": (4, 7), "m.jpg": (6, 8)}):
        assert not unchanged((GROUND, MAP), SAMPLE, Stamps(other))  # type: ignore[arg-type]


def test_another_number_of_pictures_is_another_sample() -> None:
    assert not unchanged((GROUND,), SAMPLE, SAME)
    assert unchanged((), replace(SAMPLE, images=()), SAME)


@pytest.mark.parametrize("reason", sorted(PASSING_REFUSALS))
def test_a_refusal_that_may_pass_is_tried_again(reason: str) -> None:
    assert not unchanged((GROUND, replace(MAP, refused=reason)), SAMPLE, SAME)


def test_a_refusal_that_stays_is_taken_over() -> None:
    assert unchanged((GROUND, replace(MAP, refused="truncated")), SAMPLE, SAME)


def test_another_role_of_the_same_file_is_another_picture() -> None:
    assert not unchanged((replace(GROUND, role="photo"), MAP), SAMPLE, SAME)


PASS = ImageSettings(pass_through=True, max_side=128)


@dataclass
class Files:
    """A source of files in a folder, and a decoder in this process that says what it was given."""

    folder: Path
    decoded: int = 0

    def stamp(self, locator: str) -> tuple[int, int | None]:
        return (self.folder / locator).stat().st_size, 1

    def read(self, locator: str) -> Path | bytes:
        path = self.folder / locator
        return path.read_bytes() if locator.startswith("held") else path

    def submit_all(self, sources: Sequence[Path | bytes]) -> Future[list[Prepared | ImageRejected]]:
        self.decoded += len(sources)
        done: Future[list[Prepared | ImageRejected]] = Future()
        done.set_result([prepare(one if isinstance(one, bytes) else one.read_bytes(), PASS) for one in sources])
        return done


async def prepared(folder: Path, **files: bytes) -> tuple[list[Photo], list[bytes | None], int]:
    for name, data in files.items():
        (folder / name).write_bytes(data)
    samples = [Sample(id=name, images=(ImageRef(role="photo", locator=name),), lat=0.0, lon=0.0) for name in files]
    source: Any = Files(folder)
    with ImageStore.create(folder / "images.tar") as store:
        photos = Photos(store, [None] * len(samples), None)
        arriving = shard_photos(samples, photos, source, lambda: source, decoders=1, settings=PASS)
        found = [photo async for (photo,) in arriving]
        kept = [None if one.refused else store.read(position) for position, one in enumerate(found)]
    return found, kept, source.decoded


async def test_a_picture_that_is_kept_needs_no_decoder(tmp_path: Path) -> None:
    upright = encode(picture(), exif=exif_tiff())
    found, kept, decoded = await prepared(
        tmp_path,
        upright=upright,
        held=upright,
        turned=encode(picture(), exif=exif_tiff(orientation=6)),
        large=encode(picture(200, 100)),
        cut=upright[:-40],
        nothing=b"",
        text=b"hello",
        png=encode(picture(), "PNG"),
    )
    assert decoded == 3
    assert [photo.refused for photo in found] == [
        None, None, None, None, "truncated", "zero_byte", "not_an_image", None
    ]  # fmt: skip
    assert [photo.phash is None for photo in found] == [True, True, False, False, True, True, True, False]
    assert kept[0] == kept[1] and kept[0] is not None and b"Exif" not in kept[0]
    assert [(photo.width, photo.height) for photo in found[:4]] == [(96, 64), (96, 64), (64, 96), (128, 64)]


async def test_pictures_come_in_order_whoever_reads_them(tmp_path: Path) -> None:
    kinds = ("JPEG", "PNG", "JPEG", "JPEG", "PNG")
    files = {f"p{number}": encode(picture(32 + number, 40), kinds[number % 5]) for number in range(30)}
    found, _, decoded = await prepared(tmp_path, **files)
    assert [photo.width for photo in found] == [32 + number for number in range(30)]
    assert decoded == 12


async def test_nothing_starts_a_decoder_where_none_is_needed(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(encode(picture()))
    sample = Sample(id="a", images=(ImageRef(role="photo", locator="a"),), lat=0.0, lon=0.0)

    def started() -> Any:
        raise AssertionError("a decoder was started")

    source: Any = Files(tmp_path)
    with ImageStore.create(tmp_path / "images.tar") as store:
        arriving = shard_photos([sample], Photos(store, [None], None), source, started, decoders=1, settings=PASS)
        assert [photo.bytes async for (photo,) in arriving] == [len(prepare(encode(picture()), PASS).jpeg)]  # type: ignore[union-attr]
