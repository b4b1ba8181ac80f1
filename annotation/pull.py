"""Takes back what people said: what changed since the last time, checked, the newest state of each annotation.

The server's own clock says what changed, with a window that overlaps: a change that was written late, while the page
before it was read, is seen again. Whatever is seen again changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from annotation.annotations import Refused, changed_at, raw_text, read_annotation, reviewer_of
from annotation.client import Client
from annotation.index import pages, task_numbers
from annotation.projects import PICTURES, Project, read_projects, still_there, write_projects
from annotation.push import sent_rows
from annotation.refusals import refused_word
from annotation.replies import ChangedTask, ChangedTasks, Users
from annotation.screens import shown_by
from annotation.screens.config import layout_of
from annotation.state import Row, State
from annotation.words import UNREAD_MARK
from factory.errors import CorruptBuild, EnvironmentFault
from factory.store.annotations import TIME
from factory.store.brought_back import brings_back, mends
from factory.store.files import make_folder
from factory.store.held import held
from factory.store.layout import Build
from factory.store.lease import lease
from schemas.plain_json import read_json

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
    """Brings annotations.parquet and refused.parquet up to what the server has: to all of it where one is not there.

    Raises EnvironmentFault when the server cannot go on, or has a project no more; what was there stays, and the same
    call goes on. Raises BuildLocked while another process sends or takes back, CorruptBuild for a damaged file, and
    where tasks.parquet is lost.
    """
    paths = build.paths
    known = read_projects(paths.review_projects, mends(paths, paths.review_projects))
    projects = {slot: one for slot, one in known.items() if slot != PICTURES}
    if not projects and paths.tasks.exists():
        remedy = brings_back(paths, paths.review_projects)
        raise CorruptBuild(f"{paths.review_projects}: is not there, and tasks were sent; {remedy}")
    if not projects:
        raise EnvironmentFault(f"{paths.root}: nothing was sent yet; `factory review push` sends")
    with held(paths.root):
        make_folder(paths.review)
        with lease(paths.review_lease, what=str(paths.review)):
            return _pull(build, client, projects, say)


def _pull(build: Build, client: Client, projects: dict[str, Project], say: Callable[[str], None]) -> Pulled:
    paths = build.paths
    if not paths.tasks.exists():
        raise CorruptBuild(
            f"{paths.tasks}: is not there, and says what annotations are about; {brings_back(paths, paths.tasks)}"
        )
    if not (paths.annotations.exists() and paths.refused.exists()):
        projects = {slot: replace(one, pulled_until="") for slot, one in projects.items()}
    shows, then = shown_by(build.recipe), {one.shown for one in projects.values()} - {""}
    if then - {shows}:
        say(
            f"the recipe wants screens with {shows}, and there are some with {', '.join(sorted(then - {shows}))}: "
            f"`factory review push {paths.root}` shows those anew that nobody has answered"
        )
    state = State.read(paths, projects.values())
    tasks = {(row["project"], row["task"]): row for row in sent_rows(build)}
    users = {user.id: user.name for user in client.get("/api/users", Users).root}
    state.word_of = lambda row: _word(row, tasks.get((row["project"], row["task"])), users)
    edits = layout_of(build.recipe["generator"]["name"]).text
    for slot, project in projects.items():
        require_project(client, project, slot)
        mine = {task: row for (number, task), row in tasks.items() if number == project.id}
        until = project.pulled_until
        for changed in changed_tasks(client, project):
            _take(state, changed, mine, users, task_link(client, project, changed.id), project, edits=edits)
            until = max(until, changed.updated_at)
        _note_lost(client, project, state)
        _take_again(state, project, mine, users, edits=edits)
        say(f"reviewer {slot}: {len(mine):,} tasks looked at")
        state.write(paths)  # before the time: after a stop the window is read again
        projects[slot] = replace(project, pulled_until=until)
        write_projects({**read_projects(paths.review_projects), slot: projects[slot]}, paths.review_projects)
    for line in told_of_refused(state):
        say(line)
    rows = [row for row in state.rows.values() if not row["deleted"]]
    skipped = sum(row["skipped"] for row in rows)
    return Pulled(
        new=state.new,
        changed=state.changed,
        deleted=state.deleted,
        skipped=skipped,
        annotations=len(rows) - skipped,
        refused=list(state.refused.values()),
    )


def require_project(client: Client, project: Project, slot: str) -> None:
    """Raises EnvironmentFault where the server has a reviewer's project no more."""
    if not still_there(client, project):
        raise EnvironmentFault(
            f"{client.url}: has no project {project.id} of this build any more (reviewer {slot}); what was pulled "
            "before is kept. Is this the server that it was sent to? If it was deleted, send again"
        )


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
        raise CorruptBuild(
            f"projects.json: {at!r:.40} is no time of the server; delete it, and `factory review push` finds the "
            "projects again"
        ) from None


