"""Answers that other shards of the same build have: the same picture in two shards is paid once.

A shard that is finished is entered, by the first eight bytes of its keys, in one small SQLite file of the build; a
shard at work looks there before it asks. It may be deleted: the next run fills it again from the sealed ledgers.

Trade-off: only finished shards are entered. Two shards that are at work at once may both pay for a picture they share.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Final, Self

import pyarrow as pa
import pyarrow.parquet as pq

from factory.calls.files import row_from
from factory.calls.row import UNSETTLED, LedgerRow
from factory.errors import CorruptBuild, EnvironmentFault
from factory.store.databases import require_own_schema
from factory.store.files import private_database
from factory.store.layout import BuildPaths
from factory.store.tables import read_columns, refuse_parquet_bomb
from schemas import arrow

_WAIT_S: Final = 30.0
_CREATE: Final = """
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS answered (head INTEGER PRIMARY KEY, shard INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS entered (shard INTEGER PRIMARY KEY);
COMMIT;
"""


_REMEDY: Final = "delete this file and run the same command again: it is made again from the ledgers"


class Siblings:
    """The answers of a build's finished shards, by key. For one thread."""

    def __init__(self, paths: BuildPaths) -> None:
        """Nothing is opened before it is needed."""
        self._paths = paths
        self._connection: sqlite3.Connection | None = None

    def enter(self, shards: Iterable[int], *, again: bool = False) -> None:
        """Enters finished shards. One process of a build does that.

        Args:
            again: those that are entered already, too: they were opened again, and may have more answers now.

        Raises CorruptBuild for a damaged ledger, EnvironmentFault when the file cannot be written.
        """
        try:
            connection = self._open()
            known = {number for (number,) in connection.execute("SELECT shard FROM entered")}
            for number in dict.fromkeys(shards):
                ledger = self._paths.shard(number).ledger
                if ledger.exists() and (again or number not in known):
                    rows = read_columns(ledger, ("key", "status"))
                    heads = [(_head(key), number) for key, status in rows.iter_rows() if status not in UNSETTLED]
                    with _transaction(connection):
                        connection.executemany("INSERT OR IGNORE INTO answered VALUES (?, ?)", heads)
                        connection.execute("INSERT OR IGNORE INTO entered VALUES (?)", (number,))
        except sqlite3.Error as error:
            raise self._fault(error) from error

    def get(self, key: str) -> LedgerRow | None:
        """The row of a reply or permanent failure in another shard; None where there is none.

        Raises CorruptBuild naming a damaged ledger: what was paid for is not asked again without a word.
        """
        if self._connection is None and not self._paths.answered.exists():
            return None
        try:
            found = self._open().execute("SELECT shard FROM answered WHERE head = ?", (_head(key),)).fetchone()
        except sqlite3.Error as error:
            raise self._fault(error) from error
        if found is None:
            return None
        if type(found[0]) is not int or found[0] < 0:
            raise CorruptBuild(f"{self._paths.answered}: damaged (a shard called {str(found[0])[:40]}); {_REMEDY}")
        ledger = self._paths.shard(found[0]).ledger
        if not ledger.exists():  # somebody removed that shard
            return None
        try:
            refuse_parquet_bomb(ledger)
            rows = pq.read_table(
                ledger,
                schema=arrow.LEDGER,
                filters=[("key", "==", key)],
                page_checksum_verification=True,
                partitioning=None,
            ).to_pylist()
        except (OSError, ValueError, pa.ArrowException) as error:
            raise CorruptBuild(f"{ledger}: cannot be read ({error}); `factory check` names what is damaged") from error
        row = row_from(ledger, list(rows[0].values())) if rows else None
        return None if row is None or row.status in UNSETTLED else row

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            private_database(self._paths.answered)
            self._connection = sqlite3.connect(self._paths.answered, timeout=_WAIT_S, isolation_level=None)
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            require_own_schema(self._paths.answered, self._connection, _CREATE, remedy=_REMEDY)
            self._connection.executescript(_CREATE)
        return self._connection

    def _fault(self, error: sqlite3.Error) -> EnvironmentFault:
        return EnvironmentFault(f"{self._paths.answered}: cannot be used ({error}); check the disk; {_REMEDY}")


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _head(key: str) -> int:
    """The first eight bytes of a key; the whole key is compared in the ledger."""
    return int.from_bytes(bytes.fromhex(key[:16]), signed=True)
