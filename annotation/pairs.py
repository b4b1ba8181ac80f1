"""Two texts about one picture, compared by people: GaGA's human evaluation of two systems.

Every reviewer sees every pair in a project of their own. Which text stands left is drawn for each task by a seeded
hash, and noted beside it alone: what comes back is turned into win, tie or lose of the first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final

import orjson
import polars as pl
import pyarrow as pa

from annotation.agreement import OUTCOMES, pairwise
from annotation.annotations import Refused, read_rating
from annotation.client import Client
from annotation.controls import CRITERIA
from annotation.pictures import Pictures
from annotation.projects import PICTURES, UPLOADS, ensure, note_shown, read_projects
from annotation.pull import changed_tasks, refused_row, require_project, task_link
from annotation.refusals import account_of
from annotation.renewing import Renewer, told_of_renewal
from annotation.replies import Users
from annotation.screens.inset import Mark
from annotation.screens.pairs import PairScreen
from annotation.sending import Sender
from annotation.tasks import EXTERNAL
from factory.errors import EnvironmentFault, RecipeError
from factory.store.files import make_folder, read_json, write_bytes
from factory.store.lease import lease
from factory.store.tables import read_all, write_table
from schemas import arrow
from schemas.pairs import RATINGS, TASKS

_TOGETHER: Final = 100
"""Pairs whose pictures lie in memory at once."""
_OUTCOME: Final[Mapping[str, str]] = dict(zip(("left", "equal", "right"), OUTCOMES, strict=True))
_TURNED: Final[Mapping[str, str]] = dict(zip(("left", "equal", "right"), reversed(OUTCOMES), strict=True))
Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two texts about one picture, both foreign."""

    id: str
    first: str
    second: str
    jpeg: bytes
    place: Mark | None = None
    """Where the picture was taken, where reviewers may see that."""


@dataclass(frozen=True, slots=True)
class PairFiles:
    """A folder of pairs: what was sent, and what came back; private."""

    root: Path

    @property
    def compared(self) -> Path:
        """What is compared here."""
        return self.root / "pairs.json"

    @property
    def projects(self) -> Path:
        return self.root / "projects.json"

    @property
    def tasks(self) -> Path:
        return self.root / "tasks.parquet"

    @property
    def ratings(self) -> Path:
        return self.root / "ratings.parquet"

    @property
    def refused(self) -> Path:
        return self.root / "refused.parquet"

    @property
    def server(self) -> Path:
        return self.root / "server"

    @property
    def lease(self) -> Path:
        return self.root / "lease"


def is_swapped(seed: int, name: str) -> bool:
    """Whether the second text of a task stands left: drawn by the task's name, half of all."""
    return hashlib.sha256(f"{seed}\0{name}".encode()).digest()[0] % 2 == 1


def drawn(ids: Iterable[str], most: int, seed: int) -> list[str]:
    """At most so many of the ids, by a seeded hash, sorted: more of them later keep those that were drawn before."""
    ordered = sorted(ids, key=lambda name: hashlib.sha256(f"pair\0{seed}\0{name}".encode()).digest())
    return sorted(ordered[:most])


