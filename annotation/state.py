"""What is known of what people said in the build's projects, between two pulls: in memory while one runs, then on disk.

An annotation's number is its server's. Those of other projects (another server's, or of one that was deleted) stay as
they are, under numbers that no server gives: this one may have given theirs again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from annotation.projects import Project
from annotation.words import is_refused
from factory.store.annotations import TIME, change_annotations, is_of_server, read_annotations
from factory.store.brought_back import mends
from factory.store.files import make_folder
from factory.store.layout import BuildPaths
from factory.store.tables import read_all, write_table
from schemas import arrow

Row = dict[str, Any]


@dataclass(slots=True)
class State:
    """The newest state of each annotation of some projects."""

    rows: dict[int, Row]
    """Those that can count, the deleted ones among them, by the annotation's number."""
    refused: dict[tuple[int, int | None], Row]
    """By the task's number and the annotation's, where it has one."""
    is_here: Callable[[Row], bool]
    """Whether a row is of one of these projects."""
    word_of: Callable[[Row], Row | None] = lambda _: None
    """What holds of a refused one, as a row beside `rows`; None where its task is not known."""
    words: dict[int, Row] = field(default_factory=dict)
    """Those rows by the annotation's number, of deleted ones, too."""
    new: int = 0
    changed: int = 0
    deleted: int = 0
    _by_task: dict[int, set[int]] = field(default_factory=dict)
    _came: list[Row] = field(default_factory=list)
    """States that were not known, as they came."""

    @classmethod
    def read(cls, paths: BuildPaths, projects: Iterable[Project]) -> State:
        """As the last pull left it; empty where its files are lost. Raises CorruptBuild for a damaged one."""
        began = {project.id: _began(project) for project in projects}

        def is_here(row: Row) -> bool:
            """A number alone may be another server's; but nobody answers before there is a project."""
            since, at = began.get(row["project"]), row["updated_at"]
            return since is not None and (at is None or at >= since)

        rows = read_annotations(paths, lost=True)
        known = {row["annotation"]: row for row in rows if is_of_server(row) and is_here(row)}
        remedy = mends(paths, paths.refused)
        refused = [row for row in read_all(paths.refused, arrow.REFUSED, remedy) if is_here(row)]
        found = cls(rows=known, refused={(row["task"], row["annotation"]): row for row in refused}, is_here=is_here)
        found.words = {number: known.pop(number) for number in [*known] if is_refused(known[number])}
        for number, row in known.items():
            found._by_task.setdefault(row["task"], set()).add(number)
        return found

    def put(self, row: Row) -> None:
        """Takes in an annotation as it is now."""
        number = row["annotation"]
        self.refused.pop((row["task"], number), None)
        before = self.rows.get(number)
        if before is not None and before["updated_at"] > row["updated_at"]:
            return
        if before is None or before["updated_at"] != row["updated_at"]:
            self._note(row)
            self.new += before is None
            self.changed += before is not None
        self.rows[number] = row
        self._by_task.setdefault(row["task"], set()).add(number)

    def refuse(self, row: Row) -> None:
        """Takes in one that cannot count; what it said before does not count either."""
        key = (row["task"], row["annotation"])
        before = self.refused.get(key)
        if before is None or before["raw"] != row["raw"]:
            self._note(row)
        self.refused[key] = row
        self.rows.pop(row["annotation"], None)

    def keep_of_task(self, task: int, there: Collection[int | None]) -> None:
        """Of what was said of a task, only these annotations are there now: the others were deleted."""
        for number in self._by_task.get(task, set()) - {*there}:
            if number in self.rows and not self.rows[number]["deleted"]:
                self.rows[number] = {**self.rows[number], "deleted": True}
                self.deleted += 1
        for key in [key for key in self.refused if key[0] == task and key[1] not in there]:
            del self.refused[key]
        gone = [number for number, row in self.words.items() if row["task"] == task and number not in there]
        self.words |= {number: {**self.words[number], "deleted": True} for number in gone}

    def tasks_of(self, project: Project) -> set[int]:
        """The tasks of a project of which something counts, or is refused."""
        held = [*(row for row in self.rows.values() if not row["deleted"]), *self.refused.values()]
        return {row["task"] for row in held if row["project"] == project.id}

    def speak(self) -> None:
        """Brings `words` up to what is refused now."""
        self.words = {number: row for number, row in self.words.items() if number not in self.rows}
        for row in self.refused.values():
            word = self.word_of(row)
            if word is None:
                self.words.pop(row["annotation"], None)
                continue
            before = self.words.get(word["annotation"])
            if before is not None and row["updated_at"] is None and before["raw"] == word["raw"]:
                word["updated_at"] = before["updated_at"]
            self.words[word["annotation"]] = word

    def _note(self, row: Row) -> None:
        self._came.append({name: row[name] for name in arrow.RAW.names})

    def write(self, paths: BuildPaths) -> None:
        """First what came, under a name that nothing has, then what counts."""
        if self._came:
            make_folder(paths.pulls)
            number = 1 + max((int(path.stem) for path in paths.pulls.glob("[0-9]*.parquet")), default=0)
            write_table(pa.Table.from_pylist(self._came, schema=arrow.RAW), paths.pulls / f"{number:06d}.parquet")
            self._came = []
        self.speak()
        change_annotations(paths, self._beside, lost=True)
        out = sorted(self.refused.values(), key=lambda row: (row["project"], row["task"], row["annotation"] or 0))
        write_table(pa.Table.from_pylist(out, schema=arrow.REFUSED), paths.refused)

    def _beside(self, rows: Sequence[Row]) -> list[Row]:
        kept = [row for row in rows if not is_of_server(row)]
        others = [row for row in rows if is_of_server(row) and not self.is_here(row)]
        free = min([0, *(row["annotation"] for row in kept)])
        moved = [{**row, "annotation": free - at} for at, row in enumerate(others, start=1)]
        mine = {**self.words, **self.rows}
        return [*kept, *moved, *(mine[number] for number in sorted(mine))]


def _began(project: Project) -> str:
    """When a project was made, as times of annotations are written; empty where it cannot be told."""
    try:
        return datetime.fromisoformat(project.created_at).astimezone(UTC).strftime(TIME)
    except (ValueError, OverflowError):
        return ""
