"""A benchmark's pictures are hashed as the dataset's own are, and count in its digest."""

from __future__ import annotations

import io
import os
import shutil
from pathlib import Path

import pytest
from PIL import Image

from factory.errors import SourceError
from factory.images import ImageSettings, Prepared
from factory.images.phash import hamming
from factory.images.prepare import prepare
from factory.select import Benchmark
from factory.select.benchmarks import benchmark_digest, image_hashes
from tests.build_fixture import draw_jpeg


def hash_of(jpeg: bytes) -> int:
    found = prepare(jpeg, ImageSettings())
    assert isinstance(found, Prepared)
    return found.phash


def stored(index: int, kind: str, *, orientation: int | None = None) -> bytes:
    """A drawn photo in another container; with an orientation the pixels are stored turned and EXIF says so."""
    picture = Image.open(io.BytesIO(draw_jpeg(index)))
    out = io.BytesIO()
    if orientation is None:
        picture.save(out, kind)
    else:
        assert orientation == 6
        exif = Image.Exif()
        exif[0x0112] = orientation
        picture.transpose(Image.Transpose.ROTATE_90).save(out, kind, quality=90, exif=exif)
    return out.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    (folder / "deeper").mkdir(parents=True)
    (folder / "a.jpg").write_bytes(draw_jpeg(1))
    (folder / "deeper" / "b.PNG").write_bytes(stored(2, "PNG"))
    (folder / "turned.jpg").write_bytes(stored(3, "JPEG", orientation=6))
    return folder


def test_a_turned_or_converted_picture_has_the_hash_of_the_upright_photo(folder: Path) -> None:
    found = dict(image_hashes(Benchmark(name="set", images=folder)).iter_rows())
    assert list(found) == ["a.jpg", "b.PNG", "turned.jpg"]
    for name, index in (("a.jpg", 1), ("b.PNG", 2), ("turned.jpg", 3)):
        assert hamming(found[name], hash_of(draw_jpeg(index))) <= 4, name


def test_pictures_that_cannot_be_read_stop_the_comparison_unless_told_otherwise(folder: Path) -> None:
    (folder / "broken.jpg").write_bytes(draw_jpeg(4)[:900])
    (folder / "empty.png").write_bytes(b"")
    (folder / "notes.txt").write_text("no picture")
    said = r"2 of 5 images of benchmark `set` cannot be read \(truncated 1, zero_byte 1\).* the first is broken\.jpg"
    with pytest.raises(SourceError, match=said):
        image_hashes(Benchmark(name="set", images=folder))
    found = image_hashes(Benchmark(name="set", images=folder, skip_unreadable=True))
    assert found["id"].to_list() == ["a.jpg", "b.PNG", "turned.jpg"]


def test_a_folder_of_which_nothing_can_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "x.jpg").write_bytes(b"\xff\xd8 not a picture")
    with pytest.raises(SourceError, match=r"1 of 1 images of benchmark `set` cannot be read"):
        image_hashes(Benchmark(name="set", images=tmp_path))


def test_a_digest_is_that_of_contents_and_not_of_places_or_times(folder: Path, tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("id,lat,lon\na,1,2\n")
    digest = benchmark_digest(Benchmark(name="set", table=table, images=folder))
    moved = tmp_path / "elsewhere"
    shutil.copytree(folder, moved / "images")
    shutil.copy(table, moved / "u.csv")
    (moved / "images" / "README.md").write_text("not an image")
    os.utime(moved / "images" / "a.jpg", (1, 1))
    assert benchmark_digest(Benchmark(name="other", table=moved / "u.csv", images=moved / "images")) == digest


def test_every_change_of_contents_changes_the_digest(folder: Path, tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("id,lat,lon\na,1,2\n")
    entry = Benchmark(name="set", table=table, images=folder)
    seen = [benchmark_digest(entry.model_copy(update=part)) for part in ({}, {"images": None}, {"table": None})]
    (folder / "a.jpg").write_bytes(draw_jpeg(7))
    seen.append(benchmark_digest(entry))
    (folder / "a.jpg").rename(folder / "c.jpg")
    seen.append(benchmark_digest(entry))
    (folder / "c.jpg").unlink()
    seen.append(benchmark_digest(entry))
    table.write_text("id,lat,lon\na,1,3\n")
    seen.append(benchmark_digest(entry))
    assert len(set(seen)) == len(seen) == 7


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"gone\.csv: the table of benchmark `set`"):
        benchmark_digest(Benchmark(name="set", table=tmp_path / "gone.csv"))
    with pytest.raises(SourceError, match="nowhere: benchmark `set` expects a folder"):
        benchmark_digest(Benchmark(name="set", images=tmp_path / "nowhere"))
    with pytest.raises(SourceError, match="there is none"):
        benchmark_digest(Benchmark(name="set", images=tmp_path))
