from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from factory.images import ImageRejected, ImageSettings, PhotoMetadata, Prepared, metadata_findings, read_metadata
from factory.images.exif import HEAD_BYTES, parse_exif
from factory.images.jpeg import EXIF_PREFIX
from factory.images.prepare import prepare
from tests.hostile import after_soi, encode, exif_tiff, looping_exif, picture, rational_exif, segment

ZURICH = PhotoMetadata(lat=47.375, lon=8 + 32 / 60, captured_at="2024-05-06T07:08:09", camera="TestCam 9")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "HEIF", "TIFF"])
def test_reads_place_time_and_camera_from_every_container(kind: str) -> None:
    found = read_metadata(encode(picture(), kind, exif=exif_tiff()))
    assert (found.lat, found.lon) == pytest.approx((ZURICH.lat, ZURICH.lon))
    assert found.captured_at == ZURICH.captured_at
    assert found.camera == ZURICH.camera


@pytest.mark.parametrize("orientation", range(1, 9))
def test_reads_the_orientation(orientation: int) -> None:
    assert read_metadata(encode(picture(), exif=exif_tiff(orientation=orientation))).orientation == orientation


def test_southern_and_western_hemispheres_are_negative() -> None:
    gps = {1: "S", 2: (35.0, 17.0, 44.73), 3: "W", 4: (58.0, 0.0, 0.0)}
    found = read_metadata(encode(picture(), exif=exif_tiff(gps)))
    assert (found.lat, found.lon) == (pytest.approx(-35.2957583), -58.0)


def test_null_island_is_reported_as_it_stands() -> None:
    found = parse_exif(rational_exif(((0, 1), (0, 1), (0, 1))))
    assert (found.lat, found.lon) == (0.0, 0.0)


@pytest.mark.parametrize(
    "pairs",
    [
        ((91, 1), (0, 1), (0, 1)),
        ((90, 1), (0, 1), (1, 1)),
        ((47, 0), (0, 1), (0, 1)),
        ((0, 0), (1, 1), (1, 1)),
        ((47, 1), (75, 1), (0, 1)),
        ((47, 1), (1, 0), (0, 1)),
        ((0xFFFFFFFF, 1), (0, 1), (0, 1)),
    ],
)
def test_impossible_coordinates_are_none(pairs: tuple[tuple[int, int], ...]) -> None:
    found = parse_exif(rational_exif(pairs))
    assert found.lat is None
    assert found.lon is None


def test_seconds_written_as_zero_over_zero_count_as_unknown() -> None:
    assert parse_exif(rational_exif(((47, 1), (225, 10), (0, 0)))).lat == pytest.approx(47.375)


def test_a_positive_coordinate_without_hemisphere_is_none() -> None:
    assert parse_exif(rational_exif(((47, 1), (0, 1), (0, 1)), ref=bytes(4))).lat is None


def test_coordinates_written_as_text_are_read() -> None:
    where = 26 + 2 + 4 * 12 + 4
    main = struct.pack("<H", 1) + struct.pack("<HHII", 0x8825, 4, 1, 26) + bytes(4)
    gps = struct.pack("<H", 4)
    gps += struct.pack("<HHI", 1, 2, 2) + b"N\x00\x00\x00" + struct.pack("<HHII", 2, 2, 9, where)
    gps += struct.pack("<HHI", 3, 2, 2) + b"E\x00\x00\x00" + struct.pack("<HHII", 4, 2, 9, where)
    tiff = b"II*\x00\x08\x00\x00\x00" + main + gps + bytes(4) + b"43.46445\x00"
    found = parse_exif(tiff)
    assert (found.lat, found.written) == (None, ("43.46445 N", "43.46445 E"))


