"""The nearest city of a point's own country, on the sphere.

One tree holds all cities, with the country as a fourth axis that keeps countries apart. Of several cities of a country
at one spot only the largest is in it, then the one with the lowest GeoNames id.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from factory.geo.distance import EARTH_RADIUS_KM
from factory.geo.gazetteer import APART, cities, city_countries

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Ints = npt.NDArray[np.int32]

_NEAR: Final = 0.01
"""Chord (64 km) within which the nearest city of all is looked for first."""


class CityTrees(NamedTuple):
    """Trees over the same cities: `any` of unit vectors, `own` with their countries; the row of `cities()` of each."""

    any: Any
    own: Any
    rows: Ints


def nearest_city(vectors: Floats, country: Ints, worldview: str) -> tuple[Ints, Floats]:
    """Row of `cities()` and kilometres of the nearest city of each point's country; -1 and NaN where it has none.

    The nearest city of all is mostly of that country, and quicker to find; the others are looked for again.

    Args:
        vectors: (n, 3) unit vectors of the points.
        country: Of each point, its country's number in `country_codes()`.
        worldview: Who owns the cities, see `gazetteer.WORLDVIEWS`.
    """
    import numpy as np

    trees = city_trees(worldview)
    chord, item = trees.any.query(vectors, distance_upper_bound=_NEAR)
    rows = np.append(trees.rows, np.int32(-1))[item]
    again = np.flatnonzero((rows < 0) | (city_countries(worldview)[rows] != country))
    if len(again):
        far = with_country(vectors[again], country[again])
        chord[again], item = trees.own.query(far, distance_upper_bound=APART / 2)
        rows[again] = np.append(trees.rows, np.int32(-1))[item]
    kilometres = 2 * EARTH_RADIUS_KM * np.arcsin(np.minimum(chord / 2, 1.0))
    kilometres[rows < 0] = np.nan
    return rows, kilometres


def with_country(vectors: Floats, country: Ints) -> Floats:
    """(n, 3) unit vectors with a fourth coordinate that keeps countries apart."""
    import numpy as np

    return np.column_stack([vectors, APART * country])


@cache
def city_trees(worldview: str) -> CityTrees:
    """Built once a worldview, in a quarter of a second."""
    import numpy as np
    from scipy.spatial import cKDTree  # type: ignore[import-untyped]

    from factory.geo.spherical import unit_vectors

    places, owner = cities(), city_countries(worldview)
    lat, lon, number = (places[name].to_numpy() for name in ("lat", "lon", "id"))
    order = np.lexsort((number, -places["population"].to_numpy().astype(np.int64), lon, lat, owner))
    here, before = order[1:], order[:-1]
    fresh = np.ones(len(order), dtype=bool)
    fresh[1:] = (owner[here] != owner[before]) | (lat[here] != lat[before]) | (lon[here] != lon[before])
    rows = np.sort(order[fresh]).astype(np.int32)
    vectors = unit_vectors(lat[rows], lon[rows])
    own = cKDTree(with_country(vectors, owner[rows]), leafsize=24, balanced_tree=False)
    return CityTrees(cKDTree(vectors, leafsize=16), own, rows)
