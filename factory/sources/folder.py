"""A folder of photos with EXIF GPS. A photo without coordinates is a row too; the plan drops it and says so."""

from __future__ import annotations

import os
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
    path: str,
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
    """See `folder`. A photo's id is its path below the folder."""

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
        from factory.images.exif import read_metadata

        rows = []
        for number, (name, _) in enumerate(self._photos()):
            row = {"source_row": number, "id": name, "image": name}
            try:
                photo = read_metadata(locate(self.folder, name))
                row |= {"lat": photo.lat, "lon": photo.lon, "captured_at": photo.captured_at}
            except (SourceError, OSError):
                row |= {"problem": "file_unreadable"}
            rows.append(row)
        schema = {
            "source_row": pl.Int64,
            "id": pl.String,
            "image": pl.String,
            "lat": pl.Float64,
            "lon": pl.Float64,
            "captured_at": pl.String,
            "problem": pl.String,
        }
        return raw_columns(pl.DataFrame(rows, schema=schema)).with_columns(
            licence=pl.lit(self.licence, dtype=pl.String),
            author=pl.lit(self.author, dtype=pl.String),
            uncertainty_km=pl.lit(self.uncertainty_km),
        )

    def read(self, locator: str) -> Path:
        return locate(self.folder, locator)

    def stamp(self, locator: str) -> tuple[int, int] | None:
        return file_stamp(self.folder, locator)

    def _photos(self) -> list[tuple[str, Path]]:
        """(relative path with forward slashes, path) of every photo, sorted. Raises SourceError for no folder."""
        if not self.folder.is_dir():
            raise SourceError(f"{self.name}: not a folder; relative paths start at the recipe's folder")
        found = ((path.relative_to(self.folder).as_posix(), path) for path in self._walk())
        return sorted((name, path) for name, path in found if _is_text(name))

    def _walk(self) -> Iterator[Path]:
        for folder, inner, names in os.walk(self.folder):
            inner[:] = sorted(name for name in inner if not name.startswith(".")) if self.recursive else []
            for name in names:
                path = Path(folder, name)
                if not name.startswith(".") and path.suffix.lower() in self.suffixes:
                    yield path


def _is_text(name: str) -> bool:
    """False for a file name that is no Unicode text; such a photo could not be named in any table."""
    return name.isprintable() and not any("\ud800" <= letter <= "\udfff" for letter in name)
