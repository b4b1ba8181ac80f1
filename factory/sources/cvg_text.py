"""CVG-Text: descriptions of street views, with the satellite picture and the map of the same place.

An annotation is a flat JSON object, file name to description; the same name leads to the picture in each folder. A name
begins with latitude and longitude. Whether a picture is a panorama or a single view is told by its own name alone: the
published rule counts the `_` of whatever it is given, and finds panoramas everywhere once a folder's name has some.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NamedTuple

import polars as pl
from pydantic import Field

from factory.errors import SourceError
from factory.plugins.contracts import Source
from factory.plugins.registry import register
from factory.sources.contract import DETAIL, PROBLEM
from factory.sources.cross_view import pair_table, pairs_digest, picture
from factory.sources.json_text import read_json
from factory.sources.paths import file_stamp, locate, recipe_path
from schemas.settings import InputPath

VERSIONS: Final = ("NewYork", "Brisbane", "Tokyo")
"""Cities; each also as `-photos` (single views) and `-mixed` (both)."""
MAX_ANNOTATION_BYTES: Final = 256_000_000
"""Of one file: 15,000 descriptions are 12 MB."""
HOW_TO_GET_IT: Final = (
    "CVG-Text is the dataset `LHL3341/CVG-Text_full` of the Hugging Face Hub: "
    "unpack `images.zip` and `query.zip` beside its folder `annotation`; street views may be withheld"
)
_ANNOTATIONS: Final = ("annotation", "annotation/texts", "CVG-text", ".")
_NESTS: Final = (
    ".",
    "images",
    "reference",
    "data",
    "query",
    "data/query",
    "mnt/hwfile/opendatalab/air/linhonglin/CVG-text/reference",
)
"""Where the zips put their folders."""
_FOLDERS: Final[Mapping[str, tuple[str, ...]]] = {
    "ground": ("{version}-ground", "{version}-photo", "{city}-photo", "{city}-ground"),
    "satellite": ("{version}-satellite", "{city}-satellite"),
    "map": ("{version}-OSM", "{city}-OSM"),
}
"""Role to the folders in which its pictures may lie."""
_DEGREES: Final = r"[-+]?[0-9]{1,3}(?:\.[0-9]{1,20})?"
_NAME: Final = re.compile(rf"({_DEGREES}),({_DEGREES})(?:_(.{{0,200}}))?\.(?:jpe?g|png|webp)", re.IGNORECASE)
_PANORAMA: Final = re.compile(r"([0-9]{4}-[0-9]{2})_(.{1,80}?)(?:_d[0-9]{1,4}_z[0-9]{1,2})?")
"""A month and the panorama's id, which may hold `_`; depth and zoom of the download may follow."""

Metres = Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)]


@register("source", "cvg_text")
def cvg_text(
    root: Path,
    *,
    path: InputPath,
    version: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 _-]{0,63}$")] = "NewYork",
    split: Literal["train", "test", "all"] = "train",
    views: Literal["panorama", "single", "all"] = "all",
    satellite_metres_per_pixel: Metres | None = None,
    map_metres_per_pixel: Metres | None = None,
    licence: str | None = None,
    author: str | None = None,
) -> Source:
    """CVG-Text as it is published: a sample is a street view with its satellite picture, its map and its description.

    Args:
        root: the folder from which relative paths start.
        path: the folder with `annotation/<version>/train.json` and the folders of pictures, as they are unpacked.
        version: a city (`NewYork`, `Brisbane`, `Tokyo`), its single views (`NewYork-photos`), or both
            (`NewYork-mixed`).
        split: which annotation.
        views: panoramas, single views, or all, by each picture's own name.
        satellite_metres_per_pixel: of satellite pictures, where it is known; the set does not say.
        map_metres_per_pixel: of maps, likewise. The published program asks for a square of 256 x 0.2627 Mercator
            metres at zoom 18, and saves whole tiles: 0.45 m a pixel in New York.
        licence: of all pictures.
        author: of all pictures.
    """
    scales = {"satellite": satellite_metres_per_pixel, "map": map_metres_per_pixel}
    folder = recipe_path(root, path, key="path")
    return CvgText(path, folder, version, split, views, scales, {"licence": licence, "author": author})


class Named(NamedTuple):
    """What the name of a picture says."""

    lat: float
    lon: float
    view: Literal["panorama", "single"]
    month: str | None
    """Of a panorama: when it was taken."""
    pano_id: str | None


def read_name(name: str) -> Named | None:
    """What a file's own name says; None for one that begins with no place. A folder before it is no part of it."""
    found = _NAME.fullmatch(name.rpartition("/")[2])
    if found is None:
        return None
    lat, lon = float(found[1]), float(found[2])
    if abs(lat) > 90 or abs(lon) > 180:
        return None
    pano = _PANORAMA.fullmatch(found[3] or "")
    if pano is None:
        return Named(lat, lon, "single", None, None)
    return Named(lat, lon, "panorama", pano[1], pano[2])


