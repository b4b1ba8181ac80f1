"""From a point to its country, region and city.

Country and admin-1 come from polygons: the raster answers most points, shapely the rest, and a point in no polygon
takes the coast or island that is near enough (`factory.geo.coast`). The city is the nearest one of that country on the
sphere, or the one it is a quarter of. What remains wrong is the polygons' own error, about 1 km; the city is the
nearest named place, not the municipality.

Each row depends on its own coordinates alone, so neither order nor batch size changes a label. Ties: on a boundary, and
where polygons overlap, the lowest unit index; between cities at one spot the largest, then the lowest GeoNames id.

The raster takes rows as they come; what it leaves, and the search for cities, goes along a space-filling curve, so that
neighbours in a block meet the same part of the trees.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING, Final, Literal

import polars as pl

from factory.geo.distance import km_of_chords
from factory.geo.forked import refuse_fork
from factory.geo.gazetteer import APART, admin1, cities, city_of_places, countries, country_codes, unit_countries
from factory.geo.inputs import axes_of_pairs, degrees_of
from factory.geo.memory import return_to_system

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Ints = npt.NDArray[np.int32]
    Units = npt.NDArray[np.int16]
    Longs = npt.NDArray[np.int64]

Level = Literal["country", "admin1", "city", "border"]
LEVELS: Final[tuple[Level, ...]] = ("country", "admin1", "city")

MAX_CITY_KM: Final = 500.0
"""Beyond this distance (inner Antarctica, the far north) the nearest city is measured but not named."""

PLACES: Final = ("land", "coast", "sea", "invalid")

_PLACES: Final = pl.Series("place", PLACES, dtype=pl.Enum(PLACES))
_DRAWN: Final = pl.Enum(["polygon", "places"])
_LAND, _COAST, _SEA, _INVALID = range(len(PLACES))
_IN_PAIRS: Final = "in pairs"
"""Stands for a longitude that was left out; None is a missing one."""
_RASTER_ROWS: Final = 1 << 15
_TREE_ROWS: Final = 1 << 14


Degrees = float | str | Sequence[float | str | None] | pl.Series | None


def reverse(
    lat: Degrees | Floats | Sequence[tuple[float, float]],
    lon: Degrees | Floats = _IN_PAIRS,
    *,
    worldview: str = "default",
    levels: Level | Sequence[Level] = LEVELS,
) -> pl.DataFrame:
    """Labels points in degrees, one row per input and in its order; bad rows are marked, never raised.

    Args:
        lat: Latitudes from -90 to 90: one number, or a list, array or Series of them. Text counts where it is degrees
            as people write them ("48,8566", "48°51'24\"N"). Without `lon`, one pair (lat, lon) or a list of pairs.
        lon: Longitudes likewise, the usual -180 to 180 or one turn off (-540 to 540).
        worldview: Who owns disputed places, see `gazetteer.WORLDVIEWS`.
        levels: What to look up, one level or several; "border" is not among the defaults because it needs a tree of all
            land borders.

    Returns:
        By level:
        country: country_code (ISO 3166-1, XK for Kosovo; territories keep their own), country_parent (a territory's
            sovereign), place: "land", "coast" (within 25 km of land, or by an undrawn island), "sea", or "invalid"
            (null, NaN, out of range);
        admin1: admin1, admin1_iso (ISO 3166-2 as of today), admin1_geonames ("FR.11"), region (admin1, or a coarser
            official level where that one is too fine to compare), admin1_drawn: "polygon", or "places" where the unit
            was drawn anew since and the towns nearest to a point tell which one it is;
        city: city (the one people name, null beyond `MAX_CITY_KM`), city_id (GeoNames), city_population,
            city_distance_km (to its centre), quarter (the nearest place where that is a part of the city, else null);
        border: border_km, the distance to the country's nearest land border, null for islands.

    Raises:
        ValueError: the inputs differ in length, or the worldview or a level is unknown.
        TypeError: an input is no number and no column of them, such as bytes or a dict, or `lon` is missing and `lat`
            is no pair and no list of pairs.
        EnvironmentFault: in a process forked after the parent used the gazetteer.
    """
    wanted = frozenset((levels,) if isinstance(levels, str) else levels)
    unknown = sorted(map(str, wanted - {*LEVELS, "border"}))
    if unknown:
        raise ValueError(f"unknown level {unknown[0]!r}: choose among {', '.join(LEVELS)}, border")
    refuse_fork()
    lat, lon = axes_of_pairs(lat) if isinstance(lon, str) and lon == _IN_PAIRS else (lat, lon)
    north, east = degrees_of(lat, axis="lat"), degrees_of(lon, axis="lon")
    if len(north) != len(east):
        raise ValueError(f"{len(north)} latitudes but {len(east)} longitudes")
    unit_countries(worldview)
    unit, place = _units(north, east)
    places = [_PLACES.gather(pl.Series(place))] if "country" in wanted else []
    del place
    near = _tree_columns(unit, north, east, worldview, wanted)  # first: they need more room beside them than units do
    row = _unit_rows(unit, worldview)
    del unit
    return pl.DataFrame([*_unit_columns(row, worldview, wanted), *near, *places])


def _units(lat: Floats, lon: Floats) -> tuple[Units, npt.NDArray[np.int8]]:
    """Unit of each row, -1 for none, and its row of `PLACES`."""
    import numpy as np

    from factory.geo import polygons
    from factory.geo.coast import island_units, shore_units

    impossible = polygons.OPEN_SEA - 1
    unit = np.full(len(lat), impossible, dtype=np.int16)

    def by_raster(block: slice) -> None:
        north, east = lat[block], lon[block]
        valid = np.flatnonzero((np.abs(north) <= 90.0) & (np.abs(east) <= 540.0))
        unit[block][valid] = polygons.by_raster(north[valid], _wrapped(east[valid]))

    def ask(answer: Callable[[Floats, Floats], Ints], whom: npt.NDArray[np.bool_]) -> None:
        rows = _along_curve(np.flatnonzero(whom), lat, lon)

        def fill(block: slice) -> None:
            part = rows[block]
            unit[part] = answer(lat[part], _wrapped(lon[part]))

        _in_blocks(len(rows), fill, _TREE_ROWS)

    _in_blocks(len(lat), by_raster, _RASTER_ROWS)
    ask(polygons.locate_exactly, unit == polygons.MIXED)
    land = unit >= 0
    ask(shore_units, unit == polygons.NO_UNIT)
    ask(island_units, unit == polygons.OPEN_SEA)
    place = np.full(len(unit), _SEA, dtype=np.int8)
    place[unit >= 0] = _COAST
    place[land] = _LAND
    place[unit == impossible] = _INVALID
    return np.maximum(unit, polygons.NO_UNIT, out=unit), place


def _along_curve(rows: Longs, lat: Floats, lon: Floats) -> Ints:
    """The rows in the order of a Z-curve with cells 360 / 2**16 degrees wide."""
    import numpy as np

    def spread(value: Floats) -> npt.NDArray[np.uint64]:
        bits = value.astype(np.uint64)
        for shift, mask in ((8, 0x00FF00FF), (4, 0x0F0F0F0F), (2, 0x33333333), (1, 0x55555555)):
            bits = (bits | (bits << np.uint64(shift))) & np.uint64(mask)
        return bits

    scale = (2**16 - 1) / 360.0
    order = rows.astype(np.uint64)  # the row below its place on the curve: sorting needs no room beside them
    for begin in range(0, len(rows), _RASTER_ROWS):  # block by block, so that little memory is touched
        part = rows[begin : begin + _RASTER_ROWS]
        north, east = (lat[part] + 90.0) * scale, (_wrapped(lon[part]) + 180.0) * scale
        order[begin : begin + _RASTER_ROWS] |= (spread(east) | (spread(north) << np.uint64(1))) << np.uint64(32)
    order.sort()
    order &= np.uint64(2**32 - 1)
    return order.astype(np.int32)


def _wrapped(lon: Floats) -> Floats:
    """Longitudes in [-180, 180); exact where nothing needs to change."""
    import numpy as np

    turned = np.where(np.abs(lon) > 180.0, lon - 360.0 * np.round(lon / 360.0), lon)
    return np.where(turned >= 180.0, turned - 360.0, turned)


def _in_blocks(n: int, work: Callable[[slice], None], size: int) -> None:
    """Runs `work` over blocks of rows on a thread a core; the first alone, as it loads the tables."""
    blocks = [slice(begin, min(begin + size, n)) for begin in range(0, n, size)]
    for first in blocks[:1]:
        work(first)
    if len(blocks) > 1:
        from factory.processes import usable_cores

        with ThreadPoolExecutor(min(usable_cores(), len(blocks), 8)) as pool:
            list(pool.map(work, blocks[1:]))
        return_to_system()


def _tree_columns(unit: Units, lat: Floats, lon: Floats, worldview: str, wanted: frozenset[str]) -> list[pl.Series]:
    """The columns of the levels "city" and "border"."""
    city, city_km, border_km = _by_trees(unit, lat, lon, worldview, wanted)
    columns = _city_columns(city, city_km, lat, lon) if "city" in wanted else []
    if "border" in wanted:
        columns.append(pl.Series("border_km", border_km, nan_to_null=True))
    return columns


def _by_trees(
    unit: Units, lat: Floats, lon: Floats, worldview: str, wanted: frozenset[str]
) -> tuple[Ints, Floats, Floats]:
    """Row of `cities()` (-1 for none), its distance and that of the border in km, of the rows that have a country."""
    import numpy as np

    from factory.geo.nearest_city import nearest_city, with_country
    from factory.geo.spherical import unit_vectors

    owner = unit_countries(worldview)
    if not wanted & {"city", "border"}:
        return np.empty(0, dtype=np.int32), np.empty(0), np.empty(0)
    rows = _along_curve(np.flatnonzero((unit >= 0) & (owner[unit] < len(country_codes()) - 1)), lat, lon)
    city = np.full(len(lat) if "city" in wanted else 0, -1, dtype=np.int32)
    city_km = np.full(len(city), np.nan)
    border_km = np.full(len(lat) if "border" in wanted else 0, np.nan)

    def fill(block: slice) -> None:
        part = rows[block]
        north, east, country = lat[part], _wrapped(lon[part]), owner[unit[part]]
        vectors = unit_vectors(north, east)
        if "city" in wanted:
            city[part], city_km[part] = nearest_city(vectors, country, worldview)
        if "border" in wanted:
            border_km[part] = _border_km(with_country(vectors, country), north, east, worldview)

    _in_blocks(len(rows), fill, _TREE_ROWS)
    return city, city_km, border_km


def _border_km(vectors: Floats, lat: Floats, lon: Floats, worldview: str) -> Floats:
    import numpy as np

    from factory.geo import polygons

    borders = polygons.borders(worldview)
    chord, samples = borders.tree.query(vectors, k=4, distance_upper_bound=APART / 2)
    nearest = km_of_chords(chord[:, 0])
    close = np.flatnonzero(nearest < 100.0)
    if len(close):
        nearest[close], _ = polygons.nearest_edge(borders, samples[close], lat[close], lon[close])
    return np.where(np.isinf(chord[:, 0]), np.nan, nearest)


def _unit_rows(unit: Units, worldview: str) -> pl.Series:
    """The row of `unit_names` of each unit, the last for -1."""
    import numpy as np

    return pl.Series(np.where(unit < 0, unit_names(worldview).height - 1, unit).astype(np.uint32))


def _unit_columns(row: pl.Series, worldview: str, wanted: frozenset[str]) -> list[pl.Series]:
    units = unit_names(worldview)
    return [units[name].gather(row) for level, names in _BY_LEVEL.items() if level in wanted for name in names]


def _city_columns(place: Ints, kilometres: Floats, lat: Floats, lon: Floats) -> list[pl.Series]:
    """City and quarter for the numbers of places, null where there is none within `MAX_CITY_KM`.

    The distance is that of the city: where a quarter is the nearest place, its city lies farther away.
    """
    import numpy as np

    from factory.geo.spherical import unit_vectors

    city = np.append(city_of_places(), np.int32(-1))[place]
    quarters = np.flatnonzero(city != place)
    if len(quarters):
        north, east = cities()["lat"].to_numpy(), cities()["lon"].to_numpy()
        for begin in range(0, len(quarters), _RASTER_ROWS):  # block by block, so that little memory is touched
            rows = quarters[begin : begin + _RASTER_ROWS]
            apart = unit_vectors(north[city[rows]], east[city[rows]])
            apart -= unit_vectors(lat[rows], _wrapped(lon[rows]))
            kilometres[rows] = km_of_chords(np.linalg.norm(apart, axis=1))
    unknown = (place < 0) | (kilometres > MAX_CITY_KM)
    quarter = _gathered({"quarter": "name"}, place, unknown | (city == place))
    named = _gathered({"city": "name", "city_id": "id", "city_population": "population"}, city, unknown)
    return [*named, pl.Series("city_distance_km", kilometres, nan_to_null=True), *quarter]


def _gathered(columns: dict[str, str], row: Ints, unknown: npt.NDArray[np.bool_]) -> list[pl.Series]:
    """Columns of `cities()` under new names at rows of it, null where unknown."""
    rows = pl.Series(row.view("uint32")).set(pl.Series(unknown), None)
    return [cities()[column].gather(rows).alias(name) for name, column in columns.items()]


_BY_LEVEL: Final = {
    "country": ("country_code", "country_parent"),
    "admin1": ("admin1", "admin1_iso", "admin1_geonames", "region", "admin1_drawn"),
}


@cache
def unit_names(worldview: str) -> pl.DataFrame:
    """What `reverse` says of each unit, by its number; a last row of nulls for none."""
    codes = country_codes()
    country = pl.Series("country_code", [codes[number] or None for number in unit_countries(worldview).tolist()])
    named = (
        admin1()
        .select(
            country,
            "admin1",
            "region",
            admin1_iso="iso_3166_2",
            admin1_geonames="geonames",
            admin1_drawn=pl.col("drawn").cast(_DRAWN),
        )
        .join(
            countries().select(country_code="code", country_parent="parent"),
            on="country_code",
            how="left",
            maintain_order="left",
        )
    )
    return pl.concat([named, named.clear(1)]).rechunk()
