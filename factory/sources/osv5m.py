"""OSV-5M as it is published: `train.csv` or `test.csv`, and its pictures in zips or unpacked from them.

Its countries are ISO 3166-1 codes, `NA` among them: read with pandas' defaults Namibia disappears, which the set's own
scripts repair by hand. Every cell is text here. A place without a region or a city has a literal `NaN` there.
"""

from __future__ import annotations

import hashlib
import re
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final

import polars as pl

from factory.errors import SourceError
from factory.plugins.contracts import Source
from factory.plugins.registry import register
from factory.sources.contract import DETAIL, PROBLEM
from factory.sources.paths import listing_digest, recipe_path
from factory.sources.table import TableSource
from factory.sources.zip_index import LOCAL_BYTES, Fault, ZipMember, read_member, zip_members
from schemas import FilePart
from schemas.settings import InputPath

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Longs = npt.NDArray[np.int64]

_NUMBERED: Final = re.compile(r"([0-9]{1,18})\.jpe?g", re.IGNORECASE)
PARTS: Final = ("country", "region", "city")
HOW_TO_GET_IT: Final = (
    "OSV-5M is the dataset `osv5m/osv5m` of the Hugging Face Hub: `train.csv`, and `images/train/00.zip` to `97.zip`"
)


@register("source", "osv5m")
def osv5m(
    root: Path,
    *,
    path: InputPath,
    images: InputPath,
    complete: bool = True,
    licence: str = "CC-BY-SA-4.0",
) -> Source:
    """OpenStreetView-5M: street photos with country, region and city.

    Args:
        root: the folder from which relative paths start.
        path: `train.csv` or `test.csv`.
        images: the folder of the zips (`images/train`) or of the folders that were unpacked from them.
        complete: leave out rows that lack a country, a region or a city.
        licence: of all photos.
    """
    file, folder = recipe_path(root, path, key="path"), recipe_path(root, images, key="images")
    for written, there in ((path, file.is_file()), (images, folder.is_dir())):
        if not there:
            raise SourceError(f"{written}: is not there. {HOW_TO_GET_IT}")
    table = TableSource(path, file, folder, "csv", "osv5m", {}, {}, {}, "utf-8", None, {"licence": licence})
    return Osv5m(path, table, folder, complete)


@dataclass(frozen=True, slots=True)
class Osv5m:
    """See `osv5m`. A locator is `<id>.jpg`, wherever the picture lies."""

    name: str
    rows: TableSource
    images: Path
    complete: bool
    _held: list[ZipIndex | SourceError] = field(default_factory=list, init=False, repr=False, compare=False)
    """The index of the zips, or why there is none, made when the first picture is asked for: 5 million entries are read
    once a process."""

    @property
    def coordinate_columns(self) -> tuple[str, str]:
        return self.rows.coordinate_columns

    def digest(self) -> str:
        zips = listing_digest((path.name, path.stat().st_size) for path in _zip_files(self.images))
        return hashlib.sha256(f"{self.rows.digest()} {zips} {self.complete}".encode()).hexdigest()

    def table(self) -> pl.DataFrame:
        raw = self.rows.table()
        if not self.complete:
            return raw
        none = {name: pl.col(name).is_null() | (pl.col(name) == "NaN") for name in PARTS}
        missing = pl.coalesce(*(pl.when(lacks).then(pl.lit(f"missing_{name}")) for name, lacks in none.items()))
        first = pl.col(PROBLEM).is_null() & missing.is_not_null()
        why = pl.lit("OSV-5M says no ") + missing.str.strip_prefix("missing_")
        return raw.with_columns(
            pl.when(first).then(missing).otherwise(PROBLEM).alias(PROBLEM),
            pl.when(first).then(why).otherwise(DETAIL).alias(DETAIL),
        )

    def read(self, locator: str) -> Path | FilePart | bytes:
        found = self._member(locator)
        if found is not None and (other := self._index().beside(locator)) is not None:
            raise SourceError(f"{locator} is there twice, in {found[0].name} and {other.name}")
        return self.rows.read(locator) if found is None else read_member(*found, label=found[0].name)

    def stamp(self, locator: str) -> tuple[int, int] | None:
        found = self._member(locator)
        return self.rows.stamp(locator) if found is None else (found[1].size, found[0].stat().st_mtime_ns)

    def _member(self, locator: str) -> tuple[Path, ZipMember] | None:
        return self._index().find(locator)

    def _index(self) -> ZipIndex:
        if not self._held:
            try:
                self._held.append(index_zips(_zip_files(self.images)))
            except SourceError as error:
                self._held.append(error)
        found = self._held[0]
        if isinstance(found, SourceError):
            raise found
        return found


