from __future__ import annotations

import os
import unicodedata
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.errors import SourceError
from factory.sources.paths import listing_digest, locate


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    (folder / "trip").mkdir(parents=True)
    (folder / "trip" / "a.jpg").write_bytes(b"x")
    (tmp_path / "secret.txt").write_bytes(b"s")
    return folder


def test_finds_a_file_inside(photos: Path) -> None:
    assert locate(photos, "trip/a.jpg") == photos / "trip" / "a.jpg"


@pytest.mark.parametrize(
    "locator",
    ["../secret.txt", "trip/../../secret.txt", "/etc/passwd", "", ".", "trip", "a\0b", "trip/..", "x" * 5000, "no.jpg"],
)
def test_refuses_what_is_not_a_file_inside(photos: Path, locator: str) -> None:
    with pytest.raises(SourceError):
        locate(photos, locator)


def test_refuses_links_that_lead_out_and_follows_those_that_stay(photos: Path) -> None:
    (photos / "out.jpg").symlink_to(photos.parent / "secret.txt")
    (photos / "up").symlink_to(photos.parent)
    (photos / "loop.jpg").symlink_to("loop.jpg")
    (photos / "in.jpg").symlink_to(photos / "trip" / "a.jpg")
    for locator in ("out.jpg", "up/secret.txt", "loop.jpg"):
        with pytest.raises(SourceError):
            locate(photos, locator)
    assert locate(photos, "in.jpg").read_bytes() == b"x"


def test_refuses_a_pipe(photos: Path) -> None:
    os.mkfifo(photos / "pipe.jpg")
    with pytest.raises(SourceError, match="not a regular file"):
        locate(photos, "pipe.jpg")


@settings(deadline=None)
@given(st.text(max_size=40))
def test_never_leaves_the_folder(locator: str) -> None:
    folder = Path(__file__).parent
    try:
        found = locate(folder, locator)
    except SourceError:
        return
    assert found.is_relative_to(folder.resolve())


def test_a_listing_has_one_digest_in_any_order() -> None:
    assert listing_digest([("a", 1), ("b", 2)]) == listing_digest([("b", 2), ("a", 1)])
    assert listing_digest([("a", 1)]) != listing_digest([("a", 2)])


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_name_is_found_in_either_form_of_unicode(tmp_path: Path, form: Literal["NFC", "NFD"]) -> None:
    name = unicodedata.normalize(form, "Zürich/café.jpg")
    (tmp_path / name).parent.mkdir()
    (tmp_path / name).write_bytes(b"x")
    for written in ("NFC", "NFD"):
        assert locate(tmp_path, unicodedata.normalize(written, name)).read_bytes() == b"x"  # type: ignore[arg-type]