def task_link(client: Client, project: Project, task: int) -> str:
    """The address of a task, for people."""
    return f"{client.url}/projects/{project.id}/data?task={task}"


def _take(
    state: State,
    changed: ChangedTask,
    tasks: Mapping[int, Row],
    users: Mapping[int, str],
    link: str,
    project: Project,
    *,
    edits: bool,
) -> None:
    """One task: its annotations as they are now; those that it had and has no more were deleted."""
    there = set()
    for raw in changed.annotations:
        try:
            row = _read(raw, tasks.get(changed.id), users, edits=edits)
        except Refused as refused:
            row = refused_row(raw, str(refused), changed.id, link, project, tasks.get(changed.id), users)
            state.refuse(row)
        else:
            state.put(row)
        there.add(row["annotation"])
    state.keep_of_task(changed.id, there)


def _read(raw: Mapping[str, Any], task: Row | None, users: Mapping[int, str], *, edits: bool) -> Row:
    if task is None:
        raise Refused("its task was not sent by this build; if it was, `factory review push` notes it again")
    return read_annotation(raw, task, users, edits=edits)


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


def _word(refused: Row, task: Row | None, users: Mapping[int, str]) -> Row | None:
    return None if task is None else refused_word(refused, task, users)


def told_of_refused(state: State) -> Iterator[str]:
    """What annotations that are refused change all the same, a line each."""
    words = {(row["task"], row["raw"]): row for row in state.words.values() if not row["deleted"]}
    newest: dict[tuple[str, str], str] = {}
    for row in state.rows.values():
        if not row["deleted"]:
            who = row["reviewer"], row["id"]
            newest[who] = max(newest.get(who, ""), row["updated_at"])
    for refused in state.refused.values():
        word = words.get((refused["task"], refused["raw"]))
        if word is None:
            continue
        told = f"{refused['link']}: annotation {refused['annotation']}, which is refused,"
        if "" < newest.get((word["reviewer"], word["id"]), "") < word["updated_at"]:
            yield f"{told} takes back what the same person said before: no word of theirs counts until it is mended"
        if UNREAD_MARK in word["flags"]:
            yield f"{told} may mark something as private: until it is mended the picture is withheld"


def _note_lost(client: Client, project: Project, state: State) -> None:
    """What was said of tasks that the server has no more is deleted, too, also where the task was sent again since."""
    if tasks := state.tasks_of(project):
        for task in tasks - task_numbers(client, project):
            state.keep_of_task(task, ())


def _take_again(
    state: State, project: Project, tasks: Mapping[int, Row], users: Mapping[int, str], *, edits: bool
) -> None:
    """Reads what was refused once more: its task may have been noted since, or its account be listed now."""
    for key, row in [(key, row) for key, row in state.refused.items() if row["project"] == project.id]:
        try:
            state.put(_read(read_json(row["raw"].encode()), tasks.get(row["task"]), users, edits=edits))
        except Refused as refused:
            state.refused[key] = {**row, "reason": str(refused)}
        except (ValueError, AttributeError):  # another program wrote the file
            continue


def told(refused: Sequence[Row]) -> list[str]:
    """A line for each annotation that was refused."""
    return [f"{row['link']}: annotation {row['annotation']} is refused: {row['reason']}" for row in refused]
