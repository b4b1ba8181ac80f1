"""The benchmark GWS15k, drawn again: the published algorithm to the letter, and one that keeps its promise.

Published (GaGA, section V-A1, Algorithm 1): a country c is drawn with P(c) = 0.5 * area(c) / total area +
0.5 / number of countries, then one of its cities, each alike; every point of the pool within 5 km of that city that is
not yet chosen is added; this repeats while fewer than N are chosen. Its faults: it never ends when the pool has fewer
than N points near cities; it ends above N; a country without a city or without a pool point near one is drawn in
vain; and since a draw adds all points around a city, countries are represented by how densely they were
photographed and not by P. The paper's text speaks of sampling *coordinates* near the city, its pseudocode adds all.

Repaired: the same P decides how many points each country gives; a country gives one point of each of its cities before
a second of any, cities in hashed order; N is met exactly while the pool has enough different points, and the result
says by how much it and each country fell short. A point belongs to the country of its nearest city, as the published
algorithm knows no borders either.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Literal

import polars as pl

from factory.errors import SourceError
from factory.geo.distance import chord_of, haversine_array
from factory.geo.overlap import nearest_within
from factory.geo.sampling.balanced import quota_table
from factory.geo.sampling.order import apportion, row_hashes
from factory.geo.spherical import unit_vectors

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Rows = NDArray[np.int64]

RADIUS_KM: Final = 5.0
"""R of Algorithm 1."""
MAX_DRAWS: Final = 10_000_000
"""Where the published loop is stopped; 15,000 of OSV-5M's 210,122 test points take about 30,000 draws."""

_BLOCK: Final = 4096


@dataclass(frozen=True, slots=True)
class Gws15k:
    """A sample and how it came about."""

    chosen: pl.DataFrame
    """row (in the pool), country, city (row in the cities), km to that city; published: draw (from 1) and in order of
    draw; repaired: in order of row."""
    countries: pl.DataFrame
    """country, wanted (N times its probability), available (different points near its cities), given, shortfall."""
    draws: int
    """Draws that the published loop took; 0 when repaired."""
    shortfall: int
    """Points of the `n` wanted that the pool could not give. Countries' own shortfalls count whole points only, so all
    of them can be 0 beside it."""
    reached: pl.DataFrame = field(default_factory=pl.DataFrame)
    """row, different: each point of the pool near a city, and whether it is the one of its coordinate that counts."""


def country_probabilities(areas: Mapping[str, float]) -> dict[str, float]:
    """P_adj of Algorithm 1, normalised: half by area, half alike for every country. In order of country code.

    Raises SourceError for no countries, or an area that is negative or not finite.
    """
    wrong = [f"{name}: {area}" for name, area in areas.items() if not 0 <= area < float("inf")]
    total = sum(sorted(areas.values()))
    if wrong or not total > 0:
        detail = ", ".join(wrong[:5]) or "no area above 0"
        raise SourceError(f"GWS15k needs the area of every country in km2, at least 0 and not all 0; found {detail}")
    return {name: 0.5 * areas[name] / total + 0.5 / len(areas) for name in sorted(areas)}


