"""Which place a written one is: every reading of every part, weighed against the other parts.

A place explains a part when the part is its name, its region's or its country's. The place that explains most parts
wins; a written country binds, a written region nearly so; then population decides, and a place's own name counts more
than another name. All strings are weighed at once, in arrays.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import polars as pl

from factory.geo.entities import CITY, COUNTRY, COUNTRY_BASE, REGION, REGION_BASE, REGION_HANDICAP, Entities
from factory.geo.name_index import ALIAS, NAMESAKE, PRIMARY, TWIN, UNIT, NameIndex
from factory.geo.names import TWO_COUNTRIES
from factory.geo.readings import Parts

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

PER_PART = 10.0
"""What a part explained is worth: more than any city's weight, the base 10 logarithm of its people."""

_OWN_NAME, _BORROWED_NAME = 0.7, -0.3
_ASKED_FOR = 1.5
_SAME_WORD = 4.0
_COUNTRY_ALONE, _COUNTRY = 9.0, 6.0
_OTHER_COUNTRY, _OTHER_REGION, _UNFITTING_NAME = -100.0, -20.0, -12.0
_EARLIER = 0.05
_CLEAR_CITY = 1.0
_TENTH, _THIRD = 1.0, 0.5
_CLEARLY, _CLEARLY_BORROWED = 2.0, 1.0
_STATE_LETTERS = ("US", "CA", "AU")
_STATE = 1.5
"""What letters of a state are worth to a place there: "San Fernando, CA" is in California, not in Cádiz."""


@dataclass(frozen=True)
class Candidates:
    """Places that strings may mean, best first within a string. `part` is the row of `Parts` that named the place, and
    `borrowed` tells that the name is a namesake's.
    """

    query: Ints
    part: Ints
    entity: Ints
    total: Floats
    explained: Ints
    borrowed: Flags

    def take(self, rows: Ints | Flags) -> Candidates:
        """Some of the rows."""
        query, part, entity = self.query[rows], self.part[rows], self.entity[rows]
        return Candidates(query, part, entity, self.total[rows], self.explained[rows], self.borrowed[rows])


def weigh(parts: Parts, index: NameIndex, entities: Entities) -> Candidates:
    """All candidates that no written country rules out, by string and falling total; ties go to the larger place."""
    found, source = _candidates(parts, index, entities)
    mates, whose = _other_parts(parts, found)
    entity = found.entity[whose]
    readings, with_region = _region_readings(parts, index)
    support, against = _support(parts, entities, mates, entity, readings, with_region)
    own_name = np.isin(source, (PRIMARY, ALIAS, TWIN, UNIT))
    total = _own_weight(parts, found, entities, own_name)
    explained = 1 + np.bincount(whose, weights=support, minlength=len(total)).astype(np.int64)
    total += PER_PART * explained + np.bincount(whose, weights=against, minlength=len(total))
    keys = pl.Series(parts.key, dtype=pl.String).hash().to_numpy()
    same = support & (keys[mates] == keys[found.part[whose]]) & (entities.kind[entity] != COUNTRY)
    letters, owner = _state_letters(parts, index, entities)
    states = np.unique(owner * COUNTRY_BASE + index.entity[letters])
    in_state = _lie_in(states, parts.letters_last > parts.letters_first, mates, entity, entities) & own_name[whose]
    total += _STATE * (np.bincount(whose, weights=support & in_state, minlength=len(total)) > 0)
    total += _SAME_WORD * (np.bincount(whose, weights=same, minlength=len(total)) > 0)
    found = replace(found, total=total, explained=explained)
    found = found.take(total > _OTHER_COUNTRY / 2)
    return found.take(np.lexsort((found.part, found.entity, -found.total, found.query)))


