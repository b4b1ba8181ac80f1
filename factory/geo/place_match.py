"""Which place a written one is: every reading of every part, weighed against the other parts.

A place explains a part when the part is its name, its region's or its country's. The place that explains most parts
wins; a written country binds, a written region nearly so; then population decides, and a place's own name counts more
than another name. All strings are weighed at once, in arrays.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import polars as pl

from factory.geo.candidates import Candidates, largest
from factory.geo.entities import CITY, COUNTRY, COUNTRY_BASE, REGION, REGION_BASE, REGION_HANDICAP, Entities
from factory.geo.name_index import ALIAS, NAMESAKE, PRIMARY, TWIN, UNIT, NameIndex
from factory.geo.names import PARTS_OF_COUNTRIES, TWO_COUNTRIES, country_keys
from factory.geo.namesakes import asks_for_region, misleading_namesakes, near_named_city, with_namesakes_of_provinces
from factory.geo.ranges import contains, spread
from factory.geo.readings import HINTS, Parts
from factory.geo.state_letters import state_letters

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

PER_PART = 10.0
"""What a part explained is worth: more than any city's weight, the base 10 logarithm of its people."""

_OWN_NAME, _BORROWED_NAME = 0.7, -0.3
_OWN_NAME_THERE = 0.5
"""What a place's very name is worth besides where the region is written: Elizabethtown, North Carolina is not the
larger Elizabeth City, which was called so once."""
_ASKED_FOR = 1.5
_SAME_WORD = 4.0
_COUNTRY_ALONE, _COUNTRY = 9.0, 6.0
_OTHER_COUNTRY, _OTHER_REGION, _UNFITTING_NAME = -100.0, -20.0, -12.0
_NEAR = 7.0
"""What a large city close by is worth when it is named beside a place: less than a region, so that Newark, New York is
the village in the state and not the city across the river."""
_FEW_PARTS = 4
"""In so many parts nothing makes up for `_OTHER_COUNTRY`: two parts explained are worth 20."""
_EARLIER = 0.05
_A_QUARTER = 1.5
"""What a quarter weighs less than a city of its people: Salamanca is a city, and then a quarter of Madrid."""
_CLEAR_CITY = 1.0
_TENTH, _THIRD = 1.0, 0.5
_WELL_KNOWN = 5.7
"""Base 10 logarithm of the people of a city that is known by its name alone: Washington is not only the state."""
_LARGE = 5.0
"""The same of a city large enough to have a south and a west: North Lima, Ohio is not Lima."""
_STATE = 1.5
"""What letters of a state are worth to a place there: "San Fernando, CA" is in California, not in Cádiz."""


def weigh(parts: Parts, index: NameIndex, entities: Entities) -> Candidates:
    """All candidates that no written country rules out, by string and falling total; ties go to the larger place."""
    readings, with_region = _region_readings(parts, index, entities)
    found, source = _candidates(parts, with_region, index, entities)
    mates, whose = _other_parts(parts, found)
    entity = found.entity[whose]
    by_place, against = _support(parts, entities, mates, entity, readings, with_region)
    near = ~by_place & near_named_city(parts, mates, entity, index, entities)
    finer = _is_finer(parts, mates, found.part[whose])
    against = np.where((near | finer) & (against > _OTHER_COUNTRY), 0.0, against)
    support = by_place | near
    own_name = np.isin(source, (PRIMARY, ALIAS, TWIN, UNIT))
    total = _own_weight(parts, found, entities, own_name)
    explained = 1 + np.bincount(whose, weights=support, minlength=len(total)).astype(np.int64)
    worth = PER_PART * by_place + _NEAR * near + against
    total += PER_PART + np.bincount(whose, weights=worth, minlength=len(total))
    keys = pl.Series(parts.key, dtype=pl.String).hash().to_numpy()
    same = by_place & (keys[mates] == keys[found.part[whose]]) & (entities.kind[entity] != COUNTRY)
    letters, owner = state_letters(parts, index, entities)
    states = np.unique(owner * COUNTRY_BASE + index.entity[letters])
    in_state = _lie_in(states, parts.letters_last > parts.letters_first, mates, entity, entities) & own_name[whose]
    total += _STATE * (np.bincount(whose, weights=by_place & in_state, minlength=len(total)) > 0)
    total += _SAME_WORD * (np.bincount(whose, weights=same, minlength=len(total)) > 0)
    inside = _lie_in(readings, with_region, mates, entity, entities)
    beside = inside | near
    beside &= parts.country[mates] < 0  # Mexico is a state of Mexico too
    named = np.bincount(whose, weights=beside, minlength=len(total)) > 0
    total += _OWN_NAME_THERE * (named & (source == PRIMARY))
    found = replace(found, total=total, explained=explained)
    found = replace(found, total=with_namesakes_of_provinces(parts, found, own_name, entities))
    hint, city = parts.hint[found.part], found.entity < REGION_BASE
    unasked = (hint == HINTS.index("island")) & (entities.kind[found.entity] != COUNTRY)
    unasked &= ~entities.on_island[found.entity] | (city & ~own_name)  # Banjul was Bathurst, and never Bathurst Island
    unasked |= city & (hint == HINTS.index("section")) & (entities.weight[found.entity] < _LARGE)
    kept = (total > _OTHER_COUNTRY / 2) & ~unasked
    kept &= ~(
        city & _hold_earlier_town(parts, found, mates, whose, inside & (own_name & city & kept)[whose])[found.part]
    )
    placed = np.bincount(found.part[kept & (named | (entities.kind[found.entity] == COUNTRY))], minlength=len(keys)) > 0
    placed[mates[beside]] = True
    found = found.take(kept)
    found = found.take(~misleading_namesakes(parts, found, placed, readings, entities))
    return found.take(np.lexsort((found.part, found.entity, -found.total, found.query)))


