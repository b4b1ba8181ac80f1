"""A table of images: CSV, Parquet or JSONL with image path, latitude, longitude and whatever else is known.

Every cell is read as text, so that "NA" stays Namibia and a long id stays an id. Every record is a row, a row with a
named problem, or the file is refused with the line. Only the columns that are mapped are kept: five million rows of
MP-16 fit a laptop. Parquet may hold the pictures themselves (`factory.sources.parquet_pictures`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import polars as pl

from factory.errors import SourceError
from factory.plugins.contracts import Source
from factory.plugins.registry import register
from factory.sources.contract import (
    ALIASES,
    DETAIL,
    NUMBER_FIELDS,
    PROBLEM,
    Field,
    RoleName,
    TextName,
    even_sample,
    image_list,
    raw_columns,
    text_list,
)
from factory.sources.csv_table import read_header, read_rows
from factory.sources.json_lines import read_json_lines
from factory.sources.layouts import LAYOUTS, Layout, LayoutName
from factory.sources.parquet_pictures import (
    holds_pictures,
    picture_locators,
    picture_place,
    picture_stamp,
    read_picture,
)
from factory.sources.paths import listing_digest, locate, recipe_path
from factory.text import did_you_mean
from schemas.parquet_bounds import refuse_bomb
from schemas.settings import InputPath, OptionalPath

Format = Literal["csv", "parquet", "jsonl"]

_SUFFIXES: Mapping[str, Format] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".parquet": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}

Schema = Mapping[str, pl.DataType]
"""A file's columns by name."""


