"""The tables behind `reverse` and `forward`, loaded on first use and once a process.

Built by `python -P -m factory.geo.build` from Natural Earth's admin-1 polygons, GeoNames' cities above 500 people and
CLDR's names; see data/NOTICE.md for licences and for what was decided about disputed places. Importing this reads
nothing but the version.
"""

from __future__ import annotations

import json
import zlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import polars as pl

from factory.errors import EnvironmentFault
from factory.geo.forked import refuse_fork

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

WORLDVIEWS: Final = {"default": "country", "natural_earth": "country_natural_earth"}
"""Who owns disputed places, and the column of `admin1` that says so. `default` follows GeoNames and the majority of the
United Nations (Crimea is UA), `natural_earth` de facto control; data/NOTICE.md lists every decision."""

APART: Final = 5.0
"""Distance between two countries on the fourth axis of a tree: more than any two points of the unit sphere are."""

DATA: Final = Path(__file__).parent / "data"
"""Folder of the built tables."""

GAZETTEER_VERSION: Final = str(json.loads((DATA / "VERSION.json").read_text(encoding="utf-8"))["version"])
"""Names everything that decides a label: sources, their versions, our edition. Enters the recipe's fingerprint and the
dataset card; raise the edition in `factory.geo.build` with every change of factory/geo that can change a label."""


_REMEDY: Final = (
    "the gazetteer's file {} cannot be read ({}); reinstall the package, or build its data again with "
    "python -P -m factory.geo.build"
)


def table(name: str) -> pl.DataFrame:
    """Reads one table of the data folder.

    Raises EnvironmentFault when the file is missing or broken, or as `refuse_fork` does.
    """
    path = DATA / f"{name}.parquet"
    refuse_fork()
    try:
        return pl.read_parquet(path).rechunk()
    except (OSError, pl.exceptions.PolarsError) as problem:
        raise EnvironmentFault(_REMEDY.format(path.name, problem)) from problem


def raster() -> npt.NDArray[np.int16]:
    """The labels of `factory.geo.polygons.Grid`. Raises EnvironmentFault when the file is missing or broken."""
    import numpy as np

    return np.frombuffer(_unpacked("grid.zlib", 24_000_000), dtype="<i2")


def outlines() -> npt.NDArray[np.int32]:
    """(n, 2) longitudes and latitudes of the vertices of all rings, in units of 1e-4 degrees.

    The file holds the steps from each vertex to the next, all longitudes before all latitudes, cut into four planes of
    bytes: a tenth smaller than as Parquet, and nothing of it stays in memory. Raises EnvironmentFault as `raster` does.
    """
    import numpy as np

    planes = np.frombuffer(_unpacked("admin1_coords.zlib", 11_000_000), dtype=np.uint8).reshape(4, -1)
    steps = np.ascontiguousarray(planes.T).view("<i4").reshape(2, -1)
    found = np.empty(steps.shape[::-1], dtype=np.int32)
    np.cumsum(steps, axis=1, dtype=np.int32, out=found.T)
    return found


def _unpacked(name: str, size: int) -> bytes:
    """The bytes of a zlib file; `size` is a little more than they take, so that they fill one piece of memory."""
    path = DATA / name
    try:
        return zlib.decompress(path.read_bytes(), bufsize=size)
    except (OSError, zlib.error) as problem:
        raise EnvironmentFault(_REMEDY.format(path.name, problem)) from problem


@cache
def cities() -> pl.DataFrame:
    """234,908 GeoNames places: id, name, lat, lon, country, admin1_geonames, population, admin1_index, part_of, island.

    `country` is GeoNames' own ISO 3166-1 code ("NA" is Namibia); `admin1_index` is the row of `admin1` that the place
    lies in, or the nearest of its country, null where nothing is drawn. `part_of` is the id of the city that the place
    is a quarter of, null for most; `island` whether it lies on an island, `named_island` the row of `named_islands` it
    lies on, null for most. The codes are Categorical, a quarter of the room of text.
    """
    return table("cities").with_columns(pl.col("country", "admin1_geonames").cast(pl.Categorical))


@cache
def islands() -> pl.DataFrame:
    """Places around which no land is drawn: lat, lon, admin1_index."""
    return table("islands")


@cache
def admin1() -> pl.DataFrame:
    """Units, a row's number being the polygon's: index, country, admin1, iso_3166_2 (today's), geonames, region,
    region_code, area_km2, lat, lon (a point inside), disputed, country_natural_earth, drawn ("polygon", or "places"
    where today's unit has no polygon and its towns tell where it is), landmass (number of the connected land that most
    of it belongs to, -1 for none).
    """
    return table("admin1")


@cache
def named_islands() -> pl.DataFrame:
    """Islands with names of their own: name, country, lat, lon, admin1_index (the unit they belong to), area_km2."""
    return table("named_islands")


@cache
def countries() -> pl.DataFrame:
    """ISO 3166-1 countries and XK: code, alpha3, name, parent, continent, area_km2, lat, lon (a point inside), note."""
    return table("countries")


@cache
def country_codes() -> tuple[str, ...]:
    """Codes behind the numbers of `unit_countries` and `city_countries`; the last is "", for no country."""
    named = {*admin1()["country"], *admin1()["country_natural_earth"], *cities()["country"]} - {None}
    return (*sorted(named), "")


@cache
def unit_countries(worldview: str) -> npt.NDArray[np.int32]:
    """Number of each unit's country. Raises ValueError for an unknown worldview."""
    return _numbers(admin1()[_column(worldview)])


@cache
def city_countries(worldview: str) -> npt.NDArray[np.int32]:
    """Number of each city's country: GeoNames' own, except in units that the worldview gives to somebody else."""
    column = _column(worldview)
    if column == "country":
        return _numbers(cities()["country"])
    moved = admin1().select("index", theirs=pl.when(pl.col("country") != pl.col(column)).then(pl.col(column)))
    joined = cities().join(moved, left_on="admin1_index", right_on="index", how="left", maintain_order="left")
    return _numbers(joined.select(pl.coalesce("theirs", pl.col("country").cast(pl.String))).to_series())


def _column(worldview: str) -> str:
    if worldview not in WORLDVIEWS:
        raise ValueError(f"unknown worldview {worldview!r}: choose one of {', '.join(WORLDVIEWS)}")
    return WORLDVIEWS[worldview]


def _numbers(codes: pl.Series) -> npt.NDArray[np.int32]:
    import numpy as np

    known = pl.Enum(country_codes())
    return codes.cast(known).fill_null("").to_physical().to_numpy().astype(np.int32)


@cache
def city_of_places() -> npt.NDArray[np.int32]:
    """Row of `cities` of the city that each place is a quarter of, its own row for a city."""
    import numpy as np

    number, part_of = cities()["id"].to_numpy(), cities()["part_of"]
    found = np.arange(cities().height, dtype=np.int32)
    quarters = part_of.is_not_null().arg_true().to_numpy()
    by_id = np.argsort(number).astype(np.int32)
    found[quarters] = by_id[np.searchsorted(number, part_of.drop_nulls().to_numpy(), sorter=by_id)]
    return found