def settled_countries(parts: Parts, index: NameIndex, entities: Entities) -> Parts:
    """Parts where a name of two countries means the one that the rest names a well-known city of: "Kinshasa, Congo".

    A name shared with a part of a country, as Ireland's is, becomes that part's: what is outside it stays out. A name
    before that of another country is none: "Santa Elena, La Paz, Honduras" has nothing to do with Saint Helena.
    """
    parts = _settled_twins(parts, index, entities)
    country, first, last = parts.country.copy(), parts.first.copy(), parts.last.copy()
    country[_before_another(parts, entities)] = -1
    parts = replace(parts, country=country)
    country = country.copy()
    starts = np.append(np.flatnonzero(np.diff(parts.query, prepend=-1)), len(parts.query))
    for row in np.flatnonzero(np.isin(parts.country, _countries_of_two_names(entities))).tolist():
        other = TWO_COUNTRIES.get(parts.key[row])
        if other is None:
            continue
        string = int(np.searchsorted(starts, row, side="right")) - 1
        mates = np.setdiff1d(np.arange(starts[string], starts[string + 1]), [row])
        places, _ = spread(parts.first[mates], parts.last[mates])
        places = places[np.isin(index.source[places], (PRIMARY, ALIAS, TWIN, UNIT))]
        entity = index.entity[places].astype(np.int64)
        second = entities.codes.index(other)
        inside = entities.country[entity] == second
        low, high = index.find(pl.Series([PARTS_OF_COUNTRIES.get(parts.key[row], "")]))
        if high[0] > low[0]:
            inside &= np.isin(entities.regions[entity], index.entity[low[0] : high[0]]).any(axis=1)
        there = entities.weight[entity[inside]].max(initial=0.0)
        here = entities.weight[entity[entities.country[entity] == country[row]]].max(initial=0.0)
        if there > here + _CLEAR_CITY:
            country[row] = second if high[0] == low[0] else -1
            first[row], last[row] = (low[0], high[0]) if high[0] > low[0] else (first[row], last[row])
    return replace(parts, country=country, first=first, last=last)


def _settled_twins(parts: Parts, index: NameIndex, entities: Entities) -> Parts:
    """Parts where of two names of one country the last is the country and nothing else, and the others are not it where
    they name something in it: "Lerma, México, Mexico" is in the state."""
    named = np.flatnonzero((parts.country >= 0) & (parts.country < len(entities.codes)))
    codes = parts.query[named] * len(entities.codes) + parts.country[named]
    _, last_of, times = np.unique(codes[::-1], return_index=True, return_counts=True)
    final = named[::-1][last_of[times > 1]]
    country, first, last = parts.country.copy(), parts.first.copy(), parts.last.copy()
    for row in final.tolist():
        others = named[(parts.query[named] == parts.query[row]) & (parts.country[named] == parts.country[row])]
        for other in others[others != row].tolist():
            places = index.entity[parts.first[other] : parts.last[other]]
            if (entities.country[places] == parts.country[row]).any():
                country[other] = -1
                first[row] = last[row] = 0
    return replace(parts, country=country, first=first, last=last)


