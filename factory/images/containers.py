"""PNG, WebP and HEIF containers without decoding: dimensions, frames, where EXIF and the colour profile lie.

The own HEIF box reader exists so that GPS can be read while planning, outside the limited processes, without handing
hostile bytes to a C library. All loops are bounded; nothing is inflated without a limit.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from factory.images.jpeg import EXIF_PREFIX, MAX_ICC_BYTES
from factory.images.records import StructureError

PNG_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
MAX_CHUNKS: Final = 65_536
"""64 MB of PNG in the usual 8 KB data chunks are 8,000."""
MAX_BOXES: Final = 4096
MAX_EXTENTS: Final = 65_536
"""Extents may take no bytes at all, so their number is not bounded by the file."""
MAX_RAW_PROFILE_BYTES: Final = 1 << 20
"""Text of a PNG's raw profile: two hex digits a byte of EXIF, which JPEG bounds at 64 KB."""
_PNG_TEXTS: Final = (b"tEXt", b"zTXt", b"iTXt")
_PNG_KEPT: Final = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
_HEIF_STILL: Final = frozenset({b"heic", b"heix", b"heim", b"heis", b"mif1"})
_HEIF_SEQUENCE: Final = frozenset({b"hevc", b"hevx", b"hevm", b"hevs", b"msf1"})


@dataclass(frozen=True, slots=True)
class Container:
    """A file's declared size and metadata."""

    width: int
    height: int
    exif: bytes | None = None
    """TIFF structure."""
    icc: bytes | None = None
    body: bytes | None = None
    """The bytes a decoder needs, where they differ from the file."""


def inspect_png(data: bytes) -> Container:
    """Read a PNG's header and metadata; `body` is the PNG with only the chunks a decoder needs.

    Raises:
        StructureError: truncated, animated (APNG), no header, or too many chunks.
    """
    width = height = 0
    exif = raw = icc = None
    kept = [PNG_SIGNATURE]
    for kind, start, end in _png_chunks(data):
        payload = data[start + 8 : end - 4] if kind in (b"IHDR", b"eXIf", b"iCCP", *_PNG_TEXTS) else b""
        if kind == b"IHDR" and len(payload) == 13:
            width, height = struct.unpack_from(">II", payload)
        elif not width:
            raise StructureError("corrupt", "the PNG does not begin with its header")
        elif kind == b"acTL":
            raise StructureError("animated", "an animated PNG")
        elif kind == b"eXIf":
            exif = payload.removeprefix(EXIF_PREFIX)
        elif kind == b"iCCP":
            icc = _inflate_profile(payload)
        elif kind in _PNG_TEXTS:
            raw = raw or _raw_profile(kind, payload)
        if kind in _PNG_KEPT:
            kept.append(data[start:end])
    return Container(width, height, exif or raw, icc, b"".join(kept))


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    position = len(PNG_SIGNATURE)
    for _ in range(MAX_CHUNKS):
        if position + 12 > len(data):
            raise StructureError("truncated", "the PNG has no end chunk")
        length = int.from_bytes(data[position : position + 4], "big")
        kind, end = data[position + 4 : position + 8], position + 12 + length
        if end > len(data):
            raise StructureError("truncated", f"PNG chunk {kind!r} ends behind the file")
        yield kind, position, end
        if kind == b"IEND":
            return
        position = end
    raise StructureError("too_many_segments", f"more than {MAX_CHUNKS} PNG chunks")


def _raw_profile(kind: bytes, payload: bytes) -> bytes | None:
    """EXIF that older ImageMagick and darktable write as hex digits in a text chunk; None for other text.

    The text is the profile's name, its length, and the digits, each on lines of their own.
    """
    name, _, text = payload[: MAX_RAW_PROFILE_BYTES + 100].partition(b"\x00")
    if name not in (b"Raw profile type exif", b"Raw profile type APP1", b"Raw profile type app1"):
        return None
    try:
        if kind == b"zTXt":
            text = zlib.decompressobj().decompress(text[1:], MAX_RAW_PROFILE_BYTES)
        elif kind == b"iTXt":
            compressed, text = text[:1] == b"\x01", text[2:].split(b"\x00", 2)[-1]
            text = zlib.decompressobj().decompress(text, MAX_RAW_PROFILE_BYTES) if compressed else text
        parts = text.split(maxsplit=2)
        data = bytes.fromhex(b"".join(parts[2].split()).decode("ascii")) if len(parts) == 3 else b""
    except (zlib.error, ValueError):
        return None
    return data.removeprefix(EXIF_PREFIX) if data.startswith((EXIF_PREFIX, b"II", b"MM")) else None


