"""annotations.parquet, which three write: a pull what the server has, a lead's word on the command line, and deciding
what it takes over of earlier builds. Each reads it again under a lock of its own before it writes, and leaves the rows
of the others as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import pyarrow as pa

from factory.store.files import make_folder
from factory.store.held import held
from factory.store.layout import BuildPaths
from factory.store.lease import lease
from factory.store.tables import read_arrow, write_table
from schemas import arrow

Row = dict[str, Any]
"""A row of `schemas.arrow.ANNOTATIONS`."""
TIME: Final = "%Y-%m-%dT%H:%M:%S.%fZ"
"""How its times are written, in UTC; as texts they are ordered as times are."""
WAIT_S: Final = 60.0
"""How long another's change is waited for: it takes seconds for millions of rows."""


def is_of_server(row: Mapping[str, Any]) -> bool:
    """Whether a row is an annotation of this build's server: neither of an earlier build, nor a lead's word on the
    command line, whose numbers are below 0."""
    return row["taken_from"] is None and row["annotation"] >= 0


def read_annotations(paths: BuildPaths) -> list[Row]:
    """What people said of a build, none where there is no file. Raises CorruptBuild for a damaged one."""
    if not paths.annotations.exists():
        return []
    rows: list[Row] = read_arrow(paths.annotations, arrow.ANNOTATIONS).to_pylist()
    return rows


def change_annotations(paths: BuildPaths, change: Callable[[list[Row]], Sequence[Row]]) -> Sequence[Row]:
    """Writes what `change` makes of the rows that are there now, and returns it; nobody else writes meanwhile.

    Raises BuildLocked where another change takes longer than WAIT_S, CorruptBuild for a damaged file.
    """
    with held(paths.root):
        make_folder(paths.review)
        with lease(paths.annotations_lease, what=str(paths.annotations), wait_s=WAIT_S):
            rows = change(read_annotations(paths))
            write_table(pa.Table.from_pylist(list(rows), schema=arrow.ANNOTATIONS), paths.annotations)
    return rows