def gws15k(
    pool: pl.DataFrame,
    cities: pl.DataFrame,
    country_areas: Mapping[str, float],
    *,
    n: int = 15_000,
    seed: int,
    mode: Literal["published", "repaired"] = "repaired",
    max_draws: int = MAX_DRAWS,
) -> Gws15k:
    """Draws a benchmark with the distribution of GWS15k from a pool of points.

    The same seed gives the same points in whatever order cities, countries or (with ids, or without twins) the pool
    come. Pool points at one coordinate are one, as the published "not in V" says: that of the smallest id is drawn, or
    the first where there are no ids.

    Args:
        pool: `lat`, `lon` in degrees, `id` where there is one; rows without a place are never chosen.
        cities: `lat`, `lon`, `country` (the keys of `country_areas`); others are ignored.
        country_areas: km2 by country: all countries that can be drawn.
        n: points wanted.
        max_draws: the published loop stops here with an error.

    Raises:
        SourceError: published: the pool has fewer than `n` points near cities, so the loop would not end, or
            `max_draws` was reached. Repaired never raises for a small pool: it gives all there is, see `countries`.
    """
    if n < 1:
        raise ValueError(f"a sample of {n} points is not possible; expected at least 1")
    chances = country_probabilities(country_areas)
    known = cities.select(
        "country",
        *(pl.col(name).cast(pl.Float64) for name in ("lat", "lon")),
        city=pl.int_range(pl.len(), dtype=pl.Int64),
    ).filter(
        pl.col("country").is_in(list(chances)), pl.col("lat").is_between(-90, 90), pl.col("lon").is_between(-180, 180)
    )
    known = known.sort("country", "lat", "lon", "city")
    near = nearest_within(pool, known, RADIUS_KM)
    turns = row_hashes(known.select("lat", "lon"), f"{seed}:city").alias("turn")
    places = known.with_columns(turns)[near["target"]].select("country", "city", "turn")
    candidates = _distinct(pool, pl.concat([near.select(row="point", km="km"), places], how="horizontal"))
    if mode == "repaired":
        found = _repaired(pool, candidates, chances, n, seed)
    else:
        found = _published(pool, known, candidates, chances, n, seed, max_draws)
    return replace(
        found, reached=near.select(row="point", different=pl.col("point").is_in(candidates["row"].implode()))
    )


def _repaired(pool: pl.DataFrame, candidates: pl.DataFrame, chances: Mapping[str, float], n: int, seed: int) -> Gws15k:
    """Quotas by P, then rounds over a country's cities; both the cities and their points in hashed order."""
    available = dict(candidates.group_by("country").len().iter_rows())
    given = apportion(n, chances, available)
    hashes = row_hashes(pool[candidates["row"]], seed) if candidates.height else pl.Series("hash", [], pl.UInt64)
    ordered = candidates.with_columns(hashes.alias("hash")).sort("hash", "row")
    ordered = ordered.with_columns(round=pl.int_range(pl.len()).over("city"))
    ordered = ordered.sort("round", "turn", "city").with_columns(rank=pl.int_range(pl.len()).over("country"))
    limit = pl.col("country").replace_strict(given, default=0, return_dtype=pl.Int64)
    chosen = ordered.filter(pl.col("rank") < limit).sort("row").select("row", "country", "city", "km")
    return Gws15k(chosen, quota_table(n, chances, available, given), draws=0, shortfall=n - chosen.height)


def _distinct(pool: pl.DataFrame, candidates: pl.DataFrame) -> pl.DataFrame:
    """One candidate a coordinate: that of the smallest id where the pool has ids, else the first."""
    names = [name for name in ("lat", "lon", "id") if name in pool.columns]
    places = pl.concat([candidates, pool[candidates["row"]].select(names)], how="horizontal")
    places = places.sort(*names[2:], "row").unique(["lat", "lon"], keep="first", maintain_order=True)
    return places.select(candidates.columns).sort("row")


def _published(
    pool: pl.DataFrame,
    cities: pl.DataFrame,
    candidates: pl.DataFrame,
    chances: Mapping[str, float],
    n: int,
    seed: int,
    max_draws: int,
) -> Gws15k:
    import numpy as np

    reachable = candidates.height
    if reachable < n:
        raise SourceError(
            f"GWS15k as published would never end: only {reachable:,} different points of the pool lie within "
            f"{RADIUS_KM:g} km of a city, and {n:,} are wanted; lower n, or use mode 'repaired'"
        )
    around = _Neighbourhoods(pool, cities, candidates["row"].to_numpy())
    taken = np.zeros(pool.height, dtype=bool)
    found: list[tuple[int, int, Rows]] = []
    size = draws = 0
    for city in _drawn_cities(cities, chances, seed):
        if size >= n:
            break
        draws += 1
        if draws > max_draws:
            raise SourceError(
                f"GWS15k as published had {size:,} of {n:,} points after {max_draws:,} draws; the rest lies near "
                "cities of countries that are hardly ever drawn; lower n, or use mode 'repaired'"
            )
        if city is None:
            continue
        rows = around.of(city)
        fresh = rows[~taken[rows]]
        if fresh.size:
            taken[fresh] = True
            size += fresh.size
            found.append((draws, city, fresh))
    return _drawn_table(pool, cities, candidates, chances, found, n, draws)


