from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from factory.errors import SourceError
from factory.phases.plan import compile_plan
from factory.sources.folder import folder
from schemas.settings import PlanSettings


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
    assert found.select("lat", "lon").rows() == [("60.5", "24.5"), ("-33.5", "18.25"), (None, None)]
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
        ("zero.jpg", None, "zero_byte"),
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


def test_odd_names_are_carried_and_those_that_are_no_text_are_named(tmp_path: Path) -> None:
    names = ["Shot 9.41\u202fPM.jpg", " blank.jpg", "👩\u200d💻.jpg"]
    for name in names:
        photo(tmp_path / name, 60.5, 24.5)
    (tmp_path / " blank.jpg").rename(tmp_path / os.fsdecode(b"caf\xe9.jpg"))
    photo(tmp_path / " blank.jpg", 60.5, 24.5)
    source = folder(tmp_path, path=".")
    found = {row["id"]: row for row in source.table().iter_rows(named=True)}
    assert set(found) == {*names, "caf\\xe9.jpg"}
    assert found["caf\\xe9.jpg"]["problem"] == "name_not_unicode"
    for sample in compile_plan(source.table(), PlanSettings()).samples.iter_rows(named=True):
        assert source.read(sample["images"][0]["locator"]).is_file()
    assert compile_plan(source.table(), PlanSettings()).reasons == {"name_not_unicode": 1}


def test_an_id_is_composed_and_finds_the_file_in_either_form(tmp_path: Path) -> None:
    photo(tmp_path / "cafe\u0301.jpg", 60.5, 24.5)
    source = folder(tmp_path, path=".")
    assert source.table()["id"].to_list() == ["caf\u00e9.jpg"]
    assert source.stamp("caf\u00e9.jpg") == source.stamp("cafe\u0301.jpg") is not None


def test_files_that_are_no_whole_picture_are_named_so(tmp_path: Path) -> None:
    photo(tmp_path / "whole.jpg")
    jpeg = (tmp_path / "whole.jpg").read_bytes()
    broken = {"cut_header.jpg": jpeg[:30], "cut_scan.jpg": jpeg[:-2], "page.jpg": b"<!doctype html>", "zero.png": b""}
    for name, data in broken.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "trailer.jpg").write_bytes(jpeg + bytes(100_000))
    found = dict(folder(tmp_path, path=".").table().select("id", "problem").iter_rows())
    assert found == {
        "cut_header.jpg": "truncated",
        "cut_scan.jpg": "truncated",
        "page.jpg": "not_an_image",
        "trailer.jpg": None,
        "whole.jpg": None,
        "zero.png": "zero_byte",
    }


def test_a_folder_without_photos_says_what_it_holds(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no photo here or below \(looked for .*\.jpg.*\): there is no file at all"):
        folder(tmp_path, path=".").table()
    for name in ("a.CR2", "b.cr2", "notes"):
        (tmp_path / name).write_bytes(b"x")
    with pytest.raises(SourceError, match=r"it holds 2 of \.cr2, 1 of no ending"):
        folder(tmp_path, path=".").table()
