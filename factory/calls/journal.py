"""What a shard was answered on another machine, group by group, where it stays if that machine is lost.

A live ledger lies on its machine's own disk (`factory.calls.ledger`). Each group of rows that it commits is put here,
too, as one file that is there whole or not at all, before a reply counts as recorded: whoever makes the shard after a
lost machine finds every answer that was used. Who has a shard is said by its fence, the number of its newest claim: a
process that was given up finds another number there and records, and so asks, nothing more.

    shards/00042/away/fence                         the newest claim's number
    shards/00042/away/journal/00000003-000017.json  the 17th group of claim 3
    shards/00042/away/try-00000003/answers.parquet  what it made
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import orjson

from factory.calls.files import row_from
from factory.calls.row import UNSETTLED, LedgerRow, row_values
from factory.errors import BuildLocked, CorruptBuild
from factory.store.home import Home
from schemas.plain_json import read_json


@dataclass(frozen=True, slots=True)
class Claim:
    """One try at a shard: where its files go, and the number by which it may put them there."""

    home: Home
    number: int
    """Of the shard."""
    token: int

    @property
    def folder(self) -> str:
        return away_folder(self.number)

    @property
    def made(self) -> str:
        """The folder of what it makes."""
        return f"{self.folder}/try-{self.token:08d}"

    def put(self, name: str, data: bytes | Path) -> None:
        """Puts a file below the shard's folder. Raises as `require_newest`."""
        self.require_newest()
        self.home.put(name, data)

    def require_newest(self) -> None:
        """Raises BuildLocked when somebody claimed the shard since, EnvironmentFault."""
        if self.home.get(f"{self.folder}/fence") != str(self.token).encode():
            raise BuildLocked(f"shard {self.number}: another process has taken it over since; it goes on there")

    def journal(self, first: int = 1) -> Journal:
        """Keeps rows under this claim, its files counted from `first`."""
        return Journal(self, first)


class Journal:
    """Keeps the rows that this claim's ledger commits: call it with each group, from one thread."""

    def __init__(self, claim: Claim, first: int = 1) -> None:
        self._claim, self._numbers = claim, count(first)

    def __call__(self, rows: Sequence[LedgerRow]) -> None:
        """Raises BuildLocked, EnvironmentFault. Rows that cost nothing are made again, and not kept."""
        paid = [[*row_values(row), row.row_sha256] for row in rows if row.origin == "call"]
        if paid:
            name = f"{self._claim.folder}/journal/{self._claim.token:08d}-{next(self._numbers):06d}.json"
            self._claim.put(name, orjson.dumps(paid))


def away_folder(shard: int) -> str:
    """Where a shard's files lie while it is made elsewhere, below the home of its build."""
    return f"shards/{shard:05d}/away"


def set_fence(claim: Claim) -> None:
    """Makes a claim the newest. Only the process that runs the build does this."""
    claim.home.put(f"{claim.folder}/fence", str(claim.token).encode())


def journalled(home: Home, shard: int) -> list[LedgerRow]:
    """Every row that was kept of a shard, one a key. Raises CorruptBuild naming a damaged file."""
    folder = f"{away_folder(shard)}/journal"
    return list(latest({}, (row for name in home.list(folder) for row in _rows(home, f"{folder}/{name}"))).values())


def latest(known: Mapping[str, LedgerRow], rows: Iterable[LedgerRow]) -> dict[str, LedgerRow]:
    """Rows by key as a ledger would have them: a settled one stays, any other gives way to a later one."""
    found = dict(known)
    for row in rows:
        if row.key not in found or found[row.key].status in UNSETTLED:
            found[row.key] = row
    return found


def _rows(home: Home, name: str) -> Iterable[LedgerRow]:
    data = home.get(name)
    if data is None:  # taken away in between
        return
    try:
        stored = read_json(data)
        if not isinstance(stored, list):
            raise ValueError("no list of rows")
    except ValueError as error:
        raise CorruptBuild(
            f"{home.url}/{name}: damaged ({error}); delete it to ask (and pay) its questions again"
        ) from None
    for values in stored:
        yield row_from(Path(home.url) / name, values if isinstance(values, list) and len(values) > 2 else [None] * 3)
