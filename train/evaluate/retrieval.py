"""Retrieval across views: R@K, R@1 %, hit rate, and how far the first one lies (L@50/100/150).

Similarities are dot products in float32, a block at a time: memory is that of the vectors and of one block. Ties are in
nobody's favour: where the true picture shares its similarity with others, each order of them is as likely, and a query
counts by the share of orders in which it is found. (Counting only strictly higher
similarities, as Sample4Geo does, makes a model that says the same of everything perfect.)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from factory.geo.distance import EARTH_RADIUS_KM, haversine_array

Vectors = NDArray[np.float32]
Floats = NDArray[np.float64]
Rows = NDArray[np.int64]

KS: Final = (1, 5, 10)
RADII_M: Final = (50, 100, 150)
NEAREST: Final = 100
"""CVG-Text's evaluation cuts the gallery to so many pictures nearest to the query's true place."""
TIE: Final = 1e-6
"""Similarities of unit vectors that differ by no more are one: float32 rounds sums of a thousand products so far."""
_NOT_FOUND: Final = np.iinfo(np.int32).max
"""Stands for the pictures before one that is not there: more than any K."""
_QUERIES, _GALLERY = 1_024, 4_096
_GATHERED: Final = 64_000_000
"""Numbers of gathered vectors at a time: 256 MB."""


@dataclass(frozen=True, slots=True)
class Retrieved:
    """Shares of queries, 0 to 1, with the gallery that they were looked for in."""

    gallery: str
    """`full`, or `m=100`: these are not to be compared with each other."""
    size: int
    """Pictures that each query is looked for among."""
    queries: int
    recall: dict[str, float]
    """R@K by K, and R@1% (of size // 100 pictures, at least one)."""
    hit_rate: float | None
    """R@1 where semi-positives are left out of the gallery; None without any."""
    localized: dict[str, float]
    """L@50, L@100, L@150: the first picture lies within so many metres of the query's true place."""

    def plain(self) -> dict[str, Any]:
        """As JSON says it."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Places:
    """Where queries were taken and pictures of the gallery lie: degrees, arrays of a row each."""

    query_lat: Floats
    query_lon: Floats
    gallery_lat: Floats
    gallery_lon: Floats


def retrieve(
    queries: Vectors,
    gallery: Vectors,
    positive: Rows,
    *,
    semi: Rows | None = None,
    places: Places | None = None,
    ks: tuple[int, ...] = KS,
) -> Retrieved:
    """Every query against the whole gallery.

    Args:
        queries, gallery: (rows, width); they are brought to length 1.
        positive: (queries,) row of the gallery that is right.
        semi: (queries, n) rows that are neither right nor wrong, -1 for none, for the hit rate; one that stands
            there twice counts once.
        places: for L@.

    Raises ValueError for shapes and rows that do not fit, and for vectors that are not finite or have no length.
    """
    queries, gallery = _unit(queries, "queries"), _unit(gallery, "gallery")
    _check(queries, gallery, positive, semi)
    semi = None if semi is None else _once(semi)
    higher, equal = np.zeros(len(queries), np.int64), np.zeros(len(queries), np.int64)
    semi_higher, semi_equal = np.zeros_like(higher), np.zeros_like(higher)
    tops = _Tops(len(queries))
    right = np.einsum("qd,qd->q", queries, gallery[positive])
    for rows, start, block in _blocks(queries, gallery):
        own = right[rows, None]
        if places is not None:
            tops.see(block, rows, start, places)
        inside = (positive[rows] >= start) & (positive[rows] < start + block.shape[1])
        block[np.flatnonzero(inside), positive[rows][inside] - start] = -np.inf
        higher[rows] += (block > own + TIE).sum(axis=1)
        equal[rows] += (block >= own - TIE).sum(axis=1)
        if semi is not None:
            there = (semi[rows] >= start) & (semi[rows] < start + block.shape[1])
            at, which = np.nonzero(there)
            values = block[at, semi[rows][at, which] - start]
            np.add.at(semi_higher, rows.start + at, values > right[rows][at] + TIE)
            np.add.at(semi_equal, rows.start + at, values >= right[rows][at] - TIE)
    equal, semi_equal = equal - higher, semi_equal - semi_higher
    hit = None if semi is None else float(_found(higher - semi_higher, equal - semi_equal, 1).mean())
    localized = {} if places is None else tops.shares()
    return Retrieved("full", len(gallery), len(queries), _recall(higher, equal, ks, len(gallery)), hit, localized)


def retrieve_nearest(
    queries: Vectors,
    gallery: Vectors,
    positive: Rows,
    places: Places,
    *,
    m: int = NEAREST,
    ks: tuple[int, ...] = KS,
) -> Retrieved:
    """Every query against the `m` pictures nearest to its true place, as CVG-Text is evaluated: an easier task, since
    the answer's neighbourhood is told. A right picture that is not among them is not found.

    Raises ValueError as `retrieve` does.
    """
    from scipy.spatial import cKDTree  # type: ignore[import-untyped]

    from factory.geo.spherical import unit_vectors

    queries, gallery = _unit(queries, "queries"), _unit(gallery, "gallery")
    _check(queries, gallery, positive, None)
    m = min(m, len(gallery))
    tree = cKDTree(unit_vectors(places.gallery_lat, places.gallery_lon))
    chords, near = tree.query(unit_vectors(places.query_lat, places.query_lon), k=m)
    near, chords = near.reshape(len(queries), m), chords.reshape(len(queries), m)
    metres = 2000 * EARTH_RADIUS_KM * np.arcsin(np.minimum(chords / 2, 1))
    values = np.empty((len(queries), m), np.float32)
    step = max(1, _GATHERED // (m * queries.shape[1]))
    for start in range(0, len(queries), step):
        part = slice(start, start + step)
        values[part] = np.einsum("qd,qmd->qm", queries[part], gallery[near[part]])
    is_right = near == positive[:, None]
    there = is_right.any(axis=1)
    own = np.where(there, np.max(np.where(is_right, values, -np.inf), axis=1), -np.inf)
    others = np.where(is_right, -np.inf, values)
    higher = np.where(there, (others > own[:, None] + TIE).sum(axis=1), _NOT_FOUND)
    equal = np.where(there, (others >= own[:, None] - TIE).sum(axis=1) - higher, 0)
    first = values >= values.max(axis=1, keepdims=True) - TIE
    share = 1 / first.sum(axis=1)
    near_first = {radius: ((metres <= radius) & first).sum(axis=1) * share for radius in RADII_M}
    localized = {f"L@{radius}": float(each.mean()) for radius, each in near_first.items()}
    return Retrieved(f"m={m}", m, len(queries), _recall(higher, equal, ks, m), None, localized)


class _Tops:
    """The first picture of each query, or those that share the first place, and how many of them lie near."""

    def __init__(self, queries: int) -> None:
        self._best = np.full(queries, -np.inf, np.float32)
        self._tied = np.zeros(queries)
        self._near = np.zeros((queries, len(RADII_M)))

    def see(self, block: Vectors, rows: slice, start: int, places: Places) -> None:
        """Takes a block of similarities, whose columns begin with row `start` of the gallery."""
        best = block.max(axis=1)
        before = self._best[rows]
        at, column = np.nonzero(block >= np.maximum(best, before)[:, None] - TIE)
        query, picture = rows.start + at, start + column
        km = haversine_array(
            places.query_lat[query], places.query_lon[query], places.gallery_lat[picture], places.gallery_lon[picture]
        )
        size = rows.stop - rows.start
        beaten = best > before + TIE
        self._tied[rows][beaten], self._near[rows][beaten] = 0, 0
        self._tied[rows] += np.bincount(at, minlength=size)
        for radius_at, radius in enumerate(RADII_M):
            self._near[rows, radius_at] += np.bincount(at, weights=km * 1000 <= radius, minlength=size)
        self._best[rows] = np.maximum(best, before)

    def shares(self) -> dict[str, float]:
        each = self._near / self._tied[:, None]
        return {f"L@{radius}": float(each[:, at].mean()) for at, radius in enumerate(RADII_M)}


def _blocks(queries: Vectors, gallery: Vectors) -> Iterator[tuple[slice, int, Vectors]]:
    """(rows of queries, first row of the gallery, similarities); the array is used again."""
    room = np.empty((_QUERIES, _GALLERY), np.float32)
    for first in range(0, len(queries), _QUERIES):
        rows = slice(first, min(first + _QUERIES, len(queries)))
        for start in range(0, len(gallery), _GALLERY):
            part = gallery[start : start + _GALLERY]
            block = room[: rows.stop - rows.start, : len(part)]
            if block.flags.c_contiguous:
                np.matmul(queries[rows], part.T, out=block)
            else:
                block = queries[rows] @ part.T
            yield rows, start, block


def _found(higher: Rows, equal: Rows, k: int) -> Floats:
    """Share of the orders of ties in which a query's picture is among the first `k`."""
    return np.clip((k - higher) / (equal + 1), 0.0, 1.0)


def _once(semi: Rows) -> Rows:
    """Rows with -1 for those that stand in them before."""
    found: Rows = np.sort(semi, axis=1)
    found[:, 1:][found[:, 1:] == found[:, :-1]] = -1
    return found


def _recall(higher: Rows, equal: Rows, ks: tuple[int, ...], size: int) -> dict[str, float]:
    shares = {f"R@{k}": float(_found(higher, equal, k).mean()) for k in ks}
    return {**shares, "R@1%": float(_found(higher, equal, max(1, size // 100)).mean())}


def _unit(vectors: Vectors, name: str) -> Vectors:
    if vectors.ndim != 2 or not vectors.size:
        raise ValueError(f"{name}: expected vectors of shape (rows, width), got {vectors.shape}")
    found: Vectors = np.array(vectors, dtype=np.float32)
    lengths = np.sqrt(np.einsum("rd,rd->r", found, found, dtype=np.float64))
    bad = np.flatnonzero(~np.isfinite(lengths) | (lengths == 0))
    if bad.size:
        raise ValueError(f"{name}: row {bad[0]} is not finite or has no length; {bad.size:,} such rows")
    found /= lengths[:, None].astype(np.float32)
    return found


def _check(queries: Vectors, gallery: Vectors, positive: Rows, semi: Rows | None) -> None:
    if queries.shape[1] != gallery.shape[1]:
        raise ValueError(f"queries have {queries.shape[1]} numbers, pictures of the gallery {gallery.shape[1]}")
    if positive.shape != (len(queries),) or ((positive < 0) | (positive >= len(gallery))).any():
        raise ValueError(f"positive: expected a row of the gallery, 0 to {len(gallery) - 1}, for each query")
    if semi is not None and (len(semi) != len(queries) or semi.ndim != 2 or (semi >= len(gallery)).any()):
        raise ValueError("semi: expected rows of the gallery, or -1, of shape (queries, n)")
    if semi is not None and (semi == positive[:, None]).any():
        raise ValueError("semi: the right picture of a query is among its semi-positives")
