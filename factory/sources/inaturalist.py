"""iNaturalist: photos of observations, from an export (CSV), the API (JSON) or the open-data dump (tables).

The place of a threatened species, or of whoever asks for it, is moved by kilometres on purpose. Then it says so
(`coordinates_obscured`, `geoprivacy`, `taxon_geoprivacy`), or only its public accuracy does; the accuracy beside it may
still be the camera's. None of that is a position. `private_*` is never read: it is what was to be kept secret.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal

import polars as pl

from factory.errors import SourceError
from factory.plugins.contracts import Source
from factory.plugins.fetching import Course
from factory.plugins.registry import register
from factory.sources.contract import DETAIL, PROBLEM
from factory.sources.csv_table import read_header, read_rows
from factory.sources.fetched import Fetch, FetchedPictures
from factory.sources.pages import (
    FOLDER,
    PagedSource,
    Row,
    address_of,
    mapping_of,
    number_of,
    opened_pages,
    table_of,
    text_of,
)
from factory.sources.paths import recipe_path
from schemas.settings import InputPath, Kilometres

Size = Literal["original", "large", "medium", "small"]

HOW_TO_GET_IT: Final = (
    "it needs an export of https://www.inaturalist.org/observations/export (CSV), what "
    "https://api.inaturalist.org/v1/observations?geoprivacy=open&photos=true&... answers (JSON, or such an address as "
    "`path`), or a folder with observations.csv and photos.csv of the open-data dump (s3://inaturalist-open-data)"
)
RESERVED: Final = "all rights reserved"
"""What an empty licence means there."""
_SIZED: Final = re.compile(r"/(square|thumb|small|medium|large|original)\.([A-Za-z]{3,4})(\?.*)?$")
_DUMPED: Final = "https://inaturalist-open-data.s3.amazonaws.com/photos"
_NEEDED: Final = ("id", "image_url", "latitude", "longitude")
_EXPORTED: Final = (
    *_NEEDED, "observed_on", "time_observed_at", "license", "url", "user_login", "positional_accuracy",
    "public_positional_accuracy", "geoprivacy", "taxon_geoprivacy", "coordinates_obscured",
)  # fmt: skip
_OBSERVATIONS: Final = (
    "observation_uuid", "observer_id", "latitude", "longitude", "positional_accuracy", "observed_on",
)  # fmt: skip
_OBSERVERS: Final = ("observer_id", "login")
_PHOTOS: Final = ("photo_id", "observation_uuid", "extension", "license", "position")


@dataclass(frozen=True, slots=True)
class Rule:
    """What is a position, and which picture is taken."""

    size: Size
    photos: int
    most_km: float
    unknown_km: float


@register("source", "inaturalist")
def inaturalist(
    root: Path,
    *,
    path: InputPath,
    images: InputPath = FOLDER,
    size: Size = "large",
    photos: int = 1,
    max_accuracy_km: Kilometres = 5.0,
    uncertainty_km: Kilometres = 1.0,
    fetch: Fetch = Fetch(),  # noqa: B008 - frozen
) -> Source:
    """Photos of iNaturalist's observations.

    Args:
        root: the folder from which relative paths start.
        path: an export (`.csv`), an answer of the API (`.json`, a folder of them, an address), or the folder of a dump.
        images: the folder into which pages and pictures are fetched.
        size: of a picture: `large` is 1,024 pixels wide, `medium` 500.
        photos: most photos of one observation; an export has one of each.
        max_accuracy_km: coarser positions are dropped; obscured ones are tens of kilometres off.
        uncertainty_km: of a position whose accuracy nobody states.
        fetch: what is too much, and how gently hosts are asked.
    """
    where = opened_pages(root, path, HOW_TO_GET_IT)
    pictures = FetchedPictures(recipe_path(root, images, key="images"), fetch)
    rule = Rule(size, photos, max_accuracy_km, uncertainty_km)
    if isinstance(where, Path) and (where / "observations.csv").is_file():
        names = ("observations.csv", "photos.csv", *(["observers.csv"] if (where / "observers.csv").is_file() else []))
        return TabledSource(path, tuple(where / name for name in names), pictures, rule)
    if isinstance(where, Path) and where.suffix.lower() in (".csv", ".tsv"):
        return TabledSource(path, (where,), pictures, rule)
    return PagedSource(path, where, HOW_TO_GET_IT, pictures, partial(_answered, rule=rule))


@dataclass(frozen=True, slots=True, eq=False)
class TabledSource:
    """An export, or a dump's observations and photos."""

    name: str
    files: tuple[Path, ...]
    pictures: FetchedPictures
    rule: Rule

    @property
    def coordinate_columns(self) -> tuple[str, str]:
        return "latitude", "longitude"

    def digest(self) -> str:
        digest = hashlib.sha256()
        try:
            for path in self.files:
                with path.open("rb") as file:
                    digest.update(hashlib.file_digest(file, "sha256").digest())
        except OSError as error:
            raise SourceError(f"{self.name}: cannot be read ({error.strerror}); {HOW_TO_GET_IT}") from None
        return digest.hexdigest()

    def table(self) -> pl.DataFrame:
        if len(self.files) == 1:
            rows = self._columns(self.files[0], _EXPORTED, _NEEDED, None).to_dicts()
            return table_of([_exported(row, self.rule) for row in rows])
        return table_of(list(self._dumped()))

    def _dumped(self) -> Iterator[Row]:
        """A dump's rows; its files are tab separated in spite of their names."""
        file, of_photos, *of_observers = self.files
        logins: dict[str, str] = {}
        for one in of_observers:
            observers = self._columns(one, _OBSERVERS, _OBSERVERS, "\t").drop_nulls("observer_id")
            logins = dict(observers.select(_OBSERVERS).iter_rows())
        observed = self._columns(file, _OBSERVATIONS, _OBSERVATIONS, "\t").unique("observation_uuid", keep="first")
        taken = self._columns(of_photos, _PHOTOS, _PHOTOS, "\t").drop(PROBLEM, DETAIL)
        place = pl.col("position").cast(pl.Int64, strict=False).fill_null(0)
        taken = taken.with_columns(_place=place).filter(pl.col("_place") < self.rule.photos)
        joined = taken.join(observed, on="observation_uuid", how="left", maintain_order="left")
        for row in joined.iter_rows(named=True):
            picture = f"{_DUMPED}/{row['photo_id']}/{self.rule.size}.{row['extension']}"
            yield {
                "id": f"{row['observation_uuid']}/{row['photo_id']}",
                "image": address_of(picture),
                "licence": _licence(row["license"]),
                "author": logins.get(row["observer_id"]) or row["observer_id"],
                "captured_at": row["observed_on"],
                "source_url": f"https://www.inaturalist.org/observations/{row['observation_uuid']}",
                **_position(row, row["latitude"], row["longitude"], self.rule),
            }

    def _columns(self, file: Path, wanted: Sequence[str], needed: Sequence[str], delimiter: str | None) -> pl.DataFrame:
        """The wanted columns that a file has, as text without blanks around it."""
        label = f"{self.name}" if len(self.files) == 1 else file.name
        try:
            header = read_header(file, label=label, encoding="utf-8", delimiter=delimiter)
            if missing := [name for name in needed if name not in header.names]:
                raise SourceError(f"{label}: has no column {', '.join(missing)}; {HOW_TO_GET_IT}")
            there = [name for name in wanted if name in header.names]
            frame = read_rows(file, there, label=label, encoding="utf-8", header=header)
        except (OSError, UnicodeDecodeError) as error:
            raise SourceError(f"{label}: cannot be read ({error}); {HOW_TO_GET_IT}") from None
        text = pl.col(there).str.strip_chars()
        lacking = (pl.lit(None, pl.String).alias(name) for name in wanted if name not in there)
        return frame.with_columns(pl.when(text != "").then(text).name.keep()).with_columns(*lacking)

    def read(self, locator: str) -> Path:
        return self.pictures.read(locator)

    def stamp(self, locator: str) -> tuple[int, int] | None:
        return self.pictures.stamp(locator)

    def fetch(self, locators: Sequence[str], *, allowed: Collection[str], course: Course) -> Mapping[str, int]:
        return self.pictures.fetch(locators, allowed=allowed, course=course)


