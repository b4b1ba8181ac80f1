from __future__ import annotations

import builtins
import hashlib
from dataclasses import fields, replace
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from factory.images import REASONS, ImageRejected, ImageSettings, Prepared, image_key, metadata_findings
from factory.images.phash import hamming, phash
from factory.images.prepare import prepare
from factory.images.records import SHAPING
from tests.hostile import HTML, after_soi, encode, exif_tiff, mpo, picture, segment

SETTINGS = ImageSettings()


def prepared(data: bytes, settings: ImageSettings = SETTINGS) -> Prepared:
    result = prepare(data, settings)
    assert isinstance(result, Prepared), result
    assert metadata_findings(result.jpeg) == []
    assert opened(result).size == (result.width, result.height)
    return result


def opened(result: Prepared) -> Image.Image:
    return Image.open(BytesIO(result.jpeg)).convert("RGB")


def levels(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("RGB"), dtype=np.int64)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}, {"restart_marker_blocks": 1}])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_small_upright_jpeg_keeps_its_pixels_and_loses_its_metadata(options: dict[str, Any], mode: str) -> None:
    image = picture(mode=mode)
    source = encode(image, exif=exif_tiff(), comment=b"at home", xmp=b"<x/>", **options)
    result = prepared(source + HTML)
    assert result.passthrough
    assert len(result.jpeg) < len(source)
    assert np.array_equal(levels(opened(result)), levels(Image.open(BytesIO(source))))
    assert b"SERIAL-4711" not in result.jpeg
    assert result.sha256 == hashlib.sha256(source + HTML).hexdigest()


def test_the_adobe_header_that_says_how_colours_are_coded_is_kept() -> None:
    source = encode(picture(), keep_rgb=True)
    result = prepared(source)
    assert result.passthrough
    assert np.array_equal(levels(opened(result)), levels(Image.open(BytesIO(source))))


def test_metadata_hidden_between_scans_is_cut_away() -> None:
    source = encode(picture(), progressive=True)
    second = source.index(b"\xff\xda", source.index(b"\xff\xda") + 2)
    hidden = segment(0xE1, b"Exif\x00\x00" + exif_tiff()) + segment(0xFE, b"at home")
    result = prepared(source[:second] + hidden + source[second:])
    assert result.passthrough
    assert result.jpeg == prepared(source).jpeg


def test_preparing_a_prepared_picture_changes_nothing() -> None:
    for source in (encode(picture(2000, 900)), encode(picture(), "PNG"), encode(picture(), exif=exif_tiff())):
        first = prepared(source)
        assert prepared(first.jpeg).jpeg == first.jpeg


def test_the_longer_side_is_scaled_down_and_never_up() -> None:
    source = encode(picture(1500, 1000))
    assert (prepared(source).width, prepared(source).height) == (1024, 683)
    small = prepared(source, ImageSettings(max_side=336))
    assert (small.width, small.height, small.source_width, small.source_height) == (336, 224, 1500, 1000)
    assert not small.passthrough
    assert prepared(encode(picture(20, 10), "PNG")).width == 20


def test_scaled_decoding_looks_like_full_decoding() -> None:
    source = encode(picture(2400, 1600), quality=95)
    fast = levels(opened(prepared(source, ImageSettings(max_side=200, quality=95))))
    full = levels(Image.open(BytesIO(source)).resize((200, 133), Image.Resampling.LANCZOS))
    assert np.abs(fast - full).mean() < 3


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_every_orientation_comes_out_upright(orientation: int, kind: str) -> None:
    upright = picture(160, 96)
    backward = {5: 5, 6: 8, 7: 7, 8: 6}.get(orientation, orientation)
    turns = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}
    stored = upright if orientation == 1 else upright.transpose(Image.Transpose(turns[backward]))
    result = prepared(encode(stored, kind, exif=exif_tiff(orientation=orientation)))
    assert (result.width, result.height) == (160, 96)
    assert (result.source_width, result.source_height) == stored.size
    assert np.abs(levels(opened(result)) - levels(upright)).mean() < 8
    assert hamming(result.phash, phash(upright)) <= 6


def test_sixteen_bit_grey_is_scaled_and_not_clipped() -> None:
    ramp = np.tile(np.linspace(0, 65535, 64).astype(np.uint16), (32, 1))
    out = levels(opened(prepared(encode(Image.fromarray(ramp), "PNG"))))[16, :, 0]
    assert np.abs(out - ramp[0] / 257).max() <= 4


def test_transparency_lies_on_white() -> None:
    clear = Image.new("RGBA", (32, 32), (200, 0, 0, 0))
    half = Image.new("LA", (32, 32), (0, 128))
    palette = Image.new("P", (32, 32), 0)
    assert levels(opened(prepared(encode(clear, "PNG")))).min() >= 253
    assert levels(opened(prepared(encode(clear, "WEBP", lossless=True)))).min() >= 253
    assert abs(levels(opened(prepared(encode(half, "PNG")))).mean() - 127) < 3
    assert levels(opened(prepared(encode(palette, "PNG", transparency=0)))).min() >= 253


