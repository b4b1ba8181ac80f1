"""What a build has spent and set aside, in a small SQLite file that all its processes share.

    spent      one row a teacher: calls; tokens and money as endpoints stated them (the ledgers have the same); what was
               charged beyond that; how often it was asked, and the most that one call took
    reserved   one row a call in flight, with the process that made it; or a batch's, which stays when it is collected,
               with nothing set aside: an answer that was fetched and not recorded is fetched again, and charged once

A process that has reserved something holds a lock on a file of its own, which ends with the process however it ends:
what a dead one had set aside was sent, as far as anybody knows, and counts as spent.

Trade-off: the file survives a killed process, not always a power failure, after which the last calls may be missing; at
every start the ledgers say what was spent at the least. Amounts are whole (money in billionths): sums are exact.
"""

from __future__ import annotations

import fcntl
import re
import secrets
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

from factory.errors import EnvironmentFault
from factory.plugins.shared import Usage
from factory.store.databases import require_own_schema
from factory.store.files import open_itself, private_database, remove
from factory.store.lease import is_locked

_NANO: Final = 1_000_000_000
_MOST: Final = 2**62
_WAIT_S: Final = 30.0
_VERSION: Final = 2
"""SQLite's user_version; a file of another one is begun anew from the ledgers."""
_BATCH: Final = "batch"
"""Who holds what is set aside for an answer that comes later."""
_COLLECTED: Final = "collected"
"""Who holds the row of an answer that came."""
_IN_FLIGHT: Final = f"holder NOT IN ('{_BATCH}', '{_COLLECTED}')"
_LATER: Final = f"holder = '{_BATCH}'"

_DRAWN: Final = re.compile(r"[0-9a-f]{16}")
"""Names that processes draw."""

_CREATE: Final = """
CREATE TABLE spent (
  teacher TEXT PRIMARY KEY NOT NULL, calls INTEGER NOT NULL DEFAULT 0,
  tokens INTEGER NOT NULL DEFAULT 0, nano INTEGER NOT NULL DEFAULT 0,
  beyond_tokens INTEGER NOT NULL DEFAULT 0, beyond_nano INTEGER NOT NULL DEFAULT 0, unstated INTEGER NOT NULL DEFAULT 0,
  tries INTEGER NOT NULL DEFAULT 0, answered INTEGER NOT NULL DEFAULT 0,
  most_prompt INTEGER NOT NULL DEFAULT 0, most_completion INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE reserved (
  id INTEGER PRIMARY KEY AUTOINCREMENT, teacher TEXT NOT NULL, holder TEXT NOT NULL, key TEXT NOT NULL,
  tokens INTEGER NOT NULL, nano INTEGER NOT NULL
);
"""
_DROP: Final = "DROP TABLE IF EXISTS spent; DROP TABLE IF EXISTS reserved;"
_CHARGE: Final = """
UPDATE spent SET calls = calls + :calls, tokens = tokens + :tokens, nano = nano + :nano,
  beyond_tokens = beyond_tokens + :beyond_tokens, beyond_nano = beyond_nano + :beyond_nano,
  unstated = unstated + :unstated, tries = tries + 1, answered = answered + :answered,
  most_prompt = max(most_prompt, :prompt), most_completion = max(most_completion, :completion)
WHERE teacher = :teacher
"""


_REMEDY: Final = (
    "delete this file and run the same command again: spending is counted again from the ledgers, without calls whose "
    "usage nobody stated"
)


@dataclass(frozen=True, slots=True)
class Spent:
    """What one teacher was charged so far."""

    calls: int = 0
    tokens: int = 0
    cost: float = 0.0
    unstated: int = 0
    """Calls that were charged as reserved, because nobody stated what they took."""


Amounts = tuple[int, int, int]
"""Calls, tokens, billionths of money."""


@dataclass(frozen=True, slots=True)
class Account:
    """What one teacher has spent and set aside at one moment."""

    used: Amounts = (0, 0, 0)
    held: Amounts = (0, 0, 0)
    """By calls in flight."""
    unstated: int = 0
    tries: int = 0
    answered: int = 0
    """Calls since the file was made, and those of them that stated what they took."""
    most_prompt: int = 0
    most_completion: int = 0
    """The most tokens that one call took."""


