"""Takes back what people said: what changed since the last time, checked, the newest state of each annotation.

The server's own clock says what changed, with a window that overlaps: a change that was written late, while the page
before it was read, is seen again. Whatever is seen again changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pyarrow as pa

from annotation.annotations import Refused, changed_at, raw_text, read_annotation, reviewer_of
from annotation.client import Client
from annotation.index import pages
from annotation.projects import PICTURES, Project, read_projects, still_there, task_number, write_projects
from annotation.push import sent_rows
from annotation.replies import ChangedTask, ChangedTasks, TaskNumbers, Users
from factory.errors import CorruptBuild, EnvironmentFault
from factory.store.annotations import TIME, change_annotations, is_of_server, read_annotations
from factory.store.files import make_folder
from factory.store.held import held
from factory.store.layout import Build, BuildPaths
from factory.store.lease import lease
from factory.store.tables import read_arrow, write_table
from schemas import arrow

OVERLAP: Final = timedelta(minutes=10)
"""How far behind the newest change that was seen the next pull begins."""
_KEPT: Final = (
    "id",
    "task",
    "project",
    "result",
    "completed_by",
    "updated_by",
    "was_cancelled",
    "ground_truth",
    "created_at",
    "lead_time",
    "parent_prediction",
    "parent_annotation",
    "import_id",
    "last_action",
)
"""Fields of an annotation that are asked for, and kept raw."""
ASKED: Final = {"fields": "all", "include": ",".join(("updated_at", "annotations", *_KEPT))}
"""Of a page of tasks."""
Row = dict[str, Any]


@dataclass(slots=True)
class Pulled:
    """What came of it."""

    new: int = 0
    changed: int = 0
    deleted: int = 0
    skipped: int = 0
    """Of all that are there now."""
    annotations: int = 0
    """Of the server, that count now: neither skipped nor deleted."""
    refused: list[Row] = field(default_factory=list)
    """Rows of refused.parquet."""


def pull(build: Build, client: Client, *, say: Callable[[str], None] = lambda _: None) -> Pulled:
    """Brings annotations.parquet and refused.parquet up to what the server has.

    Raises EnvironmentFault when the server cannot go on, or has a project no more; what was there stays, and the same
    call goes on. Raises BuildLocked while another process sends or takes back.
    """
    paths = build.paths
    projects = {slot: one for slot, one in read_projects(paths.review_projects).items() if slot != PICTURES}
    if not projects:
        raise EnvironmentFault(f"{paths.root}: nothing was sent yet; `factory review push` sends")
    with held(paths.root):
        make_folder(paths.review)
        with lease(paths.review_lease, what=str(paths.review)):
            return _pull(build, client, projects, say)


def _pull(build: Build, client: Client, projects: dict[str, Project], say: Callable[[str], None]) -> Pulled:
    paths = build.paths
    state = _State.read(paths)
    tasks = {(row["project"], row["task"]): row for row in sent_rows(build)}
    users = {user.id: user.name for user in client.get("/api/users", Users).root}
    out = Pulled()
    for slot, project in projects.items():
        require_project(client, project, slot)
        mine = {task: row for (number, task), row in tasks.items() if number == project.id}
        until = project.pulled_until
        for changed in changed_tasks(client, project):
            _take(state, changed, mine, users, task_link(client, project, changed.id), project, out)
            until = max(until, changed.updated_at)
        _note_lost(client, project, mine, state, out)
        say(f"reviewer {slot}: {len(mine):,} tasks looked at")
        state.write(paths)  # before the time: after a stop the window is read again
        projects[slot] = replace(project, pulled_until=until)
        write_projects({**read_projects(paths.review_projects), slot: projects[slot]}, paths.review_projects)
    out.refused = list(state.refused.values())
    rows = [row for row in state.rows.values() if not row["deleted"]]
    out.skipped = sum(row["skipped"] for row in rows)
    out.annotations = len(rows) - out.skipped
    return out


def require_project(client: Client, project: Project, slot: str) -> None:
    """Raises EnvironmentFault where the server has a reviewer's project no more."""
    if not still_there(client, project):
        raise EnvironmentFault(
            f"{client.url}: has no project {project.id} of this build any more (reviewer {slot}); what was pulled "
            "before is kept. Is this the server that it was sent to? If it was deleted, send again"
        )


