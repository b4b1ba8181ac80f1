"""Sidecars: what Google Takeout and XMP say beside a photo of where and when it was taken.

Takeout cuts a sidecar's name at 46 characters, moves the counter of a doubled name (`IMG(1).jpg`, `IMG.jpg(1).json`)
and writes none for an edited copy, so that one looks from a photo for its sidecar and never back; a cut name is held
against the `title` inside. XMP has its values as attributes or as elements, under any prefix (XMP Specification,
part 1, 7).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any, Final, Literal
from xml.parsers import expat

from factory.errors import SourceError
from factory.sources.json_text import read_json
from factory.sources.paths import locate

SidecarKind = Literal["takeout", "xmp"]

MAX_SIDECAR_BYTES: Final = 2_000_000
"""Takeout's have 1 KB, XMP's with a history of edits some hundred."""
CUT: Final = 46
"""Characters of a sidecar's name that Takeout keeps, at the least, before `.json`; newer exports keep some more."""
SUPPLEMENT: Final = ".supplemental-metadata"
"""What exports since late 2024 put behind the photo's name."""
_EDITED: Final = ("-edited", "-modifié", "-bearbeitet", "-ha editado")
_COUNTED: Final = re.compile(r"(.+)(\([0-9]{1,4}\))(\.[^.()]{1,5})", re.DOTALL)
_SIDECAR: Final = re.compile(r"(.+?)(\([0-9]{1,4}\))?\.json", re.DOTALL | re.IGNORECASE)
_UNNAMEABLE: Final = re.compile(r"[&?%*:|\"<>/\\']")
_EPOCH: Final = re.compile(r"-?[0-9]{1,10}")
_WHEN: Final = re.compile(
    r"([0-9]{4})[:-]([0-9]{2})[:-]([0-9]{2})[T ]([0-9]{2}:[0-9]{2}:[0-9]{2})(?:[.,][0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})?"
)
_EXIF, _PHOTOSHOP, _XMP = (
    "http://ns.adobe.com/exif/1.0/",
    "http://ns.adobe.com/photoshop/1.0/",
    "http://ns.adobe.com/xap/1.0/",
)
_LAT, _LON, _LAT_REF, _LON_REF = (
    f"{_EXIF} GPS{end}" for end in ("Latitude", "Longitude", "LatitudeRef", "LongitudeRef")
)
_TIMES: Final = (f"{_EXIF} DateTimeOriginal", f"{_PHOTOSHOP} DateCreated", f"{_XMP} CreateDate")
_FOR_EXTENSION: Final = f"{_PHOTOSHOP} SidecarForExtension"
_WANTED: Final = frozenset((_LAT, _LON, _LAT_REF, _LON_REF, *_TIMES, _FOR_EXTENSION))
_MAX_DEPTH: Final = 64
_MAX_VALUE: Final = 100


@dataclass(frozen=True, slots=True)
class Said:
    """What a sidecar says, as far as it makes sense. Coordinates are text for `factory.geo.degrees`."""

    place: tuple[str, str] | None = None
    captured_at: str | None = None
    """ISO 8601: Takeout's in UTC, XMP's in the camera's local time unless it has a zone."""