class BudgetFile:
    """The file of one build; see the module. The connection is opened in the process that first needs it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection: sqlite3.Connection | None = None
        self._holder = ""
        self._lock: BinaryIO | None = None

    def reset(self, spent: Mapping[str, Spent]) -> None:
        """Charges what dead processes had set aside, and at least what is given: what ledgers say was spent, the calls
        that batches hold among it, which stand here as set aside. Raises EnvironmentFault."""
        with self._transaction() as connection:
            for teacher, least in spent.items():
                connection.execute("INSERT OR IGNORE INTO spent (teacher) VALUES (?)", (teacher,))
                later = _sums(connection, teacher, _LATER)[0]
                connection.execute(
                    "UPDATE spent SET calls = max(calls, ?), tokens = max(tokens, ?), nano = max(nano, ?) "
                    "WHERE teacher = ?",
                    (least.calls - later, least.tokens, nano(least.cost), teacher),
                )
        self.charge_the_dead()

    def reserve(self, teacher: str, key: str, decide: Callable[[Account], tuple[int, int] | None]) -> int | None:
        """Sets aside the tokens and money that `decide` makes of the teacher's account; its number, or None where
        `decide` gives none. What it raises is raised, and nothing set aside. Raises EnvironmentFault."""
        with self._transaction() as connection:
            connection.execute("INSERT OR IGNORE INTO spent (teacher) VALUES (?)", (teacher,))
            amounts = decide(_account(connection, teacher))
            if amounts is None:
                return None
            reserved = connection.execute(
                "INSERT INTO reserved (teacher, holder, key, tokens, nano) VALUES (?, ?, ?, ?, ?)",
                (teacher, self._hold(), key, *amounts),
            )
            assert reserved.lastrowid is not None
            return reserved.lastrowid

    def settle(self, reservation: int, usage: Usage, cost: int) -> None:
        """Charges a reserved call. `cost` is what the stated tokens cost, in billionths. Raises EnvironmentFault."""
        with self._transaction() as connection:
            _charge(connection, reservation, usage, cost)

    def postpone(self, reservation: int) -> None:
        """Its answer comes later: what it set aside counts as spent from now on. Raises EnvironmentFault."""
        with self._transaction() as connection:
            connection.execute("UPDATE reserved SET holder = ? WHERE id = ?", (_BATCH, reservation))

    def collect(self, teacher: str, key: str, usage: Usage, cost: int) -> None:
        """Charges what a postponed question took in place of what it had set aside; nothing where that was charged
        already. Raises EnvironmentFault."""
        with self._transaction() as connection:
            found = connection.execute(
                "SELECT holder, id FROM reserved WHERE teacher = ? AND holder IN (?, ?) AND key = ? "
                "ORDER BY holder = ? DESC, id",  # one that was sent again is charged again
                (teacher, _BATCH, _COLLECTED, key, _BATCH),
            ).fetchone()
            if found is not None and found[0] == _COLLECTED:
                return
            if found is not None:
                _charge(connection, found[1], usage, cost)
            else:  # it was sent before there was a limit: its call is counted where it was sent
                connection.execute("INSERT OR IGNORE INTO spent (teacher) VALUES (?)", (teacher,))
                connection.execute(_CHARGE, _charges(teacher, usage, cost, (0, 0)) | {"calls": 0})
            connection.execute(
                "INSERT INTO reserved (teacher, holder, key, tokens, nano) VALUES (?, ?, ?, 0, 0)",
                (teacher, _COLLECTED, key),
            )

    def charge_the_dead(self) -> None:
        """Charges what processes that are gone had set aside. Raises EnvironmentFault."""
        with self._transaction() as connection:
            named = connection.execute("SELECT DISTINCT holder FROM reserved").fetchall()
            for (holder,) in named:
                if holder not in (self._holder, _BATCH, _COLLECTED) and not is_locked(self._lock_of(holder)):
                    for (reservation,) in connection.execute(
                        "SELECT id FROM reserved WHERE holder = ?", (holder,)
                    ).fetchall():
                        _charge(connection, reservation, Usage(), 0)
                    remove(self._lock_of(holder))

    def account(self, teacher: str) -> Account | None:
        """What a teacher has spent; None where there is no file. Raises EnvironmentFault."""
        if not self.path.exists():
            return None
        with self._transaction() as connection:
            return _account(connection, teacher)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._lock is not None:
            remove(self._lock_of(self._holder))  # what is still set aside is charged by the next
            self._lock.close()
            self._lock, self._holder = None, ""

    def _hold(self) -> str:
        """This process's name in the file; its lock is held before the name is written."""
        if self._lock is None:
            self._holder = secrets.token_hex(8)
            self._lock = open_itself(self._lock_of(self._holder))
            fcntl.flock(self._lock, fcntl.LOCK_EX)
        return self._holder

    def _lock_of(self, holder: str) -> Path:
        """Where a process holds its lock; a name that no process drew is nobody's."""
        drawn = _DRAWN.fullmatch(str(holder))
        return self.path.with_name(f"{self.path.name}-{holder if drawn else 'nobody'}")

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """One write transaction."""
        try:
            if self._connection is None:
                private_database(self.path)
                self._connection = _open(self.path)
            connection = self._connection
            connection.execute("BEGIN IMMEDIATE")
        except (OSError, sqlite3.Error) as error:
            raise _fault(self.path, error) from error
        try:
            yield connection
            connection.execute("COMMIT")
        except (OSError, sqlite3.Error) as error:
            raise _fault(self.path, error) from error
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")


