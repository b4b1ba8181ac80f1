"""The nearest city of a point's own country, on the sphere.

One tree holds all cities, with the country as a fourth axis that keeps countries apart. Of several cities of a country
at one spot only the largest is in it, then the one with the lowest GeoNames id.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from factory.geo.distance import km_of_chords
from factory.geo.gazetteer import APART, cities, city_countries

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Ints = npt.NDArray[np.int32]


def nearest_city(vectors: Floats, country: Ints, worldview: str) -> tuple[Ints, Floats]:
    """Row of `cities()` and kilometres of the nearest city of each point's country; -1 and NaN where it has none.

    Args:
        vectors: (n, 3) unit vectors of the points.
        country: Of each point, its country's number in `country_codes()`.
        worldview: Who owns the cities, see `gazetteer.WORLDVIEWS`.
    """
    import numpy as np

    tree, rows = city_tree(worldview)
    chord, item = tree.query(with_country(vectors, country), distance_upper_bound=APART / 2)
    city = np.append(rows, np.int32(-1))[item]
    kilometres = km_of_chords(chord)
    kilometres[city < 0] = np.nan
    return city, kilometres


def with_country(vectors: Floats, country: Ints) -> Floats:
    """(n, 3) unit vectors with a fourth coordinate that keeps countries apart."""
    import numpy as np

    return np.column_stack([vectors, APART * country])


@cache
def city_tree(worldview: str) -> tuple[Any, Ints]:
    """A tree of the cities by unit vector and country, and the row of `cities()` of each; built once a worldview."""
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
    vectors = with_country(unit_vectors(lat[rows], lon[rows]), owner[rows])
    return cKDTree(vectors, leafsize=24, balanced_tree=False), rows
