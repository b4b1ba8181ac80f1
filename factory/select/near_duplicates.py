"""Near-duplicates: the same bytes, or pictures whose perceptual hashes differ in few bits.

Duplicates are joined transitively: a burst of ten photos where each resembles the next is one group. That may remove
a row a little further from the kept one than `max_hamming`; its detail says how far it is.
"""

from __future__ import annotations

from typing import Annotated, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field

from factory.geo.distance import haversine
from factory.geo.sampling.groups import Indices, connected, equal_value_edges
from factory.plugins.registry import compares_pictures, register
from factory.select.hamming import MAX_BITS, pairs_within
from factory.select.ruling import Ruling, groups_of, removals

_FOLD_PAIRS: Final = 5_000_000


@register("selector", "near_duplicates")
@compares_pictures(lambda given: "")
def near_duplicates(
    frame: pl.DataFrame,
    *,
    max_hamming: Annotated[int, Field(ge=0, le=MAX_BITS)] = 6,
    max_km: Annotated[float, Field(gt=0)] | None = None,
) -> Ruling:
    """Removes copies, exact (sha256) and perceptual (64-bit DCT hash).

    Of a group the row with the smallest `best_distance_km` stays, ties in plan order.

    Args:
        frame: rows in plan order, see `factory.select.ruling.FRAME_SCHEMA`.
        max_hamming: bits in which two hashes may differ; the hash has as many ones as zeros, so differences are even.
        max_km: pictures further apart than this are not perceptual duplicates; None looks at no distance. Equal
            bytes are duplicates wherever they claim to be.
    """
    label = duplicate_labels(frame, max_hamming=max_hamming, max_km=max_km)
    table = frame.select("id", "image_sha256", "image_phash", "best_distance_km").with_columns(
        label=pl.Series(label), row=pl.int_range(frame.height)
    )
    members = table.filter(pl.len().over("label") > 1)
    kept = members.sort("best_distance_km", "row", nulls_last=True).unique("label", keep="first", maintain_order=True)
    kept = kept.select("label", kept="id", kept_sha="image_sha256", kept_hash="image_phash")
    members = members.join(kept, on="label", maintain_order="left")
    gone = members.filter(pl.col("id") != pl.col("kept"))
    exact = (gone["image_sha256"] == gone["kept_sha"]).fill_null(False).to_list()
    bits = np.bitwise_count(
        gone["image_phash"].fill_null(0).to_numpy() ^ gone["kept_hash"].fill_null(0).to_numpy()
    ).tolist()
    details = [
        f"same bytes as {keeper}, which is kept" if same else f"{count} bits from {keeper}, which is kept"
        for keeper, same, count in zip(gone["kept"], exact, bits, strict=True)
    ]
    reasons = ["exact_duplicate" if same else "perceptual_duplicate" for same in exact]
    return Ruling(
        removed=removals(gone["id"].to_list(), reasons, details),
        groups=groups_of(members["id"].to_list(), members["kept"].to_list()),
    )


def duplicate_labels(frame: pl.DataFrame, *, max_hamming: int, max_km: float | None = None) -> Indices:
    """For each row the first row of its group of duplicates (itself when it has none)."""
    edges = [equal_value_edges(frame["image_sha256"]), _perceptual_edges(frame, max_hamming, max_km)]
    left, right = (np.concatenate([edge[side] for edge in edges]) for side in (0, 1))
    return connected(frame.height, left, right)


def _perceptual_edges(frame: pl.DataFrame, max_hamming: int, max_km: float | None) -> tuple[Indices, Indices]:
    """Edges between rows with near hashes. Equal pictures are joined first: search is over distinct ones."""
    rows = frame.select("image_phash", "lat", "lon", row=pl.int_range(frame.height))
    rows = rows.filter(pl.col("image_phash").is_not_null())
    same = ["image_phash"] if max_km is None else ["image_phash", "lat", "lon"]
    first = rows.with_columns(first=pl.col("row").min().over(same))
    repeated = first.filter(pl.col("first") != pl.col("row"))
    distinct = first.filter(pl.col("first") == pl.col("row"))
    left, right = _near_pairs(distinct, max_hamming, max_km)
    place = distinct["row"].to_numpy()
    return (
        np.concatenate([repeated["first"].to_numpy(), place[left]]),
        np.concatenate([repeated["row"].to_numpy(), place[right]]),
    )


def _near_pairs(distinct: pl.DataFrame, max_hamming: int, max_km: float | None) -> tuple[Indices, Indices]:
    """Edges that connect what is near, never many more than rows: a crowd of like pictures is folded as it is found."""
    empty = np.zeros(0, dtype=np.int64)
    found, size = [(empty, empty)], 0
    for left, right in pairs_within(distinct["image_phash"].to_numpy(), max_hamming):
        near = _within_km(distinct, left, right, max_km)
        found.append((left[near], right[near]))
        size += int(near.sum())
        if size > _FOLD_PAIRS:
            found, size = [_folded(distinct.height, found)], 0
    return _folded(distinct.height, found)


def _folded(height: int, edges: list[tuple[Indices, Indices]]) -> tuple[Indices, Indices]:
    """One edge for every row that is not the first of its component."""
    label = connected(height, np.concatenate([a for a, _ in edges]), np.concatenate([b for _, b in edges]))
    rows = np.flatnonzero(label != np.arange(height))
    return label[rows], rows


def _within_km(distinct: pl.DataFrame, left: Indices, right: Indices, max_km: float | None) -> NDArray[np.bool_]:
    if max_km is None:
        return np.ones(left.size, dtype=np.bool_)
    ends = distinct.select("lat", "lon")[left].hstack(distinct[right].select(lat_2="lat", lon_2="lon"))
    km = haversine(*(pl.col(name) for name in ("lat", "lon", "lat_2", "lon_2")))
    return ends.select(near=(km <= max_km).fill_null(False))["near"].to_numpy()
