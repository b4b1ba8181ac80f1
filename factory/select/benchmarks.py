"""Evaluation sets a dataset must not contain: their tables, under whatever column names they were published.

A table may be CSV, Parquet or JSONL. Its columns are found by the names in use (`IMG_ID,AUTHOR,LAT,LON` of MP-16,
IM2GPS and IM2GPS3k, `id,latitude,longitude` of OSV-5M, `ID,LAT,LON` of NAVIG) or named in the recipe. The IM2GPS3k
file that circulates with LAT and LON swapped is recognised by its impossible latitudes and read the right way round.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from factory.errors import SourceError

_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "id": ("id", "img_id", "image_id", "file", "file_name", "filename", "image", "image_path", "key"),
    "author": ("author", "creator_id", "creator_username", "user", "owner"),
    "lat": ("lat", "latitude"),
    "lon": ("lon", "lng", "longitude"),
    "phash": ("phash", "image_phash"),
}
_IMAGE_SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".png", ".webp"})
_MAX_IMAGE_BYTES: Final = 64_000_000


class Benchmark(BaseModel):
    """One evaluation set: a table, its images, or both."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    name: str = Field(min_length=1, max_length=64)
    """What reports call it."""
    table: Path | None = None
    """CSV, Parquet or JSONL with ids, coordinates, authors, hashes: whichever it has are compared."""
    images: Path | None = None
    """Folder of its images (JPEG, PNG, WebP), searched recursively; hashed when perceptual hashes are compared."""
    columns: dict[Literal["id", "author", "lat", "lon", "phash"], str] = Field(default_factory=dict)
    """Column names where they are not the usual ones; `phash` holds 16 hexadecimal digits."""


_ENTRY_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "description": "What reports call it."},
        "table": {"type": "string", "description": "CSV, Parquet or JSONL with ids, coordinates, authors, hashes."},
        "images": {"type": "string", "description": "Folder of its images, searched recursively."},
        "columns": {"type": "object", "propertyNames": {"enum": list(_NAMES)}},
    },
    "required": ["name"],
    "additionalProperties": False,
}

BenchmarkEntry = Annotated[Benchmark, WithJsonSchema(_ENTRY_SCHEMA)]
"""A Benchmark as a plug-in setting: its JSON Schema stands in one piece, as the recipe's schema needs it."""


def read_benchmark(benchmark: Benchmark) -> pl.DataFrame:
    """The set's table as benchmark, id, author, lat, lon (degrees), phash (uint64); null where it has none.

    Raises:
        SourceError: the table is missing, is not a table, or has neither ids nor coordinates nor hashes.
    """
    if benchmark.table is None:
        return _empty()
    raw = _read_any(benchmark, benchmark.table)
    found = _find_columns(benchmark, raw)
    if not found.keys() & {"id", "lat", "phash"}:
        raise SourceError(
            f"{benchmark.table}: benchmark `{benchmark.name}` has no column with ids, coordinates or hashes; it has "
            f"{', '.join(raw.columns[:12])}: name them under `columns`"
        )
    text = {name: pl.col(found[name]).cast(pl.String) for name in ("id", "author") if name in found}
    numbers = {
        name: pl.col(found[name]).cast(pl.Float64, strict=False)
        for name in ("lat", "lon")
        if {"lat", "lon"} <= {*found}
    }
    hashes = {"phash": pl.col(found["phash"]).cast(pl.String)} if "phash" in found else {}
    table = raw.select(pl.lit(benchmark.name).alias("benchmark"), **text, **numbers, **hashes)
    if "phash" in found:
        table = table.with_columns(phash=pl.Series([_hash_value(value) for value in table["phash"]], dtype=pl.UInt64))
    return _unswapped(pl.concat([_empty(), table], how="diagonal"))


def image_hashes(benchmark: Benchmark) -> pl.DataFrame:
    """id (file name) and phash of every readable image under `images`; unreadable ones are left out.

    Benchmarks are files the user chose, hashed in this process: Pillow's size limit and a format list apply.
    """
    from PIL import Image

    from factory.images.phash import phash

    names: list[str] = []
    hashes: list[int] = []
    if benchmark.images is not None and not benchmark.images.is_dir():
        raise SourceError(f"{benchmark.images}: benchmark `{benchmark.name}` expects a folder of images here")
    for path in sorted(benchmark.images.rglob("*")) if benchmark.images else ():
        if path.suffix.lower() not in _IMAGE_SUFFIXES or not path.is_file() or path.stat().st_size > _MAX_IMAGE_BYTES:
            continue
        try:
            with Image.open(path, formats=("JPEG", "PNG", "WEBP")) as picture:
                picture.draft("L", (256, 256))
                hashes.append(phash(picture))
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            continue
        names.append(path.name)
    return pl.DataFrame({"id": names, "phash": hashes}, schema={"id": pl.String, "phash": pl.UInt64})


def _empty() -> pl.DataFrame:
    numbers = {"lat": pl.Float64(), "lon": pl.Float64(), "phash": pl.UInt64()}
    return pl.DataFrame(schema={"benchmark": pl.String(), "id": pl.String(), "author": pl.String(), **numbers})


def _read_any(benchmark: Benchmark, path: Path) -> pl.DataFrame:
    try:
        match path.suffix.lower():
            case ".parquet":
                return pl.read_parquet(path)
            case ".jsonl" | ".ndjson":
                return pl.read_ndjson(path, infer_schema_length=None)
            case _:  # text only: "NA" stays Namibia and a long id stays what it is
                return pl.read_csv(path, infer_schema=False, null_values=[""], encoding="utf8-lossy")
    except (OSError, pl.exceptions.PolarsError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise SourceError(
            f"{path}: the table of benchmark `{benchmark.name}` cannot be read ({first}); expected CSV, Parquet or "
            "JSONL"
        ) from None


def _find_columns(benchmark: Benchmark, raw: pl.DataFrame) -> dict[str, str]:
    by_lower = {column.lower(): column for column in reversed(raw.columns)}
    found = {
        meaning: by_lower[name] for meaning, names in _NAMES.items() for name in reversed(names) if name in by_lower
    }
    for meaning, column in benchmark.columns.items():
        if column not in raw.columns:
            raise SourceError(
                f"{benchmark.table}: benchmark `{benchmark.name}` has no column `{column}` (its {meaning}); it has "
                f"{', '.join(raw.columns[:12])}"
            )
        found[meaning] = column
    return found


def _hash_value(text: str | None) -> int | None:
    try:
        value = int(text, 16) if text else None
    except ValueError:
        return None
    return value if value is not None and 0 <= value < 1 << 64 else None


def _unswapped(table: pl.DataFrame) -> pl.DataFrame:
    """Exchanges lat and lon when some latitudes are impossible and every longitude could be one."""
    impossible = table.filter(pl.col("lat").abs() > 90).height
    if impossible and not table.filter(pl.col("lon").abs() > 90).height:
        return table.rename({"lat": "lon", "lon": "lat"}).select(table.columns)
    return table.with_columns(
        lat=pl.when((pl.col("lat").abs() <= 90) & (pl.col("lon").abs() <= 180)).then("lat"), lon=pl.col("lon")
    )
