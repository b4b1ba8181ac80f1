"""Tasks on their way to reviewers' projects, each once, whatever happens in between.

What has a name on the server is not sent again. A row of each task is kept as it is made, and one of a task that a
stopped command made is added by the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import orjson

from annotation.client import Client
from annotation.index import Index
from annotation.making import make_all
from annotation.projects import PICTURES, Project
from annotation.replies import Imported
from annotation.tasks import EXTERNAL

BATCH: Final = 250
"""Tasks of one import: larger ones are not faster, and hosted servers time out."""
MOST_BYTES: Final = 16 * 2**20
"""Of one import; halved where a server takes less."""

Row = dict[str, Any]
"""What is noted of a task: `external`, `slot`, `project`, `task` among others; `task` is null until it is made."""


class Sender:
    """Collects tasks by project and sends them in batches. Looks at the server at once."""

    def __init__(self, client: Client, projects: Mapping[str, Project], rows: Iterable[Row]) -> None:
        """
        Args:
            projects: by slot; that of the pictures is left alone.
            rows: of tasks that were sent before; those that tell of another project of the same slot do not count.
        """
        self._client = client
        self.rows = {row["external"]: row for row in rows}
        """By the task's name."""
        self.made, self.there, self.unwritten = 0, 0, 0
        slots = [slot for slot in projects if slot != PICTURES]
        self._indexes = {slot: Index(client, projects[slot], self._noted(slot, projects[slot])) for slot in slots}
        self._waiting: dict[str, list[dict[str, Any]]] = {slot: [] for slot in slots}
        self._sizes = dict.fromkeys(slots, 0)
        self._unsure: set[str] = set()

    def _noted(self, slot: str, project: Project) -> dict[str, int]:
        mine = (row for row in self.rows.values() if row["slot"] == slot and row["project"] == project.id)
        return {row["external"]: row["task"] for row in mine if row["task"] is not None}

    def number(self, slot: str) -> int:
        """How many tasks of ours the slot's project has."""
        return len(self._indexes[slot].tasks)

    def task_of(self, slot: str, name: str) -> int | None:
        """The number of a task that the server is known to have."""
        return self._indexes[slot].tasks.get(name)

    def names(self) -> dict[str, set[str]]:
        """The names of all tasks of ours that the server has, by slot."""
        return {slot: {*index.tasks} for slot, index in self._indexes.items()}

    def is_done(self, slot: str, name: str) -> bool:
        """Whether the server has the task and we have its row."""
        task, row = self._indexes[slot].tasks.get(name), self.rows.get(name)
        return task is not None and row is not None and (row["task"], row["project"]) == (task, self._project(slot))

    def add(self, body: Mapping[str, Any], row: Row) -> None:
        """Takes a task in, and sends a batch where that is full.

        Args:
            body: as the server imports it, named as the row is.
            row: without `project` and `task`.
        """
        name, slot = row["external"], row["slot"]
        known = self._indexes[slot].tasks.get(name)
        self.rows[name] = {**row, "project": self._project(slot), "task": known}
        self.unwritten += 1
        if known is not None:  # a stopped command made it
            self.there += 1
            return
        size = len(orjson.dumps(body))
        if self._waiting[slot] and self._sizes[slot] + size > MOST_BYTES:
            self._send(slot)
        self._waiting[slot].append(dict(body))
        self._sizes[slot] += size
        if len(self._waiting[slot]) >= BATCH:
            self._send(slot)

    def flush(self) -> None:
        """Sends what waits."""
        for slot in self._waiting:
            self._send(slot)

    def settle(self) -> None:
        """After a call without an answer: it may have been done since."""
        for slot in self._unsure:
            self._indexes[slot].settle()
        self._unsure.clear()

    def sent(self) -> list[Row]:
        """The rows of tasks that are there, by name, as they are to be written now."""
        self.unwritten = 0
        return sorted((row for row in self.rows.values() if row["task"] is not None), key=lambda row: row["external"])

    def _project(self, slot: str) -> int:
        return self._indexes[slot].project.id

    def _send(self, slot: str) -> None:
        bodies, self._waiting[slot], self._sizes[slot] = self._waiting[slot], [], 0
        index = self._indexes[slot]

        def look() -> None:
            self._unsure.add(slot)
            index.look()

        try:
            make_all(
                self._client,
                bodies,
                is_there=lambda body: body["data"][EXTERNAL] in index.tasks,
                make=lambda missing: self._import(index, missing),
                look=look,
                too_large=_too_large,
                kept=lambda: (
                    f"{self.made:,} tasks were made and are kept, and the same command goes on when it answers"
                ),
            )
        finally:
            for body in bodies:
                name = body["data"][EXTERNAL]
                self.rows[name]["task"] = index.tasks.get(name)
                self.made += self.rows[name]["task"] is not None

    def _import(self, index: Index, bodies: Sequence[Mapping[str, Any]]) -> None:
        path = f"/api/projects/{index.project.id}/import"
        made = self._client.make(path, Imported, bodies, params={"return_task_ids": "true"})
        if len(made.task_ids) == len(bodies):
            index.tasks.update(zip((body["data"][EXTERNAL] for body in bodies), made.task_ids, strict=True))
        else:
            index.look()


def _too_large(body: Mapping[str, Any]) -> str:
    return (
        f"takes no task of {len(orjson.dumps(body)):,} bytes (HTTP 413), as that of {body['data'][EXTERNAL]!r} is; "
        "raise the limit of the server or its proxy"
    )