def test_cmyk_is_not_inverted() -> None:
    result = prepared(encode(Image.new("RGB", (32, 32), (200, 40, 30)).convert("CMYK"), quality=95))
    assert np.abs(levels(opened(result)).mean(axis=(0, 1)) - (200, 40, 30)).max() < 6


def test_an_srgb_profile_passes_through_and_another_is_converted() -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert prepared(encode(picture(), icc_profile=srgb)).passthrough
    swapped = _profile_with_red_and_blue_swapped(srgb)
    result = prepared(encode(Image.new("RGB", (32, 32), (220, 30, 30)), icc_profile=swapped, quality=95))
    assert not result.passthrough
    red, _, blue = levels(opened(result)).mean(axis=(0, 1))
    assert blue > 200 > 60 > red


def _profile_with_red_and_blue_swapped(profile: bytes) -> bytes:
    return profile.replace(b"rXYZ", b"tmp!").replace(b"bXYZ", b"rXYZ").replace(b"tmp!", b"bXYZ")


def test_a_profile_of_another_colour_space_is_ignored() -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert prepared(encode(picture(mode="L"), icc_profile=srgb)).passthrough


def test_only_the_first_picture_of_an_mpo_is_kept() -> None:
    result = prepared(mpo())
    assert (result.width, result.height) == (96, 64)
    assert result.jpeg.count(b"\xff\xd8\xff") == 1


def test_hidden_padding_does_not_pass_through() -> None:
    source = encode(picture())
    padded = source[:-2] + b"\xff" * 500_000 + b"\xff\xd9"
    result = prepared(padded)
    assert not result.passthrough
    assert len(result.jpeg) < 10_000


def test_heic_without_its_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    heic = encode(picture(), "HEIF")
    found = builtins.__import__

    def without_heif(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "pillow_heif":
            raise ImportError(name)
        return found(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_heif)
    result = prepare(heic, SETTINGS)
    assert isinstance(result, ImageRejected)
    assert result.reason == "heif_support_missing"
    assert "[heic]" in result.detail


@pytest.mark.parametrize("kind", ["GIF", "TIFF"])
def test_other_formats_are_named_and_refused(kind: str) -> None:
    result = prepare(encode(picture(), kind), SETTINGS)
    assert isinstance(result, ImageRejected)
    assert result.reason == "unsupported_format"
    assert kind in result.detail


def test_a_format_that_is_not_listed_is_refused() -> None:
    result = prepare(encode(picture(), "PNG"), replace(SETTINGS, formats=("JPEG",)))
    assert isinstance(result, ImageRejected)
    assert result.reason == "unsupported_format"


def test_the_key_of_a_picture_follows_what_determines_its_bytes() -> None:
    key = image_key("ab" * 32, SETTINGS)
    assert key == image_key(
        "ab" * 32, replace(SETTINGS, cpu_seconds=9, memory_mb=9, max_scans=9, min_side=9, formats=("PNG",))
    )
    others = {image_key("cd" * 32, SETTINGS), *(image_key("ab" * 32, replace(SETTINGS, **{n: 9})) for n in SHAPING)}
    assert len(others | {key}) == len(SHAPING) + 2


def test_every_setting_says_whether_it_shapes_bytes() -> None:
    """A new setting that shapes bytes and does not say so would reuse paid answers about other pixels."""
    limits = {"min_side", "max_file_mb", "max_megapixels", "max_scans", "formats", "cpu_seconds", "memory_mb"}
    assert {setting.name for setting in fields(ImageSettings)} == limits | set(SHAPING)
    assert SHAPING == ("max_side", "quality", "pass_through")


def test_limits_come_from_the_settings() -> None:
    source = encode(picture(), progressive=True)
    for limits, reason in (
        (ImageSettings(max_megapixels=0.005), "too_many_pixels"),
        (ImageSettings(max_scans=3), "too_many_scans"),
        (ImageSettings(max_file_mb=0.001), "file_too_large"),
    ):
        result = prepare(source, limits)
        assert isinstance(result, ImageRejected)
        assert result.reason == reason
        assert result.sha256 == hashlib.sha256(source).hexdigest()


@given(st.data())
@settings(max_examples=150)
def test_damaged_files_never_raise_and_never_leak(data: st.DataObject) -> None:
    whole = bytearray(data.draw(st.sampled_from(_WHOLE)))
    for _ in range(data.draw(st.integers(1, 6))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    result = prepare(bytes(whole), ImageSettings(max_side=64, max_megapixels=1))
    if isinstance(result, ImageRejected):
        assert result.reason in REASONS
        assert "0x" not in result.detail, "an address would differ between runs"
    else:
        assert metadata_findings(result.jpeg) == []


_WHOLE = [
    encode(picture(), exif=exif_tiff()),
    encode(picture(40, 40), progressive=True, exif=exif_tiff()),
    encode(picture(), "PNG", exif=exif_tiff()),
    encode(picture(), "WEBP", exif=exif_tiff()),
    after_soi(encode(picture(40, 40)), segment(0xE5, b"unknown"), segment(0xFE, b"comment")),
]
