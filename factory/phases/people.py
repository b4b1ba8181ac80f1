"""Earlier builds in which people were asked: what they said and decided there holds for the pictures of a new one, too.

A build of which no answer can be used any more may still be the only one that knows what is private in a picture. So
none that has a folder `review/` is passed over: what cannot be read there is named, and nothing is decided without it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from factory.errors import CorruptBuild
from factory.phases.earlier import EarlierBuild, builds_beside, described
from factory.store.annotations import Row, read_annotations
from factory.store.brought_back import mends
from factory.store.files import kind_of
from factory.store.layout import BuildPaths
from factory.store.reviews import read_reviews
from factory.store.tables import column_names, read_columns
from schemas import arrow


def reviewed_builds(current: BuildPaths, recipe: str) -> list[EarlierBuild]:
    """Other builds of the recipe in the same folder that have a folder `review/`, newest first, whatever else of them
    is lost, damaged, of another layout or no plain file.

    Raises CorruptBuild where what people said in one of them cannot even be looked for.
    """
    beside = builds_beside(current.root.parent, recipe, current.root)
    return described([paths for paths in beside if _is_reviewed(paths)])


def said_in(build: EarlierBuild) -> list[Row]:
    """Annotations of an earlier build. Raises CorruptBuild where the file is damaged or lost, or has other columns."""
    paths = build.paths
    with needed(paths):
        rows = read_annotations(paths)
        if rows and (other := {*arrow.ANNOTATIONS.names} ^ {*column_names(paths.annotations)}):
            raise CorruptBuild(
                f"{paths.annotations}: has another layout than today's (column `{min(other)}`); "
                f"{mends(paths, paths.annotations)}"
            )
        return rows


def decided_in(build: EarlierBuild) -> list[Row]:
    """Rows of an earlier build's decisions.parquet. Raises CorruptBuild where it is damaged."""
    with needed(build.paths):
        return read_reviews(build.paths).to_dicts()


def gold_in(build: EarlierBuild) -> pl.DataFrame | None:
    """Columns external, kind and expected of an earlier build's tasks; None where it has none. Raises CorruptBuild."""
    with needed(build.paths):
        return read_gold(build.paths)


def read_gold(paths: BuildPaths) -> pl.DataFrame | None:
    """The same of any build, as its file is. Raises CorruptBuild."""
    return read_columns(paths.tasks, ["external", "kind", "expected"]) if paths.tasks.exists() else None


@contextmanager
def needed(paths: BuildPaths) -> Iterator[None]:
    """Adds to what is said of a file of an earlier build why nothing goes on without it, and how it does."""
    try:
        yield
    except CorruptBuild as error:
        raise CorruptBuild(*error.args, *_why(paths)) from error


def _why(paths: BuildPaths) -> Sequence[str]:
    return (
        f"  nothing is decided without it: what people marked as private in {paths.root.name} would be released "
        "unblurred where this build has the same pictures",
        f"  if nothing that they said there shall count any more, move that build out of {paths.root.parent}; "
        "then the same command goes on",
    )


def _is_reviewed(paths: BuildPaths) -> bool:
    """Whether a build has a folder `review/`. Raises CorruptBuild where its files are no plain ones, or not ours to
    read."""
    with needed(paths):
        if _kind(paths.review) is None:
            return False
        for folder in (paths.root, paths.review, paths.pulls):
            _require(folder, stat.S_ISDIR(_kind(folder) or stat.S_IFDIR), "a folder", os.R_OK | os.X_OK)
        for file in (paths.annotations, paths.decisions, paths.reviewers, paths.tasks):
            _require(file, stat.S_ISREG(_kind(file) or stat.S_IFREG), "a file", os.R_OK)
    return True


def _require(path: Path, is_that: bool, what: str, mode: int) -> None:
    if not is_that:
        raise CorruptBuild(f"{path}: is {kind_of(path)}, expected {what}; no link is followed here")
    if path.exists() and not os.access(path, mode):
        raise CorruptBuild(f"{path}: cannot be read (its mode does not allow it)")


def _kind(path: Path) -> int | None:
    """The mode of what lies there, no link followed; None where nothing does."""
    try:
        return path.lstat().st_mode
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CorruptBuild(f"{path}: cannot be looked at ({error.strerror})") from None
