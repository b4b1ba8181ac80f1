"""Which other names of a town are kept: those that it is called by today, and that mean no other town."""

from __future__ import annotations

import re
from collections import defaultdict
from difflib import SequenceMatcher
from typing import Final

import polars as pl

from factory.geo.build.unit_names import rows_of
from factory.geo.entities import Entities
from factory.geo.name_index import ALTERNATE, PRIMARY
from factory.geo.normalise import fold_column

_COMMON: Final = 3
"""So many towns of one country are called by a name that is then no other name of a further one there."""
_WELL_KNOWN: Final = 5.7
"""Base 10 logarithm of the people of a city whose names in other languages are all kept."""
_LATIN: Final = r"^[\u0000-\u024f\u1e00-\u1eff]*$"
_CYRILLIC: Final = r"^[\u0400-\u052f \-]+$"
_TOWNSHIP: Final = r"^(?:village|head) of | (?:township|village|common)$"

_CLASSES: Final = ("bpfvбпфв", "cgjkqsxzгжзксцчшщџґћђхҳқғ", "dtдт", "lлљ", "mnмнњ", "rр")
_CLASS: Final = {letter: str(number) for number, letters in enumerate(_CLASSES, start=1) for letter in letters}
"""Soundex's classes of consonants (Russell, 1918), and the Cyrillic letters that spell them."""
_AFFRICATE: Final = re.compile("dzh|dz|dj|tsch|tch|ts|tz|дж|дз|тс")
_ROMAN: Final = {
    ord(letter): group[0].strip()
    for group in (
        "aаәӑ",
        "bб",
        "vв",
        "gгґғ",
        "dдђѓ",
        "eеёєэ",
        "zжзҗ",
        "iиіїыӣ",
        "jйј",
        "kкќқ",
        "lлљ",
        "mм",
        "nнњңң",
        "oоөӧ",
        "pп",
        "rр",
        "sсшщ",
        "tт",
        "uуўүұӯ",
        "fф",
        "hхһҳ",
        "cцчћ",
        " ъь",
    )
    for letter in group[1:]
} | {ord("ю"): "ju", ord("я"): "ja", ord("џ"): "dz"}
"""A letter or two for each Cyrillic one, as folded names have them."""
_PARTICLES: Final = frozenset(
    ("la", "le", "les", "l", "los", "las", "el", "il", "lo", "o", "a", "os", "as", "de", "del", "di", "da", "do", "the")
)
_ENGLISH: Final = {
    word: english
    for english, words in {
        "new": "nueva nuevo nova novo nouvelle nouveau neu neue nuova nuovo nieuw ny nya nowy nowa nou",
        "saint": "san santa sankt sint sao santo", "north": "norte nord nordre norra", "south": "sur sul sud sued",
        "west": "oeste ouest ovest", "east": "este est leste ost", "lake": "lago lac", "city": "ciudad cidade ville",
    }.items()
    for word in words.split()
}  # fmt: skip
"""Words of American towns' names by what they are in Spanish, Portuguese, French, Italian, German, Dutch, Swedish,
Danish, Polish and Catalan."""
_SAME_WORD: Final = 0.8
"""How alike two words must be, so that "orlean" and "orleans" are one."""
_BALTIC_END: Final = re.compile(r"(?<=..)[aeiouy]?s$")


def sound(key: str) -> str:
    """The classes of a folded name's consonants, neighbours of one class as one: "vincennes" is 15252."""
    found, before = "", ""
    for letter in _AFFRICATE.sub("s", key):
        if letter == "h":  # it parts no two letters: "ch" is one sound
            continue
        number = _CLASS.get(letter, "")
        found += number if number != before else ""
        before = number
    return found


def sounds(key: str) -> set[str]:
    """The sounds that a name in Latin letters may have: "j" is a vowel to some, and Baltic names end in "s"."""
    return {sound(part) for name in (key, _BALTIC_END.sub("", key)) for part in (name, name.replace("j", "i"))}


def telling(rows: pl.DataFrame, entities: Entities) -> pl.DataFrame:
    """Other names without those that several towns of the country are called by: Jersey City was Hudson once.

    A short form stays: "Newcastle" is Newcastle upon Tyne although villages are called so too.
    """
    country = pl.Series("country", entities.city_countries())
    own = rows_of(((name, entity) for entity, name in enumerate(entities.city_name)), PRIMARY)
    own = own.with_columns(country=country.gather(own["entity"]))
    common = own.group_by("key", "country").len("towns").filter(pl.col("towns") >= _COMMON)
    names = own.group_by("entity").agg(own_name=pl.col("key").first())
    found = rows.with_columns(country=country.gather(rows["entity"])).join(names, on="entity", how="left")
    found = found.join(common, on=["key", "country"], how="left", maintain_order="left")
    similar = pl.col("own_name").str.starts_with(pl.col("key").str.slice(0, 4))
    similar |= (" " + pl.col("own_name") + " ").str.contains(" " + pl.col("key") + " ", literal=True)
    return found.filter(pl.col("towns").is_null() | similar.fill_null(True)).select(rows.columns)


