"""The hostile pictures of our tests, made in memory: nothing is copied from anyone's crash corpus.

Each case names what must become of it: "handled" for a prepared picture, otherwise a key of `factory.images.REASONS`.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

HANDLED = "handled"
HTML = b"<!doctype html><script>alert(1)</script>"
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True, slots=True)
class HostileImage:
    """One case: its name, the file, what must become of it (any of `expected`), and the file name's suffix."""

    name: str
    data: bytes
    expected: tuple[str, ...]
    suffix: str = ".jpg"


def picture(width: int = 96, height: int = 64, mode: str = "RGB") -> Image.Image:
    """A small picture with structure: a gradient, a dark block in its upper left, some noise."""
    noise = np.random.default_rng(7).integers(0, 24, (height, width, 3))
    pixels = noise + np.linspace(0, 200, width)[None, :, None] * np.array([1.0, 0.6, 0.3])
    pixels[: height // 3, : width // 4] = (12, 30, 90)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).convert(mode)


def encode(image: Image.Image, kind: str = "JPEG", **options: Any) -> bytes:
    """The bytes of `image` in a format of Pillow's (or HEIF, where pillow-heif is installed)."""
    if kind == "HEIF":
        from pillow_heif import register_heif_opener

        register_heif_opener()
    out = BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def exif_tiff(gps: dict[int, Any] | None = None, orientation: int = 1) -> bytes:
    """An EXIF segment's payload with a body serial number, an orientation and a GPS block."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x0110] = "TestCam 9"
    exif.get_ifd(0x8769).update({0xA431: "SERIAL-4711", 0x9003: "2024:05:06 07:08:09", 0x927C: b"maker"})
    exif.get_ifd(0x8825).update(gps or {1: "N", 2: (47.0, 22.0, 30.0), 3: "E", 4: (8.0, 32.0, 0.0)})
    return exif.tobytes()


def segment(marker: int, payload: bytes) -> bytes:
    """A JPEG segment."""
    return bytes((0xFF, marker)) + (len(payload) + 2).to_bytes(2, "big") + payload


def after_soi(jpeg: bytes, *inserted: bytes) -> bytes:
    """The JPEG with segments put in right behind its first marker."""
    return jpeg[:2] + b"".join(inserted) + jpeg[2:]


def jpeg_header(width: int, height: int, frame: int = 0xC0, precision: int = 8) -> bytes:
    """A JPEG that is little more than its frame header."""
    sof = struct.pack(">BHHB", precision, height, width, 1) + b"\x01\x11\x00"
    return b"\xff\xd8" + segment(frame, sof) + segment(0xDA, b"\x01\x01\x00\x00\x3f\x00") + b"\x00\x00\xff\xd9"


def scan_bomb(scans: int = 5000, side: int = 4096) -> bytes:
    """A progressive JPEG whose last scan is repeated: 231 kB at 5,000 scans, about 16 ms of decoding each."""
    jpeg = encode(Image.new("L", (side, side), 128), progressive=True, quality=50)
    last = jpeg.rindex(b"\xff\xda")
    return jpeg[:last] + jpeg[last:-2] * scans + b"\xff\xd9"


def png_chunk(kind: bytes, payload: bytes) -> bytes:
    """A PNG chunk with its checksum."""
    return len(payload).to_bytes(4, "big") + kind + payload + zlib.crc32(kind + payload).to_bytes(4, "big")


def deflated_zeros(count: int) -> bytes:
    """A zlib stream of `count` zero bytes, made by repeating one independent block."""
    packer = zlib.compressobj(9)
    head = packer.compress(b"") + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    rest = packer.compress(bytes(count % (1 << 20))) + packer.flush(zlib.Z_FINISH)
    checksum = ((count % 65521) << 16 | 1).to_bytes(4, "big")
    return head + block * (count >> 20) + rest[:-4] + checksum


def png_of_zeros(width: int, height: int, colour: int = 2, *extra: bytes) -> bytes:
    """A PNG of one colour at any size, by arithmetic rather than by drawing it."""
    channels = {0: 1, 2: 3, 6: 4}[colour]
    header = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    pixels = png_chunk(b"IDAT", deflated_zeros(height * (1 + width * channels)))
    return PNG_SIGNATURE + png_chunk(b"IHDR", header) + b"".join(extra) + pixels + png_chunk(b"IEND", b"")


def webp_bomb(width: int, height: int) -> bytes:
    """A lossless WebP of one colour: its pixels take no bits, so some 30 bytes declare any size up to 16,383."""
    webp = encode(Image.new("RGB", (8, 8)), "WEBP", lossless=True, exact=True)
    where = webp.index(b"VP8L") + 9
    kept = int.from_bytes(webp[where : where + 4], "little") >> 28 << 28
    return webp[:where] + (kept | (width - 1) | (height - 1) << 14).to_bytes(4, "little") + webp[where + 4 :]


def looping_exif() -> bytes:
    """A TIFF structure whose directories, sub-directories and counts all lead back or astray."""
    entries = (
        struct.pack("<HHII", 0x8769, 4, 1, 8)
        + struct.pack("<HHII", 0x8825, 4, 1, 8)
        + struct.pack("<HHII", 0x010F, 2, 0xFFFFFFFF, 0xFFFFFFF0)
        + struct.pack("<HHII", 0x0002, 5, 0x7FFFFFFF, 8)
    )
    return b"II*\x00" + struct.pack("<I", 8) + struct.pack("<H", 4) + entries + struct.pack("<I", 8)


def rational_exif(pairs: tuple[tuple[int, int], ...], ref: bytes = b"N\x00\x00\x00") -> bytes:
    """A TIFF structure whose latitude and longitude are the same three raw rationals."""
    where = 26 + 2 + 4 * 12 + 4
    gps = struct.pack("<H", 4)
    gps += struct.pack("<HHI", 1, 2, 2) + ref + struct.pack("<HHII", 2, 5, 3, where)
    gps += struct.pack("<HHI", 3, 2, 2) + b"E\x00\x00\x00" + struct.pack("<HHII", 4, 5, 3, where)
    main = struct.pack("<H", 1) + struct.pack("<HHII", 0x8825, 4, 1, 26) + struct.pack("<I", 0)
    return b"II*\x00\x08\x00\x00\x00" + main + gps + bytes(4) + b"".join(struct.pack("<II", *pair) for pair in pairs)


def mpo() -> bytes:
    """Two pictures in one file; the second carries GPS."""
    second = picture(48, 48)
    return encode(picture(), "MPO", save_all=True, append_images=[second], exif=exif_tiff())


def corpus() -> Iterator[HostileImage]:
    """Every case; a few take some hundred milliseconds to make."""
    yield from _jpegs()
    yield from _other_formats()
    yield from _cut_short()
    yield from _metadata_attacks()
    yield from _not_photos()


def _jpegs() -> Iterator[HostileImage]:
    plain = encode(picture())
    yield HostileImage("scan bomb", scan_bomb(), ("too_many_scans",))
    yield HostileImage("progressive, few scans", encode(picture(), progressive=True), (HANDLED,))
    yield HostileImage("header claiming 65500 x 65500", jpeg_header(65500, 65500), ("too_many_pixels",))
    yield HostileImage("header without height", jpeg_header(640, 0), ("bad_dimensions",))
    yield HostileImage("header only", jpeg_header(640, 480), ("corrupt", "truncated", HANDLED))
    yield HostileImage("12 bits a sample", jpeg_header(64, 64, precision=12), ("unsupported_encoding",))
    yield HostileImage("lossless frame", jpeg_header(64, 64, frame=0xC3), ("unsupported_encoding",))
    yield HostileImage("two frames", after_soi(plain, jpeg_header(64, 64)[2:15]), ("corrupt",))
    yield HostileImage(
        "a million empty comments", after_soi(plain, segment(0xFE, b"") * 1_000_000), ("too_many_segments",)
    )
    yield HostileImage("ten million fill bytes", b"\xff\xd8" + b"\xff" * 10_000_000, ("truncated",))
    yield HostileImage("fill bytes before stuffing", plain[:-2] + b"\xff" * 2_000_000 + b"\x00\xff\xd9", (HANDLED,))
    yield HostileImage("longer than the limit", plain + bytes(65_000_000), ("file_too_large",))
    yield HostileImage("CMYK", encode(picture(mode="CMYK")), (HANDLED,))
    yield HostileImage("grey", encode(picture(mode="L")), (HANDLED,))
    yield HostileImage("1 x 1", encode(picture().resize((1, 1))), ("too_small",))
    yield HostileImage("8 x 8", encode(picture().resize((8, 8))), (HANDLED,))
    yield HostileImage("7 pixels high", encode(picture().resize((96, 7))), ("too_small",))
    yield HostileImage("65500 x 1", encode(Image.new("RGB", (65500, 1))), ("too_small",))
    for orientation in range(1, 9):
        tiff = exif_tiff(orientation=orientation)
        yield HostileImage(f"orientation {orientation}", encode(picture(), exif=tiff), (HANDLED,))


def _other_formats() -> Iterator[HostileImage]:
    yield HostileImage("PNG bomb 20,000 x 20,000", png_of_zeros(20_000, 20_000), ("too_many_pixels",), ".png")
    yield HostileImage("PNG bomb under the limit", png_of_zeros(9900, 9900, 6), ("decode_memory", HANDLED), ".png")
    yield HostileImage("PNG of 2000 x 6", png_of_zeros(2000, 6), ("too_small",), ".png")
    yield HostileImage("PNG of 2000 x 20", png_of_zeros(2000, 20), (HANDLED,), ".png")
    yield HostileImage(
        "PNG with 100,000 chunks",
        png_of_zeros(8, 8, 2, png_chunk(b"teXt", b"") * 100_000),
        ("too_many_segments",),
        ".png",
    )
    yield HostileImage(
        "PNG without pixels",
        PNG_SIGNATURE + png_chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)) + png_chunk(b"IEND", b""),
        ("corrupt", "truncated"),
        ".png",
    )
    yield HostileImage(
        "PNG with a wrong checksum", png_of_zeros(8, 8).replace(b"IDAT\x78", b"IDAT\x79"), ("corrupt",), ".png"
    )
    sixteen = Image.fromarray((np.arange(96 * 64, dtype=np.uint32) * 10).astype(np.uint16).reshape(64, 96))
    yield HostileImage("16-bit grey PNG", encode(sixteen, "PNG"), (HANDLED,), ".png")
    yield HostileImage(
        "palette PNG with transparency", encode(picture(mode="P"), "PNG", transparency=3), (HANDLED,), ".png"
    )
    frames = [picture(), picture().rotate(90), picture().rotate(180)]
    yield HostileImage(
        "animated PNG", encode(frames[0], "PNG", save_all=True, append_images=frames[1:]), ("animated",), ".png"
    )
    yield HostileImage(
        "animated WebP", encode(frames[0], "WEBP", save_all=True, append_images=frames[1:]), ("animated",), ".webp"
    )
    yield HostileImage(
        "animated GIF",
        encode(frames[0], "GIF", save_all=True, append_images=frames[1:]),
        ("unsupported_format",),
        ".gif",
    )
    yield HostileImage("WebP bomb of a few bytes", webp_bomb(16_383, 16_383), ("too_many_pixels",), ".webp")
    yield HostileImage(
        "WebP bomb under the limit", webp_bomb(9900, 9900), ("decode_memory", "corrupt", HANDLED), ".webp"
    )
    heic = encode(picture(), "HEIF", quality=60)
    yield HostileImage("HEIC", heic, (HANDLED,), ".heic")
    size = heic.index(b"ispe") + 8
    yield HostileImage(
        "HEIC claiming 65535 x 65535",
        heic[:size] + b"\x00\x00\xff\xff" * 2 + heic[size + 8 :],
        ("too_many_pixels",),
        ".heic",
    )
    yield HostileImage("HEIC sequence", heic[:8] + b"hevc" + heic[12:], ("animated",), ".heic")
    yield HostileImage("PNG named .jpg", encode(picture(), "PNG"), (HANDLED,))
    yield HostileImage("JPEG named .png", encode(picture()), (HANDLED,), ".png")


def _cut_short() -> Iterator[HostileImage]:
    yield HostileImage("empty", b"", ("zero_byte",))
    for kind, options in (("JPEG", {}), ("JPEG", {"progressive": True}), ("PNG", {}), ("WEBP", {}), ("HEIF", {})):
        whole = encode(picture(400, 300), kind, **options)
        yield HostileImage(
            f"half a {kind} {options or ''}", whole[: len(whole) // 2], ("truncated",), "." + kind.lower()
        )
    yield HostileImage("three bytes", b"\xff\xd8\xff", ("truncated",))


def _metadata_attacks() -> Iterator[HostileImage]:
    plain = encode(picture())
    text = png_chunk(b"zTXt", b"Comment\x00\x00" + deflated_zeros(200 << 20))
    profile = png_chunk(b"iCCP", b"p\x00\x00" + deflated_zeros(200 << 20))
    yield HostileImage("PNG text bomb of 200 MB", png_of_zeros(64, 64, 2, text), (HANDLED,), ".png")
    yield HostileImage("PNG profile bomb of 200 MB", png_of_zeros(64, 64, 2, profile), (HANDLED,), ".png")
    icc = [segment(0xE2, b"ICC_PROFILE\x00" + bytes((n, 255)) + bytes(65_000)) for n in range(1, 256)]
    yield HostileImage("profile of 16 MB", after_soi(plain, *icc), (HANDLED,))
    broken = segment(0xE2, b"ICC_PROFILE\x00\x01\x01" + b"acsp" * 40)
    yield HostileImage("broken profile", after_soi(plain, broken), (HANDLED,))
    yield HostileImage("looping EXIF", after_soi(plain, segment(0xE1, b"Exif\x00\x00" + looping_exif())), (HANDLED,))
    nan = rational_exif(((1, 0), (0, 0), (0xFFFFFFFF, 0)))
    yield HostileImage("GPS of NaN rationals", after_soi(plain, segment(0xE1, b"Exif\x00\x00" + nan)), (HANDLED,))
    yield HostileImage("HTML appended", plain + HTML, (HANDLED,))
    yield HostileImage("HTML in a comment", after_soi(plain, segment(0xFE, HTML)), (HANDLED,))
    yield HostileImage("GIF header in a comment", after_soi(plain, segment(0xFE, b"GIF89a/*")), (HANDLED,))
    yield HostileImage("two pictures in one (MPO)", mpo(), (HANDLED,))
    yield HostileImage("EXIF with GPS and serial", encode(picture(), exif=exif_tiff(), comment=b"home"), (HANDLED,))


def _not_photos() -> Iterator[HostileImage]:
    yield HostileImage("GIF polyglot", b"GIF89a/*" + encode(picture()), ("unsupported_format",))
    yield HostileImage("TIFF", encode(picture(), "TIFF"), ("unsupported_format",), ".tif")
    yield HostileImage("BMP", encode(picture(), "BMP"), ("unsupported_format",), ".bmp")
    yield HostileImage(
        "SVG", b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', ("unsupported_format",)
    )
    yield HostileImage("HTML", HTML, ("unsupported_format",))
    yield HostileImage("text", b"lat,lon\n1,2\n", ("not_an_image",), ".csv")
    yield HostileImage("noise", np.random.default_rng(3).bytes(5000), ("not_an_image",))
