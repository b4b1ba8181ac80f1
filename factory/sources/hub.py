"""Any dataset of the Hub that lies there as Parquet, at one commit: of its files only what is needed is fetched.

A plan fetches the columns that it reads, a build the row groups whose pictures it planned; `factory.sources.hub_files`
keeps them. The rest is what a table of Parquet is: the same bounds, the same columns, the same pictures.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Annotated, Any, Final

import polars as pl
from pydantic import Field as Field_

from factory.errors import ImageMissing, SourceError
from factory.plugins.contracts import Source
from factory.plugins.fetching import Course
from factory.plugins.registry import register
from factory.sources.contract import Field, TextName
from factory.sources.fetched import FOLDER, Fetch, FetchedPictures
from factory.sources.hub_files import HubFile, HubFiles, Range
from factory.sources.parquet_pictures import MAX_GROUP_BYTES, picture_place
from factory.sources.paths import recipe_path
from factory.sources.table import TableSource
from factory.store.files import disk_faults
from factory.store.lease import lease
from schemas.settings import InputPath

Repository = Annotated[str, Field_(pattern=r"^[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}$")]
Commit = Annotated[str, Field_(pattern=r"^[0-9a-f]{40}$")]
MAX_GROUPS: Final = 1_000_000


@register("source", "hub")
def hub(
    root: Path,
    *,
    repo: Repository,
    revision: Commit,
    files: str = "*.parquet",
    images: InputPath = FOLDER,
    columns: dict[Field, str] | None = None,
    texts: dict[TextName, str] | None = None,
    licence: str | None = None,
    author: str | None = None,
    uncertainty_km: float | None = None,
    fetch: Fetch = Fetch(),  # noqa: B008 - frozen
) -> Source:
    """A dataset of the Hub.

    Args:
        root: the folder from which relative paths start.
        repo: `org/name`.
        revision: the commit, 40 characters: a branch may move.
        files: which files, a pattern over their paths; `*` fits slashes, too.
        images: the folder into which what is needed is fetched.
        columns: our names to the files', over the usual names; `image` holds bytes or `{bytes, path}`.
        texts: columns with texts that belong to the row, by name.
        licence: for rows without one.
        author: for rows without one.
        uncertainty_km: for rows without one.
        fetch: how long is waited; its limits on pictures are those of `images:`.
    """
    defaults = {"licence": licence, "author": author, "uncertainty_km": uncertainty_km}
    given = {name: value for name, value in defaults.items() if value is not None}
    kept = HubFiles(repo, revision, FetchedPictures(recipe_path(root, images, key="images"), fetch))
    return HubSource(f"{repo}@{revision[:8]}", kept, files, dict(columns or {}), dict(texts or {}), given)


@dataclass(frozen=True, slots=True, eq=False)
class HubSource:
    """See `hub`. A locator is `path/in/repository.parquet::row/column`."""

    name: str
    files: HubFiles
    pattern: str
    columns: Mapping[Field, str]
    texts: Mapping[str, str]
    defaults: Mapping[str, Any]
    _tables: dict[str, TableSource] = field(default_factory=dict, init=False, repr=False)
    _layouts: dict[tuple[str, str], tuple[list[int], list[Range]]] = field(default_factory=dict, init=False, repr=False)
    """Of a picture column of a file: the row behind each row group, and where its bytes lie."""
    _known: dict[str, HubFile] = field(default_factory=dict, init=False, repr=False)

    @property
    def coordinate_columns(self) -> tuple[str, str]:
        return self.columns.get("lat", "lat"), self.columns.get("lon", "lon")

    def digest(self) -> str:
        digest = hashlib.sha256(f"{self.files.repo} {self.files.revision}".encode())
        for one in self._files():
            digest.update(f"\n{one.path} {one.size} {one.oid}".encode())
        return digest.hexdigest()

    def table(self) -> pl.DataFrame:
        parts = [self._part(one) for one in self._files()]
        table = pl.concat(parts, how="diagonal_relaxed").drop("source_row")
        return table.with_row_index("source_row").with_columns(pl.col("source_row").cast(pl.Int64))

    def _part(self, file: HubFile) -> pl.DataFrame:
        """The rows of one file, with locators that name it."""
        opened = self._opened(file)
        plain, inside = opened.needed()
        self.files.ensure(file, [r for name in plain for r in self._chunks(opened.file, name)])
        for name in inside:
            paths = self._chunks(opened.file, f"{name}.path")
            self.files.ensure(file, [*paths, *self._untold(file, opened.file, name)])
        rows = opened.table()
        mine = pl.col("image").str.starts_with(f"{opened.file.name}::")
        named = pl.lit(f"{file.path}::") + pl.col("image").str.slice(len(opened.file.name) + 2)
        image = pl.when(mine).then(named).otherwise(pl.lit(None, pl.String))
        problem = pl.when(~mine.fill_null(False)).then(pl.lit("no_picture"))
        return rows.with_columns(
            id=pl.when(pl.col("id") == pl.col("image")).then(pl.coalesce(image, "id")).otherwise("id"),
            image=image,
            problem=pl.coalesce("problem", problem),
        )

    def read(self, locator: str) -> Path | bytes:
        file, name = self._place(locator)
        opened = self._opened(file)
        wanted = self._group(file, opened, name)
        if wanted is None or not self.files.has(file, [wanted]):
            raise ImageMissing(f"{locator[:200]!r}: was not fetched yet")
        found = opened.read(name)
        assert isinstance(found, Path | bytes)
        return found

    def stamp(self, locator: str) -> tuple[int, int] | None:
        try:
            file, name = self._place(locator)
            opened = self._opened(file)
            wanted = self._group(file, opened, name)
            there = wanted is not None and self.files.has(file, [wanted])
        except SourceError:
            return None
        found = opened.stamp(name) if there else None
        return None if found is None else (found[0], 0)  # the file's time is when bytes of it came

    def fetch(self, locators: Sequence[str], *, allowed: Collection[str], course: Course) -> Mapping[str, int]:
        """The row groups of these pictures; `allowed` is not needed, the Hub's address is the environment's."""
        folder = self.files.kept.folder
        wanted: dict[str, set[Range]] = {}
        for locator in dict.fromkeys(locators):
            file, name = self._place(locator)
            group = self._group(file, self._opened(file), name)
            if group is not None:
                wanted.setdefault(file.path, set()).add(group)
        with disk_faults(folder), lease(folder / "lease", what=str(folder), wait_s=0.5):
            each = max(1, len(locators) // max(1, sum(map(len, wanted.values()))))
            for path, groups in wanted.items():
                for group in sorted(groups):
                    self.files.ensure(self._known[path], [group])
                    course.done = min(len(locators), course.done + each)
        course.done = len(locators)
        return {}

    def _files(self) -> list[HubFile]:
        if not self._known:
            self._known.update({one.path: one for one in self.files.files(self.pattern)})
        return list(self._known.values())

    def _place(self, locator: str) -> tuple[HubFile, str]:
        """The file of a locator, and the locator within its table."""
        path, _, rest = locator.rpartition("::")
        file = self._known.get(path) or {one.path: one for one in self._files()}.get(path)
        if file is None:
            raise SourceError(f"{locator[:200]!r}: names no file of {self.name}")
        return file, f"{self._opened(file).file.name}::{rest}"

    def _opened(self, file: HubFile) -> TableSource:
        if file.path not in self._tables:
            path = self.files.local(file)
            self._tables[file.path] = TableSource(
                f"{self.name}: {file.path}", path, path.parent, "parquet", None, self.columns, {}, self.texts, "utf-8",
                None, self.defaults,
            )  # fmt: skip
        return self._tables[file.path]

    def _group(self, file: HubFile, opened: TableSource, name: str) -> Range | None:
        """The bytes of the row group of a picture."""
        place = picture_place(opened.file, name)
        if place is None:
            return None
        row, column = place
        if (file.path, column) not in self._layouts:
            mine = [one for one in _leaves(opened.file) if one[3] in (column, f"{column}.bytes")]
            self._layouts[file.path, column] = list(accumulate(one[0] for one in mine)), [one[2] for one in mine]
        ends, spans = self._layouts[file.path, column]
        at = bisect_right(ends, row)
        return spans[at] if at < len(spans) else None

    def _untold(self, file: HubFile, path: Path, column: str) -> list[Range]:
        """Of row groups whose statistics do not say which rows have a picture, the pictures: they are looked at."""
        found = []
        for rows, nulls, span, leaf in _leaves(path):
            if leaf in (column, f"{column}.bytes") and nulls not in (0, rows):
                if span[1] - span[0] > MAX_GROUP_BYTES:
                    raise SourceError(f"{file.path}: a row group has more than {MAX_GROUP_BYTES:,} bytes of pictures")
                found.append(span)
        return found

    def _chunks(self, path: Path, column: str) -> list[Range]:
        """The bytes of a column, or of one leaf of it, in every row group."""
        return [span for _, _, span, leaf in _leaves(path) if leaf == column or leaf.startswith(f"{column}.")]


def _leaves(path: Path) -> Iterator[tuple[int, int | None, Range, str]]:
    """Rows, nulls where they are told, bytes and name of each leaf in each row group, as the footer says.

    Raises SourceError for a footer that cannot be read, or leads out of the file.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    size = path.stat().st_size
    try:
        metadata = pq.read_metadata(path)
        if metadata.num_row_groups * metadata.num_columns > MAX_GROUPS:
            raise ValueError(f"more than {MAX_GROUPS:,} columns of row groups")
        for number in range(metadata.num_row_groups):
            group = metadata.row_group(number)
            for at in range(metadata.num_columns):
                chunk = group.column(at)
                start = chunk.data_page_offset
                if chunk.has_dictionary_page and chunk.dictionary_page_offset:
                    start = min(start, chunk.dictionary_page_offset)
                stop = start + chunk.total_compressed_size
                if not 0 <= start <= stop <= size:
                    raise ValueError("a column leads out of the file")
                said = chunk.statistics
                nulls = said.null_count if said is not None and said.has_null_count else None
                yield group.num_rows, nulls, (start, stop), chunk.path_in_schema
    except (OSError, ValueError, pa.ArrowException) as error:
        what = str(error).split("\n", 1)[0][:200]
        raise SourceError(f"{path.name}: its footer cannot be read ({what})") from None