def living(rows: pl.DataFrame, entities: Entities) -> pl.DataFrame:
    """Other names without those of American towns that are no longer or never said.

    GeoNames keeps what a town, a post office or a hamlet that went into it was once called: Milwaukee is Manawa too,
    Baltimore Abell. Behind a state such a name nearly always is another place today, of the read half of a list of
    post offices (docs/geo-measured.md) 52 of 137 lay more than 100 km away. In Latin letters a town keeps names of the
    same letters ("De Kalb"), its own without "Township" and the like, and those of other languages (see `_respelt`),
    or words of it translated ("Nueva Orleans"), which spell every American town of its name; a city of `_WELL_KNOWN`
    people keeps all of them ("Nueva York").
    """
    own = pl.DataFrame({"own_name": fold_column(entities.city_name)}).with_row_index("entity")
    own = own.with_columns(pl.col("entity").cast(pl.Int64), american=pl.Series(entities.city_countries()) == "US")
    own = own.with_columns(people=pl.Series(entities.weight[: own.height]))
    found = rows.join(own, on="entity", how="left", maintain_order="left")
    bare = pl.col("key").str.replace_all(" ", "") == pl.col("own_name").str.replace_all(" ", "")
    bare |= pl.col("key") == pl.col("own_name").str.replace_all(_TOWNSHIP, "")
    latin = pl.col("key").str.contains(_LATIN)
    former = found.filter(pl.col("american") & latin & ~bare & (pl.col("people") < _WELL_KNOWN))
    spoken = found.filter(pl.col("american") & pl.col("key").str.contains(_CYRILLIC))
    american = own.filter("american")
    kept = _respelt(former, spoken, american["own_name"])
    gone = former.join(kept, on=["key", "entity"], how="anti")
    found = rows.join(gone, on=["key", "entity"], how="anti", maintain_order="left")
    shared = kept.join(own, on="entity").join(american, on="own_name", suffix="_of_namesake")
    shared = shared.select("key", entity="entity_of_namesake", source=pl.lit(ALTERNATE, pl.Int64))
    return pl.concat([found, shared.unique().sort("key", "entity")])


def _respelt(written: pl.DataFrame, spoken: pl.DataFrame, taken: pl.Series) -> pl.DataFrame:
    """(key, entity) of the names in Latin letters that sound as the town is called in Cyrillic ones and look more like
    that than like its own name, or translate its words, and are no other town's name, be it a former one.

    Who writes a town by its sound in one alphabet does so in another: Juneau is "Джуно", so "Džuno" and "Juno" are it,
    and Rockwell, Fliptown and Harrisburg, as it was once called, are not. "Glocester" is another town's spelling.
    """
    heard: dict[int, list[tuple[str, str]]] = defaultdict(list)
    for key, entity in spoken.select("key", "entity").iter_rows():
        heard[entity].append((sound(key), key.translate(_ROMAN)))
    several = pl.col("own_name").n_unique().over("key") > 1
    names = written.filter(~several, ~pl.col("key").is_in(taken.implode())).select("key", "entity", "own_name")
    foreign = [
        _is_foreign(key, own, heard[entity]) or is_translated(key, own) for key, entity, own in names.iter_rows()
    ]
    return names.filter(pl.Series(foreign, dtype=pl.Boolean)).select("key", "entity")


def _is_foreign(key: str, own: str, heard: list[tuple[str, str]]) -> bool:
    mine = sounds(key)
    spelt = [roman for sounding, roman in heard if sounding in mine]
    return any(_alike(key, roman) > _alike(key, own) for roman in spelt)


def is_translated(key: str, own: str) -> bool:
    """Whether a folded name is the town's own with common words in another language: "la nouvelle orleans"."""
    words = [_ENGLISH.get(word, word) for word in key.split() if word not in _PARTICLES]
    mine = own.split()
    if words == key.split() or len(words) != len(mine) or not set(words) & set(_ENGLISH.values()):
        return False
    return all(max(_alike(word, other) for other in mine) >= _SAME_WORD for word in words)


def _alike(one: str, other: str) -> float:
    return SequenceMatcher(None, one, other, autojunk=False).ratio()