def settled_countries(parts: Parts, index: NameIndex, entities: Entities) -> Parts:
    """Parts where a name of two countries means the one that the rest names a well-known city of: "Kinshasa, Congo"."""
    country = parts.country.copy()
    starts = np.append(np.flatnonzero(np.diff(parts.query, prepend=-1)), len(parts.query))
    for row in np.flatnonzero(parts.country >= 0).tolist():
        other = TWO_COUNTRIES.get(parts.key[row])
        if other is None:
            continue
        string = int(np.searchsorted(starts, row, side="right")) - 1
        mates = np.setdiff1d(np.arange(starts[string], starts[string + 1]), [row])
        places, _ = spread(parts.first[mates], parts.last[mates])
        places = places[np.isin(index.source[places], (PRIMARY, ALIAS, TWIN))]
        entity = index.entity[places].astype(np.int64)
        second = entities.codes.index(other)
        here, there = (
            entities.weight[entity[entities.country[entity] == code]].max(initial=0.0)
            for code in (country[row], second)
        )
        if there > here + _CLEAR_CITY:
            country[row] = second
    return replace(parts, country=country)


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


def written_country(parts: Parts, queries: int) -> Ints:
    """The country each string names, the last one when it names several, -1 for none."""
    country = np.full(queries, -1, dtype=np.int64)
    named = np.flatnonzero(parts.country >= 0)
    country[parts.query[named]] = parts.country[named]
    return country


def spread(first: Ints, last: Ints) -> tuple[Ints, Ints]:
    """The numbers of all ranges one after another, and which range each comes from."""
    sizes = last - first
    owner = np.repeat(np.arange(len(first)), sizes)
    return np.arange(len(owner)) - np.repeat(np.cumsum(sizes) - sizes, sizes) + first[owner], owner


def _candidates(parts: Parts, index: NameIndex, entities: Entities) -> tuple[Candidates, npt.NDArray[np.uint8]]:
    rows, owner = spread(parts.first, parts.last)
    letters, letters_owner = _state_letters(parts, index, entities)
    named = np.flatnonzero(parts.country >= 0)
    part = np.concatenate([owner, letters_owner, named])
    entity = np.concatenate([index.entity[rows], index.entity[letters], parts.country[named] + COUNTRY_BASE]).astype(
        np.int64
    )
    source = np.concatenate([index.source[rows], index.source[letters], np.full(len(named), UNIT, dtype=np.uint8)])
    blank = np.zeros(len(part))
    return Candidates(parts.query[part], part, entity, blank, blank.astype(np.int64), source == NAMESAKE), source


def _own_weight(parts: Parts, found: Candidates, entities: Entities, own_name: Flags) -> Floats:
    kind = entities.kind[found.entity]
    alone = np.bincount(parts.query, minlength=int(parts.query.max(initial=-1)) + 1)[found.query] == 1
    total = entities.weight[found.entity].astype(np.float64)
    total += np.where(own_name, _OWN_NAME, 0.0) + np.where(found.borrowed, _BORROWED_NAME, 0.0)
    total[kind == COUNTRY] = np.where(alone, _COUNTRY_ALONE, _COUNTRY)[kind == COUNTRY]
    total += _ASKED_FOR * (parts.hint[found.part] == kind)
    total[_above_towns(parts, found, entities)] += REGION_HANDICAP
    return total - _EARLIER * parts.position[found.part]


def _above_towns(parts: Parts, found: Candidates, entities: Entities) -> Flags:
    """Regions meant rather than the towns of their name elsewhere: "Wyoming, USA" is the state, no town in Michigan.

    The handicap of regions is for those that are named together with a city of theirs, as Cusco is, and Kazan with
    Tatarstan, or that share the name with a city of their size, as the regions around Kyiv and Mexico City do; and for
    a name that stands alone.
    """
    several = np.bincount(parts.query) > 1
    meant = several[found.query] & (parts.country[found.part] < 0)
    regions = np.flatnonzero((entities.kind[found.entity] == REGION) & meant)
    cities = np.flatnonzero(entities.kind[found.entity] == CITY)
    place, people = found.entity[regions], entities.weight[found.entity[cities]].astype(np.float64)
    homes = entities.regions[found.entity[cities]].astype(np.int64)
    held = np.where(homes >= 0, found.query[cities][:, None] * COUNTRY_BASE + homes, -1).ravel()
    inside = _largest(held, np.repeat(people, homes.shape[1]), found.query[regions] * COUNTRY_BASE + place)
    lands = len(entities.codes)
    named = found.part[cities] * lands + entities.country[found.entity[cities]]
    anywhere = _largest(named, people, found.part[regions] * lands + entities.country[place])
    weight = entities.weight[place]
    above = np.zeros(len(found.entity), dtype=bool)
    above[regions] = (inside < weight - _TENTH) & (anywhere < weight + REGION_HANDICAP - _THIRD)
    return above