def _exported(row: Mapping[str, Any], rule: Rule) -> Row:
    problem = {key: row[key] for key in (PROBLEM, DETAIL) if row[key] is not None}
    return {
        "id": row["id"],
        "image": _sized(row["image_url"], rule.size),
        "licence": _licence(row["license"]),
        "author": row["user_login"],
        "captured_at": row["time_observed_at"] or row["observed_on"],
        "source_url": address_of(row["url"]),
        **(problem or _position(row, row["latitude"], row["longitude"], rule)),
    }


def _answered(page: Any, rule: Rule) -> Iterable[Row]:
    """Rows of an answer of the API, a photo each."""
    results = page.get("results") if isinstance(page, dict) else page
    if not isinstance(results, list):
        raise ValueError("no `results`")
    for one in map(mapping_of, results):
        lat, lon = _located(one)
        known = {
            "author": text_of(mapping_of(one.get("user")).get("login")),
            "captured_at": text_of(one.get("time_observed_at")) or text_of(one.get("observed_on")),
            "source_url": address_of(one.get("uri")),
            **_position({**one, "coordinates_obscured": one.get("obscured")}, lat, lon, rule),
        }
        listed = one.get("photos")
        photos = [mapping_of(photo) for photo in listed] if isinstance(listed, list) else []
        for photo in photos[: rule.photos] or [{}]:
            row = {
                "id": f"{text_of(one.get('id')) or ''}/{text_of(photo.get('id')) or ''}",
                "image": _sized(photo.get("url"), rule.size),
                "licence": _licence(photo.get("license_code")),
                "texts": {"attribution": text_of(photo.get("attribution"))},
                **known,
            }
            yield row if row["image"] or PROBLEM in row else {**row, PROBLEM: "no_picture"}


