"""The disk a build takes, foreseen; that real builds take it is in the integration and acceptance tests."""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.errors import EXIT_ENVIRONMENT, EnvironmentFault
from factory.images.records import ImageSettings
from factory.phases.disk import (
    MOST_CARDS,
    SIZED_PICTURES,
    disk_needed,
    in_words,
    mean_source_bytes,
    picture_bytes,
    require_room,
)
from factory.report.gallery import MAX_CARDS
from factory.sources.folder import folder

IMAGES = ImageSettings()
MILLION = 1_000_000


def test_each_release_format_holds_all_kept_pictures_again() -> None:
    least, one, both = (
        disk_needed(MILLION, images=IMAGES, formats=formats, kept=kept)
        for formats, kept in ((("parquet",), 0.0), (("parquet",), 1.0), (("parquet", "webdataset"), 1.0))
    )
    pictures = MILLION * picture_bytes(IMAGES)
    assert 1.0 < least / pictures < 1.05
    assert 1.0 < (one - least) / pictures < 1.05 and 1.0 < (both - one) / pictures < 1.05


def test_pictures_that_are_at_hand_take_no_room_and_answers_still_do() -> None:
    linked = disk_needed(MILLION, images=IMAGES, kept=0.0, at_hand=MILLION)
    assert linked < 0.02 * disk_needed(MILLION, images=IMAGES, kept=0.0)
    assert disk_needed(MILLION, images=IMAGES, kept=0.0, at_hand=MILLION, answers=12) - linked == 9_000 * MILLION


def test_a_family_without_pictures_or_teachers_needs_little() -> None:
    assert disk_needed(MILLION, images=IMAGES, pictures=0, answers=0, formats=("parquet",)) < 2e9


@given(
    side=st.integers(32, 8_000),
    quality=st.integers(30, 100),
    samples=st.integers(0, MILLION),
    pictures=st.integers(0, 4),
    kept=st.floats(0, 1),
)
def test_more_of_anything_never_needs_less(side: int, quality: int, samples: int, pictures: int, kept: float) -> None:
    def needed(side: int, quality: int, samples: int, pictures: int, kept: float) -> int:
        images = ImageSettings(max_side=side, quality=quality)
        return disk_needed(samples, images=images, pictures=pictures, kept=kept)

    less = needed(side, quality, samples, pictures, kept)
    assert less <= needed(side + 1, quality, samples, pictures, kept)
    assert less <= needed(side, min(100, quality + 1), samples, pictures, kept)
    assert less <= needed(side, quality, samples + 1, pictures, kept)
    assert less <= needed(side, quality, samples, pictures + 1, kept)
    assert less <= needed(side, quality, samples, pictures, min(1.0, kept + 0.1))


@pytest.mark.parametrize(("quality", "share"), [(30, 0.130), (80, 0.1525), (90, 0.218), (100, 0.581)])
def test_a_pictures_size_follows_side_and_quality(quality: int, share: float) -> None:
    images = ImageSettings(max_side=1000, quality=quality)
    assert picture_bytes(images) == pytest.approx(share * 1e6)
    assert picture_bytes(images, 40_000) == 40_000
    assert picture_bytes(images, 4e6) == pytest.approx(share * 1e6)


def test_the_sizes_of_sources_are_taken_evenly_and_what_is_not_there_is_left_out(tmp_path: Path) -> None:
    for number in range(0, 1001, 2):
        (tmp_path / f"{number}.jpg").write_bytes(b"x" * (100 if number < 500 else 300))
    source = folder(tmp_path, path=".")
    locators = pl.Series([f"{number}.jpg" for number in range(1001)])
    assert len(locators) > SIZED_PICTURES
    assert mean_source_bytes(source, locators) == pytest.approx(200, abs=3)
    assert mean_source_bytes(source, pl.Series(["1.jpg"])) is None
    assert mean_source_bytes(source, pl.Series([], dtype=pl.String)) is None


def test_a_build_that_cannot_fit_is_refused_before_its_folder_is_there(tmp_path: Path) -> None:
    place = tmp_path / "builds" / "new"
    free = shutil.disk_usage(tmp_path).free
    require_room(place, free // 2)
    with pytest.raises(EnvironmentFault) as refused:
        require_room(place, free * 2)
    said = str(refused.value)
    assert said.startswith(f"{place}: this build needs at least {in_words(free * 2)}, ")
    assert "are free on its disk" in said and "--out" in said and "images.max_side" in said
    assert refused.value.exit_code == EXIT_ENVIRONMENT and not place.exists()


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (9_940, "9.9 kB"),
        (99_960, "100 kB"),
        (3.14e9, "3.1 GB"),
        (2.5e15, "2,500 TB"),
    ],
)
def test_sizes_are_said_in_few_digits(size: float, words: str) -> None:
    assert in_words(size) == words


def test_the_gallery_shows_as_many_samples_as_are_counted() -> None:
    assert MOST_CARDS == MAX_CARDS
