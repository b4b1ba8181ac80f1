"""Structural check of a file before any decoder sees it: what it is, how large it says it is, what must be refused.

The pixel limit alone misses pictures that are small and slow (a scan repeated 5,000 times); the scan and segment counts
catch those. Metadata is taken out here, so decoders never meet text-chunk bombs, profiles or appended files.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from factory.images.containers import PNG_SIGNATURE, heif_brand, inspect_heif, inspect_png, inspect_webp
from factory.images.exif import exif_orientation
from factory.images.jpeg import JpegStructure, inspect_jpeg, strip
from factory.images.records import ImageSettings, StructureError

_OTHER_MAGIC: Final = (
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"BM", "BMP"),
    (b"\x00\x00\x01\x00", "ICO"),
    (b"\x00\x00\x00\x0cjP  ", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"\x00\x00\x00\x0cJXL ", "JPEG XL"),
    (b"\xff\x0a", "JPEG XL"),
    (b"8BPS", "PSD"),
    (b"%PDF", "PDF"),
    (b"%!PS", "EPS"),
    (b"qoif", "QOI"),
    (b"\x76\x2f\x31\x01", "OpenEXR"),
)


@dataclass(frozen=True, slots=True)
class Inspected:
    """A file that may be decoded."""

    format: str
    width: int
    """As declared, before orientation, pixels."""
    height: int
    orientation: int
    """EXIF orientation still to be applied, 1 to 8."""
    icc: bytes | None
    body: bytes
    """What the decoder is given: for JPEG and PNG without any metadata."""
    jpeg: JpegStructure | None = None


def inspect_image(data: bytes, settings: ImageSettings) -> Inspected:
    """Identify a file by content and check it against the limits, decoding nothing.

    Raises:
        StructureError: the file is refused; its `reason` is a key of `records.REASONS`.
    """
    if not data:
        raise StructureError("zero_byte", "the file is empty")
    if len(data) > settings.max_file_mb * 1e6:
        raise StructureError("file_too_large", f"{len(data)} bytes, limit {settings.max_file_mb:g} MB")
    name = sniff(data)
    if name is None:
        raise StructureError("not_an_image", f"the file begins with {data[:8].hex(' ')}")
    if name == "HEIF sequence" and "HEIF" in settings.formats:
        raise StructureError("animated", "a HEIC image sequence")
    if name not in settings.formats:
        raise StructureError("unsupported_format", f"{name}; accepted are {', '.join(settings.formats)}")
    found = _inspect_jpeg(data, settings) if name == "JPEG" else _inspect_other(data, name)
    check_size(found.width, found.height, settings)
    return found


def sniff(data: bytes) -> str | None:
    """The name of the format `data` begins like, or None."""
    if data[:3] == b"\xff\xd8\xff":
        return "JPEG"
    if data.startswith(PNG_SIGNATURE):
        return "PNG"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if (brand := heif_brand(data)) is not None:
        return brand
    for magic, name in _OTHER_MAGIC:
        if data.startswith(magic):
            return name
    start = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<svg", b"<?xml")) and b"<svg" in data[:4096].lower():
        return "SVG"
    return "HTML" if start.startswith((b"<!doctype html", b"<html")) else None


def check_size(width: int, height: int, settings: ImageSettings) -> None:
    """Refuse a picture without area or with more pixels than the settings allow.

    Raises:
        StructureError: `bad_dimensions` or `too_many_pixels`.
    """
    if width < 1 or height < 1:
        raise StructureError("bad_dimensions", f"{width} x {height} pixels")
    if width * height > settings.max_megapixels * 1e6:
        raise StructureError(
            "too_many_pixels", f"{width} x {height} = {width * height / 1e6:.1f} Mpx, limit {settings.max_megapixels:g}"
        )


def _inspect_jpeg(data: bytes, settings: ImageSettings) -> Inspected:
    found = inspect_jpeg(data, settings.max_scans)
    orientation = exif_orientation(found.exif) if found.exif else 1
    return Inspected("JPEG", found.width, found.height, orientation, found.icc, strip(data, found), found)


def _inspect_other(data: bytes, name: str) -> Inspected:
    found = {"PNG": inspect_png, "WEBP": inspect_webp, "HEIF": inspect_heif}[name](data)
    turns_itself = name == "HEIF" or not found.exif  # libheif turns the picture
    orientation = 1 if turns_itself else exif_orientation(found.exif or b"")
    return Inspected(name, found.width, found.height, orientation, found.icc, found.body or data)
