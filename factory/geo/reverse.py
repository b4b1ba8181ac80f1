"""From a point to its country, region and city.

Country and admin-1 come from polygons: the raster answers most points, shapely the rest, and a point in no polygon
takes the nearest coast within `SNAP_KM`, or the island within `ISLAND_KM`. The city is the nearest one of that country
on the sphere: one tree holds all cities, with the country as a fourth axis that keeps countries apart. What remains
wrong is the polygons' own error, about 1 km; the city is the nearest named place, not the municipality.

Each row depends on its own coordinates alone, so neither order nor batch size changes a label. Ties: on a boundary, and
where polygons overlap, the lowest unit index; between cities at one spot the largest, then the lowest GeoNames id.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import polars as pl

from factory.geo.distance import EARTH_RADIUS_KM
from factory.geo.gazetteer import APART, admin1, cities, city_countries, countries, country_codes, unit_countries

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Ints = npt.NDArray[np.int32]
    Longs = npt.NDArray[np.int64]

Level = Literal["country", "admin1", "city", "border"]
LEVELS: Final[tuple[Level, ...]] = ("country", "admin1", "city")

SNAP_KM: Final = 25.0
"""A point at most this far from a coast belongs to it: beaches, piers, boats and what Natural Earth leaves out."""

ISLAND_KM: Final = 10.0
"""A point this near to a GeoNames place on an island that Natural Earth does not draw belongs to it."""

MAX_CITY_KM: Final = 500.0
"""Beyond this distance (inner Antarctica, the far north) the nearest city is measured but not named."""

PLACES: Final = ("land", "coast", "sea", "invalid")

_PLACES: Final = pl.Series("place", PLACES, dtype=pl.Enum(PLACES))
_ROWS: Final = 1 << 14
_NEAR: Final = 0.01
_EARTH_KM: Final = EARTH_RADIUS_KM


class _Found(NamedTuple):
    """What is known of each row: unit (-1 none), place (row of PLACES), city (-1 none), and kilometres."""

    unit: Ints
    place: npt.NDArray[np.int8]
    city: Ints
    city_km: Floats
    border_km: Floats


def reverse(
    lat: Sequence[float | None] | pl.Series | Floats,
    lon: Sequence[float | None] | pl.Series | Floats,
    *,
    worldview: str = "default",
    levels: Sequence[Level] = LEVELS,
) -> pl.DataFrame:
    """Labels points in degrees, one row per input and in its order; bad rows are marked, never raised.

    Args:
        lat: Latitudes from -90 to 90.
        lon: Longitudes, the usual -180 to 180 or one turn off (-540 to 540).
        worldview: Who owns disputed places, see `gazetteer.WORLDVIEWS`.
        levels: What to look up; "border" is not among the defaults because it needs a tree of all land borders.

    Returns:
        By level:
        country: country_code (ISO 3166-1, XK for Kosovo; territories keep their own), country_parent (a territory's
            sovereign), place: "land", "coast" (within `SNAP_KM` of land, or by an undrawn island), "sea", or "invalid"
            (null, NaN, out of range);
        admin1: admin1, admin1_iso (ISO 3166-2), admin1_geonames ("FR.11"), region (admin1, or a coarser official level
            where that one is too fine to compare);
        city: city (null beyond `MAX_CITY_KM`), city_id (GeoNames), city_population, city_distance_km;
        border: border_km, the distance to the country's nearest land border, null for islands.

    Raises:
        ValueError: the inputs differ in length, or the worldview or a level is unknown.
    """
    import numpy as np

    unknown = set(levels) - {*LEVELS, "border"}
    if unknown:
        raise ValueError(f"unknown level {min(unknown)!r}: choose among {', '.join(LEVELS)}, border")
    north, east = _degrees(lat), _degrees(lon)
    if len(north) != len(east):
        raise ValueError(f"{len(north)} latitudes but {len(east)} longitudes")
    unit_countries(worldview)
    wanted, n = frozenset(levels), len(north)
    found = _Found(
        np.full(n, -1, dtype=np.int32),
        np.full(n, PLACES.index("invalid"), dtype=np.int8),
        np.full(n if "city" in wanted else 0, -1, dtype=np.int32),
        np.full(n if "city" in wanted else 0, np.nan),
        np.full(n if "border" in wanted else 0, np.nan),
    )
    rows = _in_order(north, east)
    _in_blocks(len(rows), lambda block: _label(rows[block], north, east, worldview, wanted, found), worldview, wanted)
    return _columns(found, worldview, wanted)


def _degrees(values: Sequence[float | None] | pl.Series | Floats) -> Floats:
    series = values if isinstance(values, pl.Series) else pl.Series(values, dtype=pl.Float64, strict=False)
    return series.cast(pl.Float64, strict=False).fill_null(float("nan")).to_numpy()


def _in_order(lat: Floats, lon: Floats) -> Ints:
    """Rows with a possible point, along a Z-curve: neighbours in a block meet the same part of the trees."""
    import numpy as np

    valid = (np.abs(lat) <= 90.0) & (np.abs(lon) <= 540.0)
    rows = np.flatnonzero(valid).astype(np.int32)
    place = np.empty(len(rows), dtype=np.uint32)
    for begin in range(0, len(rows), _ROWS):
        block = rows[begin : begin + _ROWS]
        place[begin : begin + _ROWS] = _along_curve(lat[block], _wrapped(lon[block]))
    return rows[np.argsort(place)]


def _in_blocks(n: int, label: Callable[[slice], None], worldview: str, wanted: frozenset[str]) -> None:
    """Runs `label` over blocks of rows, on as many threads as there are cores."""
    from factory.geo import polygons

    blocks = [slice(begin, min(begin + _ROWS, n)) for begin in range(0, n, _ROWS)]
    if len(blocks) < 2:
        for block in blocks:
            label(block)
        return
    polygons.grid(), polygons.parts(), polygons.coasts()
    if "city" in wanted:
        _city_trees(worldview)
    if "border" in wanted:
        polygons.borders(worldview)
    with ThreadPoolExecutor(min(os.cpu_count() or 1, len(blocks), 8)) as pool:
        list(pool.map(label, blocks))


def _label(rows: Ints, lat: Floats, lon: Floats, worldview: str, wanted: frozenset[str], found: _Found) -> None:
    """Fills some rows of `found`."""
    import numpy as np

    from factory.geo import polygons
    from factory.geo.spherical import unit_vectors

    north, east = lat[rows], _wrapped(lon[rows])
    unit = polygons.locate(north, east)
    place = np.where(unit >= 0, PLACES.index("land"), PLACES.index("sea")).astype(np.int8)
    near = np.flatnonzero(unit == polygons.NO_UNIT)
    if len(near):
        unit[near] = _snapped(north[near], east[near])
    sea = np.flatnonzero(unit < 0)
    if len(sea):
        unit[sea] = _on_island(north[sea], east[sea])
    place[(unit >= 0) & (place == PLACES.index("sea"))] = PLACES.index("coast")
    found.unit[rows], found.place[rows] = unit, place
    if not wanted & {"city", "border"}:
        return
    country = unit_countries(worldview)[np.maximum(unit, 0)]
    known = np.flatnonzero((unit >= 0) & (country < len(country_codes()) - 1))
    if not len(known):
        return
    north, east, rows, country = north[known], east[known], rows[known], country[known]
    vectors = unit_vectors(north, east)
    if "city" in wanted:
        found.city[rows], found.city_km[rows] = _nearest_city(vectors, country, worldview)
    if "border" in wanted:
        found.border_km[rows] = _border_km(_with_country(vectors, country), north, east, worldview)


def _with_country(vectors: Floats, country: Ints) -> Floats:
    """Unit vectors with a fourth coordinate that keeps countries apart."""
    import numpy as np

    return np.column_stack([vectors, APART * country])


def _wrapped(lon: Floats) -> Floats:
    """Longitudes in [-180, 180); exact where nothing needs to change."""
    import numpy as np

    turned = np.where(np.abs(lon) > 180.0, lon - 360.0 * np.round(lon / 360.0), lon)
    return np.where(turned >= 180.0, turned - 360.0, turned)


def _along_curve(lat: Floats, lon: Floats) -> npt.NDArray[np.uint32]:
    """Position along a Z-curve of cells 360 / 2**16 degrees wide."""
    import numpy as np

    def spread(value: Floats) -> npt.NDArray[np.uint32]:
        bits = value.astype(np.uint32)
        for shift, mask in ((8, 0x00FF00FF), (4, 0x0F0F0F0F), (2, 0x33333333), (1, 0x55555555)):
            bits = (bits | (bits << np.uint32(shift))) & np.uint32(mask)
        return bits

    scale = (2**16 - 1) / 360.0
    return spread((lon + 180.0) * scale) | (spread((lat + 90.0) * scale) << np.uint32(1))


def _snapped(lat: Floats, lon: Floats) -> Ints:
    """Unit of the nearest coast within `SNAP_KM`, else -1."""
    import numpy as np

    from factory.geo import polygons
    from factory.geo.spherical import unit_vectors

    coasts = polygons.coasts()
    _, sample = coasts.tree.query(unit_vectors(lat, lon), distance_upper_bound=2 * np.sin(SNAP_KM / _EARTH_KM / 2))
    none = sample == len(coasts.unit)
    return np.where(none, -1, coasts.unit[np.where(none, 0, sample)]).astype(np.int32)


def _on_island(lat: Floats, lon: Floats) -> Ints:
    """Unit of points within `ISLAND_KM` of a city that Natural Earth draws no land for (Ponza, Koh Tao), else -1."""
    import numpy as np

    from factory.geo.spherical import unit_vectors

    tree, units = _islands()
    reach = 2 * np.sin(ISLAND_KM / _EARTH_KM / 2)
    _, item = tree.query(unit_vectors(lat, lon), distance_upper_bound=reach)
    found: Ints = np.append(units, np.int32(-1))[item]
    return found


@cache
def _islands() -> tuple[Any, Ints]:
    """A tree of the cities farther than `SNAP_KM` from all land that is drawn, and the unit each is counted to."""
    import numpy as np
    from scipy.spatial import cKDTree  # type: ignore[import-untyped]

    from factory.geo import polygons
    from factory.geo.spherical import unit_vectors

    lat, lon = cities()["lat"].to_numpy(), cities()["lon"].to_numpy()
    unit = polygons.locate(lat, lon)
    near = np.flatnonzero(unit == polygons.NO_UNIT)
    unit[near] = _snapped(lat[near], lon[near])
    alone = np.flatnonzero((unit < 0) & cities()["admin1_index"].is_not_null().to_numpy())
    owners = cities()["admin1_index"].gather(alone).to_numpy().astype(np.int32)
    return cKDTree(unit_vectors(lat[alone], lon[alone])), owners


def _nearest_city(vectors: Floats, country: Ints, worldview: str) -> tuple[Ints, Floats]:
    """Row of `cities()` and kilometres of the nearest city of each point's country; -1 and NaN where it has none.

    The nearest city of all is mostly of that country, and quicker to find; the others are looked for again.
    """
    import numpy as np

    trees = _city_trees(worldview)
    chord, item = trees.any.query(vectors, distance_upper_bound=_NEAR)
    rows = np.append(trees.rows, np.int32(-1))[item]
    again = np.flatnonzero((rows < 0) | (city_countries(worldview)[rows] != country))
    if len(again):
        far = _with_country(vectors[again], country[again])
        chord[again], item = trees.own.query(far, distance_upper_bound=APART / 2)
        rows[again] = np.append(trees.rows, np.int32(-1))[item]
    kilometres = 2 * _EARTH_KM * np.arcsin(np.minimum(chord / 2, 1.0))
    kilometres[rows < 0] = np.nan
    return rows, kilometres


class _CityTrees(NamedTuple):
    """Trees over the same cities: `any` of unit vectors, `own` with their countries; the row of `cities()` of each."""

    any: Any
    own: Any
    rows: Ints


@cache
def _city_trees(worldview: str) -> _CityTrees:
    """Of several cities of a country at one spot only the largest is in the trees."""
    import numpy as np
    from scipy.spatial import cKDTree

    from factory.geo.spherical import unit_vectors

    places, owner = cities(), city_countries(worldview)
    lat, lon, number = (places[name].to_numpy() for name in ("lat", "lon", "id"))
    order = np.lexsort((number, -places["population"].to_numpy().astype(np.int64), lon, lat, owner))
    here, before = order[1:], order[:-1]
    fresh = np.ones(len(order), dtype=bool)
    fresh[1:] = (owner[here] != owner[before]) | (lat[here] != lat[before]) | (lon[here] != lon[before])
    rows = np.sort(order[fresh]).astype(np.int32)
    vectors = unit_vectors(lat[rows], lon[rows])
    own = cKDTree(_with_country(vectors, owner[rows]), leafsize=24, balanced_tree=False)
    return _CityTrees(cKDTree(vectors, leafsize=16), own, rows)


def _border_km(vectors: Floats, lat: Floats, lon: Floats, worldview: str) -> Floats:
    import numpy as np

    from factory.geo import polygons

    borders = polygons.borders(worldview)
    chord, samples = borders.tree.query(vectors, k=4, distance_upper_bound=APART / 2)
    nearest = 2 * _EARTH_KM * np.arcsin(np.minimum(chord[:, 0] / 2, 1.0))
    close = np.flatnonzero(nearest < 100.0)
    if len(close):
        nearest[close], _ = polygons.nearest_edge(borders, samples[close], lat[close], lon[close])
    return np.where(np.isinf(chord[:, 0]), np.nan, nearest)


def _columns(found: _Found, worldview: str, wanted: frozenset[str]) -> pl.DataFrame:
    """Names for the numbers."""
    columns: list[pl.Series] = []
    units = _unit_names(worldview)
    unit = pl.Series(found.unit)
    unit = unit.set(unit < 0, units.height - 1)
    by_level = {"country": ("country_code", "country_parent"), "admin1": _ADMIN1}
    columns += [units[name].gather(unit) for level, names in by_level.items() if level in wanted for name in names]
    if "city" in wanted:
        city, kilometres = pl.Series(found.city), pl.Series("city_distance_km", found.city_km)
        row = city.set((city < 0) | (kilometres > MAX_CITY_KM).fill_null(True), None)
        names = {"city": "name", "city_id": "id", "city_population": "population"}
        columns += [cities()[source].gather(row).alias(name) for name, source in names.items()]
        columns.append(kilometres.fill_nan(None))
    if "border" in wanted:
        columns.append(pl.Series("border_km", found.border_km).fill_nan(None))
    if "country" in wanted:
        columns.append(_PLACES.gather(pl.Series(found.place)))
    return pl.DataFrame(columns)


_ADMIN1 = ("admin1", "admin1_iso", "admin1_geonames", "region")


@cache
def _unit_names(worldview: str) -> pl.DataFrame:
    codes = country_codes()
    country = pl.Series("country_code", [codes[number] or None for number in unit_countries(worldview).tolist()])
    named = (
        admin1()
        .select(country, "admin1", "region", admin1_iso="iso_3166_2", admin1_geonames="geonames")
        .join(
            countries().select(country_code="code", country_parent="parent"),
            on="country_code",
            how="left",
            maintain_order="left",
        )
    )
    return _with_nulls(named)


def _with_nulls(frame: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([frame, frame.clear(1)]).rechunk()


TABLES = (_islands, _city_trees, _unit_names)
"""What `factory.geo.forget` frees."""
