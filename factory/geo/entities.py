"""Every place a name can mean, as columns: cities, admin-1 units, the regions they roll up to, islands, and countries.

A place is one number. Cities come first, most populous first, so that a smaller number is the likelier place; then
units, regions and islands, and countries from their own bases. An island is a region with land and towns of its own
that may lie in a larger one. The names in data/names.parquet point at these numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from factory.geo.distance import chord_of
from factory.geo.gazetteer import (
    WORLDVIEWS,
    admin1,
    cities,
    city_countries,
    city_of_places,
    countries,
    country_codes,
    named_islands,
    unit_countries,
)
from factory.geo.names import DISSOLVED
from factory.geo.spherical import unit_vectors

REGION_BASE: Final = 1 << 18
COUNTRY_BASE: Final = REGION_BASE + (1 << 13)
CITY, REGION, COUNTRY, NOTHING = range(4)

REGION_HANDICAP: Final = 1.1
"""A region weighs as a city of a thirteenth of its people: then Cusco is the city and Ontario the province."""

_COMPACT_KM, _FAR_KM, _FAR_SHARE = 45.0, 100.0, 0.005
"""A compact region has at most the first as its radius, and at most this share of its people beyond the second from its
largest town: Berlin and Rome, and Tokyo in spite of its islands, but not Agrigento with Lampedusa."""

_ACCEPTED_UNDER = {
    "XK": ("RS",), "TW": ("CN",), "PS": ("IL",), "EH": ("MA",), "HK": ("CN",), "MO": ("CN",), "SJ": ("NO",),
    "IL": ("PS",),
}  # fmt: skip
"""Whose names people also write behind a place, besides its sovereign's: "Pristina, Serbia" is Pristina."""

