"""Retrieval from files: two tables and the vectors of their rows, measured by `retrieval`.

`queries`: id, positive (the right row's id in the gallery), semi_positives (ids, where there are any: a list, or text
parted by `;`), lat and lon where known. `gallery`: id, and lat and lon where known. Vectors: `.npy` arrays of shape
(rows, width), in the order of their table.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from factory.errors import SourceError
from factory.geo.degrees import read_degrees
from factory.store.files import no_file
from factory.text import did_you_mean
from train.evaluate.predictions import id_of, rows_of
from train.evaluate.retrieval import NEAREST, Places, Retrieved, retrieve, retrieve_nearest

_QUERY: Final = ("id", "positive", "semi_positives", "lat", "lon", "image", "text")
_PICTURE: Final = ("id", "lat", "lon", "image", "text")
_ALSO: Final = {"latitude": "lat", "lng": "lon", "longitude": "lon", "long": "lon"}
"""What other tables call these columns."""
MOST_SEMI: Final = 64
"""Semi-positives of a query; VIGOR has three."""


def measured(
    queries: Path, gallery: Path, query_vectors: Path, gallery_vectors: Path, *, nearest: int = NEAREST
) -> tuple[Retrieved, ...]:
    """The full gallery's numbers, and where every row has a place those of the `nearest` pictures.

    Raises SourceError for files that cannot be read or do not fit each other.
    """
    asked, pictures = list(rows_of(queries)), list(rows_of(gallery))
    _check_names(queries, asked, _QUERY)
    _check_names(gallery, pictures, _PICTURE)
    rows = {id_of(row, str(gallery), number): number - 1 for number, row in enumerate(pictures, 1)}
    if len(rows) < len(pictures):
        raise SourceError(f"{gallery}: an id stands there twice; {len(rows):,} ids in {len(pictures):,} rows")
    if not asked or not pictures:
        raise SourceError(f"{gallery if asked else queries}: no rows to measure")
    positive, semi = _answers(queries, gallery, asked, rows)
    first, second = _vectors(query_vectors, len(asked), queries), _vectors(gallery_vectors, len(pictures), gallery)
    places = _places((queries, asked), (gallery, pictures))
    try:
        full = retrieve(first, second, positive, semi=semi, places=places)
        if places is None:
            return (full,)
        return full, retrieve_nearest(first, second, positive, places, m=nearest)
    except ValueError as error:
        raise SourceError(f"{query_vectors}, {gallery_vectors}: {error}") from None


def candidate_lists(
    queries: Path, gallery: Path, query_vectors: Path, gallery_vectors: Path, *, top: int
) -> Iterator[dict[str, Any]]:
    """What `train.rerank` reads: the `top` pictures of each query, the most similar first, equals in their order.

    Both tables have an `image`, a `text` or both; a query may have `positive`.

    Raises SourceError for files that cannot be read or do not fit each other, and for a row that shows nothing.
    """
    asked, pictures = list(rows_of(queries)), list(rows_of(gallery))
    ids = {id_of(row, str(gallery), number) for number, row in enumerate(pictures, 1)}
    shown = [_shown(row, gallery, number) for number, row in enumerate(pictures, 1)]
    items = [_shown(row, queries, number) for number, row in enumerate(asked, 1)]
    if len(pictures) < 2 or not asked:
        raise SourceError(f"{gallery if asked else queries}: too few rows to put into an order")
    first, second = _vectors(query_vectors, len(asked), queries), _vectors(gallery_vectors, len(pictures), gallery)
    if first.shape[1] != second.shape[1]:
        widths = f"{first.shape[1]:,} and {second.shape[1]:,}"
        raise SourceError(f"{query_vectors}, {gallery_vectors}: vectors of {widths} numbers")
    second = _unit(second, gallery_vectors)
    for number, row in enumerate(asked):
        similar = second @ _unit(first[number : number + 1], query_vectors)[0]
        order = np.argsort(-similar, kind="stable")[:top]
        candidates = [{**shown[at], "score": round(float(similar[at]), 6)} for at in order]
        query = {name: value for name, value in items[number].items() if name != "id"}
        told = {"id": items[number]["id"], "query": query, "candidates": candidates}
        right = _ids(row.get("positive"))
        if lacking := next((one for one in right if one not in ids), None):
            raise _no_id(queries, number + 1, lacking, gallery, ids)
        yield {**told, "positive": right} if right else told


def _shown(row: Mapping[str, Any], path: Path, number: int) -> dict[str, Any]:
    found = {name: str(row[name]) for name in ("image", "text") if row.get(name) not in (None, "")}
    if not found:
        raise SourceError(f"{path}, row {number}: neither `image` nor `text`; a model must be shown something")
    return {"id": id_of(row, str(path), number), **found}


def _unit(vectors: NDArray[np.float32], path: Path) -> NDArray[np.float32]:
    found: NDArray[np.float32] = np.array(vectors, np.float32)
    lengths = np.linalg.norm(found, axis=1)
    if not (np.isfinite(lengths) & (lengths > 0)).all():
        raise SourceError(f"{path}: a vector is not finite or has no length")
    found /= lengths[:, None]
    return found


def _answers(
    queries: Path, gallery: Path, asked: Sequence[Mapping[str, Any]], rows: Mapping[str, int]
) -> tuple[NDArray[np.int64], NDArray[np.int64] | None]:
    """Rows of the gallery that are right, and those that are neither right nor wrong, padded with -1."""
    positive, semi = [], []
    for number, row in enumerate(asked, 1):
        right, *others = _ids(row.get("positive")) or [""]
        if others:
            what = f"{len(others) + 1} ids in `positive` ({right!r}, {others[0]!r}); expected the right picture's alone"
            remedy = "name others in `semi_positives`, and an id that holds `;` in a list of JSON lines"
            raise SourceError(f"{queries}, row {number}: {what}; {remedy}")
        neither = _ids(row.get("semi_positives"))
        for wanted in (right, *neither):
            if wanted not in rows:
                if not wanted:
                    raise SourceError(f"{queries}, row {number}: no `positive`, the right picture's id in the gallery")
                raise _no_id(queries, number, wanted, gallery, rows)
        if len(neither) > MOST_SEMI:
            raise SourceError(f"{queries}, row {number}: {len(neither)} semi-positives; at most {MOST_SEMI} are read")
        positive.append(rows[right])
        semi.append([rows[one] for one in neither])
    most = max(map(len, semi))
    padded = np.array([[*one, *[-1] * (most - len(one))] for one in semi], np.int64)
    return np.array(positive, np.int64), padded if most else None


def _no_id(queries: Path, number: int, wanted: str, gallery: Path, ids: Collection[str]) -> SourceError:
    near = did_you_mean(wanted, islice(ids, 10_000))
    return SourceError(f"{queries}, row {number}: {wanted!r:.80} is no id of {gallery}{near}")


def _check_names(path: Path, rows: Sequence[Mapping[str, Any]], known: tuple[str, ...]) -> None:
    """Raises SourceError for a column whose name is nearly that of one that is missing, and for half of a place: what
    it says would not be measured, and nobody would be told."""
    names = {str(name) for row in rows for name in row}
    missing = [name for name in known if name not in names]
    for name in sorted(names - {*known}):
        meant = _ALSO.get(name.lower()) or next(
            iter(difflib.get_close_matches(name.lower(), missing, n=1, cutoff=0.75)), ""
        )
        if meant in missing:
            raise SourceError(f"{path}: a column `{name:.80}`, and none `{meant}`; call it so, or give it another name")
    if len(names & {"lat", "lon"}) == 1:
        (there,) = names & {"lat", "lon"}
        raise SourceError(f"{path}: a column `{there}` and no `{'lon' if there == 'lat' else 'lat'}`; a place has both")


def _ids(value: Any) -> list[str]:
    """Each id once, in their order."""
    parts = value if isinstance(value, list) else str("" if value is None else value).split(";")
    return list(dict.fromkeys(text for part in parts if part is not None and (text := str(part).strip())))


def _vectors(path: Path, rows: int, table: Path) -> NDArray[np.float32]:
    """An array of a file, which is mapped; nothing of it is a pickle."""
    if (kind := no_file(path)) is not None:
        raise SourceError(f"{path}: is {kind}, expected a file")
    try:
        found = np.lib.format.open_memmap(path, mode="r")  # `np.load` would open zips and pickles, too
    except FileNotFoundError:
        raise SourceError(f"{path}: there is no such file") from None
    except (OSError, ValueError, EOFError) as error:
        raise SourceError(f"{path}: is no array of numbers as numpy writes it (.npy): {str(error)[:200]}") from None
    if found.ndim != 2 or found.dtype.kind != "f":
        raise SourceError(f"{path}: expected floating-point vectors of shape (rows, width)")
    if len(found) != rows:
        raise SourceError(f"{path}: {len(found):,} vectors for the {rows:,} rows of {table}")
    return found


_Table = tuple[Path, Sequence[Mapping[str, Any]]]


def _places(queries: _Table, gallery: _Table) -> Places | None:
    """Where all of them lie; None where one has no place. Raises SourceError for one that cannot be read."""
    axes = [
        [_degrees(table, number, axis) for number in range(len(table[1]))]
        for table in (queries, gallery)
        for axis in ("lat", "lon")
    ]
    known = np.array([len(axis) == len([one for one in axis if one is not None]) for axis in axes])
    return Places(*(np.array(axis, np.float64) for axis in axes)) if known.all() else None


def _degrees(table: _Table, number: int, axis: Any) -> float | None:
    """A row's latitude or longitude; None where it says none."""
    path, rows = table
    value = rows[number].get(axis)
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    read = read_degrees(value, axis) if isinstance(value, str) else value
    limit = 90 if axis == "lat" else 180
    if isinstance(read, bool) or not isinstance(read, int | float) or not abs(read) <= limit:
        raise SourceError(
            f"{path}, row {number + 1}: `{axis}` is {value!r:.60}; expected degrees from -{limit} to {limit}"
        )
    return float(read)


def without_place(queries: Path, gallery: Path) -> str:
    """Which row keeps distances from being measured, in words; nothing where every row has a place."""
    for path in (queries, gallery):
        for number, row in enumerate(rows_of(path), 1):
            if any(row.get(axis) in (None, "") for axis in ("lat", "lon")):
                return f"{path}, row {number}, has no `lat` and `lon`"
    return ""
