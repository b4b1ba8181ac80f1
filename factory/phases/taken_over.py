"""What the people of earlier builds said about pictures that this build has, too, by the pictures' digests.

An annotation says itself which answer it was about, so what of it still holds is found where decisions are made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from annotation.decide import NOWHERE
from factory.errors import CorruptBuild
from factory.phases.earlier import EarlierBuild
from factory.store.layout import BuildPaths
from factory.store.reviews import read_reviews
from factory.store.tables import read_arrow, read_columns, read_rows
from schemas import arrow

Row = dict[str, Any]


def taken_over(paths: BuildPaths, mine: Sequence[Mapping[str, Any]], earlier: Sequence[EarlierBuild]) -> list[Row]:
    """Annotations of earlier builds about pictures of this one, that it has not yet; an earlier build that cannot be
    read has none. Ids are those that the pictures' samples have here."""
    have = {(row["taken_from"], row["annotation"]) for row in mine}
    found: dict[tuple[str, int], Row] = {}
    for build in earlier:
        for row in _annotations(build.paths):
            origin = row["taken_from"] or build.paths.root.name
            key = (origin, row["annotation"])
            if origin != paths.root.name and key not in have and not row["deleted"]:
                known = found.get(key)
                if known is None or known["updated_at"] < row["updated_at"]:
                    found[key] = {**row, "taken_from": origin}
    ids = _ids_by_pictures(paths, [row["images"] for row in found.values()])
    return [{**row, "id": name} for row in found.values() if (name := _here(row, ids)) is not None]


def taken_by_hand(paths: BuildPaths, mine: Sequence[Mapping[str, Any]], earlier: Sequence[EarlierBuild]) -> list[Row]:
    """Rows that another program wrote into an earlier build's decisions.parquet, that hold here: whole where pictures
    and answers are the same, else what they say of the picture."""
    have, found = {row["id"] for row in mine}, dict[str, Row]()
    for build in earlier:
        rows = [row for row in _decisions(build.paths) if row["rule"] is None and row["images"]]
        ids = _ids_by_pictures(paths, [row["images"] for row in rows])
        for row in rows:
            name = _here(row, ids)
            if name is not None and name not in have and name not in found:
                origin = row["taken_from"] or build.paths.root.name
                found[name] = {**row, "id": name, "taken_from": origin}
    keys = _keys(paths, found)
    held = (row if keys.get(name) == row["keys"] else _of_picture(row) for name, row in found.items())
    return [row for row in held if row is not None]


def _of_picture(row: Row) -> Row | None:
    """What of a row holds for a picture about which something else is said now; None where nothing does."""
    nowhere = row["verdict"] == NOWHERE
    if not nowhere and row["lat"] is None and not row["boxes"]:
        return None
    return {**row, "decision": row["decision"] if nowhere else None, "text": None, "clues": None, "keys": None}


def _annotations(paths: BuildPaths) -> list[Row]:
    if not paths.annotations.exists():
        return []
    try:
        rows: list[Row] = read_arrow(paths.annotations, arrow.ANNOTATIONS).to_pylist()
    except CorruptBuild:
        return []
    return rows


def _decisions(paths: BuildPaths) -> list[Row]:
    try:
        return read_reviews(paths).to_dicts()
    except CorruptBuild:
        return []


def _here(row: Mapping[str, Any], ids: Mapping[str, Sequence[str]]) -> str | None:
    """The sample of this build that has a row's pictures: the one of the same id, else the first."""
    names = ids.get(" ".join(row["images"]), ())
    return row["id"] if row["id"] in names else next(iter(names), None)


def _ids_by_pictures(paths: BuildPaths, pictures: Sequence[Sequence[str]]) -> dict[str, list[str]]:
    """Samples of this build by the digests of their pictures, of those asked for."""
    wanted = {" ".join(one) for one in pictures if one}
    found: dict[str, list[str]] = {}
    for shard in paths.shards() if wanted else ():
        if shard.answers.exists():
            digests = pl.col("photos").list.eval(pl.element().struct.field("sha256").drop_nulls()).list.join(" ")
            rows = read_columns(shard.answers, ["id", "photos.list.element.sha256"]).select("id", digests=digests)
            for name, digest in rows.filter(pl.col("digests").is_in(list(wanted))).iter_rows():
                found.setdefault(digest, []).append(name)
    return found


def _keys(paths: BuildPaths, ids: Mapping[str, Any]) -> dict[str, list[str]]:
    """The ledger keys of all answers about a sample, sorted."""
    found: dict[str, list[str]] = {}
    for shard in paths.shards() if ids else ():
        if shard.answers.exists():
            rows = read_rows(shard.answers, ("id", "answers.list.element.keys"), list(ids))
            for name, row in rows.items():
                found[name] = sorted({key for answer in row["answers"] or () for key in answer["keys"] or ()})
    return found
