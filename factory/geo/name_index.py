"""The prebuilt index of names: from a folded key to the places that bear it, most populous first."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from factory.geo.gazetteer import table

PRIMARY, ALIAS, TWIN, ALTERNATE, UNIT, NAMESAKE, EXEMPLAR = range(7)
"""Where a name comes from, the column `source` of data/names.parquet; see factory/geo/build/names.py. An exemplar row
exists only for a name that no other source gives the place, so leaving those rows out is the index without CLDR's
exemplar cities."""

LETTERS: Final = "="
"""Starts the key of a code: "=tx" is the region with the letters TX in ISO 3166-2."""

_SEED = 20_240_501
_SIEVE_BITS = 24


@dataclass(frozen=True)
class NameIndex:
    """Names sorted by the hash of their key. A search is a bisection of the hashes: no table of a million strings.

    `sieve` has a bit for each value of the lowest `_SIEVE_BITS` of a hash: most of what is no name stops there.
    """

    hashes: npt.NDArray[np.uint64]
    sieve: npt.NDArray[np.uint8]
    entity: npt.NDArray[np.int32]
    source: npt.NDArray[np.uint8]

    def find(self, keys: pl.Series) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """First and past-the-last row of each key; equal where the key is no name.

        Two of the million keys share their 64-bit hash with a chance of 1 in 10 million; then both places answer.
        """
        wanted = keys.hash(_SEED).to_numpy()
        low = wanted & np.uint64((1 << _SIEVE_BITS) - 1)
        maybe = np.flatnonzero((self.sieve[low >> np.uint64(3)] >> (low & np.uint64(7)).astype(np.uint8)) & 1)
        first, last = np.zeros((2, len(wanted)), dtype=np.int64)
        begin = np.searchsorted(self.hashes, wanted[maybe], side="left")
        hits = np.flatnonzero(self.hashes[np.minimum(begin, len(self.hashes) - 1)] == wanted[maybe])
        first[maybe[hits]] = begin[hits]
        last[maybe[hits]] = np.searchsorted(self.hashes, wanted[maybe[hits]], side="right")
        return first, last


@cache
def read_index(*, exemplars: bool = True) -> NameIndex:
    """Loads the index, in about half a second. `exemplars=False` leaves out what only CLDR's exemplar cities name."""
    rows = table("names")
    if not exemplars:
        rows = rows.filter(pl.col("source") != EXEMPLAR)
    hashes = rows["key"].hash(_SEED).to_numpy()
    order = np.argsort(hashes, kind="stable")
    sieve = np.zeros(1 << _SIEVE_BITS, dtype=bool)
    sieve[hashes & np.uint64((1 << _SIEVE_BITS) - 1)] = True
    packed = np.packbits(sieve, bitorder="little")
    return NameIndex(hashes[order], packed, rows["entity"].to_numpy()[order], rows["source"].to_numpy()[order])
