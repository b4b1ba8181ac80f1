"""JPEG structure without decoding: walk the segments, count scans, take metadata out losslessly.

`strip` keeps an allowlist (frame, tables, scans, a bare JFIF and Adobe header) and drops everything else, so metadata
of kinds nobody has thought of yet is dropped too. Markers follow ITU-T T.81, table B.1.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from factory.images.records import StructureError

SOI: Final = 0xD8
EOI: Final = 0xD9
SOS: Final = 0xDA
DHT: Final = 0xC4
DQT: Final = 0xDB
COM: Final = 0xFE
APP0: Final = 0xE0
FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Start-of-frame markers; C4 is DHT, C8 reserved, CC DAC."""
KEPT: Final = FRAMES | {0xC4, 0xCC, SOS, 0xDB, 0xDC, 0xDD}
"""Segments a decoder needs: frames, Huffman and arithmetic tables, scans, quantisation, DNL, restart interval."""
PLAIN_FRAMES: Final = frozenset({0xC0, 0xC2})
"""Baseline and progressive: what every JPEG reader opens."""
DECODED_FRAMES: Final = frozenset({0xC0, 0xC1, 0xC2, 0xC9, 0xCA})
"""Huffman and arithmetic DCT frames; lossless and hierarchical ones are refused."""
MAX_SEGMENTS: Final = 4096
"""A camera writes under 100; extended XMP and large ICC profiles some hundred."""
MAX_ICC_BYTES: Final = 4 << 20
"""Larger profiles are ignored; CMYK press profiles have up to 3 MB."""

EXIF_PREFIX: Final = b"Exif\x00\x00"
ICC_PREFIX: Final = b"ICC_PROFILE\x00"

# Two fixed bytes: no repetition, so the search is linear on any input. 00 is stuffing, D0-D7 restarts, FF fill.
_NEXT_MARKER: Final = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")


class Segment(NamedTuple):
    """One marker with its payload; for SOS `end` lies behind the entropy-coded data."""

    marker: int
    start: int
    """Offset of the FF byte."""
    payload: int
    """Offset of the payload, behind the length field."""
    end: int
    """Offset behind the segment."""


@dataclass(slots=True)
class JpegStructure:
    """What `inspect_jpeg` found."""

    frame: int = 0
    """Start-of-frame marker, 0 until seen."""
    precision: int = 0
    width: int = 0
    height: int = 0
    components: int = 0
    scans: int = 0
    jfif: bool = False
    adobe_transform: int | None = None
    exif: bytes | None = None
    """TIFF structure behind the EXIF prefix."""
    icc: bytes | None = None
    exact: bool = True
    """Whether every kept segment is as long as what it says and no longer: nothing hides behind a table. Limit: what
    stands behind the last block of a scan, before the next marker, only a decoder can tell."""
    kept: list[Segment] = field(default_factory=list)


def segments(data: bytes, *, header_only: bool = False) -> Iterator[Segment]:
    """Yield the segments of the first picture in `data`, from behind SOI up to and including EOI.

    With `header_only` it stops at the first scan, so the beginning of a file is enough. Where a vendor's trailer
    follows the last scan without an end marker (panoramas of Samsung's phones) the EOI is empty and stands before the
    trailer.

    Raises:
        StructureError: the bytes end early (`truncated`), or there are too many segments.
    """
    position = 2
    scanned = False
    stop = len(data) if header_only else trailer_start(data)
    for _ in range(MAX_SEGMENTS):
        found = _NEXT_MARKER.search(data, position, stop)
        if found is None and scanned and stop < len(data):
            yield Segment(EOI, stop, stop, stop)
            return
        if found is None:
            raise StructureError("truncated", "the JPEG has no end-of-image marker")
        start, marker = found.start(), data[found.start() + 1]
        if marker == EOI:
            yield Segment(marker, start, start + 2, start + 2)
            return
        if marker in (SOI, 0x01):
            yield Segment(marker, start, start + 2, start + 2)
            position = start + 2
            continue
        length = int.from_bytes(data[start + 2 : start + 4], "big")
        end = start + 2 + length
        if length < 2:
            raise StructureError("corrupt", f"JPEG segment {marker:02X} declares a length of {length}")
        if end > stop:
            raise StructureError("truncated", f"JPEG segment {marker:02X} ends behind the file")
        if marker == SOS:
            if header_only:
                return
            following = _NEXT_MARKER.search(data, end, stop)
            if following is None and stop == len(data):
                raise StructureError("truncated", "the file ends inside a JPEG scan")
            end = following.start() if following else stop
            scanned = True
        yield Segment(marker, start, start + 4, end)
        position = end
    raise StructureError("too_many_segments", f"more than {MAX_SEGMENTS} JPEG segments")


def trailer_start(data: bytes) -> int:
    """Where the trailer of Samsung's phones begins, the length of the file where there is none.

    The file ends with `SEFT` and, before it, the length of a directory `SEFH`: its version, a count, and for each block
    its kind, how far before the directory it begins, and its length.
    """
    if data[-4:] != b"SEFT" or len(data) < 20:
        return len(data)
    directory = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    if directory < 2 or data[directory : directory + 4] != b"SEFH":
        return len(data)
    count = int.from_bytes(data[directory + 8 : directory + 12], "little")
    entries = range(directory + 12, min(directory + 12 + 12 * count, len(data) - 8), 12)
    before = max((int.from_bytes(data[at + 4 : at + 8], "little") for at in entries), default=0)
    return directory - before if 0 < before < directory - 2 else directory


