"""City names that are nearly right: one wrong letter, or another spelling in the same script. The only fuzzy matching.

A name is corrected only when no part of the string was found as a city, a country or a region is written, and the name
has no meaning of its own; then to a city of that country, and of the written region if there is one; to one below
100,000 people only where the country is written and no other city of it is as near. A name with an unknown part behind
it, a region most likely, stays unknown: it is somewhere else. Either its loose key is that of a city (see `loose_key`),
or, with five letters or more, one letter is added, dropped, swapped with its neighbour or changed for one that sounds
like it: "Iakutsk" may be Yakutsk, never Irkutsk. The city must be large enough that the error is likelier than another,
unknown place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from factory.geo.entities import REGION_BASE, Entities
from factory.geo.loose_key import loose_key, loose_keys
from factory.geo.name_index import NameIndex
from factory.geo.one_letter import ascii_spellings
from factory.geo.ranges import spread
from factory.geo.readings import Parts

MIN_LETTERS: Final = 5
_LONG = 8
_PEOPLE, _PEOPLE_OF_LONG = 5.0, 4.0
"""Least base 10 logarithm of people of the city, for short names and for names of `_LONG` letters or more."""
_SURE_SIGNS = 5
_MAX_LETTERS = 40
_BATCH = 1_000

_SOUNDS = (
    "aeiouy", "uvw", "ijyg", "csztxj", "ckqghx", "bpfvw", "td", "mn",
    "аеёиоуыэюяіїєй", "ув", "сзцчшщжт", "кгхґ", "бпвф", "тд", "мн",
    "αεηιουω", "υβ", "σζξψτ", "γκχ", "βπφ", "τδθ", "μν",
)  # fmt: skip
"""Letters that one name is written with in several languages; no other letter is changed."""
_FIRST_SOUNDS = ("ijy", "ckq", "vw", "sz", "еэё", "иійї")
"""The same for the first letter, where a change makes another name sooner."""

_ALPHABETS = ("abcdefghijklmnopqrstuvwxyz", "абвгдежзийклмнопрстуфхцчшщъыьэюяіє", "αβγδεζηθικλμνξοπρστυφχψω")


class Correction(NamedTuple):
    """A part, the city meant and the key of its name."""

    part: int
    entity: int
    key: str


def corrections(
    parts: Parts,
    settled: npt.NDArray[np.bool_],
    country: npt.NDArray[np.int64],
    region: npt.NDArray[np.int64],
    told: npt.NDArray[np.bool_],
    index: NameIndex,
    entities: Entities,
) -> list[Correction]:
    """At most one correction a string, for strings that are not `settled` and name a country or a region.

    `country` is the country of each string and `region` the region found for it, -1 for none; `told` says whether the
    country is written. Behind a region alone only cities of `_PEOPLE` are meant: "Philadelpia, PA".
    """
    unknown = np.flatnonzero(~parts.known & ~settled[parts.query] & (country[parts.query] >= 0) & _last_unknown(parts))
    unknown = unknown[np.array([len(parts.key[i]) <= _MAX_LETTERS for i in unknown], dtype=bool)]
    found: dict[int, Correction] = {}
    for start in range(0, len(unknown), _BATCH):
        rows = unknown[start : start + _BATCH]
        spelt, owner = _spellings([parts.key[part] for part in rows.tolist()])
        first, last = index.find(spelt)
        known = np.flatnonzero(last > first)
        places, which = spread(first[known], last[known])
        entity, of_part = index.entity[places].astype(np.int64), rows[owner[known]][which]
        for part in np.unique(of_part).tolist():
            query = int(parts.query[part])
            if query in found:
                continue
            here = np.flatnonzero(of_part == part)
            fits = _fits(entity[here], parts.key[part], int(country[query]), int(region[query]), entities)
            fits &= bool(told[query]) | (entities.weight[entity[here]] >= _PEOPLE)
            if fits.any():
                best = here[fits][np.argmin(entity[here[fits]])]
                found[query] = Correction(part, int(entity[best]), spelt[int(known[which[best]])])
    fixes = list(found.values())
    return [fix for fix, lone in zip(fixes, _lone(fixes, parts, country, index, entities), strict=True) if lone]


def _lone(
    fixes: Sequence[Correction], parts: Parts, country: npt.NDArray[np.int64], index: NameIndex, entities: Entities
) -> npt.NDArray[np.bool_]:
    """Which corrections are to a city of `_PEOPLE`, or have no other city of the country one letter away.

    Where names crowd, as they do in India and China, a further town that is not listed is likelier than an error:
    "Madhepur" is no misspelt Madhupur.
    """
    near = [one_letter_off(parts.key[fix.part]) for fix in fixes]
    owner = np.repeat(np.arange(len(fixes)), [len(keys) for keys in near])
    first, last = index.find(pl.Series([key for keys in near for key in keys], dtype=pl.String))
    known = np.flatnonzero(last > first)
    places, which = spread(first[known], last[known])
    entity, fix = index.entity[places].astype(np.int64), owner[known[which]]
    given = country[parts.query[[one.part for one in fixes]]] if fixes else np.zeros(0, dtype=np.int64)
    own = np.array([one.entity for one in fixes], dtype=np.int64)[fix]
    other = (entity != own) & (entities.weight[own] < _PEOPLE)
    other &= (entity < REGION_BASE) & entities.fits(given[fix], entity)
    return np.asarray(np.bincount(fix[other], minlength=len(fixes)) == 0)


def _last_unknown(parts: Parts) -> npt.NDArray[np.bool_]:
    """Which parts have no unknown part of their string behind them."""
    last = np.full(int(parts.query.max(initial=-1)) + 1, -1, dtype=np.int64)
    rows = np.flatnonzero(~parts.known)
    np.maximum.at(last, parts.query[rows], parts.position[rows])
    return parts.position >= last[parts.query]


def _fits(
    entity: npt.NDArray[np.int64], key: str, country: int, region: int, entities: Entities
) -> npt.NDArray[np.bool_]:
    """Which places are cities of the country and region, and large enough for the name to be theirs."""
    loose = loose_key(key)
    sure = len(loose) > _SURE_SIGNS if loose else len(key) >= _LONG
    large = entities.weight[entity] >= (_PEOPLE_OF_LONG if sure else _PEOPLE)
    fits: npt.NDArray[np.bool_] = entities.fits(country, entity) & (entity < REGION_BASE) & large
    return fits if region < 0 else fits & (entities.regions[entity] == region).any(axis=1)


def _spellings(keys: Sequence[str]) -> tuple[pl.Series, npt.NDArray[np.int64]]:
    """The spellings of keys and the row of the key that each is of."""
    plain = [row for row, key in enumerate(keys) if key.isascii() and len(key) >= MIN_LETTERS and _alphabet(key)]
    texts, owner = ascii_spellings([keys[row] for row in plain], _ALPHABETS[0] + " ", _SOUNDS, _FIRST_SOUNDS)
    rest = [(row, near) for row, key in enumerate(keys) if not key.isascii() for near in _near(key)]
    found = pl.concat([texts, pl.Series([near for _, near in rest], dtype=pl.String)])
    rows = np.concatenate([np.array(plain, dtype=np.int64)[owner], np.array([row for row, _ in rest], dtype=np.int64)])
    return found, rows


def _near(key: str) -> list[str]:
    return loose_keys(key) + (misspellings(key) if len(key) >= MIN_LETTERS else [])


def misspellings(key: str) -> list[str]:
    """Names that a written one may be: the spellings one letter away that sound like it."""
    if not _alphabet(key):
        return []
    changed = [
        key[:i] + other + key[i + 1 :]
        for i, letter in enumerate(key)
        for group in (_SOUNDS if i else _FIRST_SOUNDS)
        if letter in group
        for other in group
        if other != letter
    ]
    return list(dict.fromkeys(_shorter_or_longer(key) + changed))


def one_letter_off(key: str) -> list[str]:
    """All spellings one letter after the first away, for alphabets that write vowels; in others that is too much."""
    changed = [key[:i] + letter + key[i + 1 :] for i in range(1, len(key)) for letter in _alphabet(key)]
    return list(dict.fromkeys(_shorter_or_longer(key) + changed))


def _shorter_or_longer(key: str) -> list[str]:
    """Spellings with a letter dropped, swapped with the next one or added."""
    alphabet = _alphabet(key)
    if not alphabet:
        return []
    cuts = [(key[:i], key[i:]) for i in range(1, len(key) + 1)]
    near = [a + b[1:] for a, b in cuts if b]
    near += [a + b[1] + b[0] + b[2:] for a, b in cuts if len(b) > 1]
    return near + [a + letter + b for a, b in cuts for letter in alphabet + " "]


def _alphabet(key: str) -> str:
    return next((letters for letters in _ALPHABETS if key[0] in letters), "")
