"""Limits of calls, tokens and money over all shards and processes of one build.

Every HTTP call is reserved before it is sent and settled when its reply is in, in one short transaction on a small
SQLite file that all processes of the build share. The file may be lost: at every start the spending is counted again
from the ledgers, so it is not synced.

Trade-off: calls in flight hold what they reserved, so a build may stop a few calls before its budget, never after.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import polars as pl

from factory.calls.files import is_sealed, read_ledger
from factory.errors import BudgetReached, EnvironmentFault
from factory.store.layout import ShardPaths
from factory.store.paid import added_up, paid, taken_from
from schemas.settings import BudgetLimits

_NANO = 1_000_000_000  # money is counted in whole billionths, so that sums are exact
_MOST = 2**62
_WAIT_S = 30.0

_CREATE = """
CREATE TABLE IF NOT EXISTS spent (
  teacher TEXT PRIMARY KEY NOT NULL,
  calls INTEGER NOT NULL, tokens INTEGER NOT NULL, cost INTEGER NOT NULL,
  reserved_calls INTEGER NOT NULL, reserved_tokens INTEGER NOT NULL, reserved_cost INTEGER NOT NULL
)
"""


@dataclass(frozen=True, slots=True)
class Spent:
    """What one teacher has spent so far."""

    calls: int = 0
    tokens: int = 0
    cost: float = 0.0


class Budget:
    """The budget file of one build. A teacher without limits costs nothing and touches no file."""

    def __init__(self, path: Path, limits: Mapping[str, BudgetLimits]) -> None:
        """`limits` are by teacher name; `path` lies on the build's local disk and is made by `reset`."""
        self.path = path
        self._limits = {name: limit for name, limit in limits.items() if limit != BudgetLimits()}
        self._connection: sqlite3.Connection | None = None

    def reset(self, spent: Mapping[str, Spent]) -> None:
        """Starts from what the ledgers say, forgetting reservations of processes that are gone. At build start only.

        Raises EnvironmentFault when the file cannot be written.
        """
        if not self._limits:
            return
        with self._transaction() as connection:
            connection.execute("DELETE FROM spent")
            for teacher in self._limits:
                s = spent.get(teacher, Spent())
                values = (teacher, s.calls, s.tokens, _nano(s.cost))
                connection.execute("INSERT INTO spent VALUES (?, ?, ?, ?, 0, 0, 0)", values)

    def reserve(self, teacher: str, *, tokens: int, cost: float) -> None:
        """Before each HTTP call: sets aside one call and the most tokens and money it can take.

        Raises:
            BudgetReached: the call could overspend a budget; nothing is set aside.
            EnvironmentFault: the file cannot be read or written.
        """
        limits = self._limits.get(teacher)
        if limits is None:
            return
        wanted = (1, max(0, tokens), _nano(cost))
        with self._transaction() as connection:
            row = connection.execute("SELECT * FROM spent WHERE teacher = ?", (teacher,)).fetchone()
            held = row[1:] if row else (0, 0, 0, 0, 0, 0)
            _check(teacher, limits, wanted, held[:3], held[3:])
            connection.execute(
                "INSERT INTO spent VALUES (?, 0, 0, 0, ?, ?, ?) ON CONFLICT (teacher) DO UPDATE SET "
                "reserved_calls = reserved_calls + excluded.reserved_calls, "
                "reserved_tokens = reserved_tokens + excluded.reserved_tokens, "
                "reserved_cost = reserved_cost + excluded.reserved_cost",
                (teacher, *wanted),
            )

    def settle(self, teacher: str, *, reserved_tokens: int, reserved_cost: float, tokens: int, cost: float) -> None:
        """After each reserved HTTP call, whatever came of it: what was set aside becomes what was spent.

        Raises EnvironmentFault when the file cannot be written.
        """
        if teacher not in self._limits:
            return
        with self._transaction() as connection:
            connection.execute(
                "UPDATE spent SET calls = calls + 1, tokens = tokens + ?, cost = cost + ?, "
                "reserved_calls = max(0, reserved_calls - 1), reserved_tokens = max(0, reserved_tokens - ?), "
                "reserved_cost = max(0, reserved_cost - ?) WHERE teacher = ?",
                (max(0, tokens), _nano(cost), max(0, reserved_tokens), _nano(reserved_cost), teacher),
            )

    def spent(self) -> dict[str, Spent]:
        """What is settled so far, of the teachers that have limits."""
        if not self._limits:
            return {}
        with self._transaction() as connection:
            rows = connection.execute("SELECT teacher, calls, tokens, cost FROM spent").fetchall()
        return {teacher: Spent(calls, tokens, cost / _NANO) for teacher, calls, tokens, cost in rows}

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """One write transaction; the connection is opened in the process that first needs it."""
        try:
            if self._connection is None:
                self._connection = _open(self.path)
            self._connection.execute("BEGIN IMMEDIATE")
        except (OSError, sqlite3.Error) as error:
            raise _fault(self.path, error) from error
        try:
            yield self._connection
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise _fault(self.path, error) from error
        finally:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")