def _largest(codes: Ints, weights: Floats, wanted: Ints) -> Floats:
    """The largest weight of each wanted code, 0 for a code that is not there."""
    known, row = np.unique(codes, return_inverse=True)
    largest = np.zeros(len(known) + 1)
    np.maximum.at(largest, row, weights)
    where = np.where(_contains(known, wanted), np.searchsorted(known, wanted), len(known))
    found: Floats = largest[where]
    return found


def _other_parts(parts: Parts, found: Candidates) -> tuple[Ints, Ints]:
    """For each candidate the other parts of its string, and which candidate each is for."""
    size = int(parts.query.max(initial=-1)) + 1
    counts = np.bincount(parts.query, minlength=size)
    starts = np.cumsum(counts) - counts
    mates, whose = spread(starts[found.query], (starts + counts)[found.query])
    other = mates != found.part[whose]
    return mates[other], whose[other]


def _support(
    parts: Parts, entities: Entities, mates: Ints, entity: Ints, codes: Ints, with_region: Flags
) -> tuple[Flags, Floats]:
    """Whether each other part names the candidate's country or region, and what a contradiction costs."""
    given, own, kind = parts.country[mates], entities.country[entity].astype(np.int64), entities.kind[entity]
    by_country = (given >= 0) & entities.fits(given, entity) & ~((kind == COUNTRY) & (given == own))
    same_country = (kind == COUNTRY) & (given == own)
    by_region = _lie_in(codes, with_region, mates, entity, entities)
    support = by_country | by_region
    wrong_country = (given >= 0) & ~support & ~same_country
    wrong_region = with_region[mates] & ~support & (given < 0)
    penalty = np.where(kind == COUNTRY, 0.0, np.where(kind == REGION, _UNFITTING_NAME, _OTHER_REGION))
    return support, np.where(wrong_country, _OTHER_COUNTRY, np.where(wrong_region, penalty, 0.0))


def _lie_in(codes: Ints, with_region: Flags, mates: Ints, entity: Ints, entities: Entities) -> Flags:
    """Whether each place lies in a region that the other part beside it names; `codes` are of `_region_readings`."""
    found = np.zeros(len(mates), dtype=bool)
    some = np.flatnonzero(with_region[mates])
    for column in range(entities.regions.shape[1]):
        region = entities.regions[entity[some], column].astype(np.int64)
        found[some] |= (region >= 0) & _contains(codes, mates[some] * COUNTRY_BASE + region)
    return found


def _state_letters(parts: Parts, index: NameIndex, entities: Entities) -> tuple[Ints, Ints]:
    """Rows of the index that are letters of an American, Canadian or Australian state, and the part each is read of."""
    letters, owner = spread(parts.letters_first, parts.letters_last)
    states = np.isin(entities.country[index.entity[letters]], [entities.codes.index(code) for code in _STATE_LETTERS])
    return letters[states], owner[states]


def _region_readings(parts: Parts, index: NameIndex) -> tuple[Ints, Flags]:
    """Sorted (part, region) pairs as numbers, and which parts have one."""
    rows, owner = spread(parts.first, parts.last)
    letters, letters_owner = spread(parts.letters_first, parts.letters_last)
    part = np.concatenate([owner, letters_owner])
    region = index.entity[np.concatenate([rows, letters])].astype(np.int64)
    is_region = region >= REGION_BASE
    part, region = part[is_region], region[is_region]
    flags = np.zeros(len(parts.query), dtype=bool)
    flags[part] = True
    return np.unique(part * COUNTRY_BASE + region), flags


def _contains(codes: Ints, wanted: Ints) -> Flags:
    if not len(codes):
        return np.zeros(len(wanted), dtype=bool)
    place = np.minimum(np.searchsorted(codes, wanted), len(codes) - 1)
    found: Flags = codes[place] == wanted
    return found


assert (CITY, REGION) == (0, 1)  # the order of `readings.HINTS`
