"""WebDataset tars: an image and a JSON record side by side under one key (`000042.jpg`, `000042.json`)."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl

from factory.errors import SourceError
from factory.plugins.contracts import Source
from factory.plugins.registry import register
from factory.sources.contract import ALIASES, Field, raw_columns
from factory.sources.json_text import read_json, scalar_text
from factory.sources.paths import listing_digest, recipe_path
from factory.sources.tar_index import Member, tar_members

IMAGE_EXTENSIONS = ("jpg", "jpeg", "png", "webp", "heic", "heif")
MAX_JSON_BYTES = 1_000_000
MAX_IMAGE_BYTES = 256_000_000
MAX_TARS = 100_000
_RANGE = re.compile(r"\{(\d{1,9})\.\.(\d{1,9})\}")


@register("source", "webdataset")
def webdataset(
    root: Path,
    *,
    path: str,
    columns: dict[Field, str] | None = None,
    max_members: int = 200_000,
    licence: str | None = None,
    author: str | None = None,
    uncertainty_km: float | None = None,
) -> Source:
    """Images and JSON records in uncompressed tars, read in place and never extracted.

    Args:
        root: the folder from which relative paths start.
        path: a tar, a pattern (`data/*.tar`) or a range (`data/{000000..000099}.tar`).
        columns: our names to the record's keys; over the usual names.
        max_members: most members of one tar.
        licence: for records without one.
        author: for records without one.
        uncertainty_km: for records without one.
    """
    defaults = {"licence": licence, "author": author, "uncertainty_km": uncertainty_km}
    given = {name: str(value) for name, value in defaults.items() if value is not None}
    return WebDatasetSource(path, recipe_path(root, path, key="path"), dict(columns or {}), max_members, given)


@dataclass(frozen=True, slots=True, eq=False)
class WebDatasetSource:
    """See `webdataset`. A locator is `tar::member`; an id is the record's, or `tar::key`."""

    name: str
    pattern: Path
    columns: Mapping[Field, str]
    max_members: int
    defaults: Mapping[str, str]

    @property
    def coordinate_columns(self) -> tuple[str, str]:
        return self.columns.get("lat", "lat"), self.columns.get("lon", "lon")

    def digest(self) -> str:
        return listing_digest((name, path.stat().st_size) for name, path in self._tars().items())

    def table(self) -> pl.DataFrame:
        rows = [row for name, path in self._tars().items() for row in self._rows(name, path)]
        names = (*ALIASES, "problem")
        frame = pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String)).with_row_index("source_row")
        return raw_columns(frame).with_columns(
            pl.col(name).fill_null(pl.lit(value)) for name, value in self.defaults.items()
        )

    def stamp(self, locator: str) -> tuple[int, int] | None:
        found = self._member(locator)
        return (found[1].size, found[0].stat().st_mtime_ns) if found else None

    def read(self, locator: str) -> bytes:
        found = self._member(locator)
        if found is None:
            raise SourceError(f"{locator!r}: no such member in {self.name}")
        path, member = found
        if member.size > MAX_IMAGE_BYTES:
            raise SourceError(f"{locator!r}: {member.size} bytes, at most {MAX_IMAGE_BYTES} are read")
        return _read(path, member)

    def _member(self, locator: str) -> tuple[Path, Member] | None:
        tar, _, name = locator.partition("::")
        path = _listed(self).get(tar)
        member = _members(path, self.max_members, tar).get(name) if path else None
        return (path, member) if path is not None and member is not None else None

    def _tars(self) -> dict[str, Path]:
        base, patterns = _split_pattern(self.pattern)
        found = sorted({Path(path) for pattern in patterns for path in glob.glob(pattern, recursive=True)})  # noqa: PTH207
        if not found:
            raise SourceError(f"{self.name}: no tar matches; relative paths start at the recipe's folder")
        return {path.relative_to(base).as_posix(): path for path in found if path.is_file()}

    def _rows(self, tar: str, path: Path) -> Iterator[dict[str, str | None]]:
        keys: dict[str, dict[str, str]] = {}
        members = _members(path, self.max_members, tar)
        for name in members:
            folder, _, last = name.rpartition("/")
            stem, _, extension = last.partition(".")
            keys.setdefault(f"{folder}/{stem}" if folder else stem, {})[extension.lower()] = name
        with path.open("rb") as file:
            for key, names in keys.items():
                images = [names[extension] for extension in IMAGE_EXTENSIONS if extension in names]
                if not images and "json" not in names:
                    continue
                row, problem = self._record(file, members, names)
                row["image"] = f"{tar}::{images[0]}" if images else None
                row["id"] = row.get("id") or f"{tar}::{key}"
                row["problem"] = problem or {0: "no_image", 1: None}.get(len(images), "two_images")
                yield row

    def _record(
        self, file: Any, members: Mapping[str, Member], names: Mapping[str, str]
    ) -> tuple[dict[str, str | None], str | None]:
        """The fields of a JSON record and what is wrong with it."""
        if "json" not in names:
            return {}, "no_json"
        member = members[names["json"]]
        if member.size > MAX_JSON_BYTES:
            return {}, "json_too_long"
        file.seek(member.offset)
        try:
            record = read_json(file.read(member.size))
        except ValueError:
            return {}, "bad_json"
        if not isinstance(record, dict):
            return {}, "bad_json"
        lower = {key.lower(): value for key, value in reversed(record.items())}
        row: dict[str, str | None] = {}
        for field, aliases in ALIASES.items():
            mapped = self.columns.get(field)
            value = record.get(mapped) if mapped else next((lower[alias] for alias in aliases if alias in lower), None)
            row[field] = scalar_text(value)
        return row, None


@lru_cache(maxsize=4)
def _listed(source: WebDatasetSource) -> dict[str, Path]:
    """The tars as they were at the first read: a shard reads thousands of members and lists the folder once."""
    return source._tars()


@lru_cache(maxsize=16)
def _members(path: Path, max_members: int, label: str) -> dict[str, Member]:
    return tar_members(path, max_members=max_members, label=label)


def _read(path: Path, member: Member) -> bytes:
    with path.open("rb") as file:
        file.seek(member.offset)
        data = file.read(member.size)
    if len(data) < member.size:
        raise SourceError(f"{path.name}: shorter than when it was listed; copy it again")
    return data


def _split_pattern(pattern: Path) -> tuple[Path, list[str]]:
    """The folder that tar names are relative to, and the patterns of a range written out."""
    plain = 0
    while plain < len(pattern.parts) - 1 and not re.search(r"[*?\[{]", pattern.parts[plain]):
        plain += 1
    base, text = Path(*pattern.parts[:plain]), str(pattern)
    if not (numbers := _RANGE.search(text)):
        return base, [text]
    first, last = int(numbers[1]), int(numbers[2])
    if last - first >= MAX_TARS:
        raise SourceError(f"source.path: the range {numbers[0]} names more than {MAX_TARS} tars")
    start, end = text[: numbers.start()], text[numbers.end() :]
    return base, [f"{start}{number:0{len(numbers[1])}d}{end}" for number in range(first, last + 1)]
