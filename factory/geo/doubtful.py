"""Cities that a string may name, but as well may not: then the region or country is all that is known."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from factory.geo.candidates import Candidates
from factory.geo.distance import chord_of, km_of_chords
from factory.geo.entities import CITY, COUNTRY, REGION, Entities
from factory.geo.readings import Parts

TIE_KM: Final = 100.0
"""Two towns of one name this far apart are two places; nearer ones are the same to within a region."""
_TIE = 0.3
"""Base 10 logarithm of how many times more people the larger of two such towns must have to be the one that is meant:
where it had less, more than one in three of the towns that lists wrote with their region was the other one (the read
halves of docs/geo-measured.md)."""
_AHEAD = 0.01
_CLEARLY, _CLEARLY_BORROWED = 2.0, 1.0

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def without_doubtful(parts: Parts, found: Candidates, entities: Entities) -> Candidates:
    """Candidates without the cities of strings that may as well mean another town.

    Those name an unknown region behind one of many towns of its name ("Center, Severní Dakota, USA" is somewhere in the
    USA, not the largest Center; with no rival, or none of a hundredth of its people, the city stays), or the largest of
    several towns by a name it borrows ("Сентър, САЩ": no rival of a tenth of its people may be there).
    """
    size = int(parts.query.max(initial=-1)) + 1
    unknown = np.full(size, -1, dtype=np.int64)
    rows = np.flatnonzero(~parts.known)
    np.maximum.at(unknown, parts.query[rows], parts.position[rows])
    first = np.flatnonzero(np.diff(found.query, prepend=-1))
    first = first[entities.kind[found.entity[first]] == CITY]
    second = np.minimum(first + 1, len(found.query) - 1)
    rival = (second > first) & (found.query[second] == found.query[first])
    rival &= (entities.kind[found.entity[second]] == CITY) & (found.entity[second] != found.entity[first])
    ahead = found.total[first] - found.total[second]
    vague = (unknown[found.query[first]] > parts.position[found.part[first]]) & (ahead < _CLEARLY)
    doubtful = np.zeros(size, dtype=bool)
    doubtful[found.query[first[rival & (vague | (found.borrowed[first] & (ahead < _CLEARLY_BORROWED)))]]] = True
    return found.take(~doubtful[found.query] | (entities.kind[found.entity] != CITY))


def without_ties(found: Candidates, entities: Entities) -> tuple[Candidates, Floats]:
    """Candidates with the region or country first where two towns fit equally well, and by string the km between them.

    "Milford, Pennsylvania, USA" may be either of two Milfords at its two ends: what is known is Pennsylvania. Both
    towns stay, behind it. A string that names neither their region nor their country keeps the larger one first. NaN
    is the distance of strings without such towns.
    """
    best = np.flatnonzero(np.diff(found.query, prepend=-1))
    top = np.repeat(best, np.diff(np.append(best, len(found.query))))
    city = entities.kind[found.entity] == CITY
    close = city & city[top] & (found.total > found.total[top] - _TIE)
    rows = np.flatnonzero(close & (entities.city_of[found.entity] != entities.city_of[found.entity[top]]))
    apart = entities.vectors[found.entity[rows]] - entities.vectors[found.entity[top[rows]]]
    chord = np.sqrt(np.einsum("ij,ij->i", apart, apart))
    rows, chord = rows[chord > chord_of(TIE_KM)], chord[chord > chord_of(TIE_KM)]
    rows, first = _first_each(rows, found.query)
    chord = chord[first]
    km = np.full(int(found.query.max(initial=-1)) + 1, np.nan)
    total = found.total.copy()
    holds = _holding(found, top, rows, entities)
    holder = np.full(len(km), -1, dtype=np.int64)
    holder[found.query[holds[::-1]]] = holds[::-1]
    some = holder[found.query[rows]] >= 0
    rows, chord = rows[some], chord[some]
    km[found.query[rows]] = km_of_chords(chord)
    total[holder[found.query[rows]]] = found.total[top[rows]] + _AHEAD
    found = replace(found, total=total)
    return found.take(np.lexsort((-total, found.query))), km


def _first_each(rows: Ints, query: Ints) -> tuple[Ints, Ints]:
    """The first of the rows of each string, and where it stands among them."""
    _, first = np.unique(query[rows], return_index=True)
    return rows[first], first


def _holding(found: Candidates, top: Ints, rivals: Ints, entities: Entities) -> Ints:
    """Candidates that are regions, or countries after all regions, which hold both the best city and its rival."""
    rival = np.full(int(found.query.max(initial=-1)) + 1, -1, dtype=np.int64)
    rival[found.query[rivals]] = found.entity[rivals]
    asked = np.flatnonzero(rival[found.query] >= 0)
    one, other, place = found.entity[top[asked]], rival[found.query[asked]], found.entity[asked]
    both = (entities.regions[one] == place[:, None]).any(axis=1) & (entities.regions[other] == place[:, None]).any(
        axis=1
    )
    regions = asked[both & (entities.kind[place] == REGION)]
    land = (entities.kind[place] == COUNTRY) & (entities.country[one] == entities.country[other])
    return np.concatenate([regions, asked[land & (entities.country[one] == entities.country[place])]])
