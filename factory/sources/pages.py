"""Sources that are pages of JSON, files or at an address, whose records name pictures at addresses.

What an API answered once is kept beside the pictures, so that the same recipe stays the same build; whoever wants a
newer answer takes the page away.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import polars as pl

from factory.errors import SourceError
from factory.fetch.public import hosts
from factory.plugins.fetching import Course
from factory.sources.contract import DETAIL, LISTS, PROBLEM, raw_columns
from factory.sources.fetched import ADDRESS, FOLDER, MAX_ADDRESS, FetchedPictures
from factory.sources.json_text import read_json
from factory.sources.paths import recipe_path

__all__ = [
    "FOLDER",
    "PagedSource",
    "Row",
    "address_of",
    "mapping_of",
    "number_of",
    "opened_pages",
    "table_of",
    "text_of",
]

MAX_FILE_BYTES: Final = 512_000_000
MAX_FILES: Final = 10_000
_ENDINGS: Final = (".json", ".geojson")
_IS_ADDRESS: Final = re.compile(ADDRESS)

Row = dict[str, Any]
"""Columns of a raw table, `texts` as a mapping."""


@dataclass(frozen=True, slots=True, eq=False)
class PagedSource:
    """A table made of pages, and pictures that are fetched."""

    name: str
    where: Path | str
    """A file, a folder of files, or an address."""
    how: str
    """What it needs and how to get it, for when it is missing."""
    pictures: FetchedPictures
    rows: Callable[[Any], Iterable[Row]]
    """Of one page. Raises ValueError for what is no page of this kind."""
    after: Callable[[Any], str | None] = lambda _: None
    """The address of the page after this one."""
    most_pages: int = 1
    _held: list[tuple[str, bytes]] = field(default_factory=list, init=False, repr=False)
    """The pages that `digest` read, until the plan takes them."""

    @property
    def coordinate_columns(self) -> tuple[str, str]:
        return "lat", "lon"

    def digest(self) -> str:
        pages = list(self._pages())
        self._held[:] = pages
        digest = hashlib.sha256()
        for _, data in pages:
            digest.update(hashlib.sha256(data).digest())
        return digest.hexdigest()

    def table(self) -> pl.DataFrame:
        pages = list(self._held) or list(self._pages())
        self._held.clear()
        found: list[Row] = []
        for label, data in pages:
            found += self._rows(label, data)
        return table_of(found)

    def read(self, locator: str) -> Path:
        return self.pictures.read(locator)

    def stamp(self, locator: str) -> tuple[int, int] | None:
        return self.pictures.stamp(locator)

    def fetch(self, locators: Sequence[str], *, allowed: Collection[str], course: Course) -> Mapping[str, int]:
        return self.pictures.fetch(locators, allowed=allowed, course=course)

    def _rows(self, label: str, data: bytes) -> list[Row]:
        try:
            return list(self.rows(read_json(data)))
        except ValueError as error:
            raise SourceError(f"{label}: {error}; {self.how}") from None

    def _pages(self) -> Iterator[tuple[str, bytes]]:
        if isinstance(self.where, str):
            yield from self._asked(self.where)
            return
        files = [self.where]
        if self.where.is_dir():
            files = sorted(path for path in self.where.iterdir() if path.suffix.lower() in _ENDINGS)[: MAX_FILES + 1]
        if not files or not files[0].is_file() or len(files) > MAX_FILES:
            many = f"more than {MAX_FILES:,} files in {self.name}" if len(files) > MAX_FILES else f"no {self.name}"
            raise SourceError(f"source.path: there is {many}; {self.how}")
        for file in files:
            if not file.is_file() or file.stat().st_size > MAX_FILE_BYTES:
                raise SourceError(f"{file.name}: no file, or one of more than {MAX_FILE_BYTES:,} bytes")
            yield file.name, file.read_bytes()

    def _asked(self, address: str) -> Iterator[tuple[str, bytes]]:
        """The pages of an API. The recipe names its host, and recipes are trusted; others must be public."""
        allowed = hosts([urlsplit(address).hostname or ""])
        next_one: str | None = address
        seen: set[str] = set()
        while next_one is not None and next_one not in seen and len(seen) < self.most_pages:
            seen.add(next_one)
            data = self.pictures.document(next_one, allowed=allowed)
            yield next_one, data
            try:
                link = self.after(read_json(data))
            except ValueError:
                link = None
            next_one = urljoin(next_one, link) if link else None


def opened_pages(root: Path, path: str, how: str) -> Path | str:
    """Where a recipe's pages lie: a place on disk, or an address."""
    if _IS_ADDRESS.match(path):
        return path
    where = recipe_path(root, path, key="path")
    if not where.exists():
        raise SourceError(f"source.path: there is no {path}; {how}")
    return where


def table_of(rows: Sequence[Row]) -> pl.DataFrame:
    plain = [{key: value for key, value in row.items() if key != "texts"} for row in rows]
    names = dict.fromkeys(("id", "image", PROBLEM, DETAIL, *(key for row in plain for key in row)))
    columns = {name: pl.Series([_as_text(row.get(name)) for row in plain], dtype=pl.String) for name in names}
    texts = [
        [{"name": name, "text": text} for name, value in row.get("texts", {}).items() if (text := _as_text(value))]
        for row in rows
    ]
    frame = pl.DataFrame(columns).with_columns(texts=pl.Series(texts, dtype=LISTS["texts"]))
    return raw_columns(frame.with_row_index("source_row"))


def _as_text(value: Any) -> str | None:
    text = text_of(value)
    return text.encode("utf-8", "backslashreplace").decode() if text is not None else None


def text_of(value: Any, most: int = 2_000) -> str | None:
    """A JSON scalar as text, null for anything else and for what is longer."""
    if value is None or isinstance(value, bool | list | dict):
        return None
    text = str(value).strip()
    return text if 0 < len(text) <= most else None


def number_of(value: Any) -> float | None:
    """A finite number, also where it is written as text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def address_of(value: Any) -> str | None:
    """An address of http or https; `factory.fetch.public` judges it before it is asked."""
    text = text_of(value, MAX_ADDRESS)
    return text if text is not None and _IS_ADDRESS.match(text) else None


def mapping_of(value: Any) -> Mapping[str, Any]:
    """A JSON object; an empty one for anything else."""
    return value if isinstance(value, dict) else {}