def _inflate_profile(payload: bytes) -> bytes | None:
    name_end = payload.find(b"\x00", 0, 80)
    if name_end < 0:
        return None
    try:
        profile = zlib.decompressobj().decompress(payload[name_end + 2 :], MAX_ICC_BYTES + 1)
    except zlib.error:
        return None
    return profile if 0 < len(profile) <= MAX_ICC_BYTES else None


def inspect_webp(data: bytes) -> Container:
    """Read a WebP's dimensions (the largest any header declares) and metadata.

    Raises:
        StructureError: truncated, animated, or no picture chunk.
    """
    end = 8 + int.from_bytes(data[4:8], "little")
    if end > len(data):
        raise StructureError("truncated", f"the WebP declares {end} bytes, the file has {len(data)}")
    sizes: list[tuple[int, int]] = []
    exif = icc = None
    for kind, payload in _webp_chunks(data, end):
        if kind == b"VP8X" and len(payload) >= 10:
            if payload[0] & 0x02:
                raise StructureError("animated", "an animated WebP")
            sizes.append((1 + int.from_bytes(payload[4:7], "little"), 1 + int.from_bytes(payload[7:10], "little")))
        elif kind == b"VP8 " and payload[3:6] == b"\x9d\x01\x2a" and len(payload) >= 10:
            wide, high = struct.unpack_from("<HH", payload, 6)
            sizes.append((wide & 0x3FFF, high & 0x3FFF))
        elif kind == b"VP8L" and payload[:1] == b"\x2f" and len(payload) >= 5:
            bits = int.from_bytes(payload[1:5], "little")
            sizes.append((1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)))
        elif kind in (b"ANIM", b"ANMF"):
            raise StructureError("animated", "an animated WebP")
        elif kind == b"EXIF":
            exif = payload.removeprefix(EXIF_PREFIX)
        elif kind == b"ICCP" and len(payload) <= MAX_ICC_BYTES:
            icc = payload
    if not sizes:
        raise StructureError("corrupt", "the WebP has no picture chunk")
    return Container(max(w for w, _ in sizes), max(h for _, h in sizes), exif, icc, data[:end])


def _webp_chunks(data: bytes, end: int) -> Iterator[tuple[bytes, bytes]]:
    position = 12
    for _ in range(MAX_BOXES):
        if position + 8 > end:
            return
        length = int.from_bytes(data[position + 4 : position + 8], "little")
        if position + 8 + length > end:
            raise StructureError("truncated", "a WebP chunk ends behind the file")
        yield data[position : position + 4], data[position + 8 : position + 8 + length]
        position += 8 + length + (length & 1)
    raise StructureError("too_many_segments", f"more than {MAX_BOXES} WebP chunks")


def heif_brand(data: bytes) -> str | None:
    """ "HEIF" for still HEIC pictures, "HEIF sequence" for videos of them, "AVIF", or None."""
    if data[4:8] != b"ftyp":
        return None
    major = data[8:12]
    if major in (b"avif", b"avis") or b"avif" in data[16:64]:
        return "AVIF"
    if major in _HEIF_SEQUENCE:
        return "HEIF sequence"
    return "HEIF" if major in _HEIF_STILL else None