Ints = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Entities:
    """Columns by number of place.

    `vectors` are unit vectors, right to a metre. `regions` holds up to four numbers of regions a place belongs to, the
    last the island that a city lies on, -1 for none; a region or country that is `compact` is no larger than a city.
    `claimed` is the country of a disputed place in the other worldview, else its own: people write either behind it.
    `city_of` is the city that a place is a quarter of, else the place itself; `on_island` whether a city lies on an
    island, or a region is one.
    """

    kind: npt.NDArray[np.uint8]
    country: npt.NDArray[np.int16]
    claimed: npt.NDArray[np.int16]
    lat: Floats
    lon: Floats
    vectors: npt.NDArray[np.float32]
    weight: npt.NDArray[np.float32]
    regions: Ints
    compact: npt.NDArray[np.bool_]
    codes: list[str]
    accepted: npt.NDArray[np.bool_]
    city_ids: npt.NDArray[np.int64]
    city_name: pl.Series
    city_of: Ints
    on_island: npt.NDArray[np.bool_]
    region_names: pl.Series

    def fits(self, given: npt.NDArray[np.int64] | int, entity: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Whether a place may stand under the written country `given`: its own, its sovereign or its claimant."""
        found: npt.NDArray[np.bool_] = self.accepted[given, self.country[entity]] | (self.claimed[entity] == given)
        return found

    def groups(self) -> Iterator[tuple[int, str, str, str]]:
        """(number, country, region code, name) of each region that units roll up to."""
        for row, (country, code, name) in enumerate(_groups().select("country", "region_code", "region").iter_rows()):
            yield REGION_BASE + admin1().height + row, country, code or "", name

    def city_countries(self) -> list[str]:
        """The country of each city."""
        return [self.codes[i] for i in self.country[: len(self.city_ids)].tolist()]

    def city_regions(self) -> pl.DataFrame:
        """(entity, region) pairs: a city and a region it lies in."""
        found = pl.DataFrame(self.regions[: len(self.city_ids)], schema=["a", "b", "c", "d"]).with_row_index("entity")
        pairs = found.unpivot(index="entity", value_name="region").filter(pl.col("region") >= 0)
        return pairs.select(pl.col("entity", "region").cast(pl.Int64)).unique().sort("entity", "region")

    def regions_by_name(self) -> dict[tuple[str, str], int]:
        """Numbers of regions by (country, English name); a roll-up goes before a unit of the same name."""
        units = admin1().select("country", "admin1").iter_rows()
        named = {(country, name): REGION_BASE + row for row, (country, name) in enumerate(units)}
        named.update({(country, name): number for number, country, _, name in self.groups()})
        return named


@cache
def read_entities(worldview: str = "default") -> Entities:
    """Builds the columns from the gazetteer's tables, in about 0.2 s. Raises ValueError for an unknown worldview."""
    own = _countries_of_places(worldview)
    other = _countries_of_places(next(name for name in WORLDVIEWS if name != worldview))
    order = cities().with_row_index("row").sort(["population", "id"], descending=[True, False])["row"]
    places = cities()[order]
    codes = countries()["code"].to_list()
    size, units, groups, isles = COUNTRY_BASE + len(codes), admin1(), _groups(), named_islands()
    group_of, first_isle = _group_of_units(), island_base()
    blocks = (
        slice(0, places.height),
        slice(REGION_BASE, REGION_BASE + units.height),
        slice(REGION_BASE + units.height, REGION_BASE + units.height + groups.height),
        slice(first_isle, first_isle + isles.height),
        slice(COUNTRY_BASE, size),
    )
    unit_of_isle = isles["admin1_index"].cast(pl.Int64).to_numpy()
    kind = np.full(size, NOTHING, dtype=np.uint8)
    country, claimed = np.full((2, size), -1, dtype=np.int16)
    lat, lon, weight = np.full(size, np.nan), np.full(size, np.nan), np.zeros(size, dtype=np.float32)
    regions = np.full((size, 4), -1, dtype=np.int32)
    for block, level, table in zip(
        blocks, (CITY, REGION, REGION, REGION, COUNTRY), (places, units, groups, isles, countries()), strict=True
    ):
        kind[block] = level
        lat[block], lon[block] = table["lat"].to_numpy(), table["lon"].to_numpy()
    for column, (of_cities, of_units) in ((country, own), (claimed, other)):
        column[blocks[0]] = of_cities[order.to_numpy()]
        column[blocks[1]] = of_units
        column[blocks[2]] = of_units[groups["first"].to_numpy()]
        column[blocks[3]] = of_units[unit_of_isle]
        column[blocks[4]] = np.arange(len(codes))
    regions[blocks[0], :3] = _regions_of_cities(places, group_of)
    regions[blocks[0], 3] = (places["named_island"].cast(pl.Int32) + first_isle).fill_null(-1).to_numpy()
    regions[blocks[1], 0] = np.arange(blocks[1].start, blocks[1].stop)
    regions[blocks[1], 1] = group_of
    regions[blocks[2], 0] = np.arange(blocks[2].start, blocks[2].stop)
    regions[blocks[3], 0] = np.arange(blocks[3].start, blocks[3].stop)
    regions[blocks[3], 1], regions[blocks[3], 2] = unit_of_isle + REGION_BASE, group_of[unit_of_isle]
    people = places["population"].to_numpy().astype(np.float64)
    weight[blocks[0]] = np.log10(people + 1)
    weight[REGION_BASE:COUNTRY_BASE] = _region_weights(regions[blocks[0]], people)
    names = pl.concat([units["region"], groups["region"], units["region"].gather(unit_of_isle)])
    back = np.empty(places.height, dtype=np.int32)
    back[order.to_numpy()] = np.arange(places.height)
    city_of = np.arange(size, dtype=np.int32)
    city_of[blocks[0]] = back[city_of_places()[order.to_numpy()]]
    on_island = np.zeros(size, dtype=bool)
    on_island[blocks[0]] = places["island"].to_numpy()
    on_island[blocks[1]], on_island[blocks[2]] = _insular(units["landmass"].to_numpy(), group_of, groups.height)
    on_island[blocks[3]] = True
    vectors = unit_vectors(lat, lon).astype(np.float32)
    compact = np.zeros(size, dtype=bool)
    for block, table in ((blocks[1], units), (blocks[2], groups), (blocks[3], isles), (blocks[4], countries())):
        compact[block] = np.sqrt(table["area_km2"].to_numpy() / np.pi) <= _COMPACT_KM
    compact[REGION_BASE:COUNTRY_BASE] &= _far_share(regions[blocks[0]], people, vectors) <= _FAR_SHARE
    return Entities(
        kind, country, claimed, lat, lon, vectors, weight, regions, compact, codes, _accepted(codes),
        places["id"].to_numpy().astype(np.int64), places["name"], city_of, on_island, names,
    )  # fmt: skip


def _countries_of_places(worldview: str) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int16]]:
    """Rows of `countries` of all cities and all units, in the order of their tables; -1 for no country."""
    row = {code: i for i, code in enumerate(countries()["code"])}
    rows = np.array([row.get(code, -1) for code in country_codes()], dtype=np.int16)
    return rows[city_countries(worldview)], rows[unit_countries(worldview)]