def _before_another(parts: Parts, entities: Entities) -> Flags:
    """Which parts, of three or more, name a country with no place in the one that the last part names."""
    queries = int(parts.query.max(initial=-1)) + 1
    final = written_country(parts, queries)[parts.query]
    several = np.bincount(parts.query, minlength=queries)[parts.query] > 2
    ends = np.append(np.diff(parts.query), 1) > 0
    closed = np.zeros(queries, dtype=bool)
    closed[parts.query[ends & (parts.country >= 0)]] = True
    rows = np.flatnonzero((parts.country >= 0) & (final != parts.country) & several & closed[parts.query])
    lands = np.minimum(parts.country[rows], len(entities.codes) - 1)
    rows = rows[(parts.country[rows] < len(entities.codes)) & ~entities.accepted[final[rows], lands]]
    found = np.zeros(len(parts.query), dtype=bool)
    found[rows] = True
    return found


def _countries_of_two_names(entities: Entities) -> list[int]:
    """Rows of the countries that a name of `TWO_COUNTRIES` gives."""
    codes = {country_keys()[key] for key in TWO_COUNTRIES}
    return [entities.codes.index(code) for code in sorted(codes)]


def written_country(parts: Parts, queries: int) -> Ints:
    """The country each string names, the last one when it names several, -1 for none."""
    country = np.full(queries, -1, dtype=np.int64)
    named = np.flatnonzero(parts.country >= 0)
    country[parts.query[named]] = parts.country[named]
    return country


def _candidates(
    parts: Parts, with_region: Flags, index: NameIndex, entities: Entities
) -> tuple[Candidates, npt.NDArray[np.uint8]]:
    rows, owner = spread(parts.first, parts.last)
    letters, letters_owner = state_letters(parts, index, entities)
    named = np.flatnonzero((parts.country >= 0) & (parts.country < len(entities.codes)))
    part = np.concatenate([owner, letters_owner, named])
    entity = np.concatenate([index.entity[rows], index.entity[letters], parts.country[named] + COUNTRY_BASE]).astype(
        np.int64
    )
    source = np.concatenate([index.source[rows], index.source[letters], np.full(len(named), UNIT, dtype=np.uint8)])
    kept = _not_ruled_out(parts, part, entity, with_region, entities)
    part, entity, source = part[kept], entity[kept], source[kept]
    blank = np.zeros(len(part))
    return Candidates(parts.query[part], part, entity, blank, blank.astype(np.int64), source == NAMESAKE), source


def _not_ruled_out(parts: Parts, part: Ints, entity: Ints, with_region: Flags, entities: Entities) -> Flags:
    """Which places may lie in the country that their string names last. The others could not win, so that nothing but
    time is saved: half of all places. Not asked in strings of many parts, nor where the name is a region's as well."""
    counts = np.bincount(parts.query)
    last = np.full(len(counts), -1, dtype=np.int64)
    named = np.flatnonzero(parts.country >= 0)
    last[parts.query[named]] = named
    decides = (last >= 0) & (counts <= _FEW_PARTS) & ~with_region[last]
    row = last[parts.query[part]]
    rows = np.flatnonzero(decides[parts.query[part]] & (row != part))
    kept = np.ones(len(part), dtype=bool)
    kept[rows] = entities.fits(parts.country[row[rows]], entity[rows])
    return kept


def _own_weight(parts: Parts, found: Candidates, entities: Entities, own_name: Flags) -> Floats:
    kind = entities.kind[found.entity]
    alone = np.bincount(parts.query, minlength=int(parts.query.max(initial=-1)) + 1)[found.query] == 1
    total = entities.weight[found.entity].astype(np.float64)
    total += np.where(own_name, _OWN_NAME, 0.0) + np.where(found.borrowed, _BORROWED_NAME, 0.0)
    total[kind == COUNTRY] = np.where(alone, _COUNTRY_ALONE, _COUNTRY)[kind == COUNTRY]
    total += _ASKED_FOR * ((parts.hint[found.part] == kind) | (asks_for_region(parts)[found.part] & (kind == REGION)))
    total[_above_towns(parts, found, entities)] += REGION_HANDICAP
    total[entities.city_of[found.entity] != found.entity] -= _A_QUARTER
    return total - _EARLIER * parts.position[found.part]


