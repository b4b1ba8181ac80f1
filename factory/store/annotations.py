"""annotations.parquet, which three write: a pull what the server has, a lead's word on the command line, and deciding
what it takes over of earlier builds. Each reads it again under a lock of its own before it writes, and leaves the rows
of the others as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import polars as pl
import pyarrow as pa

from factory.errors import CorruptBuild
from factory.store.brought_back import brings_back, mends
from factory.store.files import make_folder
from factory.store.held import held
from factory.store.layout import BuildPaths
from factory.store.lease import lease
from factory.store.reviews import read_reviews
from factory.store.tables import read_all, write_table
from schemas import arrow

Row = dict[str, Any]
"""A row of `schemas.arrow.ANNOTATIONS`."""
TIME: Final = "%Y-%m-%dT%H:%M:%S.%fZ"
"""How its times are written, in UTC; as texts they are ordered as times are."""
WAIT_S: Final = 60.0
"""How long another's change is waited for: it takes seconds for millions of rows."""


def is_of_server(row: Mapping[str, Any]) -> bool:
    """Whether a row is an annotation of this build's server: neither of an earlier build, nor one with a number below
    0: a lead's word on the command line, and what was said in a project that is the build's no more."""
    return row["taken_from"] is None and row["annotation"] >= 0


def why_lost(paths: BuildPaths) -> str | None:
    """Why there must have been a file where there is none; None where it is there, or nobody ever spoke.

    Every pull that brings an answer leaves a file, and decisions by a rule are made of what people said: a lead's word
    on the command line among that, which no server has. Raises CorruptBuild where decisions.parquet is damaged.
    """
    if paths.annotations.exists():
        return None
    if any(paths.pulls.glob("[0-9]*.parquet")):
        return "people's answers were pulled"
    if _is_made_of_annotations(read_reviews(paths)):
        return f"{paths.decisions.name} was made of it"
    return None


def _is_made_of_annotations(reviews: pl.DataFrame) -> bool:
    """Whether a decision by a rule follows from more than rows that another program wrote, which hold for every sample
    with their pictures."""
    by_hand = {
        digest for images in reviews.filter(pl.col("rule").is_null())["images"].to_list() for digest in images or ()
    }
    ruled = reviews.filter(pl.col("rule").is_not_null())["images"].to_list()
    return any(by_hand.isdisjoint(images or ()) for images in ruled)


def read_annotations(paths: BuildPaths, *, lost: bool = False) -> list[Row]:
    """What people said of a build, none where nobody said anything.

    Args:
        lost: that it is lost is known: then there is none.

    Raises CorruptBuild for a damaged file, and for one that is lost: what people decided would go with it.
    """
    if not lost and (why := why_lost(paths)) is not None:
        raise CorruptBuild(f"{paths.annotations}: is not there, and {why}; {brings_back(paths, paths.annotations)}")
    return read_all(paths.annotations, arrow.ANNOTATIONS, mends(paths, paths.annotations))


def change_annotations(
    paths: BuildPaths, change: Callable[[list[Row]], Sequence[Row]], *, lost: bool = False
) -> Sequence[Row]:
    """Writes what `change` makes of the rows that are there now, and returns it; nobody else writes meanwhile.

    Raises BuildLocked where another change takes longer than WAIT_S, CorruptBuild as `read_annotations` does.
    """
    with held(paths.root):
        make_folder(paths.review)
        with lease(paths.annotations_lease, what=str(paths.annotations), wait_s=WAIT_S):
            rows = change(read_annotations(paths, lost=lost))
            write_table(pa.Table.from_pylist(list(rows), schema=arrow.ANNOTATIONS), paths.annotations)
    return rows
