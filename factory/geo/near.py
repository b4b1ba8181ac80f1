"""Which of some names a place near a point bears: a look-up that cannot name a place by itself.

Looked up in the whole world, words on signs name places that they do not mean (POLICE is Poland, Spring a town in
Texas). Near a point that somebody else names, a town's name on a sign is rarely chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import polars as pl


class Near(NamedTuple):
    """A place that bears a name."""

    name: str
    """As it was asked for."""
    lat: float
    lon: float
    km: float
    """From the point, on the sphere."""


def named_near(names: Sequence[str], lat: float, lon: float, *, km: float) -> tuple[Near, ...]:
    """Of each name the nearest town or quarter that bears it within `km` kilometres of the point, in the order given.

    Args:
        names: as they are written, in any script; letters, case and marks are compared as `forward` does.
        lat, lon: WGS84 degrees.
        km: more than 0. Regions and countries are no places here: a border is near everywhere.

    Raises EnvironmentFault when the gazetteer's files cannot be read.
    """
    if not names:
        return ()

    from factory.geo.distance import haversine_array
    from factory.geo.entities import CITY, read_entities
    from factory.geo.name_index import read_index
    from factory.geo.normalise import fold_column

    index, entities = read_index(), read_entities()
    first, last = index.find(fold_column(pl.Series(names, dtype=pl.String)))
    found: list[Near] = []
    for name, low, high in zip(names, first.tolist(), last.tolist(), strict=True):
        places = index.entity[low:high]
        places = places[entities.kind[places] == CITY]
        if not len(places):
            continue
        away = haversine_array(lat, lon, entities.lat[places], entities.lon[places])
        nearest = int(away.argmin())
        if away[nearest] <= km:
            place = places[nearest]
            found.append(Near(name, float(entities.lat[place]), float(entities.lon[place]), float(away[nearest])))
    return tuple(found)