@dataclass(frozen=True, slots=True, eq=False)
class CvgText:
    """See `cvg_text`. A locator is a picture's path below `path`."""

    name: str
    folder: Path
    version: str
    split: Literal["train", "test", "all"]
    views: Literal["panorama", "single", "all"]
    scales: Mapping[str, float | None]
    said: Mapping[str, str | None]
    _held: list[pl.DataFrame] = field(default_factory=list, init=False, repr=False)
    """The table that `digest` read, until the plan takes it."""

    @property
    def images(self) -> Path:
        return self.folder

    @property
    def coordinate_columns(self) -> tuple[str, str]:
        return "lat", "lon"

    def digest(self) -> str:
        table = self.table()
        self._held[:] = [table]
        return pairs_digest(table, repr((self.views, *self.scales.items())), self.stamp)

    def table(self) -> pl.DataFrame:
        if self._held:
            return self._held.pop()
        if not self.folder.is_dir():
            raise SourceError(f"source.path: there is no folder {self.name}; {HOW_TO_GET_IT}")
        return pair_table([self._row(*one) for one in self._described()], self.said)

    def read(self, locator: str) -> Path:
        return locate(self.folder, locator)

    def stamp(self, locator: str) -> tuple[int, int] | None:
        return file_stamp(self.folder, locator)

    def _described(self) -> Iterator[tuple[str, str, Any, str]]:
        """(version, split, description, name of the picture) of every entry of the annotations. Raises SourceError."""
        city = self.version.removesuffix("-mixed")
        versions = (city, f"{city}-photos") if self.version.endswith("-mixed") else (self.version,)
        for version in versions:
            for split in ("train", "test") if self.split == "all" else (self.split,):
                for name, described in self._annotation(version, split).items():
                    yield version, split, described, name

    def _annotation(self, version: str, split: str) -> dict[str, Any]:
        places = [self.folder / nest / version / f"{split}.json" for nest in _ANNOTATIONS]
        file = next((place for place in places if place.is_file()), None)
        if file is None:
            raise SourceError(
                f"source: there is no annotation/{version}/{split}.json in {self.name}; versions are a city "
                f"({', '.join(VERSIONS)}), `<city>-photos` and `<city>-mixed`; {HOW_TO_GET_IT}"
            )
        label = f"{version}/{split}.json"
        try:
            if file.stat().st_size > MAX_ANNOTATION_BYTES:
                raise SourceError(f"{label}: larger than {MAX_ANNOTATION_BYTES:,} bytes: no annotation of CVG-Text")
            found = read_json(file.read_bytes())
        except OSError as error:
            raise SourceError(f"{label}: cannot be read ({error.strerror})") from None
        except ValueError as error:
            raise SourceError(f"{label}: no JSON ({error})") from None
        if not isinstance(found, dict):
            raise SourceError(f"{label}: expected one JSON object, file name to description")
        return found

    def _row(self, version: str, split: str, described: Any, name: str) -> dict[str, Any]:
        stem = name.rpartition("/")[2].rpartition(".")[0]
        row: dict[str, Any] = {"id": f"{version}/{stem}"}
        said = read_name(name)
        if said is None:
            return row | {PROBLEM: "bad_name", DETAIL: f"{name[:120]!r} begins with no `<lat>,<lon>`"}
        row |= {"lat": said.lat, "lon": said.lon, "captured_at": said.month}
        if self.views not in ("all", said.view):
            return row | {PROBLEM: "other_view", DETAIL: f"{name[:120]!r} is a {said.view}"}
        if not isinstance(described, str) or not described.strip():
            return row | {PROBLEM: "no_description", DETAIL: f"{name[:120]!r} is described by no text"}
        told = {"caption": described, "view": said.view, "version": version, "split": split, "file": name}
        images = [self._picture(role, version, name, said) for role in _FOLDERS]
        return row | {"images": [one for one in images if one is not None], "texts": told}

    def _picture(self, role: str, version: str, name: str, said: Named) -> dict[str, Any] | None:
        """The picture of a role; None where it is not there. Street views are withheld and maps missing one by one."""
        folders = self._folders(role, version)
        found = next((folder for folder in folders if file_stamp(self.folder, f"{folder}/{name}")), None)
        if found is None:
            return None
        scale = self.scales.get(role)
        return picture(role, f"{found}/{name}", lat=said.lat, lon=said.lon, metres_per_pixel=scale)

    def _folders(self, role: str, version: str) -> list[str]:
        city = version.removesuffix("-photos")
        names = [form.format(version=version, city=city) for form in _FOLDERS[role]]
        places = (f"{nest}/{name}".removeprefix("./") for name in names for nest in _NESTS)
        return [place for place in dict.fromkeys(places) if (self.folder / place).is_dir()]