def spent_by_teacher(ledgers: Sequence[Path]) -> dict[str, Spent]:
    """What this build has paid, by teacher, from its sealed and live ledgers; missing files are skipped.

    Only rows of origin `call` count: replayed answers and calls paid by earlier builds are no spending of this one,
    nor is a shard that was taken over whole. A shard that has both a sealed and a live ledger is counted once.

    Raises:
        CorruptBuild: a ledger is damaged; names it.
        EnvironmentFault: a ledger cannot be read, or a newer release wrote it.
    """
    by_shard: dict[Path, list[Path]] = {}
    for path in dict.fromkeys(ledgers):
        if path.exists():
            by_shard.setdefault(path.parent, []).append(path)
    sums = []
    for folder, paths in by_shard.items():
        if taken_from(ShardPaths(folder)) is not None:
            continue
        newest = sorted(paths, key=is_sealed)  # a reopened shard's live ledger carries its sealed rows on
        rows = pl.concat([read_ledger(path) for path in newest]).unique("key", keep="first", maintain_order=True)
        sums.append(paid(rows))
    total = added_up(sums).select("teacher", "calls", "tokens", "cost")
    return {teacher: Spent(calls, tokens, cost) for teacher, calls, tokens, cost in total.iter_rows()}


def _check(
    teacher: str,
    limits: BudgetLimits,
    wanted: tuple[int, int, int],
    spent: tuple[int, int, int],
    reserved: tuple[int, int, int],
) -> None:
    """Raises BudgetReached when `wanted` does not fit under one of the limits."""
    cost = None if limits.cost is None else _nano(limits.cost)
    for name, limit, want, used, held in zip(
        ("calls", "tokens", "cost"), (limits.calls, limits.tokens, cost), wanted, spent, reserved, strict=True
    ):
        if limit is None or used + held + want <= limit:
            continue
        total, paid, open_, more = (_shown(name, amount) for amount in (limit, used, held, want))
        raise BudgetReached(
            f"teacher {teacher}: its budget of {total} {name} is reached ({paid} spent, {open_} in flight, "
            f"the next call may take {more}). Everything paid for is kept: raise the {name} budget of "
            f"{teacher} in the recipe and run the same command again to go on from here"
        )


def _shown(name: str, amount: int) -> str:
    return f"{amount / _NANO:,.6g}" if name == "cost" else f"{amount:,}"


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_WAIT_S, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(_CREATE)
    except BaseException:
        connection.close()
        raise
    return connection


def _nano(cost: float) -> int:
    return min(_MOST, max(0, round(cost * _NANO)))


def _fault(path: Path, error: Exception) -> EnvironmentFault:
    return EnvironmentFault(
        f"{path}: the budget cannot be kept ({error}); check the disk, delete this file and run the same command "
        "again: spending is counted again from the ledgers"
    )