@dataclass(frozen=True, slots=True)
class Sidecars:
    """The sidecars below a folder of photos."""

    folder: Path
    kinds: tuple[SidecarKind, ...]

    def names(self, photo: str) -> Iterator[tuple[SidecarKind, str]]:
        """Which files may belong to a photo, likeliest first: relative paths, as the photo's own."""
        parent = PurePosixPath(photo).parent
        beside = _beside(self.folder / parent, _changed_ns(self.folder / parent))
        for kind in self.kinds:
            found = takeout_names(PurePosixPath(photo).name, beside.takeout) if kind == "takeout" else beside.xmp(photo)
            yield from ((kind, (parent / name).as_posix()) for name in found)

    def said(self, photo: str) -> Said:
        """What the photo's sidecars say together, the first that says something of each.

        Raises SourceError, naming the file, for one that cannot be read.
        """
        place = captured_at = None
        for kind, name in self.names(photo):
            one = self._read(kind, name, PurePosixPath(photo).name)
            place, captured_at = place or one.place, captured_at or one.captured_at
        return Said(place, captured_at)

    def _read(self, kind: SidecarKind, name: str, photo: str) -> Said:
        try:
            path = locate(self.folder, name)
            with path.open("rb") as file:
                data = file.read(MAX_SIDECAR_BYTES + 1)
            if len(data) > MAX_SIDECAR_BYTES:
                raise ValueError(f"more than {MAX_SIDECAR_BYTES:,} bytes")
            return read_takeout(data, photo, name) if kind == "takeout" else read_xmp(data, photo)
        except (ValueError, OSError) as error:
            raise SourceError(f"{name!r}: {error}") from None


@dataclass(frozen=True, slots=True)
class _Beside:
    """The sidecars of one folder, by what they are called."""

    takeout: Mapping[tuple[str, str], str]
    """By name without counter and ending, and the counter or ""."""
    xmps: Mapping[str, str]
    """By name without the ending, in small letters."""

    def xmp(self, photo: str) -> Iterator[str]:
        name = PurePosixPath(photo).name.lower()
        stem = name.rpartition(".")[0]
        yield from (self.xmps[one] for one in (name, stem) if one in self.xmps)


def _changed_ns(folder: Path) -> int:
    try:
        return folder.stat().st_mtime_ns
    except OSError:
        return 0


@lru_cache(maxsize=64)
def _beside(folder: Path, changed_ns: int) -> _Beside:
    """Remembered until a file comes or goes."""
    try:
        names = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    except OSError:
        names = []
    parts = ((_SIDECAR.fullmatch(name), name) for name in names)
    takeout = {(_composed(found[1]), found[2] or ""): name for found, name in parts if found}
    return _Beside(takeout, {name[:-4].lower(): name for name in names if name.lower().endswith(".xmp")})


def takeout_names(photo: str, sidecars: Mapping[tuple[str, str], str]) -> Iterator[str]:
    """The first sidecar of Takeout that a photo's name leads to.

    Args:
        sidecars: names of files by name without counter and `.json`, and counter.
    """
    for name, counter in _called(_composed(photo)):
        whole = name + SUPPLEMENT
        cut = (whole[:length] for length in range(len(whole) - 1, CUT - 1, -1) if length != len(name))
        for stem in (whole, name, *cut):
            if found := sidecars.get((stem, counter)):
                yield found
                return


def _called(photo: str) -> Iterator[tuple[str, str]]:
    """A photo's name and counter as its sidecar has them, then those of what it was edited from."""
    yield photo, ""
    counted = _COUNTED.fullmatch(photo)
    name, counter = (counted[1] + counted[3], counted[2]) if counted else (photo, "")
    if counted:
        yield name, counter
    stem, dot, ending = name.rpartition(".")
    for edited in _EDITED:
        if stem.lower().endswith(edited):
            yield f"{stem[: -len(edited)]}{dot}{ending}", counter


def read_takeout(data: bytes, photo: str, name: str) -> Said:
    """Place and time of a sidecar of Takeout; nothing of one that is another photo's by its title.

    `geoData` is what the user may have corrected, `geoDataExif` the file's own; 0/0 in both is no place.
    `photoTakenTime` is in UTC; `creationTime`, the upload, is not looked at. JSON of another program says nothing.
    Raises ValueError for what is no JSON.
    """
    record = read_json(data)
    if not isinstance(record, dict):
        return Said()
    title = record.get("title")
    if isinstance(title, str) and _is_cut(name) and not _titled(title, photo):
        return Said()
    places = (_takeout_place(record.get(key)) for key in ("geoData", "geoDataExif"))
    taken = record.get("photoTakenTime")
    stamp = taken.get("timestamp") if isinstance(taken, dict) else None
    return Said(next((place for place in places if place), None), _at(str(stamp)) if stamp is not None else None)