@register("source", "table")
def table(
    root: Path,
    *,
    path: InputPath,
    images: OptionalPath = None,
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
        images: folder of the image paths; by default the table's own. Parquet may hold the pictures themselves, as
            bytes or as `{bytes, path}`.
        layout: a public set whose columns are known.
        columns: our names to the file's, `{id: IMG_ID, lat: LAT}`; over the layout and the usual names.
        pictures: columns with the paths of several pictures a row, by role: `{ground: photo, satellite: tile}`; instead
            of `image`. An empty cell is a picture the row does not have.
        texts: columns with texts that belong to the row, by name: `{transcript: captions}`.
        format: when the file's suffix does not tell.
        encoding: of a CSV or JSONL file (utf-16, gbk, latin-1); a byte-order mark is skipped.
        delimiter: of a CSV file; by default the commonest of comma, semicolon, tab in its header.
        licence: for rows without one.
        author: for rows without one.
        uncertainty_km: for rows without one.
    """
    file = recipe_path(root, path, key="path")
    kind = table_format(path, file, format)
    folder = recipe_path(root, images, key="images") if images else file.parent
    defaults = {"licence": licence, "author": author, "uncertainty_km": uncertainty_km}
    given = {name: value for name, value in defaults.items() if value is not None}
    names = dict(columns or {})
    return TableSource(
        path, file, folder, kind, layout, names, dict(pictures or {}), dict(texts or {}), encoding, delimiter, given
    )


def table_format(written: str, file: Path, told: Format | None) -> Format:
    """What a table is, by its suffix where nobody says. Raises SourceError where that does not tell."""
    kind = told or _SUFFIXES.get(file.suffix.lower())
    if kind is None:
        raise SourceError(f"{written}: is it csv, parquet or jsonl? Say so with `format:`")
    return kind


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
    keys: Mapping[str, str] = field(default_factory=dict)
    """Fields whose column a key of its own names in the recipe, with that key: where to put it right."""
    _held: list[pl.DataFrame] = field(default_factory=list, init=False, repr=False, compare=False)
    """The table that `digest` read, until the plan takes it or a picture is asked for: it is parsed once a build."""

    @property
    def coordinate_columns(self) -> tuple[str, str]:
        try:
            found = self._mapping(self._schema())
        except SourceError:
            return "lat", "lon"
        return found["lat"], found["lon"]

    def digest(self) -> str:
        try:
            with self.file.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256")
        except OSError as error:
            raise self._unreadable(error) from None
        table = self.table()
        self._held[:] = [table]
        digest.update(self._sizes_digest(table).encode())
        return digest.hexdigest()

    def _sizes_digest(self, table: pl.DataFrame) -> str:
        """Sizes of an even sample of the images: another folder of images is another source."""
        images = [table["image"]]
        if self.pictures:
            images = [table["images"].list.eval(pl.element().struct.field("locator")).explode()]
        locators = images[0].drop_nulls().unique(maintain_order=True)
        chosen = even_sample(locators)
        outside = (locator for locator in chosen if self._inside(locator) is None)
        return listing_digest((locator, self._size(locator)) for locator in outside)

    def _size(self, locator: str) -> int:
        try:
            return self._path(locator).stat().st_size
        except (SourceError, OSError):
            return -1

    def table(self) -> pl.DataFrame:
        if self._held:
            return self._held.pop()
        if self.images != self.file.parent and not self.images.is_dir():
            near = [path.name for path in _subfolders(self.images.parent)]
            raise SourceError(
                f"source.images: there is no folder {self.images}{did_you_mean(self.images.name, near)}; "
                "relative paths start at the recipe's folder"
            )
        try:
            raw, found = self._read()
            raw = raw.select(
                *(pl.col(column).alias(name) for name, column in found.items()),
                *self._further(),
                *(pl.col(name) for name in (PROBLEM, DETAIL) if name in raw.columns),
            ).rechunk()
        except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError, LookupError) as error:
            raise self._unreadable(error) from None
        values = (_as_text(raw[name], number=name in NUMBER_FIELDS) for name in found)
        return self._finished(raw.with_columns(values).with_row_index("source_row"))

    def _finished(self, raw: pl.DataFrame) -> pl.DataFrame:
        layout = self._layout
        raw = raw_columns(raw).with_columns(pl.col("id", "image").str.strip_chars())
        raw = layout.finish(raw) if layout else raw
        defaults = dict(self.defaults)
        if layout and layout.licence:
            defaults.setdefault("licence", layout.licence)
        alone = pl.coalesce("image", "id") if not self.pictures else pl.lit(None, pl.String)
        return raw.with_columns(
            pl.coalesce("id", "image", *(_first_picture() if self.pictures else ())).alias("id"),
            alone.alias("image"),
            *(pl.col(name).cast(pl.String).fill_null(pl.lit(str(value))) for name, value in defaults.items()),
        )

    def read(self, locator: str) -> Path | bytes:
        self._held.clear()
        if inside := self._inside(locator):
            return read_picture(self.file, *inside)
        return self._path(locator)

    def stamp(self, locator: str) -> tuple[int, int] | None:
        self._held.clear()
        if inside := self._inside(locator):
            return picture_stamp(self.file, *inside)
        try:
            found = self._path(locator).stat()
        except (SourceError, OSError):
            return None
        return found.st_size, found.st_mtime_ns

    def _inside(self, locator: str) -> tuple[int, str] | None:
        """Row and column of a picture that the table itself holds."""
        return picture_place(self.file, locator) if self.format == "parquet" else None

    def _path(self, locator: str) -> Path:
        if self._layout and self._layout.searched_folders and not (self.images / locator).exists():
            for folder in _subfolders(self.images):
                if (folder / Path(locator).name).is_file():
                    return locate(self.images, f"{folder.name}/{locator}")
        return locate(self.images, locator)

    def _read(self) -> tuple[pl.DataFrame, dict[Field, str]]:
        """The mapped columns of the file, and which is which."""
        if self.format == "jsonl":
            wanted = frozenset(name.lower() for name in self._wanted())
            frame = read_json_lines(self.file, wanted, label=self.name, encoding=self.encoding)
            return frame, self._mapping(frame.drop("").schema)
        if self.format == "csv":
            header = read_header(self.file, label=self.name, encoding=self.encoding, delimiter=self.delimiter)
            found = self._mapping(dict.fromkeys(header.names, pl.String()))
            columns = self._chosen(found)
            if twice := sorted(name for name in columns if header.names.count(name) > 1):
                raise SourceError(f"{self.name}: the header has {', '.join(twice)} twice; rename one of them")
            return read_rows(self.file, columns, label=self.name, encoding=self.encoding, header=header), found
        return self._read_parquet()

    def _read_parquet(self) -> tuple[pl.DataFrame, dict[Field, str]]:
        import pyarrow as pa

        schema = self._schema()
        found = self._mapping(schema)
        columns = self._chosen(found)
        inside = [name for name in columns if holds_pictures(schema[name])]
        plain = [name for name in columns if name not in inside]
        try:
            refuse_bomb(self.file, frozenset(plain))
        except (ValueError, pa.ArrowException) as error:
            raise self._unreadable(error) from None
        frame = pl.scan_parquet(self.file, glob=False, hive_partitioning=False).select(plain).collect()
        try:
            return frame.with_columns(picture_locators(self.file, name, schema[name]) for name in inside), found
        except (ValueError, pa.ArrowException) as error:
            raise self._unreadable(error) from None
        except SourceError as error:
            raise SourceError(f"{self.name}: {error}") from None

    def _schema(self) -> Schema:
        """The file's columns; of JSON lines those of the first."""
        try:
            if self.format == "parquet":
                return pl.scan_parquet(self.file, glob=False, hive_partitioning=False).collect_schema()
            if self.format == "jsonl":
                return self._read()[0].drop("").schema
            header = read_header(self.file, label=self.name, encoding=self.encoding, delimiter=self.delimiter)
        except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError, LookupError) as error:
            raise self._unreadable(error) from None
        return dict.fromkeys(header.names, pl.String())

    def needed(self) -> tuple[list[str], list[str]]:
        """Of a Parquet table the columns that the plan reads, and those that hold pictures. Raises as `table` does."""
        schema = self._schema()
        columns = self._chosen(self._mapping(schema))
        inside = [name for name in columns if holds_pictures(schema[name])]
        return [name for name in columns if name not in inside], inside

    def _further(self) -> Iterator[pl.Expr]:
        """The lists of pictures and of texts, where the recipe maps any."""
        if self.pictures:
            yield image_list(self.pictures)
        if self.texts:
            yield text_list(self.texts)

    @property
    def _layout(self) -> Layout | None:
        return LAYOUTS[self.layout] if self.layout else None

    def _wanted(self) -> list[str]:
        layout = self._layout.columns.values() if self._layout else ()
        given = (*self.columns.values(), *self.pictures.values(), *self.texts.values())
        return [*given, *layout, *(alias for names in ALIASES.values() for alias in names)]

    def _chosen(self, found: Mapping[Field, str]) -> list[str]:
        return list(dict.fromkeys((*found.values(), *self.pictures.values(), *self.texts.values())))

    def _mapping(self, schema: Schema) -> dict[Field, str]:
        """Our field to the file's column: the recipe's word first, then the layout's, then the usual names.

        A usual name with values that are no text (a struct called `city`) is not taken; it is refused where a recipe or
        a layout asks for it, and where without it there is no place or another picture.
        """
        found: dict[Field, str] = {}
        usual = {name.lower(): name for name in reversed(list(schema))}
        for name, aliases in ALIASES.items():
            layout = self._layout.columns.get(name) if self._layout else None
            if column := self.columns.get(name) or (layout if layout in schema else None):
                found[name] = self._checked(name, column, schema, "columns")
            elif not self._layout:
                candidates = [usual[alias] for alias in aliases if alias in usual]
                if taken := next((column for column in candidates if _fits(name, schema[column])), None):
                    found[name] = taken
                elif candidates and (name in ("lat", "lon") or (name == "image" and not self.pictures)):
                    self._checked(name, candidates[0], schema, "columns")
        for role, column in self.pictures.items():
            self._checked(role, column, schema, "pictures")
        for text, column in self.texts.items():
            self._checked(text, column, schema, "texts")
        for name in ("lat", "lon"):
            if name not in found:
                raise self._no_column(name, self._layout.columns[name] if self._layout else name, schema)
        if "id" not in found and "image" not in found and not self.pictures:
            raise self._no_column("image", "image", schema)
        return found

    def _checked(self, name: str, column: str, schema: Schema, under: str) -> str:
        """A column that the recipe or a layout asks for. Raises SourceError when it is not there, or holds no text."""
        if column not in schema:
            raise self._no_column(name, column, schema, under=under)
        if _fits("image" if under == "pictures" else name, schema[column]):
            return column
        raise SourceError(
            f"{self.name}: the column `{column}` for {name} holds {schema[column]}; expected text or a number"
            + (", or pictures as bytes or {bytes, path}" if under == "pictures" or name == "image" else "")
        )

    def _no_column(self, name: str, column: str, schema: Schema, under: str = "columns") -> SourceError:
        hint = did_you_mean(column, schema)
        shown = ", ".join(list(schema)[:30]) + (", ..." if len(schema) > 30 else "")
        remedy = f"{self.keys[name]}: NAME" if name in self.keys else f"{under}: {{{name}: NAME}}"
        return SourceError(
            f"{self.name}: no column `{column}` for {name}{hint}; the file has: {shown or 'nothing'}. "
            f"Map it with `{remedy}`"
        )

    def _unreadable(self, error: Exception) -> SourceError:
        if isinstance(error, FileNotFoundError):
            return SourceError(f"{self.name}: no such file; relative paths start at the recipe's folder")
        what = str(error).split("\n", 1)[0][:300]
        remedy = ""
        if isinstance(error, UnicodeDecodeError | LookupError) or "utf" in what.lower():
            remedy = ". If the text is not UTF-8, name its `encoding:` (utf-16, gbk, latin-1, ...)"
        return SourceError(f"{self.name}: cannot be read as {self.format} ({what}){remedy}")


def _fits(name: str, kind: pl.DataType) -> bool:
    """Whether a column of this type can give the field."""
    return not (kind.is_nested() or kind in (pl.Binary, pl.Object)) or (name == "image" and holds_pictures(kind))


def _as_text(values: pl.Series, *, number: bool) -> pl.Series:
    """A column as text; numbers stay where `number` says so."""
    if number and values.dtype.is_numeric():
        return values
    return values.dt.to_string("iso:strict") if values.dtype.is_temporal() else values.cast(pl.String)


def _first_picture() -> tuple[pl.Expr, ...]:
    return (pl.col("images").list.first().struct.field("locator"),)


def _subfolders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
