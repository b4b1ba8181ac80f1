"""Cities, and the regions and cities that bear their names or stand beside them.

"Venice, Italy" is the city, not the province around it; "Glenmont, NY" is somewhere in the state and not in its largest
city; "Bedford, Cleveland" is the Bedford by that city.
"""

from __future__ import annotations

import re
from typing import Final

import numpy as np
import numpy.typing as npt

from factory.geo.candidates import Candidates, largest
from factory.geo.distance import chord_of
from factory.geo.entities import CITY, COUNTRY_BASE, REGION, REGION_BASE, REGION_HANDICAP, Entities
from factory.geo.name_index import NameIndex
from factory.geo.readings import HINTS, Parts

NEAR_CITY_KM: Final = (20.0, 35.0)
"""How far the towns around a city are written with its name: one of a hundred thousand people, and of a million."""

_LARGE, _MILLION = 5.0, 6.0
_NAMED_FIRST = 3
"""So many of the places of a name are looked at, the most populous ones."""
_QUARTER, _EIGHTH, _THIRTIETH = 0.65, 0.9, 1.5
"""How much smaller than its region, as base 10 logarithms of people, a city may be that its name means first: by a name
that is not its own, by its own, and in a smaller unit such as an Italian province."""
_IN_TOWN = re.compile(
    r"\b(?:station|square|street|avenue|boulevard|tower|museum|cathedral|church|temple|palace|bridge|stadium|hotel|"
    r"university|airport|plaza|piazza|platz|place|rue|via|gate|market|mall|theat(?:er|re)|opera|building|center|centre)\b"
)
"""Words for what stands in a city, in unknown parts before its name: "Pennsylvania Station, New York"."""
_MORE = 0.1

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


def asks_for_region(parts: Parts) -> Flags:
    """Which parts have words for a region around their name, an island's among them."""
    islands = np.array([key.endswith(" island") for key in parts.key], dtype=bool)
    return islands | np.isin(parts.hint, [HINTS.index("region"), HINTS.index("island")])


def near_named_city(parts: Parts, mates: Ints, entity: Ints, index: NameIndex, entities: Entities) -> Flags:
    """Whether each place is a city close to a larger one, of the same country, that the other part beside it names."""
    found = np.zeros(len(mates), dtype=bool)
    some = np.flatnonzero((parts.last > parts.first)[mates] & (entity < REGION_BASE))
    for nth in range(_NAMED_FIRST):
        row = parts.first[mates[some]] + nth
        there = row < parts.last[mates[some]]
        rows, named = some[there], index.entity[row[there]].astype(np.int64)
        own = entity[rows]
        weight = entities.weight[named]
        near = (named < own) & (weight >= _LARGE) & (entities.country[named] == entities.country[own])
        rows, named, own, weight = rows[near], named[near], own[near], weight[near]
        apart = entities.vectors[named] - entities.vectors[own]
        reach = np.where(weight >= _MILLION, chord_of(NEAR_CITY_KM[1]), chord_of(NEAR_CITY_KM[0]))
        close = (np.einsum("ij,ij->i", apart, apart) <= reach**2) | (entities.city_of[own] == named)
        found[rows[close]] = True
    return found


def with_namesakes_of_provinces(parts: Parts, found: Candidates, own_name: Flags, entities: Entities) -> Floats:
    """Totals where a city comes before the region around it that the same part names, unless it is far smaller.

    A part that asks for a region ("Province of Venice") keeps it.
    """
    asked = asks_for_region(parts)[found.part]
    regions = np.flatnonzero((entities.kind[found.entity] == REGION) & ~asked)
    cities = np.flatnonzero(entities.kind[found.entity] == CITY)
    total = found.total.copy()
    if not len(regions) or not len(cities):
        return total
    place = found.entity[regions]
    top = entities.regions[place, 1] < 0
    people = entities.weight[place] + REGION_HANDICAP
    codes = found.part[regions] * COUNTRY_BASE + place
    order = np.argsort(codes)
    codes, least, top = codes[order], people[order], top[order]
    for column in range(entities.regions.shape[1]):
        home = entities.regions[found.entity[cities], column].astype(np.int64)
        wanted = found.part[cities] * COUNTRY_BASE + home
        row = np.minimum(np.searchsorted(codes, wanted), len(codes) - 1)
        margin = np.where(own_name[cities], np.where(top[row], _EIGHTH, _THIRTIETH), _QUARTER)
        large = entities.weight[found.entity[cities]] >= least[row] - margin
        fits = (codes[row] == wanted) & (home >= 0) & large
        raised = largest(found.part[regions] * COUNTRY_BASE + found.entity[regions], found.total[regions], wanted)
        total[cities[fits]] = np.maximum(total[cities[fits]], raised[fits] + _MORE)
    return total


def misleading_namesakes(parts: Parts, found: Candidates, placed: Flags, readings: Ints, entities: Entities) -> Flags:
    """Which candidates are cities named by a part that is a region, with a part before it that lies nowhere in either.

    "Glenmont, NY" and "Isla de Pascua, Valparaíso, Chile" name a region and something in it; so does "Barton, New
    York", for the Bartons of GeoNames lie in other states. Not so where the city lies in a compact region of that name,
    or where another part names the region too. A country's name is that of a region as well: "a small village,
    Mexico" is not Mexico City, but whatever is in Hong Kong is in that city.

    Args:
        placed: The parts that name a country, a place in a region or by a city that stands beside it, or that region or
            city.
        readings: The regions that parts name, of `place_match`.
    """
    size = int(parts.query.max(initial=-1)) + 1
    first_vague = np.full(size, len(parts.query), dtype=np.int64)
    vague = np.flatnonzero(~placed)
    vague = vague[[_IN_TOWN.search(parts.key[part]) is None for part in vague.tolist()]]
    np.minimum.at(first_vague, parts.query[vague], parts.position[vague])
    behind = first_vague[found.query] < parts.position[found.part]
    rows = np.flatnonzero(behind & (entities.kind[found.entity] == CITY))
    misleading = np.zeros(len(found.query), dtype=bool)
    if not len(rows):
        return misleading
    part, region = readings // COUNTRY_BASE, readings % COUNTRY_BASE
    named, times = np.unique(parts.query[part] * COUNTRY_BASE + region, return_counts=True)
    once = times[np.searchsorted(named, parts.query[part] * COUNTRY_BASE + region)] == 1
    lands = len(entities.codes)
    in_lands = np.unique((part * lands + entities.country[region])[once])
    compact = np.sort(readings[entities.compact[region] | ~once])
    in_compact = np.zeros(len(rows), dtype=bool)
    for column in range(entities.regions.shape[1]):
        home = entities.regions[found.entity[rows], column].astype(np.int64)
        in_compact |= np.isin(found.part[rows] * COUNTRY_BASE + home, compact) & (home >= 0)
    land = parts.country[found.part[rows]]
    land[land >= lands] = -1
    in_compact &= (land < 0) | entities.compact[COUNTRY_BASE + np.maximum(land, 0)]
    in_land = np.isin(found.part[rows] * lands + entities.country[found.entity[rows]], in_lands)
    misleading[rows] = in_land & ~in_compact
    return misleading
