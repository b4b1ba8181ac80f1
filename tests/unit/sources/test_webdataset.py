from __future__ import annotations

import gzip
import io
import json
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from factory.errors import SourceError
from factory.sources.webdataset import webdataset
from tests.tars import bytes_at

Files = list[tuple[str, bytes]]


def record(**fields: object) -> bytes:
    return json.dumps(fields).encode()


def write_tar(path: Path, files: Files, *, format: int = tarfile.USTAR_FORMAT) -> Path:  # noqa: A002
    with tarfile.open(path, "w", format=format) as tar:
        for name, data in files:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


GOOD: Files = [
    ("000.jpg", b"first"),
    ("000.json", record(id="a", lat=60.1, lon="24.9", country="NA", license="CC0-1.0")),
    ("sub/001.png", b"second!"),
    ("sub/001.json", record(latitude=1, lng=2)),
]


@pytest.mark.parametrize("format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_pairs_images_with_records(tmp_path: Path, format: int) -> None:  # noqa: A002
    write_tar(tmp_path / "x-0.tar", GOOD, format=format)
    source = webdataset(tmp_path, path="*.tar")
    found = source.table()
    assert found.select("source_row", "id", "image", "lat", "lon").rows() == [
        (0, "a", "x-0.tar::000.jpg", "60.1", "24.9"),
        (1, "x-0.tar::sub/001", "x-0.tar::sub/001.png", "1", "2"),
    ]
    assert found.row(0, named=True)["country"] == "NA"
    assert found["licence"].to_list() == ["CC0-1.0", None]
    assert [bytes_at(source, locator) for locator in found["image"]] == [b"first", b"second!"]


@pytest.mark.parametrize("format", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_and_foreign_names_are_read(tmp_path: Path, format: int) -> None:  # noqa: A002
    key = "ordner/" + "ü" * 90 + "/000"
    write_tar(tmp_path / "a.tar", [(f"{key}.jpg", b"x"), (f"{key}.json", record(lat=1, lon=2))], format=format)
    source = webdataset(tmp_path, path="a.tar")
    assert source.table()["image"].item() == f"a.tar::{key}.jpg"
    assert bytes_at(source, f"a.tar::{key}.jpg") == b"x"


def test_a_range_and_a_pattern_name_the_same_tars(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for number in range(3):
        write_tar(tmp_path / "data" / f"s-{number:03d}.tar", GOOD)
    by_pattern = webdataset(tmp_path, path="data/s-*.tar")
    by_range = webdataset(tmp_path, path="data/s-{000..002}.tar")
    assert by_pattern.table().equals(by_range.table())
    assert by_pattern.table()["image"][5] == "s-002.tar::sub/001.png"
    assert by_pattern.digest() == by_range.digest()


def test_unpaired_and_broken_records_are_rows_with_a_problem(tmp_path: Path) -> None:
    files: Files = [
        ("a.jpg", b"x"),
        ("b.json", record(lat=1, lon=2)),
        ("c.jpg", b"x"), ("c.json", b"{"),
        ("d.jpg", b"x"), ("d.json", b"[1]"),
        ("e.jpg", b"x"), ("e.png", b"x"), ("e.json", record(lat=1, lon=2)),
        ("f.jpg", b"x"), ("f.json", b" " * 1_000_001),
        ("readme.txt", b"x"),
    ]  # fmt: skip
    write_tar(tmp_path / "a.tar", files)
    found = webdataset(tmp_path, path="a.tar").table()
    assert found["problem"].to_list() == [
        "no_json", "no_image", "bad_json", "bad_json", "two_images", "json_too_long", "no_image"
    ]  # fmt: skip


@pytest.mark.parametrize(
    "name", ["IMG_2020.01.02", "Shot 9.41\u202fPM", "a::b", "tab\tand\nline", "end \r", "👩\u200d💻"]
)
def test_odd_names_are_carried(tmp_path: Path, name: str) -> None:
    files = [(f"{name}.jpg", b"picture"), (f"{name}.json", record(lat=60, lon=25))]
    write_tar(tmp_path / "a.tar", files, format=tarfile.PAX_FORMAT)
    source = webdataset(tmp_path, path="a.tar")
    row = source.table().row(0, named=True)
    assert (row["id"], row["image"], row["problem"]) == (f"a.tar::{name}", f"a.tar::{name}.jpg", None)
    assert bytes_at(source, row["image"]) == b"picture"


def test_a_name_that_is_no_unicode_is_a_named_row(tmp_path: Path) -> None:
    write_tar(tmp_path / "a.tar", [("caf\udce9.jpg", b"x"), *GOOD], format=tarfile.GNU_FORMAT)
    found = webdataset(tmp_path, path="a.tar").table()
    assert found.select("id", "problem").rows() == [
        ("a.tar::caf\\xe9.jpg", "name_not_unicode"), ("a", None), ("a.tar::sub/001", None)
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        b'\xef\xbb\xbf{"lat": 60, "lon": 25}',
        b'{"lat": 60, "lon": 25, "iso": NaN}',
        '{"lat": 60, "lon": 25}'.encode("utf-16"),
    ],
)
def test_records_that_python_reads_are_read(tmp_path: Path, text: bytes) -> None:
    write_tar(tmp_path / "a.tar", [("0.jpg", b"x"), ("0.json", text)])
    row = webdataset(tmp_path, path="a.tar").table().row(0, named=True)
    assert (row["lat"], row["lon"], row["problem"]) == ("60", "25", None)


def test_long_ids_stay_apart(tmp_path: Path) -> None:
    ids = (2**64 + 1, 2**64 + 2)
    files = [file for n in ids for file in ((f"{n}.jpg", b"x"), (f"{n}.json", record(id=n, lat=1, lon=2)))]
    write_tar(tmp_path / "a.tar", files)
    assert webdataset(tmp_path, path="a.tar").table()["id"].to_list() == [str(n) for n in ids]


def test_a_missing_file_of_a_range_is_an_error_that_names_it(tmp_path: Path) -> None:
    for number in (0, 2, 5):
        write_tar(tmp_path / f"s-{number:03d}.tar", GOOD)
    with pytest.raises(SourceError, match=r"there is no s-001\.tar and 2 more"):
        webdataset(tmp_path, path="s-{000..005}.tar").table()
    with pytest.raises(SourceError, match=r"there is no s-001\.tar; copy"):
        webdataset(tmp_path, path="s-{000..002}.tar").digest()


def test_folders_are_no_tars(tmp_path: Path) -> None:
    (tmp_path / "a.tar").mkdir()
    with pytest.raises(SourceError, match="no tar matches"):
        webdataset(tmp_path, path="*.tar").table()


def test_a_tar_whose_name_no_locator_could_hold_is_refused(tmp_path: Path) -> None:
    write_tar(tmp_path / "a::b.tar", GOOD)
    with pytest.raises(SourceError, match=r"'a::b\.tar' is no name for a tar"):
        webdataset(tmp_path, path="*.tar").table()


def test_mapped_keys_and_defaults(tmp_path: Path) -> None:
    write_tar(tmp_path / "a.tar", [("0.jpg", b"x"), ("0.json", record(gps_lat=1, gps_lon=2, lat=9, lon=9))])
    source = webdataset(tmp_path, path="a.tar", columns={"lat": "gps_lat", "lon": "gps_lon"}, uncertainty_km=0.5)
    row = source.table().row(0, named=True)
    assert (row["lat"], row["lon"], row["uncertainty_km"]) == ("1", "2", "0.5")


def special(kind: bytes) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with tarfile.open(path, "w") as tar:
            info = tarfile.TarInfo("evil.jpg")
            info.type, info.linkname = kind, "/etc/passwd"
            tar.addfile(info)

    return write


def named(*names: str) -> Callable[[Path], None]:
    return lambda path: write_tar(path, [(name, b"x") for name in names]) and None


def cut(size: int) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(write_tar(path, GOOD).read_bytes()[:size]) and None


def pax(**headers: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
            info = tarfile.TarInfo("a.jpg")
            info.pax_headers = headers
            tar.addfile(info)

    return write


@pytest.mark.parametrize(
    ("write", "reason"),
    [
        (special(tarfile.SYMTYPE), "symbolic link"),
        (special(tarfile.LNKTYPE), "hard link"),
        (special(tarfile.CHRTYPE), "character device"),
        (special(tarfile.BLKTYPE), "block device"),
        (special(tarfile.FIFOTYPE), "pipe"),
        (special(tarfile.GNUTYPE_SPARSE), "sparse"),
        (special(b"Z"), "unknown type"),
        (named("../evil.jpg"), "leads out"),
        (named("/evil.jpg"), "leads out"),
        (named("a/../../evil.jpg"), "leads out"),
        (named("a\\evil.jpg"), "leads out"),
        (pax(path="a" * 2000 + ".jpg"), "no name"),
        (named("a.jpg", "b.jpg", "a.jpg"), "there twice"),
        (named(*(f"{number}.jpg" for number in range(12))), "more than 10 members"),
        (cut(512 * 3 + 100), "truncated"),
        (cut(512 * 4), "truncated"),
        (cut(300), "truncated"),
        (lambda path: path.write_bytes(b""), "truncated"),
        (lambda path: path.write_bytes(b"not a tar at all " * 100), "not a plain tar"),
        (lambda path: path.write_bytes(gzip.compress(write_tar(path, GOOD).read_bytes() * 9)), "truncated|not a plain"),
        (pax(path="../../evil.jpg"), "leads out"),
        (pax(size="99999999999999999999"), "no number"),
        (pax(size="-5"), "no number"),
        (pax(comment="x" * 70_000), "name header of"),
        (pax(**{"GNU.sparse.major": "1"}), "sparse"),
    ],
)
def test_hostile_archives_are_refused_by_name(tmp_path: Path, write: Callable[[Path], object], reason: str) -> None:
    write(tmp_path / "bad.tar")
    with pytest.raises(SourceError, match=reason) as caught:
        webdataset(tmp_path, path="bad.tar", max_members=10).table()
    assert "bad.tar" in str(caught.value)


@pytest.mark.parametrize("locator", ["x-0.tar::nope.jpg", "nope.tar::000.jpg", "../x-0.tar::000.jpg", "", "::"])
def test_unknown_locators_are_refused(tmp_path: Path, locator: str) -> None:
    write_tar(tmp_path / "x-0.tar", GOOD)
    with pytest.raises(SourceError, match="no such member"):
        webdataset(tmp_path, path="x-0.tar").read(locator)


def test_a_stamp_is_the_members_size_and_the_tars_time(tmp_path: Path) -> None:
    os.utime(write_tar(tmp_path / "x-0.tar", GOOD), ns=(1, 2_000_000_007))
    source = webdataset(tmp_path, path="x-0.tar")
    assert source.stamp("x-0.tar::sub/001.png") == (7, 2_000_000_007)
    assert (source.stamp("x-0.tar::nope.jpg"), source.stamp("nope.tar::000.jpg")) == (None, None)


def test_no_tar_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"data/\*\.tar: no tar matches"):
        webdataset(tmp_path, path="data/*.tar").table()


def test_a_tar_that_was_written_again_is_read_again(tmp_path: Path) -> None:
    write_tar(tmp_path / "a.tar", GOOD)
    assert webdataset(tmp_path, path="a.tar").table().height == 2
    write_tar(tmp_path / "a.tar", GOOD[:2] + GOOD[2:3])
    os.utime(tmp_path / "a.tar", ns=(1, 2))
    assert webdataset(tmp_path, path="a.tar").table()["problem"].to_list() == [None, "no_json"]