def test_a_time_zone_is_kept_and_an_impossible_date_is_none() -> None:
    def exif(date: str, offset: str) -> bytes:
        image = picture()
        block = image.getexif()
        block.get_ifd(0x8769).update({0x9003: date, 0x9011: offset})
        return encode(image, exif=block.tobytes())

    assert read_metadata(exif("2024:05:06 07:08:09", "+09:30")).captured_at == "2024-05-06T07:08:09+09:30"
    assert read_metadata(exif("2024:05:06 07:08:09", "home")).captured_at == "2024-05-06T07:08:09"
    assert read_metadata(exif("0000:00:00 00:00:00", "")).captured_at is None
    assert read_metadata(exif("2024:02:31 07:08:09", "")).captured_at is None


@given(st.binary(max_size=400))
@example(looping_exif())
def test_never_raises_on_any_tiff(noise: bytes) -> None:
    for head in (b"", b"II*\x00\x08\x00\x00\x00", b"MM\x00*\x00\x00\x00\x08"):
        parse_exif(head + noise)


@given(st.data())
def test_never_raises_on_damaged_files(data: st.DataObject) -> None:
    whole = data.draw(st.sampled_from(_FILES))
    cut = data.draw(st.integers(0, len(whole)))
    position = data.draw(st.integers(0, len(whole) - 1))
    changed = whole[:position] + data.draw(st.binary(min_size=1, max_size=4)) + whole[position + 1 :]
    for damaged in (changed, whole[:cut]):
        read_metadata(damaged)
        metadata_findings(damaged)


_FILES = [encode(picture(), kind, exif=exif_tiff()) for kind in ("JPEG", "PNG", "WEBP", "HEIF", "TIFF")]


def test_reads_files_by_path_with_exif_behind_the_head(tmp_path: Path) -> None:
    early, late, cut = tmp_path / "a.jpg", tmp_path / "b.jpg", tmp_path / "c.jpg"
    jpeg = encode(picture(), exif=exif_tiff())
    early.write_bytes(jpeg + bytes(HEAD_BYTES))
    late.write_bytes(after_soi(jpeg, *[segment(0xE2, bytes(60_000))] * 6))
    cut.write_bytes(jpeg[:50])
    assert read_metadata(early).camera == read_metadata(str(late)).camera == "TestCam 9"
    assert read_metadata(cut) == PhotoMetadata(damage="truncated")


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    assert read_metadata(tmp_path / "pipe.jpg") == PhotoMetadata()


def test_findings_name_what_a_jpeg_gives_away() -> None:
    jpeg = encode(picture(), exif=exif_tiff(), comment=b"at home", xmp=b"<x/>", icc_profile=b"p" * 200)
    assert metadata_findings(jpeg + b"more") == [
        "EXIF",
        "GPS",
        "maker notes",
        "body serial number",
        "XMP",
        "ICC profile",
        "comment",
        "4 bytes behind the picture",
    ]
    assert metadata_findings(encode(picture())) == []
    assert metadata_findings(b"GIF89a") == ["not a JPEG"]


def test_a_file_that_is_no_picture_says_why() -> None:
    assert read_metadata(b"").damage == "zero_byte"
    assert read_metadata(b"<html>").damage == "not_an_image"
    assert read_metadata(encode(picture(), "PNG")[:40]).damage == "truncated"
    assert read_metadata(encode(picture())).damage is None


@pytest.mark.parametrize(("degrees", "ref", "expected"), [(-47, b"S", -47.0), (-47, b"N", None), (47, b"E", None)])
def test_a_sign_or_letter_that_contradicts_is_no_coordinate(degrees: int, ref: bytes, expected: float | None) -> None:
    where = 26 + 2 + 4 * 12 + 4
    main = struct.pack("<H", 1) + struct.pack("<HHII", 0x8825, 4, 1, 26) + bytes(4)
    gps = struct.pack("<H", 4)
    gps += struct.pack("<HHI", 1, 2, 2) + ref + bytes(3) + struct.pack("<HHII", 2, 10, 1, where)
    gps += struct.pack("<HHI", 3, 2, 2) + b"E\x00\x00\x00" + struct.pack("<HHII", 4, 10, 1, where + 8)
    tiff = b"II*\x00\x08\x00\x00\x00" + main + gps + bytes(4) + struct.pack("<iiii", degrees, 1, 8, 1)
    assert parse_exif(tiff).lat == expected


