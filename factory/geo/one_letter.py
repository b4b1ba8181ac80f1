"""Spellings one letter away from many ASCII keys at once, as bytes: a thousand keys have half a million.

They are those of `misspelt.misspellings` and in its order: a letter dropped, swapped with the next one, added, or
changed for one that sounds like it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

import numpy as np
import numpy.typing as npt
import polars as pl

Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]


def ascii_spellings(
    keys: Sequence[str], added: str, sounds: tuple[str, ...], first_sounds: tuple[str, ...]
) -> tuple[pl.Series, Ints]:
    """All spellings and the row of `keys` that each is of; those of one key stand in order, and one may be there twice.

    Args:
        keys: ASCII texts of two letters or more.
        added: Letters that may be added behind any letter.
        sounds: Groups of letters that may stand for each other, `first_sounds` those at the beginning.
    """
    texts, owners = [pl.Series([], dtype=pl.String)], [np.zeros(0, dtype=np.int64)]
    sizes = np.array([len(key) for key in keys], dtype=np.int64)
    for size in np.unique(sizes).tolist():
        rows = np.flatnonzero(sizes == size)
        letters = np.frombuffer("".join(keys[row] for row in rows.tolist()).encode("ascii"), dtype=np.uint8)
        for spelt, row in _edits(letters.reshape(-1, size), added, sounds, first_sounds):
            texts.append(_texts(spelt))
            owners.append(rows[row])
    return pl.concat(texts), np.concatenate(owners)


def _edits(
    keys: Bytes, added: str, sounds: tuple[str, ...], first_sounds: tuple[str, ...]
) -> Iterator[tuple[Bytes, Ints]]:
    """Rows of bytes, all of one length, and the key each is of; the first letter stays but for `first_sounds`."""
    count, size = keys.shape
    places = np.arange(size)
    dropped = np.array([np.delete(places, i) for i in range(1, size)])
    swapped = np.array([np.r_[:i, i + 1, i, i + 2 : size] for i in range(1, size - 1)], dtype=np.int64)
    for order in (dropped, swapped.reshape(-1, size)):
        yield keys[:, order].reshape(-1, order.shape[1]), np.repeat(np.arange(count), len(order))
    new = np.frombuffer(added.encode("ascii"), dtype=np.uint8)
    behind = np.array([np.insert(places, i, 0) for i in range(1, size + 1)])
    longer = np.repeat(keys[:, behind][:, :, None], len(new), axis=2)
    longer[:, np.arange(size), :, np.arange(1, size + 1)] = new
    yield longer.reshape(-1, size + 1), np.repeat(np.arange(count), size * len(new))
    others = _others(sounds)[keys]
    others[:, 0] = _others(first_sounds, others.shape[2])[keys[:, 0]]
    row, place, which = np.nonzero(others)
    changed = keys[row]
    changed[np.arange(len(row)), place] = others[row, place, which]
    yield changed, row


@cache
def _others(groups: tuple[str, ...], width: int = 0) -> Bytes:
    """For each byte the letters that sound like it, at least `width` columns, 0 for none."""
    plain = [group for group in groups if group.isascii()]
    found = [[ord(b) for group in plain if chr(a) in group for b in group if b != chr(a)] for a in range(128)]
    table = np.zeros((128, max(width, *map(len, found))), dtype=np.uint8)
    for code, letters in enumerate(found):
        table[code, : len(letters)] = letters
    return table


def _texts(spelt: Bytes) -> pl.Series:
    import pyarrow as pa

    count, size = spelt.shape
    ends = pa.py_buffer(np.arange(count + 1, dtype=np.int64) * size)
    array = pa.Array.from_buffers(pa.large_string(), count, [None, ends, pa.py_buffer(np.ascontiguousarray(spelt))])
    return pl.Series(array)