def nano(cost: float) -> int:
    """Money in billionths."""
    return min(_MOST, max(0, round(cost * _NANO)))


def money(amount: int) -> float:
    """Billionths as money."""
    return amount / _NANO


def _sums(connection: sqlite3.Connection, teacher: str, held_by: str) -> Amounts:
    """What is set aside for a teacher by holders of a kind (`held_by` is a condition)."""
    sums = "SELECT count(*), ifnull(sum(tokens), 0), ifnull(sum(nano), 0) FROM reserved WHERE teacher = ?"
    calls, tokens, money = connection.execute(f"{sums} AND {held_by}", (teacher,)).fetchone()
    return calls, tokens, money


def _account(connection: sqlite3.Connection, teacher: str) -> Account:
    held, later = _sums(connection, teacher, _IN_FLIGHT), _sums(connection, teacher, _LATER)
    row = connection.execute(
        "SELECT calls, tokens + beyond_tokens, nano + beyond_nano, unstated, tries, answered, most_prompt, "
        "most_completion FROM spent WHERE teacher = ?",
        (teacher,),
    ).fetchone()
    if row is None:
        return Account()
    if not all(type(value) is int for value in (*row, *held, *later)):
        raise sqlite3.DatabaseError("it holds values that are no whole numbers")
    calls, tokens, spent, *rest = row
    return Account((calls + later[0], tokens + later[1], spent + later[2]), held, *rest)


def _charge(connection: sqlite3.Connection, reservation: int, usage: Usage, cost: int) -> None:
    """What was set aside becomes what was spent: what is stated, or where a part of it is not, all that was reserved,
    if that is more."""
    found = connection.execute(
        "DELETE FROM reserved WHERE id = ? RETURNING teacher, tokens, nano", (reservation,)
    ).fetchone()
    if found is None:
        return
    teacher, *reserved = found
    connection.execute(_CHARGE, _charges(teacher, usage, cost, reserved))


def _charges(teacher: str, usage: Usage, cost: int, reserved: Sequence[int]) -> dict[str, Any]:
    """The parameters of `_CHARGE`. `reserved`: tokens and billionths of money."""
    unstated = usage.prompt_tokens is None or usage.completion_tokens is None
    prompt, completion = usage.prompt_tokens or 0, usage.completion_tokens or 0
    tokens = prompt + completion
    return {
        "teacher": teacher,
        "calls": 1,
        "tokens": tokens,
        "nano": cost,
        "beyond_tokens": max(0, reserved[0] - tokens) if unstated else 0,
        "beyond_nano": max(0, reserved[1] - cost) if unstated else 0,
        "unstated": unstated,
        "answered": tokens > 0,
        "prompt": prompt,
        "completion": completion,
    }


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_WAIT_S, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")  # a power failure costs the last calls, never the file
        if connection.execute("PRAGMA user_version").fetchone()[0] == _VERSION:
            require_own_schema(path, connection, _CREATE, remedy=_REMEDY)
        else:
            connection.executescript(f"BEGIN IMMEDIATE; {_DROP} {_CREATE} PRAGMA user_version = {_VERSION}; COMMIT;")
    except BaseException:
        connection.close()
        raise
    return connection


def _fault(path: Path, error: Exception) -> EnvironmentFault:
    return EnvironmentFault(f"{path}: the budget cannot be kept ({error}); check the disk; {_REMEDY}")
