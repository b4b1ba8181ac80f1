"""Ranges of rows as arrays, and sorted codes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


def spread(first: Ints, last: Ints) -> tuple[Ints, Ints]:
    """The numbers of all ranges one after another, and which range each comes from."""
    sizes = last - first
    owner = np.repeat(np.arange(len(first)), sizes)
    return np.arange(len(owner)) - np.repeat(np.cumsum(sizes) - sizes, sizes) + first[owner], owner


def contains(codes: Ints, wanted: Ints) -> npt.NDArray[np.bool_]:
    """Which wanted numbers are among sorted ones."""
    if not len(codes):
        return np.zeros(len(wanted), dtype=bool)
    place = np.minimum(np.searchsorted(codes, wanted), len(codes) - 1)
    found: npt.NDArray[np.bool_] = codes[place] == wanted
    return found
