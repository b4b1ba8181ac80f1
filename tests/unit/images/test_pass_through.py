"""Pictures that pass undecoded: the same bytes as decoded ones, nothing but the picture, checked to its end."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from factory.images import ImageRejected, ImageSettings, Prepared, metadata_findings
from factory.images.jpeg import inspect_jpeg
from factory.images.prepare import prepare
from tests.hostile import after_soi, encode, exif_tiff, mpo, picture, png_chunk, segment

KEPT = ImageSettings(pass_through=True)
CANARY = b"CANARY-0815"


def passed(data: bytes, settings: ImageSettings = KEPT) -> Prepared:
    found = prepare(data, settings)
    assert isinstance(found, Prepared), found
    assert metadata_findings(found.jpeg) == []
    assert Image.open(BytesIO(found.jpeg)).convert("RGB").size == (found.width, found.height)
    return found


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"optimize": True}, {"restart_marker_blocks": 1}])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_the_bytes_are_those_of_a_picture_that_is_decoded(options: dict[str, Any], mode: str) -> None:
    source = encode(picture(mode=mode), exif=exif_tiff(), comment=b"at home", **options)
    kept, looked_at = passed(source), passed(source, ImageSettings())
    assert kept.jpeg == looked_at.jpeg and kept.passthrough
    assert (kept.width, kept.height, kept.sha256) == (looked_at.width, looked_at.height, looked_at.sha256)
    assert kept.phash is None and looked_at.phash is not None


def test_nothing_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    def decoded(*_: object, **__: object) -> None:
        raise AssertionError("a picture was opened")

    source = encode(picture())
    monkeypatch.setattr(Image, "open", decoded)
    assert isinstance(prepare(source, KEPT), Prepared)


def _spliced(jpeg: bytes, marker: int, extra: bytes) -> bytes:
    """The JPEG with a segment of its own made longer, its length told."""
    at = jpeg.index(bytes((0xFF, marker)))
    length = int.from_bytes(jpeg[at + 2 : at + 4], "big")
    longer = (length + len(extra)).to_bytes(2, "big")
    return jpeg[: at + 2] + longer + jpeg[at + 4 : at + 2 + length] + extra + jpeg[at + 2 + length :]


def _webp_chunk(kind: bytes, payload: bytes) -> bytes:
    return kind + struct.pack("<I", len(payload)) + payload + b"\0" * (len(payload) & 1)


def _riff(*chunks: bytes) -> bytes:
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def places() -> Iterator[tuple[str, bytes]]:
    """Every place of a container where bytes may stand that are no picture."""
    jpeg, srgb = encode(picture()), ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = exif_tiff().replace(b"SERIAL-4711", CANARY)
    assert CANARY in exif
    for name, marker, payload in (
        ("JFIF thumbnail", 0xE0, b"JFIF\0\x01\x01\0\0\x01\0\x01\x02\x02" + CANARY + b"x"),
        ("JFXX thumbnail", 0xE0, b"JFXX\0\x10" + CANARY),
        ("EXIF", 0xE1, exif),
        ("XMP", 0xE1, b"http://ns.adobe.com/xap/1.0/\0<x>" + CANARY),
        ("extended XMP", 0xE1, b"http://ns.adobe.com/xmp/extension/\0" + CANARY),
        ("ICC", 0xE2, b"ICC_PROFILE\0\x01\x01" + srgb + CANARY),
        ("MPF", 0xE2, b"MPF\0" + CANARY),
        ("FlashPix", 0xE2, b"FPXR\0" + CANARY),
        ("maker", 0xE7, CANARY),
        ("IPTC", 0xED, b"Photoshop 3.0\x008BIM\x04\x04" + CANARY),
        ("Adobe", 0xEE, b"Adobe\0\x64\0\0\0\0\x01" + CANARY),
        ("C2PA", 0xEB, b"JP\0\0" + CANARY),
        ("comment", 0xFE, CANARY),
        ("reserved", 0xF0, CANARY),
        ("expansion", 0xDF, CANARY),
    ):
        yield f"JPEG {name}", after_soi(jpeg, segment(marker, payload))
    for name, marker in (("DQT", 0xDB), ("DHT", 0xC4), ("SOF", 0xC0), ("SOS", 0xDA)):
        yield f"JPEG behind {name}", _spliced(jpeg, marker, CANARY)
    yield "JPEG number of lines", after_soi(jpeg, segment(0xDC, CANARY))
    yield "JPEG long restart interval", after_soi(jpeg, segment(0xDD, b"\0\0" + CANARY))
    yield "JPEG arithmetic table", after_soi(jpeg, segment(0xCC, CANARY + b"x"))
    yield "JPEG between segments", jpeg.replace(b"\xff\xdb", CANARY + b"\xff\xdb", 1)
    yield "JPEG behind its end", jpeg + CANARY
    yield "JPEG second picture", jpeg + after_soi(jpeg, segment(0xFE, CANARY))
    yield "JPEG MPO", mpo().replace(b"SERIAL-4711", CANARY)
    block = CANARY + b"." * 9
    directory = b"SEFH" + struct.pack("<III", 106, 1, 0x0A010000) + struct.pack("<II", len(block), len(block))
    yield "JPEG Samsung trailer", jpeg + block + directory + struct.pack("<I", len(directory)) + b"SEFT"
    progressive = encode(picture(), progressive=True)
    second = progressive.index(b"\xff\xda", progressive.index(b"\xff\xda") + 2)
    yield "JPEG between scans", progressive[:second] + segment(0xFE, CANARY) + progressive[second:]
    png = encode(picture(), "PNG")
    head, end = png.index(b"IDAT") - 4, png.index(b"IEND") - 4
    for kind, payload in (
        (b"tEXt", b"Comment\0" + CANARY),
        (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + CANARY),
        (b"eXIf", exif.removeprefix(b"Exif\0\0")),
        (b"iCCP", b"x\0\0" + CANARY),
        (b"prVt", CANARY),
    ):
        yield f"PNG {kind.decode()}", png[:head] + png_chunk(kind, payload) + png[head:]
    yield "PNG before its end", png[:end] + png_chunk(b"tEXt", b"a\0" + CANARY) + png[end:]
    yield "PNG behind its end", png + CANARY
    webp = encode(picture(), "WEBP")[12:]
    size = struct.pack("<I", 95)[:3] + struct.pack("<I", 63)[:3]
    extended = _webp_chunk(b"VP8X", b"\x2c\0\0\0" + size)
    for kind, payload in ((b"EXIF", exif), (b"XMP ", CANARY), (b"ICCP", CANARY), (b"junk", CANARY)):
        chunk = _webp_chunk(kind, payload)
        yield f"WebP {kind.decode()}", _riff(extended, *((chunk, webp) if kind == b"ICCP" else (webp, chunk)))
    yield "WebP behind its end", _riff(webp) + CANARY


PLACES = dict(places())
REFUSED = {f"JPEG behind {name}" for name in ("DQT", "DHT", "SOF", "SOS")}
REFUSED |= {"JPEG long restart interval", "JPEG arithmetic table"}
"""What no decoder takes either."""


@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize("pass_through", [True, False])
def test_nothing_but_the_picture_is_released(name: str, pass_through: bool) -> None:
    data = PLACES[name]
    assert CANARY in data
    found = prepare(data, ImageSettings(pass_through=pass_through))
    if isinstance(found, ImageRejected):
        assert found.reason == "corrupt" and name in REFUSED, found
        return
    assert CANARY not in found.jpeg
    assert metadata_findings(found.jpeg) == []
    assert inspect_jpeg(found.jpeg, 64).exact
    assert Image.open(BytesIO(found.jpeg)).convert("RGB").size == (found.width, found.height)


@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_picture_that_lies_on_its_side_is_turned(orientation: int) -> None:
    found = passed(encode(picture(), exif=exif_tiff(orientation=orientation)))
    assert not found.passthrough and found.phash is not None
    assert (found.width > found.height) == (orientation < 5)
    assert found.jpeg == passed(encode(picture(), exif=exif_tiff(orientation=orientation)), ImageSettings()).jpeg


def test_what_is_no_small_upright_srgb_jpeg_is_decoded_and_encoded() -> None:
    wide = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    assert passed(encode(picture(), icc_profile=wide)).passthrough  # fits no RGB picture, and is ignored as ever
    for source in (
        encode(picture(200, 100)),
        encode(picture(mode="CMYK")),
        encode(picture(), "PNG"),
        encode(picture(), "WEBP"),
    ):
        found = passed(source, ImageSettings(pass_through=True, max_side=128))
        assert not found.passthrough and found.phash is not None and found.jpeg[:2] == b"\xff\xd8"


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({"min_side": 65}, "too_small"),
        ({"max_megapixels": 0.005}, "too_many_pixels"),
        ({"max_file_mb": 0.001}, "file_too_large"),
    ],
)
def test_limits_hold_for_what_is_not_decoded(limits: dict[str, Any], reason: str) -> None:
    found = prepare(encode(picture()), ImageSettings(pass_through=True, **limits))
    assert isinstance(found, ImageRejected) and found.reason == reason


@given(st.data())
@settings(deadline=None, max_examples=200)
def test_a_cut_or_changed_file_is_never_an_error(data: st.DataObject) -> None:
    whole = SOURCE
    if data.draw(st.booleans()):
        found = prepare(whole[: data.draw(st.integers(0, len(whole) - 1))], KEPT)
        assert isinstance(found, ImageRejected)
        return
    changed = bytearray(whole)
    for at in data.draw(st.lists(st.integers(0, len(whole) - 1), min_size=1, max_size=4)):
        changed[at] = data.draw(st.integers(0, 255))
    found = prepare(bytes(changed), KEPT)
    if isinstance(found, Prepared):
        assert metadata_findings(found.jpeg) == []
        assert np.prod((found.width, found.height)) > 0


SOURCE = encode(picture(), exif=exif_tiff(), comment=b"at home", progressive=True)
