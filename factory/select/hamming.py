"""All pairs of 64-bit hashes that differ in few bits, without comparing all pairs.

Multi-index hashing (Norouzi, Punjani, Fleet 2012): cut the hash in three bands and give each a share of the allowed
difference such that (r1 + 1) + (r2 + 1) + (r3 + 1) = k + 1. Two hashes within k bits are within r_i bits in at least
one band i (else they would differ in at least k + 1), so it is enough to look in the buckets whose band is within
r_i. For a million hashes and k = 6 that is about 280 vectorised look-ups of a million and some 10^8 comparisons.
Buckets that hold very many different hashes cost their square; equal hashes must be joined before.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
Indices = NDArray[np.int64]

_BANDS: Final = ((0, 22), (22, 21), (43, 21))
"""(lowest bit, width) of the three bands; 2^22 buckets fit a cache and suit 10^4 to 10^7 hashes."""
_CHUNK: Final = 1 << 22
"""Candidate pairs compared at once: bounds memory to a few hundred megabytes."""
MAX_BITS: Final = 12
"""Largest difference searched for: beyond it, unrelated photos meet by chance."""


def pairs_within(hashes: Hashes, bits: int) -> Iterator[tuple[Indices, Indices]]:
    """Index pairs of different positions whose hashes differ in at most `bits`, in chunks; each pair at least once.

    Give it distinct hashes: n equal ones are n * (n - 1) / 2 pairs.
    """
    yield from _search(hashes, hashes, bits, same=True)


def matches_within(queries: Hashes, hashes: Hashes, bits: int) -> tuple[Indices, Indices]:
    """(query, hash) index pairs that differ in at most `bits`; each pair at least once. Few queries are cheap."""
    empty = np.zeros(0, dtype=np.int64)
    found = [(empty, empty), *_search(queries, hashes, bits, same=False)]
    return np.concatenate([asked for asked, _ in found]), np.concatenate([hit for _, hit in found])


def _search(queries: Hashes, hashes: Hashes, bits: int, *, same: bool) -> Iterator[tuple[Indices, Indices]]:
    if not 0 <= bits <= MAX_BITS:
        raise ValueError(f"expected 0 to {MAX_BITS} bits, got {bits}")
    if queries.size and hashes.size:
        for (shift, width), radius in zip(_BANDS, _radii(bits), strict=True):
            if radius >= 0:
                yield from _search_band(queries, hashes, bits, shift, width, radius, same=same)


def _radii(bits: int) -> list[int]:
    """Radius of each band, -1 for a band that need not be searched; the widest band gets the largest share."""
    share, more = divmod(bits + 1, len(_BANDS))
    return [share + (band < more) - 1 for band in range(len(_BANDS))]


def _search_band(
    queries: Hashes, hashes: Hashes, bits: int, shift: int, width: int, radius: int, *, same: bool
) -> Iterator[tuple[Indices, Indices]]:
    keys = _band(hashes, shift, width)
    order = np.argsort(keys, kind="stable")
    sorted_hashes = hashes[order]
    starts = np.zeros((1 << width) + 1, dtype=np.int64)
    np.cumsum(np.bincount(keys, minlength=1 << width), out=starts[1:])
    query_order = order if same else np.argsort(_band(queries, shift, width), kind="stable")
    query_keys, sorted_queries = _band(queries, shift, width)[query_order], queries[query_order]
    for pattern in _patterns(width, radius):
        wanted = query_keys ^ pattern
        first, last = starts[wanted], starts[wanted + 1]
        if same and pattern:  # the other end of the pair has the flipped key: look from the smaller key only
            last = np.where(query_keys < wanted, last, first)
        elif same:
            first = np.arange(1, queries.size + 1)
        for asked, candidate in _ranges(first, last):
            near = np.bitwise_count(sorted_queries[asked] ^ sorted_hashes[candidate]) <= bits
            if near.any():
                yield query_order[asked[near]], order[candidate[near]]


def _band(hashes: Hashes, shift: int, width: int) -> Indices:
    return ((hashes >> np.uint64(shift)) & np.uint64((1 << width) - 1)).astype(np.int64)


def _patterns(width: int, radius: int) -> Iterator[int]:
    """Every bit pattern of the band with at most `radius` ones."""
    for ones in range(radius + 1):
        for places in combinations(range(width), ones):
            yield sum(1 << place for place in places)


def _ranges(first: Indices, last: Indices) -> Iterator[tuple[Indices, Indices]]:
    """Pairs (row, i) for every i in [first[row], last[row]), in chunks of bounded size."""
    counts = last - first
    rows = np.flatnonzero(counts > 0)
    if not rows.size:
        return
    counts, first = counts[rows], first[rows]
    ends = np.cumsum(counts)
    begin = 0
    while begin < rows.size:
        base = ends[begin - 1] if begin else 0
        stop = max(begin + 1, int(np.searchsorted(ends, base + _CHUNK, side="right")))
        part = counts[begin:stop]
        offset = np.arange(part.sum()) - np.repeat(np.cumsum(part) - part, part)
        yield np.repeat(rows[begin:stop], part), np.repeat(first[begin:stop], part) + offset
        begin = stop
