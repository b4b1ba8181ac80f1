"""What each part of a written place can mean: a country, regions, cities; looked up for unique parts only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from factory.geo.entities import REGION_BASE, Entities
from factory.geo.letters import are_towns_of_states, with_capitals
from factory.geo.name_index import LETTERS, NameIndex
from factory.geo.names import DISSOLVED, SUBNATIONAL, code_of_letters, country_keys
from factory.geo.normalise import fold_column
from factory.geo.parse_place import (
    MAX_PARTS,
    WIDE_WORDS,
    Part,
    has_codes,
    has_inner_parts,
    last_letters,
    rewrites,
    split_codes,
    split_inner,
    split_places,
)

Ints = npt.NDArray[np.int64]

HINTS: Final = ("city", "region", "", "island", "section")
"""Kinds of place that words ask for, in the order of entity kinds; an island is a region or a town on one, a section
one of a region or of a large city."""

_CAPITALS = r"^(?:[A-Z]{2,3}|(?:[A-Z]\.){2,3})$"
_MAX_NAMESAKES = 1_000


@dataclass(frozen=True)
class Parts:
    """The parts of many strings, by string and then position.

    `first` to `last` are rows of the index, `letters_first` to `letters_last` those of the part read as a region's
    letters, of which only those in the country `meant` count where it is not -1. `country` and `meant` are rows of
    countries or -1; a state that is no more has a row behind them.
    """

    query: Ints
    position: Ints
    key: list[str]
    text: list[str]
    hint: Ints
    country: Ints
    first: Ints
    last: Ints
    letters_first: Ints
    letters_last: Ints
    meant: Ints

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        """Whether a part means anything at all."""
        return (self.country >= 0) | (self.last > self.first) | (self.letters_last > self.letters_first)


@dataclass
class _Words:
    """Unique parts and what they mean, in columns."""

    key: list[str]
    text: list[str]
    hint: list[int]
    country: Ints
    first: Ints
    last: Ints
    letters_first: Ints
    letters_last: Ints


def read_parts(strings: pl.Series, index: NameIndex, entities: Entities) -> Parts:
    """Splits strings and looks their parts up; a part that is no name is read again in other ways."""
    rows = _split(strings, index, entities)
    texts = rows.select(pl.col("text").unique(maintain_order=True))
    words = _look_up(texts["text"], index, entities)
    spelt = _spelt(words, index, entities)
    number = rows.join(texts.with_row_index("word"), on="text", how="left", maintain_order="left")["word"].to_numpy()
    query, position = rows["query"].to_numpy(), rows["position"].to_numpy()
    kept = _may_name(words)[number]
    number, query, position = number[kept], query[kept], position[kept]
    number, query, position = _replaced(number, query, position, spelt)
    return Parts(
        query, position, [words.key[i] for i in number], [words.text[i] for i in number],
        np.array(words.hint, dtype=np.int64)[number], words.country[number], words.first[number], words.last[number],
        words.letters_first[number], words.letters_last[number], np.full(len(number), -1, dtype=np.int64),
    )  # fmt: skip


def _may_name(words: _Words) -> npt.NDArray[np.bool_]:
    """Which parts can be a name: no word that narrows nothing down, and no lone letter but Å and its like."""
    table = pl.DataFrame({"key": words.key, "text": words.text}, schema={"key": pl.String, "text": pl.String})
    lone = (pl.col("key").str.len_chars() == 1) & (pl.col("text").str.len_bytes() == pl.col("text").str.len_chars())
    return table.select(~(pl.col("key").is_in(list(WIDE_WORDS)) | lone)).to_series().to_numpy()


def _split(strings: pl.Series, index: NameIndex, entities: Entities) -> pl.DataFrame:
    """Parts of strings; brackets and dashes separate too, unless they are inside a name: "Congo (Kinshasa)".

    So do the capitals of a state or country at the end ("Chicago IL"), and post codes go.
    """
    rows = split_places(strings)
    texts = rows["text"].unique(maintain_order=True)
    inner = texts.filter(has_inner_parts(texts))
    if len(inner):
        whole = _are_names(inner, index) | are_towns_of_states(inner, index, entities)
        rows = split_inner(rows, inner.filter(whole))
    rows = with_capitals(rows, index, entities)
    texts = rows["text"].unique(maintain_order=True)
    coded = texts.filter(has_codes(texts))
    if not len(coded):
        return rows
    coded = coded.filter(~_are_names(coded, index))
    return split_codes(rows, coded, _letters_of_places(last_letters(coded).drop_nulls().unique(), index))


def _are_names(texts: pl.Series, index: NameIndex) -> pl.Series:
    keys = fold_column(texts)
    first, last = index.find(keys)
    names = country_keys()
    return pl.Series((last > first) | np.array([key in names for key in keys], dtype=bool))


def _letters_of_places(written: pl.Series, index: NameIndex) -> set[str]:
    """Those capitals that stand for a country or a region."""
    first, last = index.find(LETTERS + written.str.to_lowercase())
    regions = set(written.filter(pl.Series(last > first)))
    return regions | {letters for letters in written if code_of_letters(letters)}


def _replaced(number: Ints, query: Ints, position: Ints, spelt: Mapping[int, Sequence[int]]) -> tuple[Ints, Ints, Ints]:
    """Parts with every rewritten one in the place of the part it came from; at most `MAX_PARTS` a string.

    They are numbered anew from the first one's position on: in "Island, KY" the letters stay behind a part.
    """
    counts = np.array([len(spelt.get(word, (0,))) for word in number.tolist()], dtype=np.int64)
    flat = [new for word in number.tolist() for new in spelt.get(word, (word,))]
    number, query, position = np.array(flat, dtype=np.int64), np.repeat(query, counts), np.repeat(position, counts)
    starts = np.flatnonzero(np.diff(query, prepend=-1))
    sizes = np.diff(np.append(starts, len(query)))
    position = np.arange(len(query)) - np.repeat(starts - position[starts], sizes)
    kept = position < MAX_PARTS
    return number[kept], query[kept], position[kept]


def _look_up(texts: pl.Series, index: NameIndex, entities: Entities) -> _Words:
    keys = fold_column(texts)
    first, last = index.find(keys)
    country = _countries(keys.to_list(), entities)
    capitals = np.flatnonzero(texts.str.contains(_CAPITALS).to_numpy())
    letters = [texts[int(i)].replace(".", "") for i in capitals]
    low, high = np.zeros(len(texts), dtype=np.int64), np.zeros(len(texts), dtype=np.int64)
    if letters:
        low[capitals], high[capitals] = index.find(pl.Series([LETTERS + code.lower() for code in letters]))
        number = _numbers(entities)
        for i, code in zip(capitals, letters, strict=True):
            if country[i] < 0 and (own := code_of_letters(code)):
                country[i] = number.get(own, -1)
    return _Words(
        keys.to_list(),
        texts.to_list(),
        [2] * len(texts),
        country,
        first,
        np.minimum(last, first + _MAX_NAMESAKES),
        low,
        high,
    )


def _spelt(words: _Words, index: NameIndex, entities: Entities) -> dict[int, tuple[int, ...]]:
    """For each unknown word the words it is read as instead, which are added to `words`."""
    unknown = np.flatnonzero(
        (words.country < 0) & (words.last == words.first) & (words.letters_last == words.letters_first)
    )
    options = {int(i): list(rewrites(words.text[i], words.key[i])) for i in unknown}
    keys = list(dict.fromkeys(part.key for readings in options.values() for reading in readings for part in reading))
    if not keys:
        return {}
    first, last = index.find(pl.Series(keys, dtype=pl.String))
    country = _countries(keys, entities)
    row = {key: i for i, key in enumerate(keys)}
    chosen: dict[int, tuple[int, ...]] = {}
    added: list[tuple[int, Part, str]] = []
    size = len(words.key)
    for i, readings in options.items():
        for reading in readings:
            rows = [row[part.key] for part in reading]
            if not all(country[r] >= 0 or last[r] > first[r] for r in rows):
                continue
            if len(rows) == 1 or _one_in_other(
                [int(country[r]) for r in rows], [index.entity[first[r] : last[r]] for r in rows], entities
            ):
                chosen[i] = tuple(range(size + len(added), size + len(added) + len(rows)))
                added.extend((r, part, words.text[i]) for r, part in zip(rows, reading, strict=True))
                break
    taken = np.array([r for r, _, _ in added], dtype=np.int64)
    words.key += [part.key for _, part, _ in added]
    words.text += [text for _, _, text in added]
    words.hint += [HINTS.index(part.hint) for _, part, _ in added]
    towns = np.array([part.hint == "city" for _, part, _ in added], dtype=bool)  # China Town is not in China
    words.country = np.append(words.country, np.where(towns, -1, country[taken]))
    words.first = np.append(words.first, first[taken])
    words.last = np.append(words.last, np.minimum(last[taken], first[taken] + _MAX_NAMESAKES))
    none = np.zeros(len(taken), dtype=np.int64)
    words.letters_first, words.letters_last = np.append(words.letters_first, none), np.append(words.letters_last, none)
    return chosen


def _one_in_other(countries: Sequence[int], places: Sequence[npt.NDArray[np.int32]], entities: Entities) -> bool:
    """Whether one of two names is a country or region and the other one of a place in it."""
    for outer, inner in ((0, 1), (1, 0)):
        inside = places[inner][:_MAX_NAMESAKES].astype(np.int64)
        if countries[outer] >= 0 and entities.fits(countries[outer], inside).any():
            return True
        if np.isin(entities.regions[inside], places[outer][places[outer] >= REGION_BASE]).any():
            return True
    return False


def _countries(keys: Sequence[str], entities: Entities) -> Ints:
    """The country of each key, but not that of England and its like: in a written place those are regions."""
    names, number = country_keys(), _numbers(entities)
    dissolved = {key: row for row, key in enumerate(DISSOLVED, start=len(entities.codes))}
    return np.array(
        [-1 if key in SUBNATIONAL else dissolved.get(key, number.get(names.get(key, ""), -1)) for key in keys],
        dtype=np.int64,
    )


@cache
def _numbers_of(codes: tuple[str, ...]) -> dict[str, int]:
    return {code: i for i, code in enumerate(codes)}


def _numbers(entities: Entities) -> dict[str, int]:
    return _numbers_of(tuple(entities.codes))
