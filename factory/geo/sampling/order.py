"""A random order that belongs to the rows, not to their places in a table; and shares of a whole number.

A running generator gives each row what its position gets, so one row more changes every choice after it. A hash of
the seed and the row gives it the same rank in every table, every order and every shard.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Words = NDArray[np.uint64]


def row_hashes(frame: pl.DataFrame, seed: int | str) -> pl.Series:
    """A number (UInt64) for each row that depends on nothing but the seed and the row.

    Args:
        frame: with `id` (text or whole numbers, not null), or else with `lat`, `lon`. Without ids, several rows at
            one place are told apart by counting them, so which of these twins is meant depends on their order.
    """
    if "id" in frame.columns:
        ids = frame["id"]
        if ids.null_count():
            raise ValueError(f"row {ids.is_null().arg_max()} has no id; a hashed order needs one for every row")
        return pl.Series("hash", _text_hashes(ids.cast(pl.String), seed), dtype=pl.UInt64)
    degrees = [pl.col(name).cast(pl.Float64) for name in ("lat", "lon")]
    place = frame.select(pl.when(value == 0).then(0.0).otherwise(value).name.keep() for value in degrees)  # -0.0 is 0.0
    bits = place.with_columns(twin=pl.int_range(pl.len(), dtype=pl.UInt64).over("lat", "lon"))
    return pl.Series("hash", _number_hashes(bits, seed))


def value_hashes(values: pl.Series, seed: int | str) -> pl.Series:
    """A number (UInt64) for each value that depends on nothing but the seed and the value's text; null for null."""
    known = values.drop_nulls().unique()
    hashes = pl.Series(_text_hashes(known.cast(pl.String), seed), dtype=pl.UInt64)
    return values.replace_strict(known, hashes, default=None, return_dtype=pl.UInt64)


def apportion(total: int, weights: Mapping[str, float], available: Mapping[str, int]) -> dict[str, int]:
    """Whole numbers that sum to `total` in proportion to the weights, none above what is available.

    Largest remainders (Hamilton), ties by name. What a full class cannot take goes to the others in proportion, so
    the sum falls short of `total` only when everything with a weight above 0 is used up.

    Raises ValueError for a negative or non-finite weight.
    """
    share = {name: Fraction(weight) for name, weight in sorted(weights.items()) if _checked(name, weight) > 0}
    given = dict.fromkeys(sorted(weights), 0)
    rest = min(total, sum(available.get(name, 0) for name in share))
    open_names = [name for name in share if available.get(name, 0)]
    while open_names:
        scale = rest / sum(share[name] for name in open_names)
        full = [name for name in open_names if share[name] * scale >= available[name]]
        if not full:
            break
        for name in full:
            given[name] = available[name]
            rest -= available[name]
        open_names = [name for name in open_names if name not in full]
    wanted = {name: share[name] * scale for name in open_names} if open_names else {}
    for name, amount in wanted.items():
        given[name] = int(amount)
    left = rest - sum(int(amount) for amount in wanted.values())
    for name in sorted(wanted, key=lambda name: (int(wanted[name]) - wanted[name], name))[:left]:
        given[name] += 1
    return given


def _checked(name: str, weight: float) -> float:
    if not 0 <= weight < float("inf"):
        raise ValueError(f"the weight of {name} must be a number of at least 0, not {weight}")
    return weight


def _text_hashes(ids: pl.Series, seed: int | str) -> list[int]:
    key = str(seed).encode()
    digests = (hashlib.blake2b(name.encode(), digest_size=8, key=key).digest() for name in ids.to_list())
    return [int.from_bytes(digest, "big") for digest in digests]


def _number_hashes(bits: pl.DataFrame, seed: int | str) -> Words:
    """Chained finalisers of splitmix64 (Steele, Lea and Flood 2014) over the bit patterns of the columns."""
    import numpy as np

    start = int.from_bytes(hashlib.blake2b(str(seed).encode(), digest_size=8).digest(), "big")
    state = np.full(bits.height, start, dtype=np.uint64)
    for name in bits.columns:
        state = (state ^ bits[name].to_numpy().view(np.uint64)) + np.uint64(0x9E3779B97F4A7C15)
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        state ^= state >> np.uint64(31)
    return state
