"""A table of addresses: the pictures of the planned rows are fetched before the shards run, each once.

Nothing is fetched to make a plan. A picture that does not come is a row without a picture, with the reason, and
`--retry` asks again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from factory.errors import SourceError
from factory.plugins.contracts import Source
from factory.plugins.fetching import Course
from factory.plugins.registry import register
from factory.sources.contract import DETAIL, PROBLEM, Field, TextName
from factory.sources.fetched import ADDRESS, FOLDER, MAX_ADDRESS, Fetch, FetchedPictures
from factory.sources.paths import recipe_path
from factory.sources.table import Format, TableSource, table_format
from schemas.settings import InputPath

_SHA256: Final = "_sha256"
HOW_TO_GET_IT: Final = (
    "it needs a CSV, Parquet or JSONL file with a column of addresses (http or https), lat and lon, such as "
    "img2dataset takes"
)


@register("source", "urls")
def urls(
    root: Path,
    *,
    path: InputPath,
    images: InputPath = FOLDER,
    address: str = "url",
    sha256: str | None = None,
    columns: dict[Field, str] | None = None,
    texts: dict[TextName, str] | None = None,
    format: Format | None = None,  # noqa: A002 - the recipe's word
    encoding: str = "utf-8",
    delimiter: str | None = None,
    licence: str | None = None,
    author: str | None = None,
    uncertainty_km: float | None = None,
    fetch: Fetch = Fetch(),  # noqa: B008 - frozen
) -> Source:
    """Pictures at the addresses of a table.

    Args:
        root: the folder from which relative paths start.
        path: the table.
        images: the folder into which pictures are fetched; what is there is not fetched again.
        address: the column of addresses.
        sha256: a column with the SHA-256 that a file must have, where there is one.
        columns: our names to the file's, over the usual names.
        texts: columns with texts that belong to the row, by name.
        format: when the file's suffix does not tell.
        encoding: of a CSV or JSONL file.
        delimiter: of a CSV file.
        licence: for rows without one.
        author: for rows without one.
        uncertainty_km: for rows without one.
        fetch: what is too much, and how gently hosts are asked.
    """
    file = recipe_path(root, path, key="path")
    if not file.is_file():
        raise SourceError(f"source.path: there is no {path}; {HOW_TO_GET_IT}")
    if "image" in (columns or {}):
        raise SourceError(f"source.columns: `image` would do nothing; write `address: {(columns or {})['image']}`")
    defaults = {"licence": licence, "author": author, "uncertainty_km": uncertainty_km}
    given = {name: value for name, value in defaults.items() if value is not None}
    further = {**(texts or {}), **({_SHA256: sha256} if sha256 else {})}
    table = TableSource(
        path, file, file.parent, table_format(path, file, format), None, {**(columns or {}), "image": address}, {},
        further, encoding, delimiter, given, {"image": "address", _SHA256: "sha256"},
    )  # fmt: skip
    return Urls(path, table, FetchedPictures(recipe_path(root, images, key="images"), fetch))


@dataclass(frozen=True, slots=True, eq=False)
class Urls:
    """See `urls`. A locator is an address, with `#sha256=...` where the table has one."""

    name: str
    rows: TableSource
    pictures: FetchedPictures

    @property
    def coordinate_columns(self) -> tuple[str, str]:
        return self.rows.coordinate_columns

    def digest(self) -> str:
        try:
            with self.rows.file.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise SourceError(f"{self.name}: cannot be read ({error.strerror})") from None

    def table(self) -> pl.DataFrame:
        return addressed(self.rows.table())

    def read(self, locator: str) -> Path:
        return self.pictures.read(locator)

    def stamp(self, locator: str) -> tuple[int, int] | None:
        return self.pictures.stamp(locator)

    def fetch(self, locators: Sequence[str], *, allowed: Collection[str], course: Course) -> Mapping[str, int]:
        return self.pictures.fetch(locators, allowed=allowed, course=course)


def addressed(raw: pl.DataFrame) -> pl.DataFrame:
    """A raw table whose `image` is an address, with locators, and a problem where there is none. The text `_sha256` is
    taken out of it."""
    written = pl.col("image").str.strip_chars()
    fits = written.str.contains(ADDRESS) & (written.str.len_chars() <= MAX_ADDRESS)
    hashed = pl.lit(None, pl.String)
    if "texts" in raw.columns:
        mine = pl.element().struct.field("name") == _SHA256
        given = pl.col("texts").list.eval(pl.element().filter(mine)).list.first().struct.field("text")
        hashed = given.str.strip_chars().str.to_lowercase()
        raw = raw.with_columns(_hashed=hashed, texts=pl.col("texts").list.eval(pl.element().filter(~mine)))
        hashed = pl.col("_hashed")
    bad = hashed.is_not_null() & ~hashed.str.contains("^[0-9a-f]{64}$")
    locator = pl.when(hashed.is_null()).then(written).otherwise(written + "#sha256=" + hashed)
    problem = pl.when(~fits | written.is_null()).then(pl.lit("no_address")).when(bad).then(pl.lit("bad_sha256"))
    return raw.with_columns(
        pl.when(fits).then(locator).alias("image"),
        pl.coalesce("source_url", pl.when(fits).then(written)).alias("source_url"),
        pl.coalesce(PROBLEM, problem).alias(PROBLEM),
        pl.coalesce(DETAIL, pl.when(problem.is_not_null()).then(pl.coalesce(written, pl.lit("")))).alias(DETAIL),
    ).drop("_hashed", strict=False)