def test_a_pointer_of_type_13_leads_to_the_gps() -> None:
    plain = exif_tiff().removeprefix(EXIF_PREFIX)
    tiff = plain
    order = "<" if tiff[:2] == b"II" else ">"
    for tag in (0x8825, 0x8769):
        old, new = (struct.pack(order + "HHI", tag, kind, 1) for kind in (4, 13))
        tiff = tiff.replace(old, new)
    assert struct.pack(order + "HHI", 0x8825, 13, 1) in tiff
    assert parse_exif(tiff) == parse_exif(plain) != PhotoMetadata()


@pytest.mark.parametrize("kind", [b"tEXt", b"zTXt", b"iTXt"])
@pytest.mark.parametrize("name", [b"exif", b"APP1"])
def test_a_raw_profile_of_a_png_is_exif(kind: bytes, name: bytes) -> None:
    tiff = exif_tiff(orientation=6).removeprefix(EXIF_PREFIX)
    digits = (EXIF_PREFIX + tiff).hex().encode()
    lines = b"\n".join(digits[at : at + 72] for at in range(0, len(digits), 72))
    text = b"\n" + name + b"\n%8d\n" % (len(digits) // 2) + lines + b"\n"
    body = {b"tEXt": text, b"zTXt": b"\x00" + zlib.compress(text), b"iTXt": b"\x01\x00\x00\x00" + zlib.compress(text)}
    payload = kind + b"Raw profile type " + name + b"\x00" + body[kind]
    chunk = struct.pack(">I", len(payload) - 4) + payload + struct.pack(">I", zlib.crc32(payload))
    png = encode(picture(), "PNG")
    found = read_metadata(png[:33] + chunk + png[33:])
    assert (found.orientation, found.lat) == (6, parse_exif(tiff).lat) and found.lat is not None


def test_a_raw_profile_that_is_a_bomb_or_nonsense_is_none() -> None:
    png = encode(picture(), "PNG")
    for body in (
        b"\x00" + zlib.compress(bytes(50_000_000)),
        b"\x00nonsense",
        b"\x00" + zlib.compress(b"\nexif\n 4\nzz"),
    ):
        payload = b"zTXtRaw profile type exif\x00" + body
        chunk = struct.pack(">I", len(payload) - 4) + payload + struct.pack(">I", zlib.crc32(payload))
        assert read_metadata(png[:33] + chunk + png[33:]) == PhotoMetadata()


def samsung(jpeg: bytes) -> bytes:
    """A JPEG without its end marker, and the trailer of a panorama behind it."""
    block = b"\x00\x00\x01\x08\x0d\x00\x00\x00Panorama_Info\xff\xd8\xff\xe0 shot"
    entry = struct.pack("<HHII", 0, 0x0801, len(block), len(block))
    directory = b"SEFH" + struct.pack("<II", 101, 1) + entry
    return jpeg[:-2] + block + directory + struct.pack("<I", len(directory)) + b"SEFT"


def test_a_vendors_trailer_in_place_of_the_end_is_a_whole_picture() -> None:
    jpeg = encode(picture())
    prepared = prepare(samsung(jpeg), ImageSettings())
    plain = prepare(jpeg, ImageSettings())
    assert isinstance(prepared, Prepared) and isinstance(plain, Prepared)
    assert prepared.jpeg == plain.jpeg and not metadata_findings(prepared.jpeg)
    assert any("bytes behind the picture" in finding for finding in metadata_findings(samsung(jpeg)))


@pytest.mark.parametrize("end", [b"", b"SEFT", b"\x08\x00\x00\x00SEFT", b"\xff\xff\xff\xffSEFT"])
def test_without_a_trailer_that_is_one_the_end_is_missing(end: bytes) -> None:
    refused = prepare(encode(picture())[:-2] + end, ImageSettings())
    assert isinstance(refused, ImageRejected) and refused.reason == "truncated"
