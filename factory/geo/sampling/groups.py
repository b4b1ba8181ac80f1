"""Rows that belong together: connected components of pairs, shared values and cells, vectorised.

Groups are named by their smallest id, so a group keeps its name however the rows are ordered or sharded.
"""

from __future__ import annotations

import hashlib

import numpy as np
import polars as pl
from numpy.typing import NDArray

Indices = NDArray[np.int64]


def connected(size: int, left: Indices, right: Indices) -> Indices:
    """Components of an undirected graph on `size` nodes.

    Each round every component takes the smallest label among its neighbours and shortens its chains (hooking and
    pointer jumping, Shiloach and Vishkin 1982), so the number of rounds grows with the logarithm of a chain's length.

    Args:
        left, right: ends of the edges, of one length.

    Returns:
        For each node the smallest node of its component.
    """
    label = np.arange(size, dtype=np.int64)
    while left.size:
        a, b = label[left], label[right]
        differ = a != b
        if not differ.any():
            break
        left, right, a, b = left[differ], right[differ], a[differ], b[differ]
        np.minimum.at(label, np.maximum(a, b), np.minimum(a, b))
        while True:
            shorter = label[label]
            if np.array_equal(shorter, label):
                break
            label = shorter
    return label


def equal_value_edges(values: pl.Series) -> tuple[Indices, Indices]:
    """Edges that join all rows of one value; null and empty text join nothing."""
    frame = pl.DataFrame({"value": values}).with_row_index("row")
    known = frame.filter(pl.col("value").is_not_null())
    if values.dtype == pl.String:
        known = known.filter(pl.col("value") != "")
    known = known.with_columns(first=pl.col("row").min().over("value")).filter(pl.col("first") != pl.col("row"))
    return known["first"].cast(pl.Int64).to_numpy(), known["row"].cast(pl.Int64).to_numpy()


def smallest_ids(ids: pl.Series, label: Indices) -> pl.Series:
    """For each row the smallest id of its component."""
    frame = pl.DataFrame({"id": ids, "label": label})
    return frame.select(pl.col("id").min().over("label"))["id"]


def unit_hash(seed: int, text: str) -> float:
    """A number in [0, 1) that depends on nothing but seed and text (SHA-256), on every machine."""
    digest = hashlib.sha256(f"{seed}:{text}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
