"""VIGOR: panoramas with the tile that shows the place from above, three that show it near their edge, and others.

A pair's own offset is kept in pixels and metres. SliceMatch's corrected labels are read, or VIGOR's own, which take a
pixel for 0.114 m in every city; those are brought to the tiles' true scale. The tiles nearest to a panorama that do not
show it are its hard negatives, the nearest first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NamedTuple

import orjson
import polars as pl
from pydantic import Field

from factory.errors import SourceError
from factory.geo.tiles import Aerial, metres_per_pixel, pixels_between
from factory.plugins.contracts import Source
from factory.plugins.registry import register
from factory.sources.contract import DETAIL, PROBLEM
from factory.sources.cross_view import Nearby, first_folder, pair_table, pairs_digest, picture
from factory.sources.paths import file_stamp, locate, recipe_path
from factory.sources.vigor_labels import (
    ORIGINAL_METRES_PER_PIXEL,
    BadLabel,
    Label,
    TileLabel,
    read_labels,
    read_tile,
    text_lines,
)
from schemas.settings import InputPath, OptionalPath

CITIES: Final = ("NewYork", "Seattle", "SanFrancisco", "Chicago")
CROSS_AREA: Final[Mapping[str, tuple[str, ...]]] = {"train": CITIES[:2], "test": CITIES[2:], "all": CITIES}
"""VIGOR's split by city: learnt in two, tried in the others."""
ZOOM: Final = 20
"""Of VIGOR's tiles; the scale that the corrected labels have in three cities is that of this zoom to 0.2 %."""
SEMI_POSITIVES: Final = ("semi_1", "semi_2", "semi_3")
"""Roles of the semi-positive tiles."""
_PANORAMAS: Final = ("{}/panorama", "ground/{}", "{}/ground", "panorama/{}")
_TILES: Final = ("{}/satellite", "satellite/{}")
"""Folders of a city's pictures as VIGOR lays them out, and as Sample4Geo does."""
_LABELS: Final = ("splits__corrected", "splits")
HOW_TO_GET_IT: Final = (
    "VIGOR's pictures and lists are given out by the form at github.com/Jeff-Zilence/VIGOR (academic use, not to be "
    "passed on), corrected labels lie in VIGOR_corrected_labels/splits__corrected of github.com/tudelft-iv/SliceMatch"
)

Count = Annotated[int, Field(ge=0, le=200)]
City = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 _-]{0,63}$")]
Pixels = Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)]


@register("source", "vigor")
def vigor(
    root: Path,
    *,
    path: InputPath,
    labels: OptionalPath = None,
    area: Literal["same", "cross"] = "same",
    split: Literal["train", "test", "all"] = "train",
    cities: tuple[City, ...] | None = None,
    negatives: Count = 19,
    tile_pixels: Annotated[int, Field(ge=16, le=20_000)] = 640,
    zoom: Annotated[float, Field(ge=1, le=24)] = ZOOM,
    tolerance_pixels: Pixels | None = 10.0,
    licence: str | None = None,
    author: str | None = None,
) -> Source:
    """VIGOR as it is published, or as Sample4Geo lays it out: a sample is a panorama with its tiles.

    Args:
        root: the folder from which relative paths start.
        path: the folder with the cities (`Chicago/panorama`, `Chicago/satellite`), or Sample4Geo's with
            `ground/Chicago` and `satellite/Chicago`.
        labels: the folder with the cities' lists; by default `splits__corrected` of `path`, else `splits`.
        area: `same`: `same_area_balanced_<split>`; `cross`: all of a city (`pano_label_balanced`), by VIGOR's split of
            the cities.
        split: which of them; `all` takes both.
        cities: others than VIGOR's four, or some of them.
        negatives: hard negatives a panorama: the nearest tiles that do not show its place.
        tile_pixels: pixels a side of a tile.
        zoom: at which tiles were made; it gives their metres per pixel.
        tolerance_pixels: how far an offset may be from what the names of panorama and tile say; the corrected labels of
            three cities are up to 5 off. Rows beyond it are dropped (`offset_differs`); null drops none.
        licence: of all pictures.
        author: of all pictures.
    """
    folder = recipe_path(root, path, key="path")
    lists = recipe_path(root, labels, key="labels") if labels else None
    said = {"licence": licence, "author": author}
    rules = Rules(area, split, cities, negatives, tile_pixels, zoom, tolerance_pixels)
    return Vigor(path, folder, lists, rules, said)