def inspect_jpeg(data: bytes, max_scans: int) -> JpegStructure:
    """Read frame, scan count and metadata of a JPEG; nothing is decoded.

    Raises:
        StructureError: truncated, more than `max_scans` scans, two frames, or a frame type that is not decoded.
    """
    found = JpegStructure()
    icc_parts: dict[int, bytes] = {}
    for segment in segments(data):
        marker = segment.marker
        if marker in FRAMES:
            _read_frame(found, marker, data[segment.payload : segment.end])
        elif marker == SOS:
            found.scans += 1
            if found.scans > max_scans:
                raise StructureError("too_many_scans", f"more than {max_scans} scans")
        elif marker == SOI:
            raise StructureError("corrupt", "a second start-of-image marker inside the JPEG")
        elif 0xE0 <= marker <= 0xEF and not found.scans:
            _read_application(found, icc_parts, marker, data[segment.payload : segment.end])
        if marker in KEPT:
            found.kept.append(segment)
            found.exact = found.exact and _is_exact(marker, data, segment)
    if not found.frame or not found.scans:
        raise StructureError("corrupt", "the JPEG has no frame or no scan")
    icc = b"".join(icc_parts[number] for number in sorted(icc_parts))
    found.icc = icc if 0 < len(icc) <= MAX_ICC_BYTES else None
    return found


def _is_exact(marker: int, data: bytes, segment: Segment) -> bool:
    """Whether a segment is well formed and as long as its own numbers say (T.81, B.2)."""
    length = int.from_bytes(data[segment.start + 2 : segment.start + 4], "big") - 2
    payload = data[segment.payload : segment.payload + length]
    if marker == SOS:
        return length > 0 and 1 <= payload[0] <= 4 and length == 4 + 2 * payload[0]
    if marker in FRAMES:
        parts = [payload[at : at + 3] for at in range(6, length, 3)]
        return length == 6 + 3 * payload[5] and all(_is_sampled(part) for part in parts)
    if marker == DQT:
        return _is_filled(payload, lambda at: 1 + 64 * (1 + (payload[at] >> 4)) if payload[at] & 0xEC == 0 else 0)
    if marker == DHT:
        return _is_filled(payload, lambda at: 17 + sum(payload[at + 1 : at + 17]) if payload[at] & 0xEC == 0 else 0)
    return length == 2  # DRI, DNL; arithmetic tables belong to frames that are encoded again


def _is_sampled(part: bytes) -> bool:
    """Whether a component of a frame has sampling factors and a table that there are."""
    return 1 <= part[1] >> 4 <= 4 and 1 <= part[1] & 15 <= 4 and part[2] <= 3


def _is_filled(payload: bytes, size: Callable[[int], int]) -> bool:
    """Whether tables fill a segment to its end. `size` is that of the table at an offset, 0 where there is none."""
    at = 0
    while at < len(payload):
        step = size(at)
        if step == 0:
            return False
        at += step
    return at == len(payload) > 0


def strip(data: bytes, structure: JpegStructure) -> bytes:
    """The same coded picture with no metadata and nothing behind its end; the decoded pixels do not change.

    JFIF and Adobe headers say how colours are coded, so they are written again in their shortest form.
    """
    parts = [b"\xff\xd8"]
    if structure.jfif:
        parts.append(b"\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00")
    if structure.adobe_transform is not None:
        parts.append(b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00" + bytes([structure.adobe_transform]))
    parts.extend(data[segment.start : segment.end] for segment in structure.kept)
    parts.append(b"\xff\xd9")
    return b"".join(parts)


def application_name(marker: int, payload: bytes) -> str | None:
    """What an application or comment segment carries, in words; None for a bare JFIF or Adobe header."""
    if marker == COM:
        return "comment"
    if not 0xE0 <= marker <= 0xEF:
        return None
    if marker == APP0 and payload.startswith(b"JFIF\x00") and len(payload) <= 14:
        return None
    if marker == 0xEE and payload.startswith(b"Adobe") and len(payload) <= 12:
        return None
    for prefix, name in _NAMES:
        if payload.startswith(prefix):
            return name
    return f"APP{marker - 0xE0} segment"


_NAMES: Final = (
    (EXIF_PREFIX, "EXIF"),
    (b"http://ns.adobe.com/x", "XMP"),
    (b"Photoshop 3.0\x00", "IPTC"),
    (ICC_PREFIX, "ICC profile"),
    (b"MPF\x00", "MPF pictures"),
    (b"JFIF\x00", "JFIF thumbnail"),
    (b"JFXX\x00", "JFIF thumbnail"),
)


def _read_frame(found: JpegStructure, marker: int, payload: bytes) -> None:
    if found.frame:
        raise StructureError("corrupt", "the JPEG has two frames")
    if len(payload) < 6:
        raise StructureError("corrupt", "the JPEG frame header is too short")
    found.frame = marker
    found.precision, found.height, found.width, found.components = struct.unpack_from(">BHHB", payload)
    if marker not in DECODED_FRAMES or found.precision != 8:
        raise StructureError("unsupported_encoding", f"JPEG frame {marker:02X} with {found.precision} bits a sample")


def _read_application(found: JpegStructure, icc_parts: dict[int, bytes], marker: int, payload: bytes) -> None:
    if marker == APP0 and payload.startswith(b"JFIF\x00"):
        found.jfif = True
    elif marker == 0xEE and payload.startswith(b"Adobe") and len(payload) >= 12:
        found.adobe_transform = payload[11]
    elif marker == 0xE1 and found.exif is None and payload.startswith(EXIF_PREFIX):
        found.exif = payload[len(EXIF_PREFIX) :]
    elif marker == 0xE2 and payload.startswith(ICC_PREFIX) and len(payload) > 14:
        icc_parts.setdefault(payload[12], payload[14:])
