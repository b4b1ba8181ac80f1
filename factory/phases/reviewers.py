"""Who the people are: the pseudonym of each, how each did on gold, and for whom a lead vouches."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import orjson
import polars as pl

from annotation.qualify import Expected, Round, rounds
from factory.errors import CorruptBuild, RecipeError
from factory.phases.earlier import EarlierBuild
from factory.phases.people import decided_in, gold_in, read_gold, said_in
from factory.store.annotations import TIME, Row, read_annotations
from factory.store.brought_back import mends
from factory.store.files import make_folder, read_json, write_bytes
from factory.store.layout import BuildPaths
from factory.store.reviews import read_reviews
from factory.text import did_you_mean

_PSEUDONYM: Final = re.compile(r"reviewer-[1-9][0-9]{0,8}")


def require_people(paths: BuildPaths, earlier: Sequence[EarlierBuild]) -> None:
    """Reads all that decides what people said, here and in earlier builds, before anybody is asked: what cannot be read
    stops the build later anyhow, when teachers are paid. Raises CorruptBuild as deciding does."""
    read_annotations(paths)
    read_reviews(paths)
    read_gold(paths)
    for build in earlier:
        if any(row["taken_from"] is None for row in said_in(build)):
            gold_in(build)
        decided_in(build)
    read_names(paths, earlier)
    read_trusted(paths, earlier)


def read_names(paths: BuildPaths, earlier: Sequence[EarlierBuild]) -> dict[str, str]:
    """The pseudonym of everybody known, as this build has given them, else as the newest earlier one has. Raises
    CorruptBuild."""
    kept, path = _kept(paths, earlier)
    names = kept.get("names", {})
    if not isinstance(names, dict) or not all(
        isinstance(said, str) and _PSEUDONYM.fullmatch(said) for said in names.values()
    ):
        raise CorruptBuild(f"{path.reviewers}: expected `names`, each with a pseudonym such as reviewer-1")
    return dict(names)


def read_trusted(paths: BuildPaths, earlier: Sequence[EarlierBuild]) -> dict[str, Any]:
    """The accounts that a lead vouches for, with who and when, of the same file. Raises CorruptBuild."""
    kept, path = _kept(paths, earlier)
    trusted = kept.get("trusted", {})
    if not isinstance(trusted, dict):
        raise CorruptBuild(f"{path.reviewers}: expected `trusted` to be an object of accounts")
    return dict(trusted)


def _kept(paths: BuildPaths, earlier: Sequence[EarlierBuild]) -> tuple[Mapping[str, Any], BuildPaths]:
    found = next((one for one in (paths, *(build.paths for build in earlier)) if one.reviewers.exists()), None)
    return ({}, paths) if found is None else (read_json(found.reviewers, mends(found, found.reviewers)), found)


def write_names(paths: BuildPaths, names: Mapping[str, str], trusted: Mapping[str, Any]) -> None:
    """reviewers.json, whole."""
    kept: dict[str, Any] = {"names": dict(names), **({"trusted": dict(trusted)} if trusted else {})}
    make_folder(paths.review)
    write_bytes(orjson.dumps(kept, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS), paths.reviewers)


def vouch(paths: BuildPaths, accounts: Iterable[str], lead: str | None, earlier: Sequence[EarlierBuild]) -> None:
    """Notes that a lead vouches for accounts, which are given by their names or pseudonyms. Raises RecipeError."""
    if not lead:
        raise RecipeError("who vouches? name the lead with --lead NAME")
    names, trusted = known_names(paths, read_annotations(paths), earlier), read_trusted(paths, earlier)
    by_pseudonym = {said: name for name, said in names.items()}
    for given in accounts:
        who = by_pseudonym.get(given, given)
        if who not in names:
            near = did_you_mean(given, [*by_pseudonym, *names])
            raise RecipeError(f"{paths.root}: nobody called {given!r:.80} has said anything yet{near}; pull first")
        trusted.setdefault(who, {"by": lead, "at": datetime.now(UTC).strftime(TIME)})
    write_names(paths, names, trusted)


def known_names(
    paths: BuildPaths, annotations: Iterable[Mapping[str, Any]], earlier: Sequence[EarlierBuild]
) -> dict[str, str]:
    """`read_names` with everybody who annotated, numbered as they came, whether their votes count or not."""
    names = read_names(paths, earlier)
    for row in sorted(annotations, key=lambda row: (row["updated_at"], row["annotation"])):
        if row["reviewer"] not in names:
            names[row["reviewer"]] = _next(names)
    return names


def pseudonym(name: str, names: dict[str, str]) -> str:
    """What somebody is called outside of `review/`; a new one is added to `names`, and a pseudonym stays one, but for
    that of an account which is called so itself."""
    if name not in names:
        if name in names.values():
            return name
        names[name] = _next(names)
    return names[name]


def _next(names: Mapping[str, str]) -> str:
    return f"reviewer-{max((int(said.rpartition('-')[2]) for said in names.values()), default=0) + 1}"


def gold_rounds(paths: BuildPaths, annotations: Sequence[Row], earlier: Sequence[EarlierBuild]) -> Mapping[str, Round]:
    """How every account did on gold, that of the earlier builds from which its annotations were taken, too. Gold of a
    build that is there no more says nothing. Raises CorruptBuild where that of one that is there cannot be read."""
    expected: dict[tuple[str | None, str], str] = dict(_gold(read_gold(paths), None))
    origins = {row["taken_from"] for row in annotations}
    for build in earlier:
        if build.paths.root.name in origins:
            expected |= _gold(gold_in(build), build.paths.root.name)
    return rounds(annotations, expected)


def _gold(rows: pl.DataFrame | None, origin: str | None) -> Expected:
    if rows is None:
        return {}
    known = rows.filter((pl.col("kind") == "gold") & pl.col("expected").is_not_null())
    return {(origin, name): verdict for name, verdict in known.select("external", "expected").iter_rows()}
