"""A table of images: CSV, Parquet or JSONL with image path, latitude, longitude and whatever else is known.

Every cell is read as text, so that "NA" stays Namibia and a long id stays an id. Only the columns that are mapped are
loaded: five million rows of MP-16 fit a laptop.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import orjson
import polars as pl

from factory.errors import SourceError
from factory.plugins.contracts import Source
from factory.plugins.registry import register
from factory.sources.contract import ALIASES, TEXT_FIELDS, Field, RoleName, TextName, image_list, raw_columns, text_list
from factory.sources.layouts import LAYOUTS, Layout, LayoutName
from factory.sources.paths import listing_digest, locate, recipe_path
from factory.text import did_you_mean

Format = Literal["csv", "parquet", "jsonl"]

_SUFFIXES: Mapping[str, Format] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".parquet": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}
SIZED_IMAGES = 4096
"""Images whose sizes enter a source's digest: all of a small set, an even sample of a large one."""
MAX_LINE_BYTES = 1_000_000
"""A longer header or JSON line is not a table."""


@register("source", "table")
def table(
    root: Path,
    *,
    path: str,
    images: str | None = None,
    layout: LayoutName | None = None,
    columns: dict[Field, str] | None = None,
    pictures: dict[RoleName, str] | None = None,
    texts: dict[TextName, str] | None = None,
    format: Format | None = None,  # noqa: A002 - the recipe's word
    encoding: str = "utf-8",
    delimiter: str | None = None,
    licence: str | None = None,
    author: str | None = None,
    uncertainty_km: float | None = None,
) -> Source:
    """A CSV, Parquet or JSONL file with a row for each image.

    Args:
        root: the folder from which relative paths start.
        path: the table.
        images: folder of the image paths; by default the table's own.
        layout: a public set whose columns are known.
        columns: our names to the file's, `{id: IMG_ID, lat: LAT}`; over the layout and the usual names.
        pictures: columns with the paths of several pictures a row, by role: `{ground: photo, satellite: tile}`; instead
            of `image`. An empty cell is a picture the row does not have.
        texts: columns with texts that belong to the row, by name: `{transcript: captions}`.
        format: when the file's suffix does not tell.
        encoding: of a CSV or JSONL file; a byte-order mark is skipped.
        delimiter: of a CSV file; by default the commonest of comma, semicolon, tab in its header.
        licence: for rows without one.
        author: for rows without one.
        uncertainty_km: for rows without one.
    """
    file = recipe_path(root, path, key="path")
    kind = format or _SUFFIXES.get(file.suffix.lower())
    if kind is None:
        raise SourceError(f"{path}: is it csv, parquet or jsonl? Say so with `format:`")
    folder = recipe_path(root, images, key="images") if images else file.parent
    defaults = {"licence": licence, "author": author, "uncertainty_km": uncertainty_km}
    given = {name: value for name, value in defaults.items() if value is not None}
    names = dict(columns or {})
    return TableSource(
        path, file, folder, kind, layout, names, dict(pictures or {}), dict(texts or {}), encoding, delimiter, given
    )


