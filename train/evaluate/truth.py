"""What is evaluated on: the rows of a released split, or of a table of any benchmark, with their true places."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import polars as pl

from factory.errors import RecipeError, SourceError
from factory.geo.degrees import read_degrees
from factory.geo.files import columns_of
from factory.text import did_you_mean
from release.read import DamagedRelease, Release, open_release
from train.evaluate.predictions import id_of, rows_of

SCHEMA: Final[dict[str, Any]] = {
    "id": pl.String,
    "lat": pl.Float64,
    "lon": pl.Float64,
    "country": pl.String,
    "region": pl.String,
    "city": pl.String,
    "scene": pl.String,
    "reference": pl.String,
    "clues": pl.List(pl.String),
}
"""Of `read_truth`: names as the set writes them; `reference` is its reasoning, `clues` what is known to be visible."""
MANIFEST: Final = "manifest.json"
DEFAULT_SPLIT: Final = "test"

_LAT: Final = ("lat", "latitude", "true_lat", "gt_lat")
_LON: Final = ("lon", "lng", "longitude", "true_lon", "gt_lon")
_NAMES: Final = {
    "country": ("country", "country_code", "country_name", "cc"),
    "region": ("region", "admin1", "state"),
    "city": ("city",),
}
_SCENES: Final = {"0": "indoor", "1": "natural", "2": "urban"}
"""Of `S3_Label` in the tables of MP-16 and Im2GPS3k."""
_REFERENCES: Final = ("response", "reasoning", "clues", "description")
"""Columns that hold a row's reasoning: of MP16-Reason, of tables, of NaviClues, of MG-Geo Clue."""
_READ: Final = ("id", "lat", "lon", "location", "country", "country_code", "region", "city", "scene", "entities")


def is_release(path: Path) -> bool:
    """Whether a path is a release's folder, or that of a build with one."""
    return any((folder / MANIFEST).is_file() for folder in (path, path / "release"))


def open_set(path: Path) -> Release:
    """The release at a path. Raises RecipeError where it cannot be read."""
    folder = path if (path / MANIFEST).is_file() else path / "release"
    try:
        return open_release(folder)
    except DamagedRelease as error:
        raise RecipeError(str(error)) from None


def read_truth(path: Path, *, split: str | None = None) -> pl.DataFrame:
    """The set's rows as `SCHEMA` says, in its order; `lat` and `lon` are null where a row has no place.

    Args:
        path: a release, a build with one, or a table (CSV, TSV, Parquet, JSON lines).
        split: of a release, `test` by default; tables have none.

    Raises:
        RecipeError: there is no such split or column, or a path that is neither.
        SourceError: the table cannot be read, or an id stands there twice.
    """
    if path.is_dir() and not is_release(path):
        raise RecipeError(f"{path}: no release (no {MANIFEST} in it), and no table; expected one of both")
    if is_release(path):
        rows = _released(open_set(path), split or DEFAULT_SPLIT)
    else:
        if split is not None:
            raise RecipeError(f"{path}: is a table, which has no split {split!r}; leave --split out")
        _check_axes(path)
        rows = rows_of(path)
    found, seen = [], set()
    for number, row in enumerate(rows, 1):
        truth = {"id": id_of(row, str(path), number), **_truth(row)}
        if truth["id"] in seen:
            raise SourceError(f"{path}, row {number}: id {truth['id']!r} stands there twice")
        seen.add(truth["id"])
        found.append(truth)
    if not found:
        raise SourceError(f"{path}: no rows to evaluate on")
    return pl.DataFrame(found, schema=SCHEMA)


def _released(release: Release, split: str) -> Iterator[Mapping[str, Any]]:
    names = release.schema.columns.names
    yield from streamed(release, split, [name for name in dict.fromkeys((*_READ, *_REFERENCES)) if name in names])


def streamed(release: Release, split: str, columns: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    """Rows of a split in their order. Raises RecipeError where there is no such split, and for a damaged release."""
    if split not in release.splits:
        there = ", ".join(f"{name} ({rows:,} rows)" for name, rows in release.splits.items()) or "none"
        raise RecipeError(
            f"{release.root}: no split `{split}`{did_you_mean(split, release.splits)}; name one with --split: {there}"
        )
    try:
        yield from release.stream(split, shuffle=False, columns=columns)
    except DamagedRelease as error:
        raise RecipeError(str(error)) from None


def _check_axes(path: Path) -> None:
    columns = columns_of(path)
    if columns is None:
        return
    lowered = {name.lower() for name in columns}
    for axis, names in (("lat", _LAT), ("lon", _LON)):
        if not lowered & set(names):
            near = did_you_mean(axis, columns)
            raise RecipeError(
                f"{path}: no column `{axis}` of the true place{near}; the columns are {', '.join(columns)}"
            )


def _truth(row: Mapping[str, Any]) -> dict[str, Any]:
    lowered = {str(name).lower(): value for name, value in row.items()}
    if isinstance(lowered.get("location"), Mapping):  # NaviClues
        lowered = {**{str(name).lower(): value for name, value in lowered["location"].items()}, **lowered}
    lat, lon = _degrees(_first(lowered, _LAT), "lat"), _degrees(_first(lowered, _LON), "lon")
    possible = lat is not None and lon is not None and abs(lat) <= 90 and abs(lon) <= 180
    label = str(lowered.get("s3_label") or "")
    return {
        "lat": lat if possible else None,
        "lon": lon if possible else None,
        **{level: _text(_first(lowered, names)) for level, names in _NAMES.items()},
        "scene": _text(lowered.get("scene")) or _SCENES.get(label),
        "reference": next((text for name in _REFERENCES if (text := _text(lowered.get(name)))), None),
        "clues": _clues(lowered),
    }


def _clues(row: Mapping[str, Any]) -> list[str]:
    """Texts of what is known to be visible: `entities`, else `clues`."""
    for name in ("entities", "clues"):
        items = row.get(name)
        if isinstance(items, list):
            texts = [item.get("text") if isinstance(item, Mapping) else item for item in items]
            return [text for text in texts if isinstance(text, str) and text.strip()]
    return []


def _degrees(value: Any, axis: Any) -> float | None:
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return float(value) if abs(value) <= 360 else None
    return read_degrees(value, axis) if isinstance(value, str) else None


def _first(row: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((row[name] for name in names if row.get(name) not in (None, "")), None)


def _text(value: Any) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


def read_photos(path: Path, ids: Collection[str]) -> dict[str, bytes]:
    """The first picture of rows of a release, JPEGs by id; nothing of a table, and of rows whose pictures are withheld.

    Raises RecipeError where the release is damaged.
    """
    if not is_release(path):
        return {}
    release = open_set(path)
    found = {}
    try:
        for key in ids:
            for picture in release.find(key)["images"][:1]:
                if picture["bytes"]:
                    found[key] = picture["bytes"]
    except DamagedRelease as error:
        raise RecipeError(str(error)) from None
    return found


def photos_in_order(path: Path, split: str | None = None) -> Iterator[tuple[str, bytes]]:
    """Ids and first pictures of a released split, one row at a time; nothing of a table.

    Raises RecipeError where the release is damaged.
    """
    if is_release(path):
        for row in streamed(open_set(path), split or DEFAULT_SPLIT, ("id", "images")):
            for picture in (row["images"] or ())[:1]:
                if picture["bytes"]:
                    yield row["id"], picture["bytes"]
