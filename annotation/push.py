"""Sends tasks to the reviewers' projects, each once, whatever happens in between.

A task's name is `<sample id>:<slot>`. What has a name on the server is not sent again; after every call without an
answer the server is looked at before anything is repeated. Rows of tasks.parquet are written as tasks are made, and
those of tasks that a stopped command made are added by the next.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, Final

import orjson
import pyarrow as pa

from annotation.client import ATTEMPTS, Client, TooLarge, Unsure
from annotation.index import Index
from annotation.pictures import Pictures
from annotation.projects import PICTURES, UPLOADS, Project, ensure
from annotation.replies import Imported
from annotation.tasks import EXTERNAL, Made, Screen, Wanted, task_body, task_row
from factory.errors import EnvironmentFault
from factory.store.cases import read_cases
from factory.store.files import make_folder, write_bytes
from factory.store.layout import Build
from factory.store.lease import lease
from factory.store.tables import read_arrow, write_table
from schemas import Case, arrow

BATCH: Final = 250
"""Tasks of one import: larger ones are not faster, and hosted servers time out."""
MOST_BYTES: Final = 16 * 2**20
"""Of one import; halved where a server takes less."""
NOTED_EVERY: Final = 2_000
"""Rows after which tasks.parquet is written."""


@dataclass(slots=True)
class Pushed:
    """What came of it."""

    made: int = 0
    there: int = 0
    """Tasks that the server had."""
    projects: dict[str, Project] = field(default_factory=dict)


def push(
    build: Build,
    client: Client,
    wanted: Sequence[Wanted],
    screen: Screen,
    *,
    say: Callable[[str], None] = lambda _: None,
) -> Pushed:
    """Makes on the server what is wanted and not there, and notes it.

    Raises EnvironmentFault when the server cannot go on; what was made is noted, and the same call goes on. Raises
    BuildLocked while another process sends or takes back.
    """
    make_folder(build.paths.review)
    with lease(build.paths.review_lease, what=str(build.paths.review)):
        return _push(build, client, wanted, screen, say)


def _push(build: Build, client: Client, wanted: Sequence[Wanted], screen: Screen, say: Callable[[str], None]) -> Pushed:
    write_bytes(screen.config.strip().encode(), build.paths.screen)
    out = Pushed(projects=_projects(build, client, {one.slot for one in wanted}, screen))
    pictures = Pictures(client, out.projects[PICTURES])
    rows = {row["external"]: row for row in sent_rows(build)}
    sender = _Sender(client, out, _indexes(client, out.projects, rows), rows, _version(build))
    todo = [one for one in wanted if not sender.is_done(one)]
    out.there = len(wanted) - len(todo)
    try:
        for number, (shown, made) in enumerate(_shown(build, todo, pictures, screen)):
            for one in shown:
                sender.add(one, made[0], made[1])
            if number % 500 == 499:
                say(f"{out.made:,} of {len(todo):,} tasks")
            if sender.unwritten >= NOTED_EVERY:
                sender.flush()
                _write(build, sender)
        sender.flush()
        sender.settle()
    finally:
        _write(build, sender)
    return out


def sent_rows(build: Build) -> list[dict[str, Any]]:
    """tasks.parquet, empty where nothing was sent."""
    path = build.paths.tasks
    found: list[dict[str, Any]] = read_arrow(path, arrow.TASKS).to_pylist() if path.exists() else []
    return found


def _write(build: Build, sender: _Sender) -> None:
    if sender.unwritten:
        made = (row for row in sender.rows.values() if row["task"] is not None)
        table = pa.Table.from_pylist(sorted(made, key=lambda row: row["external"]), schema=arrow.TASKS)
        write_table(table, build.paths.tasks)
        sender.unwritten = 0


def _version(build: Build) -> str:
    """What a prediction is said to come from: the order of tasks goes by it, too."""
    return f"{build.info['recipe']} {build.info['fingerprint'][:8]}"


def _projects(build: Build, client: Client, slots: Iterable[str], screen: Screen) -> dict[str, Project]:
    """The build's projects, made where they are not there yet."""
    settings = {"label_config": screen.config.strip(), "sampling": "Uncertainty sampling", "show_skip_button": True}
    reviewers = dict.fromkeys(sorted(slots), settings)
    return ensure(
        client, build.paths.review_projects, _version(build), {PICTURES: {"label_config": UPLOADS}, **reviewers}
    )


def _indexes(
    client: Client, projects: Mapping[str, Project], rows: Mapping[str, Mapping[str, Any]]
) -> dict[str, Index]:
    """What each reviewer's project has; rows that tell of another project of the same slot do not count."""
    indexes = {}
    for slot, project in projects.items():
        if slot != PICTURES:
            mine = (row for row in rows.values() if row["slot"] == slot and row["project"] == project.id)
            noted = {row["external"]: row["task"] for row in mine if row["task"] is not None}
            indexes[slot] = Index(client, project, noted)
    return indexes


