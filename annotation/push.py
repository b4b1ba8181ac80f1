"""Sends a build's tasks to the reviewers' projects, each once, whatever happens in between.

A task's name is `<sample id>:<slot>`. Rows of tasks.parquet are written as tasks are made, and those of tasks that a
stopped command made are added by the next.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, Final

import polars as pl
import pyarrow as pa

from annotation.client import Client
from annotation.pictures import Pictures
from annotation.projects import PICTURES, UPLOADS, Project, ensure, note_shown, read_projects
from annotation.renewing import Renewer, told_of_renewal
from annotation.sending import Sender
from annotation.shown_then import ShownThen
from annotation.tasks import Made, Screen, Wanted, task_body, task_row
from factory.store.brought_back import mends
from factory.store.cases import AnsweredSample, read_cases
from factory.store.decided import laid_over, read_decided, unedited
from factory.store.files import make_folder, write_bytes
from factory.store.held import held
from factory.store.layout import Build
from factory.store.lease import lease
from factory.store.tables import read_all, write_table
from factory.text import counted
from schemas import Case, Sample, arrow

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
    with held(build.paths.root):
        make_folder(build.paths.review)
        with lease(build.paths.review_lease, what=str(build.paths.review)):
            return _push(build, client, wanted, screen, say)


def _push(build: Build, client: Client, wanted: Sequence[Wanted], screen: Screen, say: Callable[[str], None]) -> Pushed:
    write_bytes(screen.config.strip().encode(), build.paths.screen)
    out = Pushed(projects=_projects(build, client, {one.slot for one in wanted} | _slots_lost(build), screen))
    pictures = Pictures(client, out.projects[PICTURES])
    sender = Sender(client, out.projects, sent_rows(build))
    _write(build, sender)
    stale = {slot for slot, one in out.projects.items() if slot != PICTURES and one.shown != screen.shows}
    new = {slot for slot in stale if not sender.number(slot)}
    if new:
        note_shown(build.paths.review_projects, screen.shows, new)
    version, todo = _version(build), [one for one in wanted if not sender.is_done(one.slot, one.external)]
    todo += _not_noted(build, sender, wanted)
    _name_gold(sender, wanted)
    then: dict[str, ShownThen] = {}
    try:
        for number, (shown, coming) in enumerate(_shown(build, todo, pictures, screen)):
            at = datetime.now(UTC).isoformat(timespec="seconds")
            for one in shown:
                body, row = task_body(one, coming.made, version), task_row(one, coming.made, coming.case, at=at)
                if (task := sender.task_of(one.slot, one.external)) is not None:
                    if one.slot not in then:
                        then[one.slot] = ShownThen(client, out.projects[one.slot])
                    row = then[one.slot].row(row, task, body["data"], coming.candidates(screen))
                sender.add(body, row)
            if number % 500 == 499:
                say(f"{sender.made:,} of {len(todo):,} tasks")
            if sender.unwritten >= NOTED_EVERY:
                sender.flush()
                _write(build, sender)
        sender.flush()
        sender.settle()
    finally:
        _write(build, sender)
    if unknown := sum(one.unknown for one in then.values()):
        say(
            f"{counted(unknown, 'task')} of which is not known any more what was shown: what people said there counts "
            "for the picture, and not for text and clues"
        )
    _renew(build, client, sender, pictures, screen, {slot: out.projects[slot] for slot in stale - new}, say)
    out.made, out.there = sender.made, sum(sender.is_done(one.slot, one.external) for one in wanted) - sender.made
    return out


def _renew(
    build: Build,
    client: Client,
    sender: Sender,
    pictures: Pictures,
    screen: Screen,
    projects: Mapping[str, Project],
    say: Callable[[str], None],
) -> None:
    """Shows what was sent before as the recipe wants it now, gold and what is wanted no more among it."""
    rows = [row for row in sender.rows.values() if row["slot"] in projects and row["task"] is not None]
    if not projects:
        return
    plan = build.plan.filter(pl.col("id").is_in([row["id"] for row in rows])).select("id", "shard")
    shards, renewers = dict(plan.iter_rows()), {slot: Renewer(client, one) for slot, one in projects.items()}
    ones = [
        Wanted(**{name: row[name] for name in ("id", "slot", "kind")}, shard=shards[row["id"]], uncertainty=0.0)
        for row in rows
        if row["id"] in shards
    ]
    for shown, coming in _shown(build, ones, pictures, screen):
        made = coming.made
        for one in shown:
            row = sender.rows[one.external]
            same = (list(made.keys), list(made.clues), made.reasoning) == (row["keys"], row["clues"], row["reasoning"])
            renewers[one.slot].show(row["task"], task_body(one, made, "")["data"], same=same)
    note_shown(build.paths.review_projects, screen.shows, projects)
    for line in told_of_renewal(screen.shows, renewers.values(), [one.shown for one in projects.values()]):
        say(line)


def _slots_lost(build: Build) -> set[str]:
    """The slots whose tasks are to be noted again, though nothing may be wanted of them: all, where none is noted."""
    projects = {} if build.paths.tasks.exists() else read_projects(build.paths.review_projects)
    return {slot for slot in projects if slot != PICTURES}


def _not_noted(build: Build, sender: Sender, wanted: Sequence[Wanted]) -> list[Wanted]:
    """Tasks that the server has, of which nothing is noted and that are not wanted: those of rows that people decided
    meanwhile, where tasks.parquet was lost."""
    known = {one.external for one in wanted}
    missing = [
        (name.rpartition(":")[0], slot)
        for slot, names in sender.names().items()
        for name in sorted(names - known)
        if not sender.is_done(slot, name)
    ]
    if not missing:
        return []
    plan = build.plan.filter(pl.col("id").is_in([name for name, _ in missing])).select("id", "shard")
    shards = dict(plan.iter_rows())
    accepted = {*build.verdicts.filter(pl.col("decision") == "accept")["id"]}
    return [
        Wanted(
            id=name,
            shard=shards[name],
            slot=slot,
            kind="audit" if name in accepted else "dispute",
            uncertainty=0.0,
        )
        for name, slot in missing
        if name in shards
    ]


def _name_gold(sender: Sender, wanted: Sequence[Wanted]) -> None:
    """Notes of tasks that are known what is expected of them: their row may have been lost and noted without."""
    for one in wanted:
        row = sender.rows.get(one.external)
        if one.kind == "gold" and row is not None and (row["kind"], row["expected"]) != ("gold", one.expected):
            sender.rows[one.external] = {**row, "kind": "gold", "expected": one.expected}
            sender.unwritten += 1


def sent_rows(build: Build) -> list[dict[str, Any]]:
    """tasks.parquet, empty where nothing was sent."""
    return read_all(build.paths.tasks, arrow.TASKS, mends(build.paths, build.paths.tasks))


def _write(build: Build, sender: Sender) -> None:
    if sender.unwritten or not build.paths.tasks.exists():  # where there are projects it is there, or it was lost
        write_table(pa.Table.from_pylist(sender.sent(), schema=arrow.TASKS), build.paths.tasks)


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


@dataclass(frozen=True, slots=True)
class _Coming:
    """What the screen of a sample shows."""

    made: Made
    case: Case
    pictures: Mapping[str, str]
    """Addresses on the server by role."""

    def candidates(self, screen: Screen) -> Iterator[Made]:
        """What a screen may have shown of it: the answer that it shows now, then every other."""
        yield self.made
        for found in self.case.given:
            yield screen.task(replace(self.case, chosen=found.answered.keys), self.pictures)


def _shown(
    build: Build, wanted: Sequence[Wanted], pictures: Pictures, screen: Screen
) -> Iterator[tuple[list[Wanted], _Coming]]:
    """Each sample's tasks with what its screen shows, shard by shard, the pictures of some samples at a time.

    Where people have decided already, the place is theirs and the answer the one they chose, as they will be released;
    its text is the teacher's, to which everybody's edits refer.
    """
    people = read_decided(build.paths)

    def over(sample: Sample, found: AnsweredSample) -> tuple[Sample, AnsweredSample]:
        return laid_over(sample, found, unedited(people.get(sample.id)))

    for shard, ones in groupby(sorted(wanted, key=lambda one: one.shard), key=lambda one: one.shard):
        by_id: dict[str, list[Wanted]] = {}
        for one in ones:
            by_id.setdefault(one.id, []).append(one)
        chunk: list[tuple[int, Case]] = []
        for position, case in enumerate(read_cases(build.paths, shard, over)):
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
) -> Iterator[tuple[list[Wanted], _Coming]]:
    jpegs = [_jpegs(build, shard, position, case) for position, case in chunk]
    addresses = pictures.addresses(jpeg for one in jpegs for jpeg in one.values())
    for (_, case), one in zip(chunk, jpegs, strict=True):
        shown = {role: addresses[hashlib.sha256(jpeg).hexdigest()] for role, jpeg in one.items()}
        yield by_id[case.sample.id], _Coming(screen.task(case, shown), case, shown)


def _jpegs(build: Build, shard: int, position: int, case: Case) -> dict[str, bytes]:
    """The prepared pictures of a sample by role; one that was refused has none."""
    whole = ((index, photo) for index, photo in enumerate(case.photos) if photo.refused is None)
    return {photo.role: build.image(shard, position, index) for index, photo in whole}
