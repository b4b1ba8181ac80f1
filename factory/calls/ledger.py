"""The durable record of every teacher call of a shard: resume, replay, cost and provenance at once.

The promise: no acknowledged call is repeated; a call in flight when a process dies may be paid again. `record` returns
once its row is committed and synced (SQLite, WAL, synchronous=FULL), and a reply is used only after that.

Commits are grouped without timers: while one commit syncs in the ledger's thread, the rows that arrive gather for the
next. One process at a time writes a ledger, on a local disk (elsewhere it warns); others may read it meanwhile.
Requests are looked up in the event loop's thread: a read by primary key takes microseconds.

Trade-off: after a failed write the ledger accepts nothing more. Whether the failed rows reached the disk is unknown, so
nobody is told that they did; the next run opens the file again and uses what is really there.
"""

from __future__ import annotations

import asyncio
import sqlite3
import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import TracebackType

from factory.calls.files import (
    CREATE,
    SEALED_ORDER,
    SELECT,
    STORED,
    check_version,
    ledger_faults,
    network_mount,
    open_live,
    read_ledger,
    require_own_tables,
    row_from,
    sqlite_fault,
    write_sealed,
)
from factory.calls.prior import load_prior
from factory.calls.row import UNSETTLED, LedgerRow, Status, row_values, succeed
from factory.errors import EnvironmentFault, FactoryError
from factory.store.files import private_database, remove

__all__ = [
    "Ledger",
    "LedgerRow",
    "LedgerTotals",
    "ledger_faults",
    "network_mount",
    "read_ledger",
    "remove_live",
]

_LOOK_UP = f"{SELECT} WHERE key = ?"
_MAX_GROUP = 256
_WAIT_MS = 5000
_CHECKPOINT_PAGES = 1000  # SQLite's own default; done here so that the log is truncated, see ledger_wal


_TOTALS = """
SELECT total(http_calls * call), total(origin = 'replay'), total(origin = 'ledger'),
  total(prompt_tokens * call), total(completion_tokens * call), total(cost * call)
FROM (SELECT *, origin = 'call' AS call FROM calls)
"""