def _is_cut(name: str) -> bool:
    """Whether a sidecar's name does not hold the whole name of its photo."""
    found = _SIDECAR.fullmatch(PurePosixPath(name).name)
    return found is not None and len(found[1]) >= CUT and not found[1].endswith(SUPPLEMENT)


def _titled(title: str, photo: str) -> bool:
    """Whether a title, which is not cut and has characters that no file name has, is that of a photo."""
    for name, _ in _called(_composed(photo)):
        stem, _, ending = name.rpartition(".")
        of_title, _, title_ending = _UNNAMEABLE.sub("_", _composed(title)).rpartition(".")
        if of_title.startswith(stem) and (len(of_title) == len(stem) or len(stem) >= CUT - 4):
            return title_ending.lower() == ending.lower()
    return False


def _takeout_place(value: Any) -> tuple[str, str] | None:
    if not isinstance(value, dict):
        return None
    lat, lon = value.get("latitude"), value.get("longitude")
    if any(isinstance(one, bool) or not isinstance(one, int | float | str) for one in (lat, lon)):
        return None
    try:
        if float(lat) == 0.0 and float(lon) == 0.0:  # type: ignore[arg-type]
            return None
    except (ValueError, OverflowError):
        return None
    return str(lat)[:_MAX_VALUE], str(lon)[:_MAX_VALUE]


def _at(stamp: str) -> str | None:
    if not _EPOCH.fullmatch(stamp):
        return None
    try:
        return datetime.fromtimestamp(int(stamp), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return None


def read_xmp(data: bytes, photo: str) -> Said:
    """Place and time of an XMP sidecar; nothing of one that is of a file with another ending.

    A coordinate has its letter, or its `...Ref` beside it, as Apple's export writes them. A number without either could
    be on both sides, and is none. Raises ValueError for what is no XML, has a document type, or is nested too deeply.
    """
    values = _xmp_values(data)
    told = values.get(_FOR_EXTENSION)
    if told and told.lower().lstrip(".") != PurePosixPath(photo).suffix.lower().lstrip("."):
        return Said()
    lat = _with_letter(values.get(_LAT), values.get(_LAT_REF), "NS")
    lon = _with_letter(values.get(_LON), values.get(_LON_REF), "EW")
    times = (_iso(values[name]) for name in _TIMES if values.get(name))
    return Said((lat, lon) if lat and lon else None, next((time for time in times if time), None))


def _with_letter(value: str | None, letter: str | None, letters: str) -> str | None:
    if not value:
        return None
    if value[-1].upper() in letters:
        return value
    letter = (letter or "").strip().upper()[:1]
    return f"{value}{letter}" if letter and letter in letters else None


def _iso(text: str) -> str | None:
    found = _WHEN.match(text)
    return f"{found[1]}-{found[2]}-{found[3]}T{found[4]}{found[5] or ''}" if found else None


def _xmp_values(data: bytes) -> dict[str, str]:
    """The wanted properties by namespace and name; one with two different values has none."""
    found: dict[str, set[str]] = {}
    inside: list[str] = []
    text: list[str] = []

    def note(name: str, value: str) -> None:
        if name in _WANTED and (value := value.strip()):
            found.setdefault(name, set()).add(value[:_MAX_VALUE])

    def start(name: str, attributes: dict[str, str]) -> None:
        inside.append(name)
        text.clear()
        if len(inside) > _MAX_DEPTH:
            raise ValueError("nested too deeply")
        for key, value in attributes.items():
            note(key, value)

    def end(name: str) -> None:
        note(name, "".join(text))
        text.clear()
        inside.pop()

    def refuse(*_: object) -> None:
        raise ValueError("has a document type, which no XMP has")

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = text.append
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise ValueError(f"no XML ({error})") from None
    return {name: next(iter(values)) for name, values in found.items() if len(values) == 1}


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)