def _above_towns(parts: Parts, found: Candidates, entities: Entities) -> Flags:
    """Regions meant rather than the towns of their name elsewhere: "Wyoming, USA" is the state, no town in Michigan.

    The handicap of regions is for those that are named together with a city of theirs, as Cusco is, and Kazan with
    Tatarstan, or that share the name with a city of their size, as the regions around Kyiv and Mexico City do. A name
    that stands alone is compared with towns of all countries: "Bali" is the island, not the town in West Bengal.
    """
    several = (np.bincount(parts.query) > 1)[found.query]
    regions = np.flatnonzero((entities.kind[found.entity] == REGION) & (parts.country[found.part] < 0))
    cities = np.flatnonzero(entities.kind[found.entity] == CITY)
    place, people = found.entity[regions], entities.weight[found.entity[cities]].astype(np.float64)
    homes = entities.regions[found.entity[cities]].astype(np.int64)
    held = np.where(homes >= 0, found.query[cities][:, None] * COUNTRY_BASE + homes, -1).ravel()
    inside = largest(held, np.repeat(people, homes.shape[1]), found.query[regions] * COUNTRY_BASE + place)
    lands = len(entities.codes)
    land = np.where(several, entities.country[found.entity], 0)
    named = found.part[cities] * lands + land[cities]
    anywhere = largest(named, people, found.part[regions] * lands + land[regions])
    weight = entities.weight[place]
    above = np.zeros(len(found.entity), dtype=bool)
    most = weight + REGION_HANDICAP - _THIRD
    most = np.where(several[regions], most, np.minimum(most, _WELL_KNOWN))
    above[regions] = (inside < weight - _TENTH) & (anywhere < most)
    return above


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
        found[some] |= (region >= 0) & contains(codes, mates[some] * COUNTRY_BASE + region)
    return found


def _region_readings(parts: Parts, index: NameIndex, entities: Entities) -> tuple[Ints, Flags]:
    """Sorted (part, region) pairs as numbers, and which parts have one; none outside the country the string names."""
    rows, owner = spread(parts.first, parts.last)
    letters, letters_owner = spread(parts.letters_first, parts.letters_last)
    part = np.concatenate([owner, letters_owner])
    region = index.entity[np.concatenate([rows, letters])].astype(np.int64)
    behind = replace(parts, country=np.where(parts.position > 0, parts.country, -1))
    given = written_country(behind, int(parts.query.max(initial=-1)) + 1)[parts.query[part]]
    told = parts.meant[part]
    bound = (given >= 0) & (parts.country[part] < 0)  # "Decatur, Georgia": the part itself may be the country or not
    is_region = (
        (region >= REGION_BASE)
        & (~bound | entities.fits(given, region))
        & ((told < 0) | (told == entities.country[region]))
    )
    part, region = part[is_region], region[is_region]
    flags = np.zeros(len(parts.query), dtype=bool)
    flags[part] = True
    return np.unique(part * COUNTRY_BASE + region), flags


def _hold_earlier_town(parts: Parts, found: Candidates, mates: Ints, whose: Ints, inside: Flags) -> Flags:
    """Which parts name a region with a town of a part before them, so that they are no city: "Tobolsk, Tyumen"."""
    earlier = inside & (parts.position[found.part[whose]] < parts.position[mates])
    return np.bincount(mates[earlier], minlength=len(parts.query)) > 0


def _is_finer(parts: Parts, mates: Ints, part: Ints) -> Flags:
    """Whether the other part stands where something smaller is written: before the place, or behind it where the
    country comes first. "Greenwich, London, UK" does not speak against London."""
    size = int(parts.query.max(initial=-1)) + 1
    first, second = (np.zeros(size, dtype=bool) for _ in range(2))
    named = parts.country >= 0
    first[parts.query[named & (parts.position == 0)]] = True
    second[parts.query[named & (parts.position > 0)]] = True
    backwards = (first & ~second)[parts.query[part]]
    ahead = parts.position[mates] < parts.position[part]
    return np.asarray(np.where(backwards, ~ahead, ahead))


assert (CITY, REGION) == (0, 1)  # the order of `readings.HINTS`
