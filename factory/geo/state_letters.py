"""Two letters at the end of a written place: "Kodak, TN" is in Tennessee, "Tunis, TN" in Tunisia.

Nearly every pair of letters of an American state is the code of a country too, and nearly everybody who writes them
behind a town means the state. The country is meant only where the rest names a large city of it and nothing in the
state.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from factory.geo.entities import CITY, COUNTRY_BASE, REGION, REGION_HANDICAP, Entities
from factory.geo.letters import STATE_COUNTRIES, letters_of_states
from factory.geo.name_index import ALIAS, PRIMARY, TWIN, UNIT, NameIndex
from factory.geo.ranges import spread
from factory.geo.readings import Parts

_LARGE = 5.3
"""Base 10 logarithm of the people of a city or region that makes letters those of its country: "Delhi, IN"."""
_LARGE_IN_CANADA = 5.7
"""The same of Canada, whose towns are written with a province, and which shares its letters with California."""
_TOWN = 4.3
"""The same of a town that makes them those of a Canadian or Australian state where an American one has the same letters
and some American town the same name: "Albany, WA". One whose name is not American needs no size: "Exmouth, WA"."""

_LEAST = 0.1
_ANY = -1

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


def state_letters(parts: Parts, index: NameIndex, entities: Entities) -> tuple[Ints, Ints]:
    """Rows of the index that are letters of a state, and the part each is read of."""
    letters, owner = spread(parts.letters_first, parts.letters_last)
    states = letters_of_states(index.entity[letters], entities)
    states &= (parts.meant[owner] < 0) | (parts.meant[owner] == entities.country[index.entity[letters]])
    return letters[states], owner[states]


def settled_letters(parts: Parts, index: NameIndex, entities: Entities) -> Parts:
    """Parts where letters of a state behind another part are that state and nothing else, or else the country or region
    elsewhere that the rest fits; and where what is written before a state names no other country: "Norway, KS"."""
    letters, owner = state_letters(parts, index, entities)
    behind = parts.position[owner] > 0
    letters, owner = letters[behind], owner[behind]
    if not len(owner):
        return parts
    country, first, last = parts.country.copy(), parts.first.copy(), parts.last.copy()
    every = np.unique(owner)
    said = _Beside(parts, every, index, entities)
    drop = every[~said.lies_in_named_region(first[every], last[every])]
    first[drop] = last[drop] = 0  # NY is no city behind another part, nor IA a village in Greece
    abroad = said.country(letters, owner)
    home = np.where(abroad, _ANY, said.home(letters, owner))
    low, high = parts.letters_first.copy(), parts.letters_last.copy()
    low[every[abroad]] = high[every[abroad]] = 0
    country[every[~abroad]] = -1
    meant = parts.meant.copy()
    meant[every] = home
    mates, whose = said.mates, said.whose
    foreign = (home[whose] >= 0) & (parts.position[mates] < parts.position[every][whose])
    foreign &= parts.country[mates] != home[whose]
    country[mates[foreign]] = -1
    return replace(parts, country=country, first=first, last=last, letters_first=low, letters_last=high, meant=meant)


class _Beside:
    """What stands beside some parts of letters, `asked`: the other parts of their strings and the places they name."""

    def __init__(self, parts: Parts, asked: Ints, index: NameIndex, entities: Entities) -> None:
        self.parts, self.asked, self.index, self.entities = parts, asked, index, entities
        counts = np.bincount(parts.query)
        ends = np.cumsum(counts)[parts.query[asked]]
        mates, whose = spread(ends - counts[parts.query[asked]], ends)
        other = mates != asked[whose]
        self.mates, self.whose = mates[other], whose[other]
        rows, of_mate = spread(parts.first[self.mates], parts.last[self.mates])
        self.place, self.by = index.entity[rows].astype(np.int64), self.whose[of_mate]
        self.own_name = np.isin(index.source[rows], (PRIMARY, ALIAS, TWIN, UNIT))
        self.city = entities.kind[self.place] == CITY
        region = entities.kind[self.place] == REGION
        self.people = entities.weight[self.place] + np.where(region, REGION_HANDICAP, 0.0)

    def country(self, letters: Ints, owner: Ints) -> Flags:
        """Which letters are those of a country rather than of the states in `letters`."""
        parts, entities = self.parts, self.entities
        country, size = parts.country[self.asked], len(self.asked)
        beside, of_mate = spread(parts.letters_first[self.mates], parts.letters_last[self.mates])
        by = self.whose[of_mate]
        written = parts.country[self.mates] >= 0
        same = parts.country[self.mates] == country[self.whose]
        confirmed = np.bincount(self.whose[written & same], minlength=size)
        told = entities.country[self.index.entity[beside]] == country[by]
        confirmed += np.bincount(by[told], minlength=size)  # "Toronto, ON, CA"
        confirmed *= np.bincount(self.whose, minlength=size) > 1  # "Malta, MT" is in Montana
        elsewhere = np.bincount(self.whose[written & ~same], minlength=size) > 0
        here = self._most(self._inside(letters, owner))
        there = self._most((entities.country[self.place] == country[self.by]) & self.own_name)
        canada = country == entities.codes.index("CA")
        known = (there >= np.where(canada, _LARGE_IN_CANADA, _LARGE)) & (here == 0) & ~elsewhere
        return np.asarray((country >= 0) & (np.asarray(confirmed > 0) | known), dtype=bool)

    def home(self, letters: Ints, owner: Ints) -> Ints:
        """The country of the state that each of the letters means: the American one unless only another state holds a
        place beside it that is no American's namesake, and of a Canadian and an Australian one that which holds a place
        beside it or else the larger: "Alice Springs, NT". `_ANY` where a place beside fits another region of the same
        letters and no state."""
        country = self.entities.country[self.index.entity[letters]].astype(np.int64)
        size, usa = len(self.asked), self.entities.codes.index(STATE_COUNTRIES[0])
        home, held, people = np.full(size, _ANY, dtype=np.int64), np.zeros(size), np.full(size, -1.0)
        ours = self._most((self.entities.country[self.place] == usa) & self.own_name & self.city) > 0
        for code in STATE_COUNTRIES:
            number = self.entities.codes.index(code)
            own = country == number
            there = self._most(self._inside(letters[own], owner[own]))
            many = np.full(size, -1.0)
            many[np.searchsorted(self.asked, owner[own])] = self.entities.weight[self.index.entity[letters[own]]]
            better = (there > held) | ((there == held) & (many > people))
            better = np.where(home == usa, (held == 0) & (there > np.where(ours, _TOWN, 0.0)), better)
            taken = better & (many >= 0)
            home[taken], held[taken], people[taken] = number, there[taken], many[taken]
        rows, of_part = spread(self.parts.letters_first[self.asked], self.parts.letters_last[self.asked])
        elsewhere = self._most(self._inside(rows, self.asked[of_part]) & self.own_name & self.city)
        home[(self._most(self._inside(letters, owner)) == 0) & (elsewhere >= _LARGE)] = _ANY
        return home

    def lies_in_named_region(self, first: Ints, last: Ints) -> Flags:
        """Which of the parts name a city in a region that stands beside it: "USA, California, LA"."""
        rows, of_part = spread(first, last)
        city = self.index.entity[rows].astype(np.int64)
        named = np.unique(self.by * COUNTRY_BASE + self.place)
        inside = np.isin(of_part[:, None] * COUNTRY_BASE + self.entities.regions[city], named).any(axis=1)
        inside &= self.index.source[rows] == ALIAS
        return np.asarray(np.bincount(of_part[inside], minlength=len(self.asked)) > 0)

    def _inside(self, letters: Ints, owner: Ints) -> Flags:
        """Which of the places lie in a region that the letters beside them stand for."""
        states = np.unique(owner * COUNTRY_BASE + self.index.entity[letters])
        codes = self.asked[self.by][:, None] * COUNTRY_BASE + self.entities.regions[self.place]
        return np.asarray(np.isin(codes, states).any(axis=1))

    def _most(self, which: Flags) -> npt.NDArray[np.float64]:
        most = np.zeros(len(self.asked))
        np.maximum.at(most, self.by[which], np.maximum(self.people[which], _LEAST))
        return most
