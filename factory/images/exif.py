"""EXIF without an image library: where and when a photo was taken, which way up, and what a JPEG still gives away.

The reader runs while planning, in the parent process, on files from anywhere. So it is a small bounded TIFF parser in
Python (Exif 2.32, TIFF 6.0) that answers None where a value makes no sense, and never raises.
"""

from __future__ import annotations

import math
import os
import re
import stat
import struct
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from factory.images.containers import (
    PNG_SIGNATURE,
    heif_brand,
    inspect_heif,
    inspect_png,
    inspect_webp,
)
from factory.images.jpeg import EOI, EXIF_PREFIX, application_name, segments
from factory.images.records import StructureError

HEAD_BYTES: Final = 256 * 1024
"""EXIF stands within the first 64 KB of nearly every JPEG, so most of the file is never read."""
TAIL_BYTES: Final = 64 * 1024
"""The end marker stands within them unless a vendor's trailer is longer."""
MAX_READ_BYTES: Final = 256_000_000
"""Longest file whose metadata is looked for behind its head."""
MAX_ENTRIES: Final = 512
_TYPE_SIZES: Final = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
"""Type 13 is an offset to a directory (TIFF technical note 1); Parrot writes its pointers so."""
_FORMATS: Final = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 11: "f", 12: "d", 13: "I"}
_MAX_VALUES: Final = 64
_MAX_TEXT: Final = 256

_MAKE, _MODEL, _ORIENTATION = 0x010F, 0x0110, 0x0112
_EXIF_IFD, _GPS_IFD = 0x8769, 0x8825
_ORIGINAL, _DIGITIZED, _OFFSET_ORIGINAL, _OFFSET_DIGITIZED = 0x9003, 0x9004, 0x9011, 0x9012
_LAT_REF, _LAT, _LON_REF, _LON = 1, 2, 3, 4
_PRIVATE_TAGS: Final = {
    0x927C: "maker notes",
    0xA420: "image unique id",
    0xA430: "camera owner name",
    0xA431: "body serial number",
    0xA435: "lens serial number",
    0x9286: "user comment",
    0xC62F: "body serial number",
}
_DATE: Final = re.compile(r"\s*(\d{4})[:\-/](\d{2})[:\-/](\d{2})[ T](\d{2}):(\d{2}):(\d{2})")
_OFFSET: Final = re.compile(r"[+-](0\d|1[0-4]):[0-5]\d")

_Value = tuple[float, ...] | str
_Ifd = dict[int, _Value]


@dataclass(frozen=True, slots=True)
class PhotoMetadata:
    """What a photo's EXIF says, as far as it makes sense."""

    lat: float | None = None
    """WGS84 degrees; (0, 0) is reported as it stands."""
    lon: float | None = None
    """WGS84 degrees; None whenever `lat` is."""
    captured_at: str | None = None
    """ISO 8601, local time of the camera, with an offset only where EXIF has one."""
    orientation: int = 1
    """EXIF orientation, 1 to 8. For HEIC informative only: the container turns the picture."""
    camera: str | None = None
    """Make and model; never a serial number."""
    written: tuple[str, str] | None = None
    """Latitude and longitude with their references where EXIF holds text in place of numbers: for
    `factory.geo.degrees` to read. `lat` and `lon` are None then."""
    damage: str | None = None
    """A key of `records.REASONS` where the file is no picture or ends before its metadata could: then what it says is
    unknown, not absent."""


def read_metadata(data_or_path: bytes | Path | str) -> PhotoMetadata:
    """Read what EXIF says in a JPEG, PNG, WebP, HEIC or TIFF, given as bytes or as a path.

    Never raises for what a file holds: hostile, broken or missing EXIF gives empty fields. A latitude or longitude is
    None when it is out of range, not finite, has minutes or seconds past 60, has no hemisphere (a positive number
    without N, S, E or W could be on either side, and a wrong truth is worse than none) or one that its sign
    contradicts.

    Raises:
        OSError: the path cannot be read.
    """
    try:
        tiff = find_exif(data_or_path) if isinstance(data_or_path, bytes) else _find_exif_in_file(Path(data_or_path))
    except StructureError as problem:
        return PhotoMetadata(damage=problem.reason)
    return parse_exif(tiff) if tiff else PhotoMetadata()


def has_end(path: Path) -> bool:
    """Whether a JPEG ends with its end marker, with or without bytes behind it. Others are taken as whole.

    Only the last bytes are read where they tell.

    Raises:
        OSError: the path cannot be read.
    """
    with path.open("rb") as file:
        if file.read(2) != b"\xff\xd8" or path.stat().st_size > MAX_READ_BYTES:
            return True
        file.seek(max(0, path.stat().st_size - TAIL_BYTES))
        if b"\xff\xd9" in file.read():
            return True
        file.seek(0)
        data = file.read()
    try:
        return any(segment.marker == EOI for segment in segments(data))
    except StructureError:
        return False