def _regions_of_cities(places: pl.DataFrame, group_of: Ints) -> Ints:
    """The unit a city lies in, what that unit rolls up to, and the region GeoNames puts the city in.

    Where the first and the last differ, GeoNames comes first: the arch of St. Louis lies on Illinois' side of the line.
    """
    unit = places["admin1_index"].cast(pl.Int32).fill_null(-1).to_numpy()
    own = np.where(unit >= 0, unit + REGION_BASE, -1)
    rolled = np.where(unit >= 0, group_of[unit], -1)
    named = pl.concat(
        [
            _groups().select(code="region_code", region=REGION_BASE + admin1().height + pl.int_range(pl.len())),
            admin1().select(code="geonames", region=REGION_BASE + pl.int_range(pl.len())),
        ]
    )
    named = named.filter(pl.col("code").fill_null("") != "").unique("code", keep="first", maintain_order=True)
    coded = places.select(code=pl.col("admin1_geonames").cast(pl.String))
    by_code = coded.join(named, on="code", how="left", maintain_order="left")["region"]
    told = by_code.fill_null(-1).to_numpy()
    codes = admin1().select(pl.col("geonames"), pl.col("region_code"))[np.maximum(unit, 0)]
    here = (codes["geonames"] == places["admin1_geonames"]) | (codes["region_code"] == places["admin1_geonames"])
    astray = ~here.fill_null(False).to_numpy() & (told >= 0)
    first, last = np.where(astray, told, own), np.where(astray, own, told)
    return np.column_stack([first, rolled, last]).astype(np.int32)


def island_base() -> int:
    """Number of the first of `named_islands`: they come behind the regions that units roll up to."""
    return REGION_BASE + admin1().height + _groups().height