@dataclass(frozen=True, slots=True)
class TableSource:
    """See `table`."""

    name: str
    file: Path
    images: Path
    format: Format
    layout: LayoutName | None
    columns: Mapping[Field, str]
    pictures: Mapping[str, str]
    texts: Mapping[str, str]
    encoding: str
    delimiter: str | None
    defaults: Mapping[str, Any]

    @property
    def coordinate_columns(self) -> tuple[str, str]:
        try:
            found = self._mapping(self._names())
        except SourceError:
            return "lat", "lon"
        return found["lat"], found["lon"]

    def digest(self) -> str:
        try:
            with self.file.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256")
        except OSError as error:
            raise self._unreadable(error) from None
        digest.update(self._sizes_digest().encode())
        return digest.hexdigest()

    def _sizes_digest(self) -> str:
        """Sizes of at most SIZED_IMAGES images, evenly chosen: another folder of images is another source."""
        table = self.table()
        images = [table["image"]]
        if self.pictures:
            images = [table["images"].list.eval(pl.element().struct.field("locator")).explode()]
        locators = images[0].drop_nulls().unique(maintain_order=True)
        chosen = locators.gather_every(max(1, -(-len(locators) // SIZED_IMAGES)))
        return listing_digest((locator, self._size(locator)) for locator in chosen)

    def _size(self, locator: str) -> int:
        try:
            return self.read(locator).stat().st_size
        except (SourceError, OSError):
            return -1

    def table(self) -> pl.DataFrame:
        frame = self._load()
        try:
            names = frame.collect_schema().names()
            found = self._mapping(names)
            own = [pl.col(column).alias(field) for field, column in found.items()]
            raw = frame.select(*own, *self._further(names)).collect().rechunk()
        except (pl.exceptions.PolarsError, OSError) as error:
            raise self._unreadable(error) from None
        values = (_as_text(raw[field], number=field not in TEXT_FIELDS) for field in found)
        raw = raw.with_columns(values).with_row_index("source_row")
        layout = self._layout
        raw = layout.finish(raw_columns(raw)) if layout else raw_columns(raw)
        defaults = dict(self.defaults)
        if layout and layout.licence:
            defaults.setdefault("licence", layout.licence)
        alone = pl.coalesce("image", "id") if not self.pictures else pl.lit(None, pl.String)
        return raw.with_columns(
            pl.coalesce("id", "image", *(_first_picture() if self.pictures else ())).alias("id"),
            alone.alias("image"),
            *(pl.col(name).cast(pl.String).fill_null(pl.lit(str(value))) for name, value in defaults.items()),
        )

    def read(self, locator: str) -> Path:
        if self._layout and self._layout.searched_folders and not (self.images / locator).exists():
            for folder in _subfolders(self.images):
                if (folder / Path(locator).name).is_file():
                    return locate(self.images, f"{folder.name}/{locator}")
        return locate(self.images, locator)

    def stamp(self, locator: str) -> tuple[int, int] | None:
        try:
            found = self.read(locator).stat()
        except (SourceError, OSError):
            return None
        return found.st_size, found.st_mtime_ns

    def _further(self, names: Sequence[str]) -> Iterator[pl.Expr]:
        """The lists of pictures and of texts, where the recipe maps any."""
        for field, mapped in (("pictures", self.pictures), ("texts", self.texts)):
            for name, column in mapped.items():
                if column not in names:
                    raise self._no_column(name, column, names, under=field)
        if self.pictures:
            yield image_list(self.pictures)
        if self.texts:
            yield text_list(self.texts)

    @property
    def _layout(self) -> Layout | None:
        return LAYOUTS[self.layout] if self.layout else None

    def _load(self) -> pl.LazyFrame:
        try:
            if self.format == "parquet":
                return pl.scan_parquet(self.file, glob=False, hive_partitioning=False)
            if self.format == "jsonl":
                return self._read_jsonl().lazy()
            return self._scan_csv()
        except (pl.exceptions.PolarsError, OSError) as error:
            raise self._unreadable(error) from None

    def _names(self) -> list[str]:
        if self.format != "jsonl":
            return self._load().collect_schema().names()
        with self.file.open("rb") as file:
            return list(next(self._records(file), {}))

    def _scan_csv(self) -> pl.LazyFrame:
        with self.file.open("rb") as file:
            first = file.readline(MAX_LINE_BYTES)
        header = self._decode(first).lstrip("\ufeff").rstrip("\r\n")
        delimiter = self.delimiter or max(",;\t", key=header.count)
        if len(delimiter.encode()) != 1:
            raise SourceError(f"{self.name}: `delimiter` must be one ASCII character, not {delimiter!r}")
        try:
            names = next(csv.reader([header], delimiter=delimiter), [])
        except csv.Error as error:
            raise self._unreadable(error) from None
        if twice := sorted({name for name in names if names.count(name) > 1} & set(self._wanted())):
            raise SourceError(f"{self.name}: the header has {', '.join(twice)} twice; rename one of them")
        source: Path | bytes = self.file
        if self.encoding.lower().replace("_", "-") not in ("utf-8", "utf-8-sig", "utf8"):
            source = self._decode(self.file.read_bytes()).encode()
        return pl.scan_csv(source, separator=delimiter, infer_schema=False, glob=False)

    def _read_jsonl(self) -> pl.DataFrame:
        fields: dict[str, list[str | None]] = {}
        with self.file.open("rb") as file:
            for number, record in enumerate(self._records(file), 1):
                for key in record.keys() - fields.keys():
                    fields[key] = [None] * (number - 1)
                for key, values in fields.items():
                    values.append(scalar_text(record.get(key)))
        return pl.DataFrame(fields, schema=dict.fromkeys(fields, pl.String))

    def _records(self, lines: Any) -> Iterator[dict[str, Any]]:
        wanted = {name.lower() for name in self._wanted()}
        for number, line in enumerate(iter(lambda: lines.readline(MAX_LINE_BYTES), b""), 1):
            text = self._decode(line).lstrip("\ufeff").strip()
            if not text:
                continue
            try:
                record = orjson.loads(text)
            except orjson.JSONDecodeError as error:
                raise SourceError(f"{self.name}:{number}: not a JSON object ({error})") from None
            if not isinstance(record, dict):
                raise SourceError(f"{self.name}:{number}: expected a JSON object, found {type(record).__name__}")
            yield {key: value for key, value in record.items() if key.lower() in wanted}

    def _decode(self, data: bytes) -> str:
        try:
            return data.decode(self.encoding)
        except (UnicodeDecodeError, LookupError) as error:
            raise self._unreadable(error) from None

    def _wanted(self) -> list[str]:
        layout = self._layout.columns.values() if self._layout else ()
        given = (*self.columns.values(), *self.pictures.values(), *self.texts.values())
        return [*given, *layout, *(alias for names in ALIASES.values() for alias in names)]

    def _mapping(self, names: Sequence[str]) -> dict[Field, str]:
        """Our field to the file's column: the recipe's word first, then the layout's, then the usual names."""
        found: dict[Field, str] = {}
        lower = {name.lower(): name for name in reversed(names)}
        for field, aliases in ALIASES.items():
            if column := self.columns.get(field):
                if column not in names:
                    raise self._no_column(field, column, names)
                found[field] = column
            elif self._layout:
                if (column := self._layout.columns.get(field)) and column in names:
                    found[field] = column
            elif usual := next((lower[alias] for alias in aliases if alias in lower), None):
                found[field] = usual
        for field in ("lat", "lon"):
            if field not in found:
                expected = self._layout.columns[field] if self._layout else field
                raise self._no_column(field, expected, names)
        if "id" not in found and "image" not in found and not self.pictures:
            raise self._no_column("image", "image", names)
        return found

    def _no_column(self, field: str, column: str, names: Sequence[str], under: str = "columns") -> SourceError:
        hint = did_you_mean(column, names)
        shown = ", ".join(names[:30]) + (", ..." if len(names) > 30 else "")
        return SourceError(
            f"{self.name}: no column `{column}` for {field}{hint}; the file has: {shown or 'nothing'}. "
            f"Map it with `{under}: {{{field}: NAME}}`"
        )

    def _unreadable(self, error: Exception) -> SourceError:
        if isinstance(error, FileNotFoundError):
            return SourceError(f"{self.name}: no such file; relative paths start at the recipe's folder")
        what = str(error).split("\n", 1)[0][:300]
        remedy = ""
        if isinstance(error, UnicodeDecodeError | LookupError) or "utf" in what.lower():
            remedy = ". If the text is not UTF-8, name its `encoding:` (gbk, latin-1, ...)"
        return SourceError(f"{self.name}: cannot be read as {self.format} ({what}){remedy}")


def scalar_text(value: Any) -> str | None:
    """A JSON scalar as text, a number in its shortest exact form; None for null, lists and objects."""
    if value is None or isinstance(value, list | dict):
        return None
    return value if isinstance(value, str) else repr(value) if isinstance(value, float) else str(value)


def _as_text(values: pl.Series, *, number: bool) -> pl.Series:
    """A column as text; numbers stay where `number` says so. What is no scalar becomes the name of its type."""
    if number and values.dtype.is_numeric():
        return values
    if values.dtype.is_temporal():
        return values.dt.to_string("iso:strict")
    if values.dtype.is_nested() or values.dtype in (pl.Binary, pl.Object):
        kind = values.dtype.base_type().__name__.lower()
        return values.is_null().replace_strict({True: None, False: kind}, return_dtype=pl.String).alias(values.name)
    return values.cast(pl.String)


def _first_picture() -> tuple[pl.Expr, ...]:
    return (pl.col("images").list.first().struct.field("locator"),)


def _subfolders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