def inspect_heif(data: bytes) -> Container:
    """Read a HEIC's largest declared picture and its EXIF item (ISO/IEC 23008-12, 14496-12).

    Raises:
        StructureError: truncated, no picture properties, or too many boxes.
    """
    meta: bytes | None = None
    for kind, start, end in _boxes(data, 0, len(data)):
        if kind == b"meta":
            meta = data[start + 4 : end]
    if meta is None:
        raise StructureError("corrupt", "the HEIC has no meta box")
    children = {kind: meta[start:end] for kind, start, end in _boxes(meta, 0, len(meta))}
    properties = children.get(b"iprp", b"")
    sizes = [
        struct.unpack_from(">II", properties, inner + 4)
        for kind, start, end in _boxes(properties, 0, len(properties))
        if kind == b"ipco"
        for name, inner, inner_end in _boxes(properties, start, end)
        if name == b"ispe" and inner_end - inner >= 12
    ]
    if not sizes:
        raise StructureError("corrupt", "the HEIC declares no picture size")
    width, height = max(sizes, key=lambda size: size[0] * size[1])
    return Container(width, height, _heif_exif(data, children))


def _boxes(data: bytes, start: int, stop: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield (type, payload start, end) of the boxes between two offsets."""
    for _ in range(MAX_BOXES):
        if start + 8 > stop:
            return
        size, kind, payload = int.from_bytes(data[start : start + 4], "big"), data[start + 4 : start + 8], start + 8
        if size == 1:
            size, payload = int.from_bytes(data[start + 8 : start + 16], "big"), start + 16
        elif size == 0:
            size = stop - start
        if size < payload - start:
            raise StructureError("corrupt", f"HEIC box {kind!r} declares {size} bytes")
        if start + size > stop:
            raise StructureError("truncated", f"HEIC box {kind!r} ends behind the file")
        yield kind, payload, start + size
        start += size
    raise StructureError("too_many_segments", f"more than {MAX_BOXES} HEIC boxes")


def _heif_exif(data: bytes, children: dict[bytes, bytes]) -> bytes | None:
    """The TIFF structure of the EXIF item; None when there is none or its location makes no sense."""
    try:
        item = _heif_exif_item(children.get(b"iinf", b""))
        if item is None:
            return None
        offset, length = _heif_location(children.get(b"iloc", b""), item)
    except (struct.error, IndexError, LookupError):
        return None
    payload = data[offset : offset + length]
    skip = 4 + int.from_bytes(payload[:4], "big")
    return payload[skip:] if 4 <= skip < len(payload) else None


def _heif_exif_item(iinf: bytes) -> int | None:
    first = 6 if iinf[0:1] == b"\x00" else 8
    for kind, start, end in _boxes(iinf, first, len(iinf)):
        version = iinf[start]
        if kind != b"infe" or version < 2:
            continue
        wide = 4 if version >= 3 else 2
        identity = int.from_bytes(iinf[start + 4 : start + 4 + wide], "big")
        if iinf[start + 6 + wide : min(start + 10 + wide, end)] == b"Exif":
            return identity
    return None


def _heif_location(iloc: bytes, wanted: int) -> tuple[int, int]:
    """Offset and length of an item's first extent, in bytes from the start of the file.

    Raises:
        LookupError: the item is not listed, or not stored in this file's data.
    """
    version = iloc[0]
    sizes, more = iloc[4], iloc[5]
    offset_size, length_size, base_size = sizes >> 4, sizes & 15, more >> 4
    index_size = more & 15 if version in (1, 2) else 0
    wide = 4 if version == 2 else 2
    position = 6

    def number(size: int) -> int:
        nonlocal position
        if position + size > len(iloc):
            raise IndexError("iloc ends early")
        position += size
        return int.from_bytes(iloc[position - size : position], "big")

    budget = MAX_EXTENTS
    for _ in range(number(wide)):
        identity = number(wide)
        method = number(2) & 15 if version in (1, 2) else 0
        number(2)
        base = number(base_size)
        extents = number(2)
        budget -= extents
        if budget < 0:
            raise LookupError("too many extents")
        for extent in range(extents):
            number(index_size)
            offset, length = base + number(offset_size), number(length_size)
            if identity == wanted and extent == 0 and method == 0:
                return offset, length
    raise LookupError("item without a location")
