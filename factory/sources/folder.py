"""A folder of photos, placed by EXIF or sidecars. A photo without a place is a row too; the plan drops it and says so.

So is one whose name is no Unicode text, and a file that is no whole picture, each by its own reason.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import polars as pl

from factory.errors import SourceError
from factory.plugins.contracts import Source
from factory.plugins.registry import register
from factory.sources.contract import raw_columns
from factory.sources.paths import file_stamp, listing_digest, locate, recipe_path
from factory.sources.sidecars import MAX_SIDECAR_BYTES, Said, SidecarKind, Sidecars
from factory.sources.tar_samples import in_unicode, unnameable
from schemas.settings import InputPath

PhotoFormat = Literal["JPEG", "PNG", "WEBP", "HEIF"]

_SUFFIXES: dict[PhotoFormat, tuple[str, ...]] = {
    "JPEG": (".jpg", ".jpeg", ".jpe"),
    "PNG": (".png",),
    "WEBP": (".webp",),
    "HEIF": (".heic", ".heif", ".hif"),
}


@register("source", "folder")
def folder(
    root: Path,
    *,
    path: InputPath,
    recursive: bool = True,
    formats: tuple[PhotoFormat, ...] = ("JPEG", "PNG", "WEBP", "HEIF"),
    licence: str | None = None,
    author: str | None = None,
    uncertainty_km: float = 0.0,
    sidecars: tuple[SidecarKind, ...] = ("takeout", "xmp"),
    prefer: Literal["exif", "sidecar"] = "exif",
) -> Source:
    """Photos below a folder, located by their EXIF GPS or by the sidecars beside them.

    Args:
        root: the folder from which relative paths start.
        path: the folder of photos; `~` and environment variables are expanded.
        recursive: whether folders inside count. Hidden files, hidden folders and linked folders never do.
        formats: which kinds of file count, by suffix.
        licence: of all photos.
        author: of all photos.
        uncertainty_km: how far positions may be off.
        sidecars: which are looked for: Google Takeout's JSON, XMP.
        prefer: whose place and time is taken where both have one. EXIF is what the camera wrote; a sidecar may hold
            what somebody corrected, or moved.
    """
    suffixes = frozenset(suffix for name in formats for suffix in _SUFFIXES[name])
    place = recipe_path(root, path, key="path")
    beside = Sidecars(place, tuple(sidecars))
    return FolderSource(path, place, recursive, suffixes, licence, author, uncertainty_km, beside, prefer)


@dataclass(frozen=True, slots=True)
class FolderSource:
    """See `folder`. A photo's id is its path below the folder, in Unicode's composed form (NFC)."""

    name: str
    folder: Path
    recursive: bool
    suffixes: frozenset[str]
    licence: str | None
    author: str | None
    uncertainty_km: float
    sidecars: Sidecars
    prefer: Literal["exif", "sidecar"]

    @property
    def coordinate_columns(self) -> tuple[str, str]:
        return "GPSLatitude", "GPSLongitude"

    def digest(self) -> str:
        photos = self._photos()
        digest = listing_digest((name, path.lstat().st_size) for name, path in photos)
        beside = sorted({name for photo, _ in photos for _, name in self.sidecars.names(photo)})
        if not beside:
            return digest
        said = hashlib.sha256(f"{digest} {self.prefer}".encode())
        for name in beside:
            said.update(f"\n{name}\0".encode("utf-8", "surrogateescape") + self._content(name))
        return said.hexdigest()

    def _content(self, name: str) -> bytes:
        """A sidecar's digest: small, and what it says counts."""
        try:
            with locate(self.folder, name).open("rb") as file:
                return hashlib.sha256(file.read(MAX_SIDECAR_BYTES)).digest()
        except (SourceError, OSError):
            return b""

    def table(self) -> pl.DataFrame:
        photos = self._photos()
        if not photos:
            raise SourceError(f"{self.name}: {self._what_else()}")
        rows = [{"source_row": number, **self._row(name)} for number, (name, _) in enumerate(photos)]
        texts = ("id", "image", "lat", "lon", "captured_at", "problem", "problem_detail")
        schema = {"source_row": pl.Int64, **dict.fromkeys(texts, pl.String)}
        return raw_columns(pl.DataFrame(rows, schema=schema)).with_columns(
            licence=pl.lit(self.licence, dtype=pl.String),
            author=pl.lit(self.author, dtype=pl.String),
            uncertainty_km=pl.lit(self.uncertainty_km),
        )

    def _row(self, name: str) -> dict[str, str | None]:
        """A photo's row. Coordinates are text, so that those an EXIF holds as text are read where all others are."""
        from factory.images.exif import has_end, read_metadata

        row: dict[str, str | None] = {"id": in_unicode(name)}
        if problem := unnameable(name):
            return row | {"problem": problem}
        row["image"] = name
        try:
            path = locate(self.folder, name)
            photo = read_metadata(path)
            own = photo.written or (None if photo.lat is None else (repr(photo.lat), repr(photo.lon)))
            problem = None if own else photo.damage or (None if has_end(path) else "truncated")
        except (SourceError, OSError):
            return row | {"problem": "file_unreadable"}
        exif = Said(own, photo.captured_at)
        if problem is None and not (own and photo.captured_at and self.prefer == "exif"):
            try:
                beside = self.sidecars.said(name)
            except SourceError as error:
                if own is None or self.prefer == "sidecar":
                    return row | {"problem": "bad_sidecar", "problem_detail": str(error)}
                beside = Said()
            first, second = (exif, beside) if self.prefer == "exif" else (beside, exif)
            exif = Said(first.place or second.place, first.captured_at or second.captured_at)
        lat, lon = exif.place or (None, None)
        return row | {"lat": lat, "lon": lon, "captured_at": exif.captured_at, "problem": problem}

    def _what_else(self) -> str:
        """What a folder without photos holds."""
        endings = Counter(path.suffix.lower() or "no ending" for path in self._files())
        looked = f"no photo here or below (looked for {', '.join(sorted(self.suffixes))})"
        if not self.recursive:
            looked = looked.replace(" or below", "")
        if not endings:
            return f"{looked}: there is no file at all"
        listed = ", ".join(f"{count:,} of {ending}" for ending, count in endings.most_common(5))
        return f"{looked}; it holds {listed}"

    def read(self, locator: str) -> Path:
        return locate(self.folder, locator)

    def stamp(self, locator: str) -> tuple[int, int] | None:
        return file_stamp(self.folder, locator)

    def _photos(self) -> list[tuple[str, Path]]:
        """(relative path with forward slashes, path) of every photo, sorted. Raises SourceError for no folder."""
        if not self.folder.is_dir():
            raise SourceError(f"{self.name}: not a folder; relative paths start at the recipe's folder")
        found = ((path.relative_to(self.folder).as_posix(), path) for path in self._walk())
        return sorted(found)

    def _walk(self) -> Iterator[Path]:
        return (path for path in self._files() if path.suffix.lower() in self.suffixes)

    def _files(self) -> Iterator[Path]:
        for folder, inner, names in os.walk(self.folder):
            inner[:] = sorted(name for name in inner if not name.startswith(".")) if self.recursive else []
            for name in names:
                if not name.startswith("."):
                    yield Path(folder, name)
