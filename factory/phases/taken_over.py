"""What the people of earlier builds said about pictures that this build has, too, by the pictures' digests.

An annotation says itself which answer it was about, so what of it still holds is found where decisions are made.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson
import polars as pl

from annotation.words import NOWHERE
from factory.phases.earlier import EarlierBuild
from factory.phases.people import decided_in, said_in
from factory.store.files import digest_of
from factory.store.layout import BuildPaths
from factory.store.tables import read_columns, read_rows

Row = dict[str, Any]


def taken_over(paths: BuildPaths, mine: Sequence[Row], earlier: Sequence[EarlierBuild]) -> list[Row]:
    """This build's annotations with those of earlier builds about pictures that it has, too, as they stand there now;
    ids are those that the pictures' samples have here.

    Returns what equals `mine` where nothing is new. Raises CorruptBuild where what was said in one cannot be read.
    """
    told = {build.paths.root.name: said_in(build) for build in earlier}
    is_stale = _moved(told)
    held = [row for row in mine if not is_stale(row)]
    have = {(row["taken_from"], row["annotation"]): row for row in held}
    found: dict[tuple[str, int], Row] = {}
    for build, rows in told.items():
        for row in rows:
            key = (row["taken_from"] or build, row["annotation"])
            known = found.get(key) or have.get(key)
            is_new = known is None or _state(row) > _state(known)
            if key[0] != paths.root.name and is_new and not is_stale(row):
                found[key] = {**row, "taken_from": key[0]}
    found = {key: row for key, row in found.items() if key in have or not row["deleted"]}
    ids = _ids_by_pictures(paths, [row["images"] for row in found.values()])
    new = {key: {**row, "id": name} for key, row in found.items() if (name := _here(row, ids)) is not None}
    return [*({**have, **new}.values())] if new else held


def _moved(told: Mapping[str, Sequence[Row]]) -> Callable[[Row], bool]:
    """Whether a row was taken from one of these builds under a number that it has there no more: a build gives what was
    said in projects that were deleted numbers below 0, and the server may give theirs to others."""
    own = {(build, row["annotation"], *_whose(row)) for build, rows in told.items() for row in rows if _is_own(row)}
    moved = {(build, *whose) for build, number, *whose in own if number < 0}

    def is_stale(row: Row) -> bool:
        origin, whose = row["taken_from"], _whose(row)
        return (origin, *whose) in moved and (origin, row["annotation"], *whose) not in own

    return is_stale


def _is_own(row: Row) -> bool:
    return row["taken_from"] is None


def _whose(row: Row) -> tuple[int | None, int | None, str, str]:
    """What of an annotation stays whatever number it has: where, about what and by whom it was made."""
    return row["project"], row["task"], row["external"], row["reviewer"]


def people_digest(earlier: Sequence[EarlierBuild]) -> str:
    """One digest over what people of earlier builds said and decided; empty where nobody did anything."""
    files = ((one.paths.root.name, one.paths.annotations, one.paths.decisions) for one in earlier)
    parts = sorted((name, digest_of(said), digest_of(decided)) for name, said, decided in files)
    told = [part for part in parts if any(part[1:])]
    return hashlib.sha256(orjson.dumps(told)).hexdigest() if told else ""


def _state(row: Row) -> tuple[str, bool]:
    """Which of two states of an annotation is the later one: deleting it leaves its time as it is."""
    return row["updated_at"], row["deleted"]


def taken_by_hand(paths: BuildPaths, mine: Sequence[Mapping[str, Any]], earlier: Sequence[EarlierBuild]) -> list[Row]:
    """Rows that another program wrote into an earlier build's decisions.parquet, that hold here: whole where pictures
    and answers are the same, else what they say of the picture. Raises CorruptBuild where one cannot be read."""
    have, found = {row["id"] for row in mine}, dict[str, Row]()
    for build in earlier:
        rows = [row for row in decided_in(build) if row["rule"] is None and row["images"]]
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