@dataclass(frozen=True, slots=True)
class ZipIndex:
    """Pictures named by number in some zips: columns sorted by that number."""

    files: tuple[Path, ...]
    columns: Longs
    """Of shape (8, pictures): number, which zip, and the fields of a `ZipMember` but its name."""

    def find(self, locator: str) -> tuple[Path, ZipMember] | None:
        """The zip and the place in it of `<number>.jpg`; the first of several."""
        number = _number(locator)
        row = self._row(number)
        if number is None or row == self.columns.shape[1] or self.columns[0, row] != number:
            return None
        file, *place = self.columns[1:, row].tolist()
        return self.files[file], ZipMember(locator, *place)

    def beside(self, locator: str) -> Path | None:
        """The zip of another picture of the same number."""
        number = _number(locator)
        row = self._row(number) + 1
        there = row < self.columns.shape[1] and self.columns[0, row] == number
        return self.files[int(self.columns[1, row])] if there else None

    def _row(self, number: int | None) -> int:
        return int(self.columns[0].searchsorted(number or 0))


def index_zips(files: Sequence[Path]) -> ZipIndex:
    """Where each picture lies. Raises SourceError for a zip whose directory cannot be read."""
    import numpy as np

    found = array("q")
    for file, path in enumerate(files):
        for one in zip_members(path, label=path.name):
            number = _number(one.name)
            if number is not None:
                found.extend((number, file, one.header, one.packed, one.size, one.method, one.crc, one.fault))
    table = np.frombuffer(found, np.int64).reshape(-1, 8)
    table = np.ascontiguousarray(table[np.argsort(table[:, 0], kind="stable")].T)
    sound = np.flatnonzero(table[7] == Fault.NONE)
    table[7, sound[_sharing(*table[1:4, sound])]] = Fault.SHARED
    return ZipIndex(tuple(files), table)


def _sharing(file: Longs, header: Longs, packed: Longs) -> npt.NDArray[np.bool_]:
    """Which pictures (bool) lie on bytes of a zip on which another one lies, too: each would be read, and paid for in
    time, as often as somebody names it."""
    import numpy as np

    place = np.lexsort((header, file))
    zips, starts = file[place], header[place]
    ends = starts + LOCAL_BYTES + packed[place]
    sharing = np.zeros(len(file), bool)
    for first, last in _runs(zips):
        reached = np.maximum.accumulate(ends[first:last])
        sharing[place[first + 1 : last]] |= starts[first + 1 : last] < reached[:-1]
        sharing[place[first : last - 1]] |= ends[first : last - 1] > starts[first + 1 : last]
    return sharing


def _runs(values: Longs) -> Iterator[tuple[int, int]]:
    """Start and end of each run of equal values, which are sorted."""
    import numpy as np

    edges = [0, *(np.flatnonzero(np.diff(values)) + 1).tolist(), len(values)]
    return pairwise(edges) if len(values) else iter(())


def _number(name: str) -> int | None:
    """The number that a picture's file is named by; None for other files."""
    found = _NUMBERED.fullmatch(name.rpartition("/")[2])
    return int(found[1]) if found else None


def _zip_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.zip") if path.is_file())
