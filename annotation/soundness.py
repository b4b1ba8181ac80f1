"""Whether the files of `review/` can be read, and none of them is lost; each fault says what brings its file back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pyarrow as pa

from annotation.projects import PICTURES, Project, read_projects
from factory.errors import CorruptBuild
from factory.store.annotations import why_lost
from factory.store.brought_back import brings_back, mends
from factory.store.files import read_json
from factory.store.layout import BuildPaths
from factory.store.tables import read_arrow
from schemas import arrow

_LOST: Final = "{}: is not there, and {}; {}"


def review_faults(paths: BuildPaths) -> Iterator[str]:
    """A line for each file that people's work stands in and that is damaged, or is not there and should be. Decisions
    are looked at elsewhere."""
    tables: list[tuple[pa.Schema, list[Path]]] = [
        (arrow.TASKS, [paths.tasks]),
        (arrow.ANNOTATIONS, [paths.annotations]),
        (arrow.REFUSED, [paths.refused]),
        (arrow.RAW, sorted(paths.pulls.glob("[0-9]*.parquet"))),
    ]
    for schema, files in tables:
        for path in files:
            try:
                if path.exists():
                    read_arrow(path, schema, remedy=mends(paths, path))
            except CorruptBuild as error:
                yield str(error)
    try:
        if paths.reviewers.exists():
            read_json(paths.reviewers, mends(paths, paths.reviewers))
        projects = read_projects(paths.review_projects, mends(paths, paths.review_projects))
    except CorruptBuild as error:
        yield str(error)
        return
    yield from _lost(paths, [one for slot, one in projects.items() if slot != PICTURES])


def _lost(paths: BuildPaths, projects: list[Project]) -> Iterator[str]:
    if projects and not paths.tasks.exists():
        yield _LOST.format(paths.tasks, "projects were made for it", brings_back(paths, paths.tasks))
    if not projects and paths.tasks.exists():
        why = "its tasks were sent"
        yield _LOST.format(paths.review_projects, why, brings_back(paths, paths.review_projects))
    try:
        lost = why_lost(paths)
    except CorruptBuild:  # decisions are looked at elsewhere
        lost = None
    if lost is not None:
        yield _LOST.format(paths.annotations, lost, brings_back(paths, paths.annotations))
    if any(one.pulled_until for one in projects) and not paths.refused.exists():
        yield _LOST.format(paths.refused, "every pull writes it", brings_back(paths, paths.refused))
