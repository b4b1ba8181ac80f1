"""The unit of a point that no polygon holds: on a beach, a pier, a boat, or an island too small to be drawn."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

from factory.geo.distance import chord_of
from factory.geo.gazetteer import cities

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Ints = npt.NDArray[np.int32]

SNAP_KM: Final = 25.0
"""A point at most this far from a coast belongs to it: beaches, piers, boats and what Natural Earth leaves out."""

ISLAND_KM: Final = 10.0
"""A point this near to a GeoNames place on an island that Natural Earth does not draw belongs to it."""


def coast_units(lat: Floats, lon: Floats) -> Ints:
    """Unit of the nearest coast within `SNAP_KM` of points in degrees, else -1."""
    import numpy as np

    from factory.geo import polygons
    from factory.geo.spherical import unit_vectors

    coasts = polygons.coasts()
    _, sample = coasts.tree.query(unit_vectors(lat, lon), distance_upper_bound=chord_of(SNAP_KM))
    found: Ints = np.append(coasts.unit, np.int16(-1))[sample].astype(np.int32)
    return found


def island_units(lat: Floats, lon: Floats) -> Ints:
    """Unit of points within `ISLAND_KM` of a city that Natural Earth draws no land for (Ponza, Koh Tao), else -1."""
    import numpy as np

    from factory.geo.spherical import unit_vectors

    tree, units = undrawn_islands()
    _, item = tree.query(unit_vectors(lat, lon), distance_upper_bound=chord_of(ISLAND_KM))
    found: Ints = np.append(units, np.int32(-1))[item]
    return found


@cache
def undrawn_islands() -> tuple[Any, Ints]:
    """A tree of the cities farther than `SNAP_KM` from all land that is drawn, and the unit each is counted to."""
    import numpy as np
    from scipy.spatial import cKDTree  # type: ignore[import-untyped]

    from factory.geo import polygons
    from factory.geo.spherical import unit_vectors

    lat, lon = cities()["lat"].to_numpy(), cities()["lon"].to_numpy()
    unit = polygons.by_raster(lat, lon)  # a cell that a boundary crosses is near land: no need to ask the polygons
    near = np.flatnonzero(unit == polygons.NO_UNIT)
    unit[near] = coast_units(lat[near], lon[near])
    nowhere = (unit == polygons.NO_UNIT) | (unit == polygons.OPEN_SEA)
    alone = np.flatnonzero(nowhere & cities()["admin1_index"].is_not_null().to_numpy())
    owners = cities()["admin1_index"].gather(alone).to_numpy().astype(np.int32)
    return cKDTree(unit_vectors(lat[alone], lon[alone])), owners