def send(
    files: PairFiles,
    client: Client,
    pairs: Iterable[Pair],
    screen: PairScreen,
    *,
    title: str,
    reviewers: int,
    seed: int,
    shows: str = "",
    say: Callable[[str], None] = lambda _: None,
) -> tuple[int, int]:
    """Makes the tasks that are not there yet, and notes them.

    Args:
        title: names what is compared: the same every time, another for other texts.
        reviewers: how many see each pair; those that were asked before stay.
        shows: what is chosen of screens, in words: where it differs from what was sent, screens are shown anew.

    Returns how many tasks were made, and how many were there. Raises EnvironmentFault as `annotation.push.push` does,
    RecipeError where the folder is another comparison's.
    """
    make_folder(files.root)
    with lease(files.lease, what=str(files.root)):
        _note(files, title)
        slots = [str(number) for number in range(1, reviewers + 1)]
        settings: Row = {"label_config": screen.config.strip(), "show_skip_button": True}
        wanted: dict[str, Row] = {PICTURES: {"label_config": UPLOADS}, **dict.fromkeys(slots, settings)}
        projects = ensure(client, files.projects, title, wanted)
        sender = Sender(client, projects, sent_pairs(files))
        pictures, there = Pictures(client, projects[PICTURES]), 0
        stale = {slot for slot in slots if projects[slot].shown != shows}
        if new := {slot for slot in stale if not sender.number(slot)}:
            note_shown(files.projects, shows, new)
        renewers = {slot: Renewer(client, projects[slot]) for slot in stale - new}
        try:
            left = iter(pairs)
            while some := list(islice(left, _TOGETHER)):
                addresses = pictures.addresses(pair.jpeg for pair in some)
                for pair in some:
                    address = addresses[hashlib.sha256(pair.jpeg).hexdigest()]
                    missing = [slot for slot in slots if not sender.is_done(slot, f"{pair.id}:{slot}")]
                    there += len(slots) - len(missing)
                    for slot in missing:
                        swapped = is_swapped(seed, f"{pair.id}:{slot}")
                        sender.add(*_task(pair, slot, address, screen, swapped=swapped))
                    for slot in renewers.keys() - {*missing}:
                        row = sender.rows[f"{pair.id}:{slot}"]
                        body, _ = _task(pair, slot, address, screen, swapped=row["swapped"])
                        renewers[slot].show(row["task"], body["data"])
            sender.flush()
            sender.settle()
            whole = {slot for slot, one in renewers.items() if one.seen >= sender.number(slot)}
            note_shown(files.projects, shows, whole)
        finally:
            write_table(pa.Table.from_pylist(sender.sent(), schema=TASKS), files.tasks)
    for line in told_of_renewal(shows, renewers.values(), [projects[slot].shown for slot in renewers]):
        say(line)
    say(f"{client.url}: {sender.made:,} tasks sent, {there + sender.there:,} were there; for {len(slots)} reviewers")
    return sender.made, there + sender.there


def _note(files: PairFiles, title: str) -> None:
    """Notes what is compared: what people said of other texts must not count for these."""
    remedy = "name another folder with --out, or delete it where you know that its texts are these"
    noted = read_json(files.compared, remedy).get("title") if files.compared.exists() else title
    if noted != title:
        raise RecipeError(f"{files.root}: holds {noted!r:.60}, not {title!r}; name another folder with --out")
    write_bytes(orjson.dumps({"title": title}), files.compared)


def _task(pair: Pair, slot: str, address: str, screen: PairScreen, *, swapped: bool) -> tuple[Row, Row]:
    """A task as the server imports it, and its row. Nothing in it says which text is whose."""
    name = f"{pair.id}:{slot}"
    left, right = (pair.second, pair.first) if swapped else (pair.first, pair.second)
    at = datetime.now(UTC).isoformat(timespec="seconds")
    row = {"external": name, "id": pair.id, "slot": slot, "swapped": swapped, "pushed_at": at}
    return {"data": {**screen.data(address, left, right, pair.place), EXTERNAL: name}}, row


def sent_pairs(files: PairFiles) -> list[Row]:
    """tasks.parquet, empty where nothing was sent."""
    return read_all(
        files.tasks, TASKS, "take it away, and the same command, with the same --seed, notes what the server has"
    )


@dataclass(slots=True)
class Taken:
    """What people said so far."""

    ratings: pl.DataFrame
    """`schemas.pairs.RATINGS`."""
    refused: list[Row] = field(default_factory=list)
    """Rows of refused.parquet."""