def _insular(landmass: Ints, group_of: Ints, groups: int) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Which units, and which regions of several, have the land that they lie on to themselves: Bali, and Hawaii."""
    drawn = np.flatnonzero(landmass >= 0)
    alone = np.bincount(landmass[drawn], minlength=int(landmass.max(initial=-1)) + 1) == 1
    units = (landmass >= 0) & alone[landmass]
    region = group_of - REGION_BASE - len(landmass)
    shared = pl.DataFrame({"land": landmass[drawn], "region": np.where(region < 0, -1, region)[drawn]})
    mixed = shared.group_by("land").agg(several=pl.col("region").n_unique() > 1)
    judged = shared.join(mixed, on="land").filter(pl.col("region") >= 0)
    judged = judged.group_by("region").agg(whole=~pl.col("several").any())
    whole = np.zeros(groups, dtype=bool)
    whole[judged["region"].to_numpy()] = judged["whole"].to_numpy()
    return units, whole


def _region_weights(regions: Ints, people: Floats) -> Floats:
    totals = np.zeros(COUNTRY_BASE - REGION_BASE)
    for column in range(regions.shape[1]):
        fresh = regions[:, column] >= 0
        for earlier in range(column):
            fresh &= regions[:, column] != regions[:, earlier]
        np.add.at(totals, regions[fresh, column] - REGION_BASE, people[fresh])
    return np.maximum(np.log10(totals + 1) - REGION_HANDICAP, 0.0)


def _far_share(regions: Ints, people: Floats, vectors: npt.NDArray[np.float32]) -> Floats:
    """The share of each region's people in towns far from its largest town; cities come most populous first."""
    city, column = np.nonzero(regions >= 0)
    region = regions[city, column].astype(np.int64) - REGION_BASE
    named, first = np.unique(region, return_index=True)
    largest = np.zeros(COUNTRY_BASE - REGION_BASE, dtype=np.int64)
    largest[named] = city[first]
    apart = vectors[city] - vectors[largest[region]]
    far = np.einsum("ij,ij->i", apart, apart) > chord_of(_FAR_KM) ** 2
    size = len(largest)
    there = np.bincount(region, weights=people[city] * far, minlength=size)
    return there / np.maximum(np.bincount(region, weights=people[city], minlength=size), 1)


@cache
def _groups() -> pl.DataFrame:
    """The regions that several units roll up to, or one unit under another name, at the middle of their units."""
    x, y, z = unit_vectors(admin1()["lat"].to_numpy(), admin1()["lon"].to_numpy()).T
    area = pl.col("area_km2").clip(lower_bound=1e-3)
    table = admin1().with_columns(x=pl.Series(x), y=pl.Series(y), z=pl.Series(z))
    grouped = table.group_by("country", "region_code", "region").agg(
        pl.col("area_km2").sum(), *((pl.col(axis) * area).sum() / area.sum() for axis in "xyz")
    )
    sizes = table.group_by("country", "region_code", "region").agg(
        units=pl.len(), first=pl.col("index").min().cast(pl.Int64), renamed=(pl.col("admin1") != pl.col("region")).any()
    )
    grouped = grouped.join(sizes, on=["country", "region_code", "region"], nulls_equal=True)
    return (
        grouped.filter((pl.col("units") > 1) | pl.col("renamed"), pl.col("region").is_not_null())
        .with_columns(
            lat=pl.arctan2("z", (pl.col("x") ** 2 + pl.col("y") ** 2).sqrt()).degrees(),
            lon=pl.arctan2("y", "x").degrees(),
        )
        .select("country", "region_code", "region", "lat", "lon", "first", "area_km2")
        .sort("country", "region_code", "region")
    )


def _group_of_units() -> Ints:
    keys = ["country", "region_code", "region"]
    numbered = _groups().select(*keys, group=REGION_BASE + admin1().height + pl.int_range(pl.len(), dtype=pl.Int32))
    found = admin1().join(numbered, on=keys, how="left", maintain_order="left", nulls_equal=True)["group"]
    return found.fill_null(-1).to_numpy().astype(np.int32)


def _accepted(codes: list[str]) -> npt.NDArray[np.bool_]:
    """`accepted[given, own]`: whether a place of country `own` may stand under the written country `given`.

    Behind the countries come the states of `names.DISSOLVED`, in that order.
    """
    number = {code: i for i, code in enumerate(codes)}
    table = np.eye(len(codes) + len(DISSOLVED), len(codes), dtype=bool)
    for row, successors in enumerate(DISSOLVED.values(), start=len(codes)):
        table[row, [number[code] for code in successors.split()]] = True
    for own, parent in countries().select("code", "parent").iter_rows():
        if parent in number:
            table[number[parent], number[own]] = True
    for own, others in _ACCEPTED_UNDER.items():
        for other in others:
            table[number[other], number[own]] = True
    return table