class _Sender:
    """Collects tasks by project and sends them in batches."""

    def __init__(
        self, client: Client, out: Pushed, indexes: Mapping[str, Index], rows: dict[str, dict[str, Any]], version: str
    ) -> None:
        self._client, self._out, self._indexes, self._version = client, out, indexes, version
        self.rows, self.unwritten = rows, 0
        self._waiting: dict[str, list[dict[str, Any]]] = {slot: [] for slot in indexes}
        self._sizes = dict.fromkeys(indexes, 0)
        self._unsure: set[str] = set()

    def is_done(self, one: Wanted) -> bool:
        """Whether the server has the task and we have its row."""
        task = self._indexes[one.slot].tasks.get(one.external)
        row = self.rows.get(one.external)
        return task is not None and row is not None and (row["task"], row["project"]) == (task, self._project(one.slot))

    def add(self, one: Wanted, made: Made, case: Case) -> None:
        """Takes a task in, and sends a batch where that is full."""
        at = datetime.now(UTC).isoformat(timespec="seconds")
        self.rows[one.external] = task_row(one, made, case, project=self._project(one.slot), task=None, at=at)
        self.unwritten += 1
        if (known := self._indexes[one.slot].tasks.get(one.external)) is not None:  # a stopped command made it
            self.rows[one.external]["task"] = known
            self._out.there += 1
            return
        body = task_body(one, made, self._version)
        size = len(orjson.dumps(body))
        if self._waiting[one.slot] and self._sizes[one.slot] + size > MOST_BYTES:
            self._send(one.slot)
        self._waiting[one.slot].append(body)
        self._sizes[one.slot] += size
        if len(self._waiting[one.slot]) >= BATCH:
            self._send(one.slot)

    def flush(self) -> None:
        """Sends what waits."""
        for slot in self._waiting:
            self._send(slot)

    def settle(self) -> None:
        """After a call without an answer: it may have been done since."""
        for slot in self._unsure:
            self._indexes[slot].settle()
        self._unsure.clear()

    def _project(self, slot: str) -> int:
        return self._indexes[slot].project.id

    def _send(self, slot: str) -> None:
        bodies, self._waiting[slot], self._sizes[slot] = self._waiting[slot], [], 0
        try:
            self._import(slot, bodies)
        finally:
            for body in bodies:
                name = body["data"][EXTERNAL]
                self.rows[name]["task"] = self._indexes[slot].tasks.get(name)
                self._out.made += self.rows[name]["task"] is not None

    def _import(self, slot: str, bodies: Sequence[Mapping[str, Any]]) -> None:
        """Makes tasks, and knows in the end of each that it is there."""
        index = self._indexes[slot]
        for attempt in range(ATTEMPTS):
            missing = [body for body in bodies if body["data"][EXTERNAL] not in index.tasks]
            if not missing:
                return
            try:
                self._import_once(index, missing)
            except Unsure as unsure:
                said = str(unsure)
                self._unsure.add(slot)
                self._client.wait(attempt, unsure.wait_s)
                index.look()
            except TooLarge:
                self._halves(slot, missing)
            else:
                said = "did not keep all tasks"
        if any(body["data"][EXTERNAL] not in index.tasks for body in bodies):
            raise EnvironmentFault(
                f"{self._client.url}: {said}; {self._out.made:,} tasks were made and are kept, and the same command "
                "goes on when it answers"
            )

    def _import_once(self, index: Index, bodies: Sequence[Mapping[str, Any]]) -> None:
        path = f"/api/projects/{index.project.id}/import"
        made = self._client.make(path, Imported, bodies, params={"return_task_ids": "true"})
        if len(made.task_ids) == len(bodies):
            index.tasks.update(zip((body["data"][EXTERNAL] for body in bodies), made.task_ids, strict=True))
        else:
            index.look()

    def _halves(self, slot: str, bodies: Sequence[Mapping[str, Any]]) -> None:
        if len(bodies) == 1:
            size = len(orjson.dumps(bodies[0]))
            raise EnvironmentFault(
                f"{self._client.url}: takes no task of {size:,} bytes (HTTP 413), as that of "
                f"{bodies[0]['data'][EXTERNAL]!r} is; raise the limit of the server or its proxy"
            )
        middle = len(bodies) // 2
        for half in (bodies[:middle], bodies[middle:]):
            self._import(slot, half)


def _shown(
    build: Build, wanted: Sequence[Wanted], pictures: Pictures, screen: Screen
) -> Iterator[tuple[list[Wanted], tuple[Made, Case]]]:
    """Each sample's tasks with what its screen shows, shard by shard, the pictures of some samples at a time."""
    for shard, ones in groupby(sorted(wanted, key=lambda one: one.shard), key=lambda one: one.shard):
        by_id: dict[str, list[Wanted]] = {}
        for one in ones:
            by_id.setdefault(one.id, []).append(one)
        chunk: list[tuple[int, Case]] = []
        for position, case in enumerate(read_cases(build.paths, shard)):
            if case.sample.id in by_id:
                chunk.append((position, case))
            if len(chunk) == _TOGETHER:
                yield from _made(build, shard, chunk, by_id, pictures, screen)
                chunk = []
        yield from _made(build, shard, chunk, by_id, pictures, screen)


_TOGETHER: Final = 100
"""Samples whose pictures lie in memory at once."""


def _made(
    build: Build,
    shard: int,
    chunk: Sequence[tuple[int, Case]],
    by_id: Mapping[str, list[Wanted]],
    pictures: Pictures,
    screen: Screen,
) -> Iterator[tuple[list[Wanted], tuple[Made, Case]]]:
    jpegs = [_jpegs(build, shard, position, case) for position, case in chunk]
    addresses = pictures.addresses(jpeg for one in jpegs for jpeg in one.values())
    for (_, case), one in zip(chunk, jpegs, strict=True):
        shown = {role: addresses[hashlib.sha256(jpeg).hexdigest()] for role, jpeg in one.items()}
        yield by_id[case.sample.id], (screen.task(case, shown), case)


def _jpegs(build: Build, shard: int, position: int, case: Case) -> dict[str, bytes]:
    """The prepared pictures of a sample by role; one that was refused has none."""
    whole = ((index, photo) for index, photo in enumerate(case.photos) if photo.refused is None)
    return {photo.role: build.image(shard, position, index) for index, photo in whole}
