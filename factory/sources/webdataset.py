"""WebDataset tars: an image and a JSON record side by side under one key (`000042.jpg`, `000042.json`).

Every file of a tar is part of a row, or of one with a problem: which belong together, `factory.sources.tar_samples`
says.
"""

from __future__ import annotations

import glob
import re
import unicodedata
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
from factory.sources.tar_index import Member, listed_members
from factory.sources.tar_samples import TarSample, in_unicode, tar_samples
from factory.text import escaped
from schemas import FilePart
from schemas.settings import InputPath

MAX_JSON_BYTES = 1_000_000
MAX_TARS = 100_000
_RANGE = re.compile(r"\{(\d{1,9})\.\.(\d{1,9})\}")


@register("source", "webdataset")
def webdataset(
    root: Path,
    *,
    path: InputPath,
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

    def read(self, locator: str) -> FilePart:
        found = self._member(locator)
        if found is None:
            raise SourceError(f"{locator!r}: no such member in {self.name}")
        path, member = found
        return FilePart(path, member.offset, member.size)

    def _member(self, locator: str) -> tuple[Path, Member] | None:
        tar, _, name = locator.partition("::")
        path = _listed(self).get(tar)
        member = listed_members(path, max_members=self.max_members, label=tar).get(name) if path else None
        return (path, member) if path is not None and member is not None else None

    def _tars(self) -> dict[str, Path]:
        base, patterns = _split_pattern(self.pattern)
        every = [sorted(map(Path, glob.glob(pattern, recursive=True))) for pattern in patterns]  # noqa: PTH207
        found = sorted({path for paths in every for path in paths if path.is_file()})
        if not found:
            raise SourceError(f"{self.name}: no tar matches; relative paths start at the recipe's folder")
        missing = [pattern for pattern, paths in zip(patterns, every, strict=True) if not any(map(Path.is_file, paths))]
        if missing:
            others = f" and {len(missing) - 1:,} more" if len(missing) > 1 else ""
            raise SourceError(
                f"{self.name}: there is no {Path(missing[0]).relative_to(base)}{others}; "
                "copy what is missing, or name the tars that are there"
            )
        names = {path.relative_to(base).as_posix(): path for path in found}
        for name in names:
            if "::" in name or in_unicode(name) != unicodedata.normalize("NFC", name):
                raise SourceError(f"{self.name}: {escaped(name)!r} is no name for a tar; give it another, without `::`")
        return names

    def _rows(self, tar: str, path: Path) -> Iterator[dict[str, str | None]]:
        members = listed_members(path, max_members=self.max_members, label=tar)
        with path.open("rb") as file:
            for sample in tar_samples(members):
                row, problem = self._record(file, members, sample)
                problem = sample.problem or problem
                row["image"] = f"{tar}::{sample.images[0]}" if sample.images and not sample.refused else None
                row["id"] = row.get("id") or f"{tar}::{sample.key}"
                row["problem"] = problem
                yield row

    def _record(
        self, file: Any, members: Mapping[str, Member], sample: TarSample
    ) -> tuple[dict[str, str | None], str | None]:
        """The fields of a JSON record and what is wrong with it."""
        if len(sample.records) != 1 or sample.refused:
            return {}, None
        member = members[sample.records[0]]
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
