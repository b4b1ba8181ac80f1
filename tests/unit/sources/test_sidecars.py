"""Sidecars of Google Takeout and XMP: which file belongs to which photo, and what of it is a place or a time."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.errors import SourceError
from factory.geo.degrees import read_degrees
from factory.phases.plan import compile_plan
from factory.sources.folder import folder
from factory.sources.sidecars import Said, Sidecars, read_takeout, read_xmp
from schemas.settings import PlanSettings
from tests.unit.sources.test_folder import photo

LONG = "Screenshot_20230105-101500_an_application_androi"


def takeout(title: str, lat: float = 48.85, lon: float = 2.35, taken: str = "1497944936", **more: Any) -> bytes:
    place = {"latitude": lat, "longitude": lon, "altitude": 0.0}
    record = {"title": title, "photoTakenTime": {"timestamp": taken}, "geoData": place, **more}
    return json.dumps({**record, "creationTime": {"timestamp": "1669356087"}}).encode()


@pytest.mark.parametrize(
    ("media", "sidecar"),
    [
        ("IMG_1.jpg", "IMG_1.jpg.json"),
        ("IMG_1.jpg", "IMG_1.jpg.supplemental-metadata.json"),
        ("IMG_4179(1).jpeg", "IMG_4179.jpeg(1).json"),
        ("IMG_4179(1).jpeg", "IMG_4179.jpeg.supplemental-metadata(1).json"),
        ("IMG(1).jpg", "IMG(1).jpg.json"),
        ("IMG_3984-edited.jpeg", "IMG_3984.jpeg.json"),
        ("IMG_3984-modifié(2).jpeg", "IMG_3984.jpeg(2).json"),
        ("IMG_3984-bearbeitet.jpeg", "IMG_3984.jpeg.supplemental-metadata.json"),
        ("St James Park_edited.jpg", "St James Park_edited.jpg.json"),
        ("IMG_1994.JPG", "IMG_1994.JPG.json"),
        ("20230105_101500_a_longer_name.jpg", "20230105_101500_a_longer_name.jpg.supplemental.json"[:46] + ".json"),
        (f"{LONG}.jpg", f"{LONG}.jpg"[:46] + ".json"),
        (f"{LONG[:44]}.jpg", f"{LONG[:44]}.j.json"),
        (f"{LONG[:40]}.jpg", f"{LONG[:40]}.jpg.s.json"),
        (f"{LONG[:40]}.jpg", f"{LONG[:40]}.jpg.suppl.json"),
    ],
)
def test_a_photo_leads_to_its_sidecar(tmp_path: Path, media: str, sidecar: str) -> None:
    photo(tmp_path / media)
    (tmp_path / sidecar).write_bytes(takeout(media))
    assert [name for _, name in Sidecars(tmp_path, ("takeout",)).names(media)] == [sidecar]
    assert Sidecars(tmp_path, ("takeout",)).said(media).place == ("48.85", "2.35")


@pytest.mark.parametrize(
    ("media", "sidecar"),
    [
        ("IMG_1.jpg", "IMG_1.json"),
        ("IMG_1.jpg", "IMG_1.jpg(1).json"),
        ("IMG_1(1).jpg", "IMG_1.jpg.json"),
        ("IMG_1.jpg", "IMG_11.jpg.json"),
        ("IMG_1.jpg", "IMG_1.jpg.suppl.json"),
        ("IMG_1.jpg", "metadata.json"),
        ("IMG_1.jpg", ".IMG_1.jpg.json"),
    ],
)
def test_a_sidecar_of_something_else_is_not_taken(tmp_path: Path, media: str, sidecar: str) -> None:
    photo(tmp_path / media)
    (tmp_path / sidecar).write_bytes(takeout(media))
    assert list(Sidecars(tmp_path, ("takeout",)).names(media)) == []


def test_two_long_names_that_are_cut_alike_are_told_apart_by_their_titles(tmp_path: Path) -> None:
    one, two = f"{LONG}_1.jpg", f"{LONG}_2.jpg"
    for media in (one, two):
        photo(tmp_path / media)
    (tmp_path / f"{LONG[:46]}.json").write_bytes(takeout(two))
    sidecars = Sidecars(tmp_path, ("takeout",))
    assert sidecars.said(one) == Said()
    assert sidecars.said(two).place == ("48.85", "2.35")


def test_a_title_has_characters_that_no_file_name_has() -> None:
    media = "A very long name of a picture, fish _ chips wit.jpg"
    data = takeout("A very long name of a picture, fish & chips with salt.jpg")
    assert read_takeout(data, media, f"{media[:46]}.json").place == ("48.85", "2.35")
    assert read_takeout(data, media.replace(".jpg", ".png"), f"{media[:46]}.json") == Said()


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ({"lat": 0.0, "lon": 0.0}, None),
        ({"lat": 0.0, "lon": 0.0, "geoDataExif": {"latitude": -33.9, "longitude": 18.4}}, ("-33.9", "18.4")),
        ({"geoDataExif": {"latitude": -33.9, "longitude": 18.4}}, ("48.85", "2.35")),
        ({"lat": 0.0, "lon": 18.4}, ("0.0", "18.4")),
        ({"geoData": None}, None),
        ({"geoData": {"latitude": True, "longitude": 2}}, None),
        ({"geoData": {"latitude": [1], "longitude": 2}}, None),
        ({"geoData": {"latitude": "x", "longitude": "y"}}, None),
    ],
)
def test_no_place_is_zero_and_the_corrected_one_goes_first(
    given: dict[str, Any], place: tuple[str, str] | None
) -> None:
    assert read_takeout(takeout("a.jpg", **given), "a.jpg", "a.jpg.json").place == place


@pytest.mark.parametrize(
    ("stamp", "time"),
    [
        ("1497944936", "2017-06-20T07:48:56Z"),
        ("-86400", "1969-12-31T00:00:00Z"),
        ("0", "1970-01-01T00:00:00Z"),
        ("99999999999", None),
        ("1497944936.5", None),
        ("", None),
    ],
)
def test_the_time_is_when_it_was_taken_and_not_the_upload(stamp: str, time: str | None) -> None:
    assert read_takeout(takeout("a.jpg", taken=stamp), "a.jpg", "a.jpg.json").captured_at == time


EXIF = 'xmlns:e="http://ns.adobe.com/exif/1.0/"'
RDF = 'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'


def xmp(attributes: str = "", elements: str = "", before: str = "") -> bytes:
    more = 'xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" xmlns:xap="http://ns.adobe.com/xap/1.0/"'
    inner = f"<rdf:Description {EXIF} {more} {attributes}>{elements}</rdf:Description>"
    return f"{before}<rdf:RDF {RDF}>{inner}</rdf:RDF>".encode()


def elements(lat: str, lon: str) -> str:
    return f"<e:GPSLatitude>{lat}</e:GPSLatitude><e:GPSLongitude>{lon}</e:GPSLongitude>"


APPLE = 'e:GPSLatitudeRef="N" e:GPSLongitudeRef="W"'


@pytest.mark.parametrize(
    ("data", "lat", "lon"),
    [
        (xmp('e:GPSLatitude="48,51.4N" e:GPSLongitude="2,21.132E"'), 48.856667, 2.3522),
        (xmp("", elements("33,42.9036N", "118,19.1802W")), 33.71506, -118.31967),
        (xmp('e:GPSLatitude="50,5,22.5S" e:GPSLongitude="14,23,50E"'), -50.08958, 14.397222),
        (xmp(f'{APPLE} e:GPSLatitude="44.6462" e:GPSLongitude="63.5697"'), 44.6462, -63.5697),
    ],
)
def test_xmp_has_attributes_or_elements_and_several_forms(data: bytes, lat: float, lon: float) -> None:
    place = read_xmp(data, "a.jpg").place
    assert place is not None
    found = read_degrees(place[0], "lat"), read_degrees(place[1], "lon")
    assert found == (pytest.approx(lat, abs=1e-5), pytest.approx(lon, abs=1e-5))


@pytest.mark.parametrize(
    "data",
    [
        xmp('e:GPSLatitude="48.85" e:GPSLongitude="2.35"'),
        xmp('e:GPSLatitude="48,51.4N"'),
        xmp('e:GPSLatitude="48,51.4N" e:GPSLongitude="2,21.1E"', "<e:GPSLatitude>10,1.5N</e:GPSLatitude>"),
        xmp('e:GPSLatitude="48,51.4N" e:GPSLongitude="2,21.1E" photoshop:SidecarForExtension="CR2"'),
        xmp().replace(b"adobe.com/exif", b"other.example/exif"),
    ],
)
def test_what_could_be_on_either_side_or_of_another_file_is_no_place(data: bytes) -> None:
    assert read_xmp(data, "a.jpg").place is None


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_xmp_comes_in_other_encodings_with_padding(encoding: str) -> None:
    data = xmp('e:GPSLatitude="48,51.4N" e:GPSLongitude="2,21.1E"').decode() + " " * 8_192
    assert read_xmp(data.encode(encoding), "a.jpg").place == ("48,51.4N", "2,21.1E")


@pytest.mark.parametrize(
    ("attributes", "time"),
    [
        ('e:DateTimeOriginal="2007:09:11 13:53:33" xap:CreateDate="2020-01-01T00:00:00"', "2007-09-11T13:53:33"),
        ('photoshop:DateCreated="2024-09-23T11:05:52.787000-04:00"', "2024-09-23T11:05:52-04:00"),
        ('xap:CreateDate="2021-04-08T16:04:55Z"', "2021-04-08T16:04:55Z"),
        ('xap:CreateDate="yesterday"', None),
    ],
)
def test_times_of_xmp(attributes: str, time: str | None) -> None:
    assert read_xmp(xmp(attributes), "a.jpg").captured_at == time


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (xmp(before=BOMB), "document type"),
        (xmp(before='<!DOCTYPE x SYSTEM "file:///etc/passwd">'), "document type"),
        (b"<a>" * 100 + b"</a>" * 100, "nested too deeply"),
        (b"not xml", "no XML"),
        (b"", "no XML"),
    ],
)
def test_hostile_xml_is_refused_by_name(data: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_xmp(data, "a.jpg")


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for read in (lambda: read_xmp(data, "a.jpg"), lambda: read_takeout(data, "a.jpg", "a.jpg.json")):
        with contextlib.suppress(ValueError):
            assert isinstance(read(), Said)


def rows(root: Path, **settings: Any) -> list[tuple[Any, ...]]:
    return folder(root, path=".", **settings).table().select("id", "lat", "lon", "captured_at", "problem").rows()


def test_a_folder_takes_the_place_of_the_camera_first_and_of_the_sidecar_where_there_is_none(tmp_path: Path) -> None:
    photo(tmp_path / "a.jpg", 10.5, 20.5)
    photo(tmp_path / "b.jpg")
    photo(tmp_path / "c.jpg")
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / f"{name}.json").write_bytes(takeout(name))
    (tmp_path / "c.xmp").write_bytes(xmp('e:GPSLatitude="48,51.4N" e:GPSLongitude="2,21.1E"'))
    time = "2017-06-20T07:48:56Z"
    others = [("b.jpg", "48.85", "2.35", time, None), ("c.jpg", "48,51.4N", "2,21.1E", None, None)]
    assert rows(tmp_path) == [("a.jpg", "10.5", "20.5", time, None), *others]
    assert rows(tmp_path, prefer="sidecar") == [("a.jpg", "48.85", "2.35", time, None), *others]
    assert [row[1] for row in rows(tmp_path, sidecars=("takeout",))] == ["10.5", "48.85", None]
    assert [row[1] for row in rows(tmp_path, sidecars=())] == ["10.5", None, None]
    plan = compile_plan(folder(tmp_path, path=".").table(), PlanSettings())
    assert plan.samples["country_code"].to_list()[1:] == ["FR", "FR"]


def test_a_sidecar_that_cannot_be_read_is_named_where_it_would_count(tmp_path: Path) -> None:
    photo(tmp_path / "a.jpg", 10.5, 20.5)
    photo(tmp_path / "b.jpg")
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / f"{name}.json").write_bytes(b"{")
    assert [row[4] for row in rows(tmp_path)] == [None, "bad_sidecar"]
    assert [row[4] for row in rows(tmp_path, prefer="sidecar")] == ["bad_sidecar", "bad_sidecar"]
    found = folder(tmp_path, path=".").table()
    assert "b.jpg.json" in found["problem_detail"][1]


def test_a_sidecar_leads_out_of_no_folder(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    photo(tmp_path / "in" / "a.jpg")
    (tmp_path / "secret.json").write_bytes(takeout("a.jpg"))
    (tmp_path / "in" / "a.jpg.json").symlink_to(tmp_path / "secret.json")
    with pytest.raises(SourceError, match="leads out"):
        Sidecars(tmp_path / "in", ("takeout",)).said("a.jpg")
    assert rows(tmp_path / "in")[0][4] == "bad_sidecar"


def test_what_a_sidecar_says_and_whose_word_counts_is_identity(tmp_path: Path) -> None:
    photo(tmp_path / "a.jpg")
    alone = folder(tmp_path, path=".").digest()
    assert folder(tmp_path, path=".", sidecars=(), prefer="sidecar").digest() == alone
    (tmp_path / "a.jpg.json").write_bytes(takeout("a.jpg"))
    first = folder(tmp_path, path=".").digest()
    (tmp_path / "a.jpg.json").write_bytes(takeout("a.jpg", lat=48.86))
    assert len({alone, first, folder(tmp_path, path=".").digest()}) == 3