def _located(one: Mapping[str, Any]) -> tuple[Any, Any]:
    """Latitude and longitude of an observation, whose numbers may be texts; GeoJSON has the longitude first."""
    where = one.get("location")
    if isinstance(where, str) and where.count(",") == 1:
        lat, lon = where.split(",")
        return lat, lon
    if isinstance(where, list) and len(where) == 2:
        return where[0], where[1]
    pair = mapping_of(one.get("geojson")).get("coordinates")
    return (pair[1], pair[0]) if isinstance(pair, list) and len(pair) == 2 else (None, None)


def _position(said: Mapping[str, Any], lat: Any, lon: Any, rule: Rule) -> Row:
    """Place and uncertainty, or why there is none."""
    privacy = {str(said.get(key) or "").lower() for key in ("geoprivacy", "taxon_geoprivacy")}
    metres = [number_of(said.get(key)) for key in ("positional_accuracy", "public_positional_accuracy")]
    known = [one / 1000 for one in metres if one is not None and one >= 0]
    if "private" in privacy:
        return {PROBLEM: "private", DETAIL: "its place is private"}
    if "obscured" in privacy or str(said.get("coordinates_obscured")).lower() == "true":
        return {PROBLEM: "obscured", DETAIL: "its place was moved on purpose"}
    if known and max(known) > rule.most_km:
        return {PROBLEM: "coarse", DETAIL: f"its place is known to {max(known):,.1f} km"}
    return {"lat": text_of(lat), "lon": text_of(lon), "uncertainty_km": max(known) if known else rule.unknown_km}


def _licence(written: Any) -> str:
    text = text_of(written)
    return RESERVED if text is None or text.lower() == "none" else text


def _sized(written: Any, size: Size) -> str | None:
    """The address of a picture in another size, which stands in its path; what is behind `?` is a time."""
    address = address_of(written)
    return None if address is None else _SIZED.sub(rf"/{size}.\2", address)
