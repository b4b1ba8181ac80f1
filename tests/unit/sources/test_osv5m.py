"""OSV-5M as it is published."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from factory.errors import SourceError
from factory.sources.osv5m import index_zips, osv5m
from schemas import FilePart

HEADER = "id,latitude,longitude,country,captured_at,region,city,creator_username\n"
ROWS = """\
1,-22.56,17.08,NA,1659202800000,Khomas,Windhoek,ann
2,48.85,2.35,FR,1659202800000,Île-de-France,NaN,ann
3,48.85,2.35,FR,,,Paris,ben
4,48.85,2.35,,,Île-de-France,Paris,ben
"""


def laid_out(root: Path, *zips: dict[str, bytes]) -> Path:
    (root / "train.csv").write_text(HEADER + ROWS)
    (root / "images").mkdir(exist_ok=True)
    for number, files in enumerate(zips):
        with zipfile.ZipFile(root / "images" / f"{number:02d}.zip", "w") as archive:
            for name, data in files.items():
                archive.writestr(name, data)
    return root


def test_namibia_stays_and_rows_that_lack_a_name_say_which(tmp_path: Path) -> None:
    table = osv5m(laid_out(tmp_path), path="train.csv", images="images").table()
    assert table["country"].to_list() == ["NA", "FR", "FR", None]
    assert table["problem"].to_list() == [None, "missing_city", "missing_region", "missing_country"]
    assert table["captured_at"][0] == "2022-07-30T17:40:00Z"
    assert set(table["licence"]) == {"CC-BY-SA-4.0"}
    whole = osv5m(tmp_path, path="train.csv", images="images", complete=False).table()
    assert whole["problem"].to_list() == [None] * 4


def test_pictures_are_read_from_zips_where_they_lie(tmp_path: Path) -> None:
    source = osv5m(laid_out(tmp_path, {"00/1.jpg": b"one"}, {"01/2.jpg": b"two!"}), path="train.csv", images="images")
    stamp, place = source.stamp("2.jpg"), source.read("2.jpg")
    assert stamp is not None and stamp[0] == 4
    assert isinstance(place, FilePart)
    assert place.path.read_bytes()[place.offset :][: place.size] == b"two!"
    assert source.stamp("3.jpg") is None
    with pytest.raises(SourceError, match="no such file"):
        source.read("3.jpg")


def test_pictures_are_read_from_folders_unpacked_from_the_zips(tmp_path: Path) -> None:
    (laid_out(tmp_path) / "images" / "00").mkdir()
    (tmp_path / "images" / "00" / "1.jpg").write_bytes(b"one")
    source = osv5m(tmp_path, path="train.csv", images="images")
    read = source.read("1.jpg")
    assert isinstance(read, Path) and read.read_bytes() == b"one"


def test_a_picture_in_two_zips_is_refused(tmp_path: Path) -> None:
    laid_out(tmp_path, {"00/1.jpg": b"one"}, {"01/1.jpg": b"two"})
    with pytest.raises(SourceError, match=r"1\.jpg is there twice, in 00\.zip and 01\.zip"):
        index_zips(sorted((tmp_path / "images").glob("*.zip")))


def test_other_zips_are_another_source(tmp_path: Path) -> None:
    one = osv5m(laid_out(tmp_path, {"00/1.jpg": b"one"}), path="train.csv", images="images").digest()
    two = osv5m(laid_out(tmp_path, {"00/1.jpg": b"another"}), path="train.csv", images="images").digest()
    assert one != two


@pytest.mark.parametrize("missing", ["train.csv", "images"])
def test_what_is_missing_is_said_with_how_to_get_it(tmp_path: Path, missing: str) -> None:
    laid_out(tmp_path)
    (tmp_path / missing).rename(tmp_path / "elsewhere")
    with pytest.raises(SourceError, match=rf"{missing}: is not there\. OSV-5M is the dataset `osv5m/osv5m`"):
        osv5m(tmp_path, path="train.csv", images="images")
