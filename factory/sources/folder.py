"""A folder of photos with EXIF GPS. A photo without coordinates is a row too; the plan drops it and says so.

So is one whose name is no Unicode text, and a file that is no whole picture, each by its own reason.
"""

from __future__ import annotations

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
) -> Source:
    """Photos below a folder, located by their EXIF GPS.

    Args:
        root: the folder from which relative paths start.
        path: the folder of photos; `~` and environment variables are expanded.
        recursive: whether folders inside count. Hidden files, hidden folders and linked folders never do.
        formats: which kinds of file count, by suffix.
        licence: of all photos.
        author: of all photos.
        uncertainty_km: how far EXIF positions may be off.
    """
    suffixes = frozenset(suffix for name in formats for suffix in _SUFFIXES[name])
    place = recipe_path(root, path, key="path")
    return FolderSource(path, place, recursive, suffixes, licence, author, uncertainty_km)


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

    @property
    def coordinate_columns(self) -> tuple[str, str]:
        return "GPSLatitude", "GPSLongitude"

    def digest(self) -> str:
        return listing_digest((name, path.lstat().st_size) for name, path in self._photos())

    def table(self) -> pl.DataFrame:
        photos = self._photos()
        if not photos:
            raise SourceError(f"{self.name}: {self._what_else()}")
        rows = [{"source_row": number, **self._row(name)} for number, (name, _) in enumerate(photos)]
        texts = ("id", "image", "lat", "lon", "captured_at", "problem")
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
            found = photo.written or (None if photo.lat is None else (repr(photo.lat), repr(photo.lon)))
            problem = None if found else photo.damage or (None if has_end(path) else "truncated")
        except (SourceError, OSError):
            return row | {"problem": "file_unreadable"}
        lat, lon = found or (None, None)
        return row | {"lat": lat, "lon": lon, "captured_at": photo.captured_at, "problem": problem}

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