def find_exif(data: bytes) -> bytes | None:
    """The TIFF structure that holds a file's EXIF, or None.

    Raises:
        StructureError: the file is damaged before its EXIF, or no picture at all.
    """
    if not data:
        raise StructureError("zero_byte", "the file is empty")
    if data[:2] == b"\xff\xd8":
        for segment in segments(data, header_only=True):
            if segment.marker == 0xE1 and data.startswith(EXIF_PREFIX, segment.payload):
                return data[segment.payload + len(EXIF_PREFIX) : segment.end]
        return None
    if data.startswith(PNG_SIGNATURE):
        return inspect_png(data).exif
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return inspect_webp(data).exif
    if heif_brand(data) == "HEIF":
        return inspect_heif(data).exif
    if data[:4] in (b"II*\x00", b"MM\x00*"):
        return data
    if heif_brand(data) is None:
        raise StructureError("not_an_image", f"the file begins with {data[:8].hex(' ')}")
    return None


def parse_exif(tiff: bytes) -> PhotoMetadata:
    """Read the fields of `PhotoMetadata` from a TIFF structure; never raises."""
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None or len(tiff) < 8:
        return PhotoMetadata()
    main, _ = _read_ifd(tiff, struct.unpack_from(order + "I", tiff, 4)[0], order)
    exif = _sub_ifd(tiff, main, _EXIF_IFD, order)
    gps = _sub_ifd(tiff, main, _GPS_IFD, order)
    lat = _coordinate(gps.get(_LAT), gps.get(_LAT_REF), "N", "S", 90)
    lon = _coordinate(gps.get(_LON), gps.get(_LON_REF), "E", "W", 180)
    if lat is None or lon is None:
        lat = lon = None
    captured = _captured_at(exif, _ORIGINAL, _OFFSET_ORIGINAL) or _captured_at(exif, _DIGITIZED, _OFFSET_DIGITIZED)
    return PhotoMetadata(lat, lon, captured, _orientation(main), _camera(main), _written(gps))


def exif_orientation(tiff: bytes) -> int:
    """The EXIF orientation of a TIFF structure, 1 to 8; never raises, and looks at nothing else."""
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None or len(tiff) < 8:
        return 1
    return _orientation(_read_ifd(tiff, struct.unpack_from(order + "I", tiff, 4)[0], order)[0])


def _orientation(main: _Ifd) -> int:
    turned = main.get(_ORIENTATION)
    return int(turned[0]) if isinstance(turned, tuple) and turned and 1 <= turned[0] <= 8 else 1


def _written(gps: _Ifd) -> tuple[str, str] | None:
    """Coordinates that are text, each with its reference behind it."""
    lat, lon = (gps.get(tag) for tag in (_LAT, _LON))
    if not isinstance(lat, str) or not isinstance(lon, str):
        return None
    north, east = (_clean(gps.get(tag)) for tag in (_LAT_REF, _LON_REF))
    return f"{_clean(lat)} {north}".strip(), f"{_clean(lon)} {east}".strip()


def metadata_findings(jpeg: bytes) -> list[str]:
    """What a JPEG still carries besides its picture; [] for everything `prepare` returns.

    Names EXIF and its private parts (GPS, maker notes, serial numbers, thumbnail), XMP, IPTC, comments, ICC profiles,
    JFIF thumbnails, unknown application segments and bytes behind the end of the picture.
    """
    if jpeg[:2] != b"\xff\xd8":
        return ["not a JPEG"]
    findings: list[str] = []
    end = 0
    try:
        for segment in segments(jpeg):
            payload = jpeg[segment.payload : segment.end]
            if segment.marker == EOI:
                end = segment.end
            name = application_name(segment.marker, payload)
            if name:
                findings.append(name)
            if name == "EXIF":
                findings.extend(_private_exif(payload[len(EXIF_PREFIX) :]))
    except StructureError as problem:
        return [*dict.fromkeys(findings), f"damaged JPEG ({problem.detail})"]
    if end != len(jpeg):
        findings.append(f"{len(jpeg) - end} bytes behind the picture")
    return list(dict.fromkeys(findings))


def _find_exif_in_file(path: Path) -> bytes | None:
    # O_NONBLOCK: opening a pipe must not wait for a writer.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:  # noqa: PTH123  a descriptor, not a path
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_READ_BYTES:
            return None
        head = file.read(HEAD_BYTES)
        if len(head) == HEAD_BYTES and head[:2] == b"\xff\xd8":
            try:
                return find_exif(head)
            except StructureError:  # the header is longer than the head
                pass
        return find_exif(head + file.read())