def _drawn_cities(cities: pl.DataFrame, chances: Mapping[str, float], seed: int) -> Iterator[int | None]:
    """Endless draws: a position in `cities` (sorted by country), or None for a country without a city."""
    import numpy as np

    generator = np.random.Generator(np.random.PCG64(seed))
    counts = dict(cities.group_by("country").len().iter_rows())
    sizes = np.array([counts.get(name, 0) for name in chances])
    starts = np.cumsum(sizes) - sizes
    bounds = np.cumsum(np.array(list(chances.values())))
    bounds /= bounds[-1]
    while True:
        uniform = generator.random((_BLOCK, 2))
        country = np.minimum(np.searchsorted(bounds, uniform[:, 0], side="right"), len(sizes) - 1)
        city = starts[country] + (uniform[:, 1] * sizes[country]).astype(np.int64)
        for position, empty in zip(city.tolist(), (sizes[country] == 0).tolist(), strict=True):
            yield None if empty else position


class _Neighbourhoods:
    """Candidates within 5 km of a city, found when the city is first drawn."""

    def __init__(self, pool: pl.DataFrame, cities: pl.DataFrame, rows: Rows) -> None:
        from scipy.spatial import cKDTree  # type: ignore[import-untyped]

        places = pool.select(
            pl.col("lat").cast(pl.Float64), pl.col("lon").cast(pl.Float64), row=pl.int_range(pl.len(), dtype=pl.Int64)
        )[rows]
        self._lat, self._lon, self._rows = (places[name].to_numpy() for name in ("lat", "lon", "row"))
        self._tree = cKDTree(unit_vectors(self._lat, self._lon), balanced_tree=False)
        self._city_lat, self._city_lon = cities["lat"].to_numpy(), cities["lon"].to_numpy()
        self._centres = unit_vectors(self._city_lat, self._city_lon)
        self._known: dict[int, Rows] = {}

    def of(self, city: int) -> Rows:
        """Rows within the radius, inclusive, in order."""
        import numpy as np

        if city not in self._known:
            near = np.array(
                self._tree.query_ball_point(self._centres[city], chord_of(RADIUS_KM) + 1e-12), dtype=np.int64
            )
            km = haversine_array(self._lat[near], self._lon[near], self._city_lat[city], self._city_lon[city])
            self._known[city] = np.sort(self._rows[near[km <= RADIUS_KM]])
        return self._known[city]


def _drawn_table(
    pool: pl.DataFrame,
    cities: pl.DataFrame,
    candidates: pl.DataFrame,
    chances: Mapping[str, float],
    found: list[tuple[int, int, Rows]],
    n: int,
    draws: int,
) -> Gws15k:
    import numpy as np

    rows = np.concatenate([rows for _, _, rows in found])
    times = [rows.size for _, _, rows in found]
    positions = np.repeat([city for _, city, _ in found], times)
    city = cities[positions]
    points = pool.select(pl.col("lat").cast(pl.Float64), pl.col("lon").cast(pl.Float64))[rows]
    km = haversine_array(points["lat"], points["lon"], city["lat"], city["lon"])
    drawn = np.repeat([draw for draw, _, _ in found], times)
    columns = {"row": rows, "country": city["country"], "city": city["city"], "km": km, "draw": drawn}
    chosen = pl.DataFrame(columns)
    available = dict(candidates.group_by("country").len().iter_rows())
    given = dict.fromkeys(chances, 0) | dict(chosen.group_by("country").len().iter_rows())
    return Gws15k(chosen, quota_table(n, chances, available, given), draws, shortfall=0)
