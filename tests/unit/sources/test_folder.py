from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from factory.errors import SourceError
from factory.sources.folder import folder


def photo(path: Path, lat: float | None = None, lon: float = 0.0) -> None:
    exif = Image.Exif()
    if lat is not None:
        gps = exif.get_ifd(0x8825)
        gps |= {1: "N" if lat >= 0 else "S", 2: (abs(lat), 0.0, 0.0), 3: "E" if lon >= 0 else "W", 4: (abs(lon), 0, 0)}
        exif[0x8825] = gps
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8)).save(path, exif=exif)


def test_lists_photos_with_their_gps_in_order(tmp_path: Path) -> None:
    photo(tmp_path / "b.jpg", -33.5, 18.25)
    photo(tmp_path / "a" / "c.JPG", 60.5, 24.5)
    photo(tmp_path / "none.png")
    (tmp_path / "notes.txt").write_text("x")
    photo(tmp_path / ".hidden" / "d.jpg", 1.0)
    found = folder(tmp_path, path=".", licence="CC0-1.0").table()
    assert found.select("source_row", "id", "image").rows() == [
        (0, "a/c.JPG", "a/c.JPG"),
        (1, "b.jpg", "b.jpg"),
        (2, "none.png", "none.png"),
    ]
    assert found.select("lat", "lon").rows() == [(60.5, 24.5), (-33.5, 18.25), (None, None)]
    assert found["licence"].to_list() == ["CC0-1.0"] * 3


def test_can_stay_in_the_folder_and_take_some_formats(tmp_path: Path) -> None:
    photo(tmp_path / "b.jpg")
    photo(tmp_path / "b.png")
    photo(tmp_path / "a" / "c.jpg")
    assert folder(tmp_path, path=".", recursive=False, formats=("JPEG",)).table()["id"].to_list() == ["b.jpg"]


def test_a_file_that_cannot_be_read_is_a_row_with_a_problem(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    photo(tmp_path / "secret.jpg", 1.0, 1.0)
    (tmp_path / "in" / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    (tmp_path / "in" / "zero.jpg").write_bytes(b"")
    source = folder(tmp_path, path="in")
    assert source.table().select("id", "lat", "problem").rows() == [
        ("link.jpg", None, "file_unreadable"),
        ("zero.jpg", None, None),
    ]
    with pytest.raises(SourceError):
        source.read("link.jpg")


def test_the_digest_tells_names_and_sizes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        photo(tmp_path / name / "a.jpg", 1.0, 1.0)
    assert folder(tmp_path, path="one").digest() == folder(tmp_path, path="two").digest()
    photo(tmp_path / "two" / "b.jpg")
    assert folder(tmp_path, path="one").digest() != folder(tmp_path, path="two").digest()


def test_a_folder_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="nowhere: not a folder"):
        folder(tmp_path, path="nowhere").table()


def test_home_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photo(tmp_path / "Pictures" / "a.jpg")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert folder(Path("nowhere"), path="~/Pictures").table().height == 1


def test_a_stamp_is_size_and_time_of_the_photo(tmp_path: Path) -> None:
    photo(tmp_path / "a.jpg", 1.0)
    os.utime(tmp_path / "a.jpg", ns=(1, 2_000_000_007))
    source = folder(tmp_path, path=".")
    assert source.stamp("a.jpg") == ((tmp_path / "a.jpg").stat().st_size, 2_000_000_007)
    assert (source.stamp("gone.jpg"), source.stamp("../a.jpg")) == (None, None)