@dataclass(frozen=True, slots=True)
class Rules:
    """The settings of `vigor` that decide what its rows are."""

    area: Literal["same", "cross"]
    split: Literal["train", "test", "all"]
    cities: tuple[str, ...] | None
    negatives: int
    tile_pixels: int
    zoom: float
    tolerance_pixels: float | None


class _List(NamedTuple):
    """A label file of a city."""

    city: str
    split: str
    file: Path
    corrected: bool


@dataclass(frozen=True, slots=True, eq=False)
class Vigor:
    """See `vigor`. A locator is a picture's path below `path`."""

    name: str
    folder: Path
    labels: Path | None
    rules: Rules
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
        return pairs_digest(table, repr(self.rules), self.stamp)

    def table(self) -> pl.DataFrame:
        if self._held:
            return self._held.pop()
        rows: list[dict[str, Any]] = []
        cities: dict[str, _City] = {}
        for one in self._lists():
            if one.city not in cities:
                cities[one.city] = self._city(one)
            for label in read_labels(one.file, label=f"{one.city}/{one.file.name}"):
                bad = isinstance(label, BadLabel)
                rows.append(_bad(label) if bad else self._row(label, one, cities[one.city]))  # type: ignore[arg-type]
        return pair_table(rows, self.said)

    def read(self, locator: str) -> Path:
        return locate(self.folder, locator)

    def stamp(self, locator: str) -> tuple[int, int] | None:
        return file_stamp(self.folder, locator)

    def _lists(self) -> list[_List]:
        """The label files that the recipe names, each of which is there. Raises SourceError."""
        if not self.folder.is_dir():
            raise SourceError(f"source.path: there is no folder {self.name}; {HOW_TO_GET_IT}")
        rules = self.rules
        cities = rules.cities or (CROSS_AREA[rules.split] if rules.area == "cross" else CITIES)
        splits = ("train", "test") if rules.split == "all" else (rules.split,)
        found = []
        for city in cities:
            if rules.area == "cross":
                of_city = next((name for name in ("train", "test") if city in CROSS_AREA[name]), rules.split)
                found.append(self._list(city, of_city, "pano_label_balanced"))
            else:
                found += [self._list(city, split, f"same_area_balanced_{split}") for split in splits]
        return found

    def _list(self, city: str, split: str, stem: str) -> _List:
        folders = [self.labels] if self.labels is not None else [self.folder / name for name in _LABELS]
        for folder in folders:
            for name in (f"{stem}__corrected.txt", f"{stem}.txt"):
                if (file := folder / city / name).is_file():
                    return _List(city, split, file, corrected="__corrected" in name)
        where = " or ".join(folder.name for folder in folders)
        raise SourceError(f"source: there is no {stem}.txt of {city} in {where}; {HOW_TO_GET_IT}")

    def _city(self, one: _List) -> _City:
        folders = (one.file.parent, *(self.folder / name / one.city for name in _LABELS))
        listed = next((folder / "satellite_list.txt" for folder in folders if _is_list(folder)), None)
        if listed is None:
            raise SourceError(f"source: there is no satellite_list.txt of {one.city}; {HOW_TO_GET_IT}")
        label = f"{one.city}/{listed.name}"
        names, places = [], []
        for number, name in enumerate(text_lines(listed, label=label), 1):
            if not name:
                continue
            if (place := read_tile(name)) is None:
                raise SourceError(f"{label}:{number}: {name[:80]!r} is no tile's name, `satellite_<lat>_<lon>.png`")
            names.append(name)
            places.append(place)
        return _City(
            first_folder(
                self.folder, [form.format(one.city) for form in _PANORAMAS], what="panoramas", how=HOW_TO_GET_IT
            ),
            first_folder(self.folder, [form.format(one.city) for form in _TILES], what="tiles", how=HOW_TO_GET_IT),
            names,
            places,
        )

    def _row(self, label: Label, one: _List, city: _City) -> dict[str, Any]:
        named = {"id": f"{one.city}_{label.pano_id}", "lat": label.lat, "lon": label.lon}
        tiles = (label.positive, *label.semi_positives)
        if unknown := [tile.name for tile in tiles if tile.name not in city.known]:
            return named | {PROBLEM: "unlisted_tile", DETAIL: f"{label.pano}: {unknown[0]} is not in the city's list"}
        measured = [self._measured(label, tile, corrected=one.corrected) for tile in tiles]
        most = self.rules.tolerance_pixels
        if most is not None and (off := max(each.pop("_off") for each in measured)) > most:
            detail = f"{label.pano}: an offset is {off:.0f} pixels from what the names say"
            return named | {PROBLEM: "offset_differs", DETAIL: detail}
        told = {
            "city": one.city,
            "split": one.split,
            "area": self.rules.area,
            "labels": "corrected" if one.corrected else "original",
            "panorama": label.pano,
            "tile_pixels": self.rules.tile_pixels,
            "positive": measured[0],
            "semi_positives": measured[1:],
            "negatives": self._negatives(label, city),
        }
        images = [picture("ground", f"{city.panoramas}/{label.pano}", lat=label.lat, lon=label.lon)]
        for role, tile in zip(("satellite", *SEMI_POSITIVES), tiles, strict=True):
            scale = metres_per_pixel(tile.lat, self.rules.zoom)
            where = f"{city.tiles}/{tile.name}"
            images.append(picture(role, where, lat=tile.lat, lon=tile.lon, metres_per_pixel=scale))
        return named | {"images": images, "texts": {"pair": orjson.dumps(told).decode()}}

    def _measured(self, label: Label, tile: TileLabel, *, corrected: bool) -> dict[str, Any]:
        """Where a tile lies: pixels and metres from the panorama to its middle, and the panorama's pixel in it."""
        scale = metres_per_pixel(tile.lat, self.rules.zoom)
        to_pixels = 1.0 if corrected else ORIGINAL_METRES_PER_PIXEL / scale
        north, east = tile.north * to_pixels, tile.east * to_pixels
        back_north, back_east = pixels_between((tile.lat, tile.lon), (label.lat, label.lon), scale)
        half = self.rules.tile_pixels / 2
        found = {
            "tile": tile.name,
            "lat": tile.lat,
            "lon": tile.lon,
            "metres_per_pixel": round(scale, 6),
            "north_px": round(north, 2),
            "east_px": round(east, 2),
            "row": round(half + north, 2),
            "column": round(half - east, 2),
            "distance_m": round(scale * (north * north + east * east) ** 0.5, 2),
        }
        if self.rules.tolerance_pixels is not None:
            found["_off"] = max(abs(north + back_north), abs(east + back_east))
        return found

    def _negatives(self, label: Label, city: _City) -> list[dict[str, Any]]:
        """The nearest tiles that neither are listed for the panorama nor show its place."""
        wanted = self.rules.negatives
        if wanted == 0:
            return []
        listed = {label.positive.name, *(tile.name for tile in label.semi_positives)}
        side = self.rules.tile_pixels
        found: list[dict[str, Any]] = []
        # Tiles lie half a side apart, so that few beside the listed ones show the place.
        positions, metres = city.nearby.nearest(label.lat, label.lon, wanted + 32)
        for position, away in zip(positions.tolist(), metres.tolist(), strict=True):
            name, (lat, lon) = city.names[position], city.places[position]
            scale = metres_per_pixel(lat, self.rules.zoom)
            if name in listed or Aerial(lat, lon, scale, side, side).shows(label.lat, label.lon):
                continue
            found.append({"tile": name, "distance_m": round(away, 2)})
            if len(found) == wanted:
                break
        return found


class _City:
    """The folders and tiles of a city."""

    def __init__(self, panoramas: str, tiles: str, names: Sequence[str], places: Sequence[tuple[float, float]]) -> None:
        import numpy as np

        self.panoramas, self.tiles = panoramas, tiles
        self.names, self.places = names, places
        self.known = frozenset(names)
        lat, lon = np.array(places, np.float64).reshape(-1, 2).T
        self.nearby = Nearby(lat, lon)


def _is_list(folder: Path) -> bool:
    return (folder / "satellite_list.txt").is_file()


def _bad(label: BadLabel) -> dict[str, Any]:
    return {"id": label.name[:200] or None, PROBLEM: label.reason, DETAIL: label.detail}
