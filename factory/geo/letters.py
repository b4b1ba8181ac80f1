"""Small letters at the end of a written place that stand for a state or country: "los angeles, ca", "boston ma"."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from factory.geo.entities import Entities
from factory.geo.name_index import LETTERS, NameIndex
from factory.geo.names import code_of_letters
from factory.geo.normalise import fold_column

STATE_COUNTRIES: Final = ("US", "CA", "AU")
"""Where people write a state as letters: American, Canadian, Australian."""

_BEHIND = r"^([a-z][a-z .'\u{2019}-]+?)\s+([a-z]{2})$"
_ALONE = r"^[a-z]{2}$"


def letters_of_states(places: npt.NDArray[np.int32], entities: Entities) -> npt.NDArray[np.bool_]:
    """Which places lie in the countries of `STATE_COUNTRIES`."""
    ours = [entities.codes.index(code) for code in STATE_COUNTRIES]
    return np.isin(entities.country[places], ours)


def with_capitals(rows: pl.DataFrame, index: NameIndex, entities: Entities) -> pl.DataFrame:
    """Parts (query, position, text) with their last two letters in capitals where small ones can only be a code.

    Behind a comma they are letters of a state, or of a country where no place is called so; behind a space they are
    letters of a state in which there is a place of the name before them: "boston ma", but not "somewhere in".
    """
    last = pl.col("position") == pl.col("position").max().over("query")
    alone = rows.filter(last & (pl.col("position") > 0) & pl.col("text").str.contains(_ALONE))["text"].unique()
    behind = rows.filter(last & pl.col("text").str.contains(_BEHIND))["text"].unique()
    if not len(alone) + len(behind):
        return rows
    letters = alone.filter(_are_codes(alone, index, entities))
    towns = behind.filter(_are_towns(behind, index, entities))
    head, tail = pl.col("text").str.slice(0, pl.col("text").str.len_chars() - 2), pl.col("text").str.slice(-2)
    raised = last & (
        (pl.col("text").is_in(letters.implode()) & (pl.col("position") > 0)) | pl.col("text").is_in(towns.implode())
    )
    return rows.with_columns(text=pl.when(raised).then(head + tail.str.to_uppercase()).otherwise("text"))


def _are_codes(letters: pl.Series, index: NameIndex, entities: Entities) -> pl.Series:
    low, high = index.find(LETTERS + letters)
    first, last = index.find(letters)
    states = [letters_of_states(index.entity[a:b], entities).any() for a, b in zip(low, high, strict=True)]
    countries = [code_of_letters(text.upper()) is not None for text in letters]
    return pl.Series(np.array(states, dtype=bool) | (np.array(countries, dtype=bool) & (first == last)))


def _are_towns(texts: pl.Series, index: NameIndex, entities: Entities) -> pl.Series:
    """Which texts end in letters of a state behind the name of a place in it."""
    whole_first, whole_last = index.find(fold_column(texts))
    first, last = index.find(fold_column(texts.str.extract(_BEHIND, 1)))
    low, high = index.find(LETTERS + texts.str.extract(_BEHIND, 2))
    found = np.zeros(len(texts), dtype=bool)
    for row in np.flatnonzero((whole_first == whole_last) & (last > first) & (high > low)).tolist():
        states = index.entity[low[row] : high[row]]
        states = states[letters_of_states(states, entities)]
        found[row] = np.isin(entities.regions[index.entity[first[row] : last[row]]], states).any()
    return pl.Series(found)
