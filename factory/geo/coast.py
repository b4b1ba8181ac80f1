"""The unit of a point that no polygon holds: on a beach, a pier, a boat, or an island too small to be drawn."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

from factory.geo.distance import chord_of
from factory.geo.gazetteer import islands

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Ints = npt.NDArray[np.int32]

SNAP_KM: Final = 25.0
"""A point at most this far from a coast belongs to it: beaches, piers, boats and what Natural Earth leaves out."""

ISLAND_KM: Final = 10.0
"""A point this near to a GeoNames place on an island that Natural Earth does not draw belongs to it."""


def shore_units(lat: Floats, lon: Floats) -> Ints:
    """Unit of points in degrees without land: of an island within `ISLAND_KM` that Natural Earth does not draw, or of
    the coast within `SNAP_KM` where that is nearer (Matsu is nearer to itself than to Fujian), else -1."""
    import numpy as np

    from factory.geo import polygons
    from factory.geo.spherical import unit_vectors

    coasts, vectors = polygons.coasts(), unit_vectors(lat, lon)
    to_coast, sample = coasts.tree.query(vectors, distance_upper_bound=chord_of(SNAP_KM))
    tree, units = undrawn_islands()
    to_island, item = tree.query(vectors, distance_upper_bound=chord_of(ISLAND_KM))
    on_coast = np.append(coasts.unit, np.int16(-1))[sample].astype(np.int32)
    on_island = np.append(units, np.int32(-1))[item]
    found: Ints = np.where((to_island <= to_coast) & (on_island >= 0), on_island, on_coast)
    return found


def island_units(lat: Floats, lon: Floats) -> Ints:
    """Unit of points far from every coast within `ISLAND_KM` of an island that is not drawn (Ponza, Koh Tao), or -1."""
    import numpy as np

    from factory.geo.spherical import unit_vectors

    tree, units = undrawn_islands()
    _, item = tree.query(unit_vectors(lat, lon), distance_upper_bound=chord_of(ISLAND_KM))
    found: Ints = np.append(units, np.int32(-1))[item]
    return found


@cache
def undrawn_islands() -> tuple[Any, Ints]:
    """A tree of the places around which no land is drawn, and the unit each is counted to; see data/islands.parquet."""
    from scipy.spatial import cKDTree  # type: ignore[import-untyped]

    from factory.geo.spherical import unit_vectors

    places = islands()
    vectors = unit_vectors(places["lat"].to_numpy(), places["lon"].to_numpy())
    return cKDTree(vectors), places["admin1_index"].to_numpy().astype("int32")