@dataclass(slots=True)
class _State:
    """What is known of the server so far, by the annotation's number."""

    rows: dict[int, Row]
    refused: dict[int | None, Row]
    by_task: dict[int, set[int]]
    came: list[Row] = field(default_factory=list)
    """States that were not known, as they came."""

    @classmethod
    def read(cls, paths: BuildPaths) -> _State:
        rows = {row["annotation"]: row for row in read_annotations(paths) if is_of_server(row)}
        by_task: dict[int, set[int]] = {}
        for row in rows.values():
            by_task.setdefault(row["task"], set()).add(row["annotation"])
        return cls(rows=rows, refused={row["annotation"]: row for row in _refused_before(paths)}, by_task=by_task)

    def put(self, row: Row, out: Pulled) -> None:
        """Takes in an annotation as it is now."""
        number = row["annotation"]
        self.refused.pop(number, None)
        before = self.rows.get(number)
        if before is not None and before["updated_at"] > row["updated_at"]:
            return
        if before is None or before["updated_at"] != row["updated_at"]:
            self._came(row)
            out.new += before is None
            out.changed += before is not None
        self.rows[number] = row
        self.by_task.setdefault(row["task"], set()).add(number)

    def refuse(self, row: Row) -> None:
        """Takes in one that cannot count; what it said before does not count either."""
        before = self.refused.get(row["annotation"])
        if before is None or before["raw"] != row["raw"]:
            self._came(row)
        self.refused[row["annotation"]] = row
        self.rows.pop(row["annotation"], None)

    def _came(self, row: Row) -> None:
        self.came.append({name: row[name] for name in arrow.RAW.names})

    def write(self, paths: BuildPaths) -> None:
        """First what came, under a name that nothing has, then what counts."""
        if self.came:
            make_folder(paths.pulls)
            number = 1 + max((int(path.stem) for path in paths.pulls.glob("[0-9]*.parquet")), default=0)
            write_table(pa.Table.from_pylist(self.came, schema=arrow.RAW), paths.pulls / f"{number:06d}.parquet")
            self.came = []
        mine = [self.rows[number] for number in sorted(self.rows)]
        change_annotations(paths, lambda rows: [*(row for row in rows if not is_of_server(row)), *mine])
        out = sorted(self.refused.values(), key=lambda row: (row["project"], row["task"], row["annotation"] or 0))
        write_table(pa.Table.from_pylist(out, schema=arrow.REFUSED), paths.refused)


def _refused_before(paths: BuildPaths) -> list[Row]:
    found: list[Row] = read_arrow(paths.refused, arrow.REFUSED).to_pylist() if paths.refused.exists() else []
    return found


def changed_tasks(client: Client, project: Project) -> Iterator[ChangedTask]:
    """Tasks that changed since the last pull, with all that was said about them."""
    also: list[Mapping[str, Any]] = []
    if project.pulled_until:
        since = _before(project.pulled_until)
        also = [{"filter": "filter:tasks:updated_at", "operator": "greater", "type": "Datetime", "value": since}]
    for page in pages(client, project, ChangedTasks, ASKED, *also):
        yield from page.tasks


def _before(at: str) -> str:
    try:
        return (datetime.fromisoformat(at).astimezone(UTC) - OVERLAP).strftime(TIME)
    except (ValueError, OverflowError):
        raise CorruptBuild(f"{at!r:.40} is no time of the server; delete projects.json and pull again") from None


def task_link(client: Client, project: Project, task: int) -> str:
    """The address of a task, for people."""
    return f"{client.url}/projects/{project.id}/data?task={task}"


def _take(
    state: _State,
    changed: ChangedTask,
    tasks: Mapping[int, Row],
    users: Mapping[int, str],
    link: str,
    project: Project,
    out: Pulled,
) -> None:
    """One task: its annotations as they are now; those that it had and has no more were deleted."""
    there = set()
    for raw in changed.annotations:
        try:
            row = _read(raw, tasks.get(changed.id), users)
        except Refused as refused:
            row = refused_row(raw, str(refused), changed.id, link, project, tasks.get(changed.id), users)
            state.refuse(row)
        else:
            state.put(row, out)
        there.add(row["annotation"])
    _delete(state, state.by_task.get(changed.id, set()) - there, out)
    gone = [number for number, row in state.refused.items() if row["task"] == changed.id and number not in there]
    for number in gone:
        del state.refused[number]


def _read(raw: Mapping[str, Any], task: Row | None, users: Mapping[int, str]) -> Row:
    if task is None:
        raise Refused("its task was not sent by this build; if it was, `factory review push` notes it again")
    return read_annotation(raw, task, users)


def refused_row(
    raw: Mapping[str, Any],
    reason: str,
    task: int,
    link: str,
    project: Project,
    sent: Row | None,
    users: Mapping[int, str],
) -> Row:
    """A row of `schemas.arrow.REFUSED`, of an annotation that cannot count for a reason."""
    number = raw.get("id")
    try:
        reviewer: str | None = reviewer_of(raw, users)
    except Refused:
        reviewer = None
    try:
        at: str | None = changed_at(raw)
    except Refused:
        at = None
    return {
        "annotation": number if isinstance(number, int) and 0 < number < 2**63 else None,
        "task": task,
        "project": project.id,
        "external": None if sent is None else sent["external"],
        "reviewer": reviewer,
        "reason": reason,
        "link": link,
        "updated_at": at,
        "raw": raw_text(raw),
    }


def _note_lost(client: Client, project: Project, tasks: Mapping[int, Row], state: _State, out: Pulled) -> None:
    """Annotations of tasks that the server has no more are deleted, too."""
    if task_number(client, project) >= len(tasks):
        return
    there = {task.id for page in pages(client, project, TaskNumbers, {"include": "id"}) for task in page.tasks}
    for task in tasks.keys() - there:
        _delete(state, state.by_task.get(task, set()), out)


def _delete(state: _State, numbers: Iterable[int], out: Pulled) -> None:
    for number in numbers:
        if number in state.rows and not state.rows[number]["deleted"]:
            state.rows[number] = {**state.rows[number], "deleted": True}
            out.deleted += 1


def told(refused: Sequence[Row]) -> list[str]:
    """A line for each annotation that was refused."""
    return [f"{row['link']}: annotation {row['annotation']} is refused: {row['reason']}" for row in refused]