def _read_ifd(tiff: bytes, offset: int, order: str) -> tuple[_Ifd, int]:
    """The readable entries of the directory at `offset`, and the offset of the next one (0: none)."""
    entries: _Ifd = {}
    if not 8 <= offset <= len(tiff) - 2:
        return entries, 0
    (count,) = struct.unpack_from(order + "H", tiff, offset)
    position = offset + 2
    for _ in range(min(count, MAX_ENTRIES)):
        if position + 12 > len(tiff):
            return entries, 0
        tag, kind, number = struct.unpack_from(order + "HHI", tiff, position)
        value = _read_value(tiff, position + 8, kind, number, order)
        if value is not None:
            entries.setdefault(tag, value)
        position += 12
    if count > MAX_ENTRIES or position + 4 > len(tiff):
        return entries, 0
    return entries, struct.unpack_from(order + "I", tiff, position)[0]


def _read_value(tiff: bytes, position: int, kind: int, count: int, order: str) -> _Value | None:
    size = _TYPE_SIZES.get(kind)
    if size is None or count == 0:
        return None
    if size * count > 4:
        (position,) = struct.unpack_from(order + "I", tiff, position)
    if kind in (2, 7):
        count = min(count, _MAX_TEXT)
        return tiff[position : position + count].split(b"\x00")[0].decode("utf-8", "replace").strip()
    count = min(count, _MAX_VALUES)
    if position + size * count > len(tiff):
        return None
    if kind in (5, 10):
        numbers = struct.unpack_from(f"{order}{2 * count}{'I' if kind == 5 else 'i'}", tiff, position)
        return tuple(_ratio(numbers[i], numbers[i + 1]) for i in range(0, 2 * count, 2))
    return tuple(float(number) for number in struct.unpack_from(f"{order}{count}{_FORMATS[kind]}", tiff, position))


def _ratio(numerator: int, denominator: int) -> float:
    """A rational; 0/0 is what cameras write for a part they do not know, told apart as infinity from NaN."""
    if denominator:
        return numerator / denominator
    return math.inf if numerator == 0 else math.nan


def _sub_ifd(tiff: bytes, main: _Ifd, tag: int, order: str) -> _Ifd:
    pointer = main.get(tag)
    if not isinstance(pointer, tuple) or not pointer or not math.isfinite(pointer[0]):
        return {}
    return _read_ifd(tiff, int(pointer[0]), order)[0]


def _coordinate(value: _Value | None, ref: _Value | None, plus: str, minus: str, limit: int) -> float | None:
    """Degrees from degrees, minutes and seconds and a hemisphere; None when they make no place on Earth."""
    if not value or isinstance(value, str) or len(value) > 3:
        return None
    parts = value
    # An unknown (0/0) minute or second is none; an unknown degree is no coordinate.
    degrees, minutes, seconds = (
        *parts[:1],
        *(0.0 if part == math.inf else part for part in (*parts[1:], 0.0, 0.0)[:2]),
    )
    if not all(map(math.isfinite, (degrees, minutes, seconds))):
        return None
    if not (0 <= minutes <= 60 and 0 <= seconds <= 60):
        return None
    size = abs(degrees) + minutes / 60 + seconds / 3600
    side = ref.strip().upper()[:1] if isinstance(ref, str) else ""
    negative = math.copysign(1, degrees) < 0 < size
    if size > limit or (side and side not in (plus, minus)) or (negative and side == plus):
        return None
    if not side and not negative and size > 0:
        return None
    return -size if side == minus or negative else size


def _captured_at(exif: _Ifd, tag: int, offset_tag: int) -> str | None:
    text, offset = exif.get(tag), exif.get(offset_tag)
    match = _DATE.match(text) if isinstance(text, str) else None
    if match is None:
        return None
    try:
        moment = datetime(*(int(part) for part in match.groups()))  # type: ignore[arg-type]
    except ValueError:
        return None
    suffix = offset if isinstance(offset, str) and _OFFSET.fullmatch(offset) else ""
    return moment.isoformat() + suffix


def _camera(main: _Ifd) -> str | None:
    make, model = (_clean(main.get(tag)) for tag in (_MAKE, _MODEL))
    if make and model.lower().startswith(make.lower()):
        make = ""
    return f"{make} {model}".strip()[:100] or None


def _clean(value: _Value | None) -> str:
    return "".join(c for c in value if c.isprintable()).strip() if isinstance(value, str) else ""


def _private_exif(tiff: bytes) -> list[str]:
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None or len(tiff) < 8:
        return []
    main, following = _read_ifd(tiff, struct.unpack_from(order + "I", tiff, 4)[0], order)
    exif = _sub_ifd(tiff, main, _EXIF_IFD, order)
    findings = ["GPS"] if _GPS_IFD in main else []
    findings.extend(name for tag, name in _PRIVATE_TAGS.items() if tag in exif or tag in main)
    if following:
        findings.append("EXIF thumbnail")
    return findings