@dataclass(frozen=True, slots=True)
class LedgerTotals:
    """Sums over a ledger. Calls, tokens and cost are those that this build paid."""

    calls: int = 0
    replayed: int = 0
    """Rows that were recorded by somebody else."""
    reused: int = 0
    """Rows adopted from an earlier build's ledger."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens


class Ledger:
    """One shard's live ledger. Use it from one event loop; close it when the shard is done or given up."""

    def __init__(
        self,
        path: Path,
        *,
        prior: Sequence[Path] = (),
        sample_ids: Collection[str] | None = None,
        beside: Callable[[Sequence[LedgerRow]], None] | None = None,
    ) -> None:
        """Opens or creates the ledger at `path`.

        Args:
            prior: ledgers (sealed `.parquet` or live `.sqlite`) whose replies may be used; never changed. Where two
                have the same key, a reply wins over a failure, then the first in this order.
            sample_ids: only the prior rows of these samples are looked at, and of samples that shared a picture with
                them; None for all.
            beside: what else keeps every group of rows before it counts as recorded, for a disk that may be lost with
                its machine (`factory.calls.journal`); called in the ledger's thread. A FactoryError of its ends the
                ledger like a failed write.

        Warns (RuntimeWarning) when `path` is on a network file system.

        Raises:
            EnvironmentFault: the file cannot be opened or written, or a newer release wrote it.
            CorruptBuild: the file, or a prior ledger, is damaged, a link or no file; names it.
        """
        self.path = path
        self._fault: FactoryError | None = None
        self._beside = beside
        self._waiting: list[tuple[LedgerRow, asyncio.Future[None]]] = []
        self._committing = False
        self._prior, self._prior_at, self._prior_files = load_prior(prior, sample_ids, path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            private_database(path)
        except OSError as error:
            raise EnvironmentFault(f"{error.filename or path}: cannot be created ({error.strerror})") from error
        if mount := network_mount(path):
            warnings.warn(
                f"the ledger is on a network file system ({mount}), where SQLite's locks and its log are not safe: "
                "put builds on a local disk (--out)",
                RuntimeWarning,
                stacklevel=2,
            )
        try:
            self._writer = _open_writer(path)
            values = self._writer.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER)  # 999 in old libraries
            self._group = min(_MAX_GROUP, values // len(STORED))
            self._reader = open_live(path)
            unsettled = self._reader.execute(f"{SELECT} WHERE status IN ('exhausted', 'sent')").fetchall()
            held = self._reader.execute("SELECT key, status FROM calls").fetchall()
        except sqlite3.Error as error:
            raise sqlite_fault(path, error) from error
        self._statuses: dict[str, Status] = dict(held)  # what is committed, so that a new key costs no query
        self._unsettled = {row.key: row for row in (row_from(path, stored) for stored in unsettled)}
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"ledger-{path.parent.name}")

    def get(self, key: str) -> LedgerRow | None:
        """The committed row of `key`, else a prior ledger's (then `adopt` it when it is used), else None.

        An unsettled row of ours (exhausted, sent) gives way to a prior reply. Raises CorruptBuild for a damaged row.
        """
        own = self._own(key) if key in self._statuses else None
        if own is not None and own.status not in UNSETTLED:
            return own
        at = self._prior_at.get(key)
        if at is None:
            return own
        values = self._prior.slice(at, 1).to_pylist()[0]
        prior = row_from(self._prior_files[at], list(values.values()))
        return own if own is not None and prior.status in UNSETTLED else prior

    def owns(self, key: str) -> bool:
        """Whether this ledger itself holds a reply or permanent failure of `key`; else what `get` found is a prior's,
        or has to be asked again."""
        return self._statuses.get(key, "exhausted") not in UNSETTLED

    def __len__(self) -> int:
        """Committed rows."""
        return len(self._statuses)

    def _own(self, key: str) -> LedgerRow | None:
        try:
            stored = self._reader.execute(_LOOK_UP, (key,)).fetchone()
        except sqlite3.Error as error:
            raise sqlite_fault(self.path, error) from error
        return row_from(self.path, stored) if stored else None

    async def record(self, row: LedgerRow) -> None:
        """Returns once `row` is committed and synced. A reply or permanent failure that is there already stays;
        an unsettled one is replaced, and what was paid for it is added to the new row.

        Raises:
            EnvironmentFault: it cannot be written (disk full, I/O error); the row does not count as recorded.
        """
        if self._fault is not None:
            raise type(self._fault)(str(self._fault))
        loop = asyncio.get_running_loop()
        committed: asyncio.Future[None] = loop.create_future()
        self._waiting.append((row, committed))
        if not self._committing:
            self._committing = True
            loop.call_soon(self._start_commit, loop)
        await committed

    async def adopt(self, row: LedgerRow) -> None:
        """Copies a row of a prior ledger, or of another shard's, so that this ledger is complete by itself.

        A call that stands in another folder's ledger gets the origin `ledger`: it is counted as spent there.
        """
        at = self._prior_at.get(row.key)
        ours = at is not None and _same_folder(self._prior_files[at], self.path)
        await self.record(replace(row, origin="ledger") if row.origin == "call" and not ours else row)

    def rows(self) -> Iterator[LedgerRow]:
        """All committed rows in sealed order, each verified. Raises CorruptBuild naming file and key."""
        try:
            for stored in self._reader.execute(f"{SELECT} ORDER BY {', '.join(SEALED_ORDER)}"):
                yield row_from(self.path, stored)
        except sqlite3.Error as error:
            raise sqlite_fault(self.path, error) from error

    def totals(self) -> LedgerTotals:
        """Sums over the committed rows (unverified; `seal` verifies)."""
        try:
            sums = self._reader.execute(_TOTALS).fetchone()
        except sqlite3.Error as error:
            raise sqlite_fault(self.path, error) from error
        names = ("calls", "replayed", "reused", "prompt_tokens", "completion_tokens")
        counts = {name: int(value) for name, value in zip(names, sums[:5], strict=True)}
        return LedgerTotals(**counts, cost=round(sums[5], 9))  # rounded: the order of the sum depends on the run

    def seal(self, target: Path) -> None:
        """Writes all rows as Parquet with page checksums, durably. The live ledger stays (see `remove_live`).

        Raises EnvironmentFault (disk full), CorruptBuild (a damaged row).
        """
        if self._fault is not None:
            raise type(self._fault)(str(self._fault))
        assert not self._waiting and not self._committing, "every record() must have returned before seal()"
        write_sealed(list(self.rows()), target)

    def close(self) -> None:
        """Writes rows whose callers were cancelled before their commit, folds the log in, and lets the file go.

        Never raises for a failing disk: what was acknowledged is safe without it.
        """
        self._thread.shutdown(wait=True)
        try:
            if self._fault is None:
                for at in range(0, len(self._waiting), self._group):
                    self._commit([row for row, _ in self._waiting[at : at + self._group]])
                self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except (sqlite3.Error, FactoryError):
            pass  # the next run opens the file and finds what reached it
        finally:
            self._waiting.clear()
            self._reader.close()
            self._writer.close()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def _start_commit(self, loop: asyncio.AbstractEventLoop) -> None:
        """Sends the rows that have gathered to the ledger's thread."""
        if not self._waiting:
            self._committing = False
            return
        group, self._waiting = self._waiting[: self._group], self._waiting[self._group :]
        self._thread.submit(self._commit_group, loop, group)

    def _commit_group(
        self, loop: asyncio.AbstractEventLoop, group: list[tuple[LedgerRow, asyncio.Future[None]]]
    ) -> None:
        """In the ledger's thread. It wakes the loop itself: a future in between would cost a turn of a busy loop."""
        error: Exception | None = None
        try:
            self._commit([row for row, _ in group])
        except Exception as failure:
            error = failure
        loop.call_soon_threadsafe(self._end_commit, loop, group, error)

    def _end_commit(
        self,
        loop: asyncio.AbstractEventLoop,
        group: list[tuple[LedgerRow, asyncio.Future[None]]],
        error: Exception | None,
    ) -> None:
        if error is not None:
            group, self._waiting = group + self._waiting, []
        for _, committed in group:
            if committed.done():  # its caller was cancelled; the row is kept all the same
                continue
            if error is None:
                committed.set_result(None)
            else:
                committed.set_exception(type(error)(str(error)) if isinstance(error, FactoryError) else error)
        self._start_commit(loop)

    def _commit(self, rows: list[LedgerRow]) -> None:
        """One statement, which is one transaction, in the ledger's thread: each statement hands the interpreter back
        and forth with a busy event loop, which costs more than the insert."""
        if self._fault is not None:
            raise self._fault
        merged: dict[str, LedgerRow] = {}
        for row in rows:
            old = merged.get(row.key) or self._unsettled.get(row.key)
            if old is None:
                merged[row.key] = row
            elif old.status in UNSETTLED:
                merged[row.key] = succeed(old, row)
        values = [value for row in merged.values() for value in (*row_values(row), row.row_sha256)]
        try:
            if merged:
                self._writer.execute(_insert(len(merged)), values)
        except sqlite3.Error as error:
            self._fault = sqlite_fault(self.path, error)
            raise self._fault from error
        if self._beside is not None and merged:
            try:
                self._beside(list(merged.values()))
            except FactoryError as error:
                self._fault = error
                raise
        for key, row in merged.items():
            if not self.owns(key):
                self._statuses[key] = row.status
            if row.status in UNSETTLED:
                self._unsettled[key] = row
            else:
                self._unsettled.pop(key, None)
        self._checkpoint()

    def _checkpoint(self) -> None:
        """Folds the log into the database when it has grown. A failure costs nothing yet: the log keeps the rows."""
        wal = self.path.with_name(self.path.name + "-wal")
        try:
            if wal.stat().st_size > _CHECKPOINT_PAGES * 4096:
                self._writer.execute("PRAGMA busy_timeout = 0")  # somebody is reading: the next commit tries again
                self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                self._writer.execute(f"PRAGMA busy_timeout = {_WAIT_MS}")
        except (OSError, sqlite3.Error):
            return


def remove_live(path: Path) -> None:
    """Deletes a closed live ledger with its side files, once its sealed form is durable."""
    for name in (path.name + "-wal", path.name + "-shm", path.name):
        remove(path.with_name(name))


def _open_writer(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_WAIT_MS / 1000, isolation_level=None, check_same_thread=False)
    try:
        version = check_version(path, connection)
        require_own_tables(path, connection)
        if version == 0:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(CREATE)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # a killed process may have left half a commit
    except BaseException:
        connection.close()
        raise
    return connection


@cache
def _insert(rows: int) -> str:
    """Insert that many rows; a row that is there already gives way only when it is unsettled."""
    line = f"({', '.join('?' * len(STORED))})"
    changed = ", ".join(f"{name} = excluded.{name}" for name in STORED if name != "key")
    return (
        f"INSERT INTO calls ({', '.join(STORED)}) VALUES {', '.join([line] * rows)} "  # noqa: S608 - constant names
        f"ON CONFLICT (key) DO UPDATE SET {changed} WHERE calls.status IN ('exhausted', 'sent')"
    )


def _same_folder(one: Path, other: Path) -> bool:
    return one.resolve().parent == other.resolve().parent
