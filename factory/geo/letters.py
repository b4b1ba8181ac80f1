"""Letters at the end of a written place that stand for a state or country without saying so by their capitals: "los
angeles, ca", "Paris, Tx", "boston ma", "Boston Ma", "sydney, nsw", "BOSTON MA"."""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from factory.geo.entities import Entities
from factory.geo.gazetteer import countries
from factory.geo.name_index import LETTERS, NameIndex
from factory.geo.names import code_of_letters, country_keys
from factory.geo.normalise import fold_column
from factory.geo.parse_place import cut_last_word

STATE_COUNTRIES: Final = ("US", "CA", "AU")
"""Where people write a state as letters: American, Canadian, Australian."""

_BEHIND = r"^([A-Za-z][A-Za-z .'\u{2019}-]+?)\s+([a-z]{2,3}|[A-Z][a-z]{1,2})$"
_ALONE = r"^(?:[a-z]{2,3}|[A-Z][a-z]{1,2})$"
_TITLE = r"^[A-Z][a-z]{1,2}$"
_NO_WORD = r"^[^aeiou]+$"
"""Letters that can be no word: "ct" and "nm" name a state behind any place, "in" and "me" only behind a town of it."""
_TWO: Final = 2
_ALL_CAPITALS = r"^[A-Z][A-Z .'\u{2019}-]+\s[A-Z]{2,3}$"


def letters_of_states(places: npt.NDArray[np.int32], entities: Entities) -> npt.NDArray[np.bool_]:
    """Which places lie in the countries of `STATE_COUNTRIES`."""
    ours = [entities.codes.index(code) for code in STATE_COUNTRIES]
    return np.isin(entities.country[places], ours)


def with_capitals(rows: pl.DataFrame, index: NameIndex, entities: Entities) -> pl.DataFrame:
    """Parts (query, position, text) with their last letters in capitals where small ones can only be a code, and cut
    before them where all is capitals.

    Behind a comma they are letters of a state or of an American territory, or of a country where no place is called
    so, but "Norway, Mo" is the town; behind a space they are letters of a state in which there is a place of the name
    before them ("boston ma", but not "somewhere in"), or letters that are no word behind any place: "madrid nm".
    """
    last = pl.col("position") == pl.col("position").max().over("query")
    alone = rows.filter(last & (pl.col("position") > 0) & pl.col("text").str.contains(_ALONE))["text"].unique()
    behind = rows.filter(last & pl.col("text").str.contains(_BEHIND))["text"].unique()
    capitals = rows.filter(last & pl.col("text").str.contains(_ALL_CAPITALS))["text"].unique()
    if not len(alone) + len(behind) + len(capitals):
        return rows
    letters = alone.filter(_are_codes(alone, index, entities))
    towns = behind.filter(are_towns_of_states(behind, index, entities))
    named = pl.col("query").is_in(_towns_of_named_countries(rows, letters, index, entities).implode())
    raised = last & (
        (pl.col("text").is_in(letters.implode()) & (pl.col("position") > 0) & ~named)
        | pl.col("text").is_in(towns.implode())
    )
    ends = r"([A-Za-z][a-z]{1,2})$"
    head, tail = pl.col("text").str.replace(ends, ""), pl.col("text").str.extract(ends, 1)
    rows = rows.with_columns(text=pl.when(raised).then(head + tail.str.to_uppercase()).otherwise("text"))
    return cut_last_word(rows, capitals.filter(are_towns_of_states(capitals, index, entities)))


def _towns_of_named_countries(
    rows: pl.DataFrame, letters: pl.Series, index: NameIndex, entities: Entities
) -> pl.Series:
    """Strings whose last part is such letters with a capital, as a town has, and the name of one in a country that
    another part names."""
    titles = letters.filter(letters.str.contains(_TITLE))
    first, last = index.find(titles.str.to_lowercase())
    places = {text: (a, b) for text, a, b in zip(titles, first, last, strict=True) if b > a}
    ends = rows.filter(pl.col("text").is_in(list(places)), pl.col("position") > 0)
    beside = rows.join(ends.select("query", letters="text"), on="query").filter(pl.col("text") != pl.col("letters"))
    codes = {code: row for row, code in enumerate(entities.codes)}
    found = []
    for query, key, text in zip(beside["query"], fold_column(beside["text"]), beside["letters"], strict=True):
        land = codes.get(country_keys().get(key, ""), -1)
        if land >= 0 and (entities.country[index.entity[slice(*places[text])]] == land).any():
            found.append(query)
    return pl.Series(found, dtype=pl.Int64)


def _are_codes(letters: pl.Series, index: NameIndex, entities: Entities) -> pl.Series:
    small = letters.str.to_lowercase()
    low, high = index.find(LETTERS + small)
    first, last = index.find(small)
    states = [letters_of_states(index.entity[a:b], entities).any() for a, b in zip(low, high, strict=True)]
    codes = [code_of_letters(text.upper()) if len(text) == _TWO else None for text in letters]
    lands = np.array([code is not None for code in codes], dtype=bool) & (first == last)
    territories = np.array([code in _territories() for code in codes], dtype=bool)
    return pl.Series(np.array(states, dtype=bool) | lands | territories)


@cache
def _territories() -> frozenset[str]:
    """Countries whose letters Americans write as those of a state: Puerto Rico, Guam and the others."""
    return frozenset(countries().filter(pl.col("parent") == STATE_COUNTRIES[0])["code"])


def are_towns_of_states(texts: pl.Series, index: NameIndex, entities: Entities) -> pl.Series:
    """Which texts end in letters of a state, small or all capitals, behind the name of a place in it, or of any place
    where the letters can be no word."""
    texts = pl.select(
        pl.when(texts.str.contains(_ALL_CAPITALS)).then(texts.str.to_lowercase()).otherwise(texts)
    ).to_series()
    whole_first, whole_last = index.find(fold_column(texts))
    first, last = index.find(fold_column(texts.str.extract(_BEHIND, 1)))
    letters = texts.str.extract(_BEHIND, 2).str.to_lowercase()
    low, high = index.find(LETTERS + letters)
    no_word = letters.str.contains(_NO_WORD).fill_null(False).to_numpy()
    found = np.zeros(len(texts), dtype=bool)
    for row in np.flatnonzero((whole_first == whole_last) & (last > first) & (high > low)).tolist():
        states = index.entity[low[row] : high[row]]
        states = states[letters_of_states(states, entities)]
        inside = np.isin(entities.regions[index.entity[first[row] : last[row]]], states).any()
        found[row] = len(states) > 0 and (inside or no_word[row])
    return pl.Series(found)
