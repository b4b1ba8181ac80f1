"""Which places are parts of a city: quarters and districts that people would not name without it.

GeoNames lists the arrondissements of Paris as places beside Paris. A place is part of the city whose centre is nearest
in units of the city's own size, the square root of its people, as far as it is within the city's reach:

- a section of a populated place (feature code PPLX) that is smaller than the city;
- a place whose people GeoNames does not count (a district of a Chinese city), or whose feature code is not known, when
  it has at most half of the city's people: within half that reach;
- any other place with at most a quarter of the city's people, in its very core. Suburbs with a name of their own lie
  farther out: Neuilly-sur-Seine is not Paris.

Only places of the city's admin-1 unit count, but for sections, which may be units themselves (Budapest, Singapore). A
capital that is alone in its unit, as GeoNames has Lima, is judged by the unit that most places in its core are in.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from factory.geo.distance import EARTH_RADIUS_KM
from factory.geo.spherical import unit_vectors

REACH_KM = 0.02
"""A city's reach in km for the square root of its people: 29 km for Paris, 3 km for a town of 20,000."""

HALF_KM, CORE_KM = 0.01, 0.003
LEAST_PEOPLE = 15_000
_SECTION = "PPLX"
_CAPITAL = "PPLC"
_HALF, _QUARTER = 2, 4
_ALONE = 3
"""A unit with so few places is its capital and nothing else."""

Ints = npt.NDArray[np.int64]


def read_features(path: Path) -> dict[int, str]:
    """GeoNames' feature codes by id, from the dump `cities500.txt`."""
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        fields = line.split("\t")
        if len(fields) == 19:
            found[int(fields[0].lstrip("\ufeff"))] = fields[7]
    return found


def parts_of_cities(places: pl.DataFrame, features: Mapping[int, str]) -> Ints:
    """Row of the city that each place is a part of, -1 for none; a city is no part of another.

    Args:
        places: `cities.city_table`.
        features: Of `read_features`; some places have none.
    """
    from scipy.spatial import cKDTree  # type: ignore[import-untyped]

    people = places["population"].to_numpy().astype(np.float64)
    country, unit = (places[name].fill_null("").to_numpy().astype(str) for name in ("country", "admin1_geonames"))
    feature = np.array([features.get(number, "") for number in places["id"].to_list()])
    vectors = unit_vectors(places["lat"].to_numpy(), places["lon"].to_numpy())
    tree = cKDTree(vectors)
    times = dict(zip(*np.unique(unit, return_counts=True), strict=True))
    city, nearest = np.full(places.height, -1, dtype=np.int64), np.full(places.height, np.inf)
    large = np.flatnonzero((people >= LEAST_PEOPLE) & (feature != _SECTION))
    for i in large[np.lexsort((places["id"].to_numpy()[large], -people[large]))].tolist():
        size = float(np.sqrt(people[i]))
        near = np.array(sorted(tree.query_ball_point(vectors[i], REACH_KM * size / EARTH_RADIUS_KM)), dtype=np.int64)
        near = near[(near != i) & (country[near] == country[i])]
        away = np.linalg.norm(vectors[near] - vectors[i], axis=1) * EARTH_RADIUS_KM / size
        section, unknown = feature[near] == _SECTION, feature[near] == ""
        alone = feature[i] == _CAPITAL and times[unit[i]] <= _ALONE
        home = _most(unit[near[away <= CORE_KM]], unit[i]) if alone else unit[i]
        own_unit = (unit[near] == unit[i]) | (unit[near] == home) | ((section | unknown) & (away <= HALF_KM))
        few = (people[near] == 0) | (unknown & (_HALF * people[near] <= people[i]))
        small = (_QUARTER * people[near] <= people[i]) & (feature[near] != _CAPITAL)
        part = (section & (people[near] < people[i])) | (few & (away <= HALF_KM)) | (small & (away <= CORE_KM))
        better = part & own_unit & (away < nearest[near])
        city[near[better]], nearest[near[better]] = i, away[better]
    while (chained := np.flatnonzero((city >= 0) & (city[np.maximum(city, 0)] >= 0))).size:
        city[chained] = city[city[chained]]
    return city


def _most(units: npt.NDArray[np.str_], own: str) -> str:
    """The unit that most of the places are in, `own` for none; of equal ones the first by name."""
    named, times = np.unique(units, return_counts=True)
    return str(named[np.argmax(times)]) if len(named) else own