def take(files: PairFiles, client: Client) -> Taken:
    """Reads all that the server has, checks it, and writes it down as it stands now.

    Raises EnvironmentFault when the server cannot go on, or has a project no more.
    """
    with lease(files.lease, what=str(files.root)):
        projects = {slot: one for slot, one in read_projects(files.projects).items() if slot != PICTURES}
        if not projects:
            raise EnvironmentFault(f"{files.root}: nothing was sent yet")
        tasks = {(row["project"], row["task"]): row for row in sent_pairs(files)}
        users = {user.id: user.name for user in client.get("/api/users", Users).root}
        said: list[Row] = []
        refused: list[Row] = []
        gone: list[tuple[str, str, Row]] = []
        for slot, project in projects.items():
            require_project(client, project, slot)
            for task in changed_tasks(client, project):
                sent, link = tasks.get((project.id, task.id)), task_link(client, project, task.id)
                for raw in task.annotations:
                    try:
                        said.append(_read(raw, sent, users))
                    except Refused as why:
                        refused.append(refused_row(raw, str(why), task.id, link, project, sent, users))
                        who = refused[-1]["reviewer"] or account_of(raw.get("completed_by"), users)
                        gone += [] if sent is None else [(who, sent["id"], refused[-1])]
        said = _not_withdrawn(said, gone)
        said.sort(key=lambda row: row["annotation"])
        ratings = pa.Table.from_pylist(said, schema=RATINGS)
        write_table(ratings, files.ratings)
        write_table(pa.Table.from_pylist(refused, schema=arrow.REFUSED), files.refused)
    frame = pl.from_arrow(ratings)
    assert isinstance(frame, pl.DataFrame)
    return Taken(frame, refused)


def _not_withdrawn(said: Sequence[Row], refused: Sequence[tuple[str, str, Row]]) -> list[Row]:
    """Ratings without those that a refused one of the same person on the same pair came after; its reason says so. One
    without a time came after all.

    Args:
        refused: who, which pair, and the row of refused.parquet.
    """
    held: dict[tuple[str, str], list[Row]] = {}
    for row in said:
        held.setdefault((row["reviewer"], row["id"]), []).append(row)
    for who, pair, why in refused:
        mine = held.get((who, pair), [])
        left = [row for row in mine if why["updated_at"] is not None and row["updated_at"] > why["updated_at"]]
        if len(left) < len(mine):
            why["reason"] += "; what the same person said of this pair before does not count either"
        held[who, pair] = left
    return [row for rows in held.values() for row in rows]


def _read(raw: Mapping[str, Any], sent: Row | None, users: Mapping[int, str]) -> Row:
    if sent is None:
        raise Refused("its task was not sent from here; if it was, the same command notes it again")
    row = read_rating(raw, sent, users)
    words = _TURNED if sent["swapped"] else _OUTCOME
    return {**row, **{name: words[row[name]] for name in CRITERIA if row[name] is not None}}


def outcome_table(ratings: pl.DataFrame) -> pl.DataFrame:
    """Win, tie and lose of the first text on each criterion, with agreement and an interval: see `agreement.pairwise`.

    The last word of each person on a pair counts; who skipped it last has none.
    """
    last = ratings.sort("updated_at", "annotation").unique(["reviewer", "id"], keep="last", maintain_order=True)
    last = last.filter(~pl.col("skipped"))
    long = last.select(rater="reviewer", unit="id", **{name: name for name in CRITERIA}).unpivot(
        index=["rater", "unit"], variable_name="criterion", value_name="value"
    )
    return pairwise(long, CRITERIA)


def told_table(table: pl.DataFrame) -> Iterator[str]:
    """The table as lines of text."""
    columns = ("win", "tie", "lose", "win - lose", "95 %", "kappa", "alpha")
    yield f"{'criterion':<16}{'ratings':>8}" + "".join(f"{name:>16}" for name in columns)
    for row in table.iter_rows(named=True):
        shares = [_percent(row[name]) for name in (*OUTCOMES, "net")]
        between = "–" if row["low"] is None else f"{100 * row['low']:+.0f} to {100 * row['high']:+.0f} %"
        agreed = ["–" if row[name] is None else f"{row[name]:.2f}" for name in ("kappa", "alpha")]
        cells = "".join(f"{cell:>16}" for cell in (*shares, between, *agreed))
        yield f"{row['criterion']:<16}{row['ratings']:>8,}{cells}"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f} %"
