"""OSV-5M as it is published."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from factory.errors import SourceError
from factory.sources import osv5m as module
from factory.sources.osv5m import ZipIndex, index_zips, osv5m
from factory.sources.zip_index import Fault
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


def test_a_picture_in_two_zips_is_refused_and_no_other(tmp_path: Path) -> None:
    laid_out(tmp_path, {"00/1.jpg": b"one", "00/2.jpg": b"two!"}, {"01/1.jpg": b"two"})
    source = osv5m(tmp_path, path="train.csv", images="images")
    with pytest.raises(SourceError, match=r"1\.jpg is there twice, in 00\.zip and 01\.zip"):
        source.read("1.jpg")
    assert isinstance(source.read("2.jpg"), FilePart)


def entries(path: Path, at: int, form: str, values: Sequence[int]) -> None:
    """Writes a number into each of the first entries of a zip's directory, so many bytes from its start."""
    data, place = bytearray(path.read_bytes()), -1
    for value in values:
        place = data.index(b"PK\1\2", place + 1)
        struct.pack_into(form, data, place + at, value)
    path.write_bytes(data)


def test_what_is_wrong_with_one_picture_is_no_fault_of_the_others(tmp_path: Path) -> None:
    laid_out(tmp_path, {"1.jpg": b"one", "2.jpg": b"two!", "3.jpg": b"three"})
    entries(tmp_path / "images" / "00.zip", 8, "<H", [0, 1])
    source = osv5m(tmp_path, path="train.csv", images="images")
    with pytest.raises(SourceError, match=r"00\.zip: '2\.jpg' is encrypted"):
        source.read("2.jpg")
    assert isinstance(source.read("1.jpg"), FilePart) and isinstance(source.read("3.jpg"), FilePart)


def test_pictures_on_the_same_bytes_of_a_zip_are_none_of_them_read(tmp_path: Path) -> None:
    files = {f"{number}.jpg": bytes(100) for number in range(1, 6)}
    laid_out(tmp_path, files, {"8.jpg": bytes(100)})
    path = tmp_path / "images" / "00.zip"
    entries(path, 42, "<L", [0, 0, 300])  # the first two on one place, the third within the last two
    index = index_zips(sorted((tmp_path / "images").glob("*.zip")))
    found = {number: index.find(f"{number}.jpg") for number in (1, 2, 3, 4, 5, 8)}
    shared = {number for number, one in found.items() if one is not None and one[1].fault == Fault.SHARED}
    assert shared == {1, 2, 3, 4}
    with pytest.raises(SourceError, match=r"00\.zip: '1\.jpg' shares bytes of the zip with another file"):
        osv5m(tmp_path, path="train.csv", images="images").read("1.jpg")


def test_a_zip_that_cannot_be_read_is_looked_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    laid_out(tmp_path, {"1.jpg": b"one"})
    (tmp_path / "images" / "01.zip").write_bytes(b"no zip")
    looked: list[int] = []

    def counted(files: Sequence[Path]) -> ZipIndex:
        looked.append(len(files))
        return index_zips(files)

    monkeypatch.setattr(module, "index_zips", counted)
    source = osv5m(tmp_path, path="train.csv", images="images")
    for _ in range(3):
        with pytest.raises(SourceError, match=r"01\.zip: is no zip"):
            source.read("1.jpg")
    assert looked == [2]


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
