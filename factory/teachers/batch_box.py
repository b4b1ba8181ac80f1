"""What a teacher of batches was asked and what came of it: one SQLite file a teacher in the build's `batches` folder.

A question is written here, synced, before the ledger calls it sent; which batch it belongs to before that batch is
sent; that a batch is about to be sent before it is; what came of every question of a batch in one transaction. So a
process may die anywhere: what may have been sent is known as such, and nothing is collected by halves.

    a question: waits -> in a batch -> answered, or failed (and waits once more where it is asked again)
    a batch:    formed -> sending -> sent -> collected
"""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import NoneType
from typing import Any, Final, Literal

from factory.errors import CorruptBuild, EnvironmentFault
from factory.store.databases import require_own_schema
from factory.store.files import make_folder, private_database, refuse_odd_database

State = Literal["formed", "sending", "sent", "collected"]
ANSWERED: Final = "answered"
FAILED: Final = "failed"
MISSING: Final = b'{"error":{"code":"batch_missing","message":"the batch ended without a row for this question"}}'
"""What stands in the place of a row that never came."""

_WAIT_S: Final = 60.0
_REMEDY: Final = (
    "put it back from a copy: it says which questions are on their way. Without it, delete the build's folder "
    "`batches` and its live ledgers only if these may be paid again"
)
_CREATE: Final = """
CREATE TABLE IF NOT EXISTS asks (
  key TEXT PRIMARY KEY, line BLOB NOT NULL, tries INTEGER NOT NULL, batch INTEGER, outcome TEXT, said BLOB
);
CREATE INDEX IF NOT EXISTS asks_of_batch ON asks (batch, key);
CREATE TABLE IF NOT EXISTS batches (
  number INTEGER PRIMARY KEY, tag TEXT NOT NULL, state TEXT NOT NULL, id TEXT, rows INTEGER NOT NULL,
  since REAL NOT NULL
);
"""


_STANDING: Final = """
SELECT (SELECT count(*) FROM asks WHERE batch IS NULL AND outcome IS NULL), count(*), ifnull(sum(rows), 0)
FROM batches WHERE state != 'collected'
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """One question as the box knows it."""

    tries: int
    """Batches that have or had it."""
    batch: str | None
    """What the provider calls the batch that has it; None while it is in none that is known to be sent."""
    outcome: str | None
    said: bytes
    """The row of the output file, where there is an outcome."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch file."""

    number: int
    tag: str
    """Made of its number and its questions: by it a batch is found again whose id was never heard."""
    state: State
    id: str | None
    rows: int
    since: float
    """When it came into its state, in seconds of the epoch."""


@dataclass(frozen=True, slots=True)
class Found:
    """What an output file held besides one row for each question."""

    rows: int = 0
    twice: int = 0
    foreign: int = 0
    unreadable: int = 0
    missing: int = 0

    def __str__(self) -> str:
        names = (
            (self.missing, "without a row"),
            (self.twice, "rows of a question that had one"),
            (self.foreign, "rows of nobody's question"),
            (self.unreadable, "rows that cannot be read"),
        )
        return ", ".join(f"{count:,} {what}" for count, what in names if count)


class Box:
    """The file of one teacher. Several processes may write questions; one at a time forms and collects batches."""

    def __init__(self, path: Path) -> None:
        """Raises EnvironmentFault where it cannot be opened, CorruptBuild for a file that is none of ours."""
        self.path = path
        make_folder(path.parent)
        private_database(path)
        try:
            self._connection = sqlite3.connect(path, timeout=_WAIT_S, isolation_level=None, check_same_thread=False)
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = FULL")
            require_own_schema(path, self._connection, _CREATE, remedy=_REMEDY)
            self._connection.executescript(_CREATE)
        except sqlite3.Error as error:
            raise _fault(path, error) from error

    def close(self) -> None:
        self._connection.close()

    def put(self, questions: Sequence[tuple[str, bytes]], most_tries: int) -> None:
        """Questions that wait for a batch, synced on return. One that was asked before is asked again; those that are
        on their way, or answered, stay as they are.

        Args:
            questions: keys and lines of a batch file.
            most_tries: tries from which they are counted anew: another run asks.
        """
        with self._changing() as connection:
            connection.executemany(
                "INSERT INTO asks (key, line, tries) VALUES (?, ?, 0) ON CONFLICT (key) DO UPDATE SET "
                "line = excluded.line, batch = NULL, outcome = NULL, said = NULL, "
                "tries = CASE WHEN tries < ? THEN tries ELSE 0 END WHERE outcome = 'failed'",
                [(key, line, most_tries) for key, line in questions],
            )

    def get(self, key: str) -> Asked | None:
        """What is known of a question. Raises CorruptBuild for a damaged row."""
        row = self._one(
            "SELECT tries, (SELECT id FROM batches WHERE number = asks.batch AND state IN ('sent', 'collected')), "
            "outcome, ifnull(said, x'') FROM asks WHERE key = ?",
            key,
        )
        if row is None:
            return None
        tries, batch, outcome, said = row
        if type(tries) is not int or type(said) is not bytes or outcome not in (None, ANSWERED, FAILED):
            raise CorruptBuild(f"{self.path}: is damaged (question {key[:16]}); {_REMEDY}")
        return Asked(tries, None if batch is None else str(batch), outcome, said)

    def form(self, rows: int, size: int) -> None:
        """Puts everything that waits into batches of at most so many rows and bytes, in the order of the keys."""
        with self._changing() as connection:
            last = connection.execute("SELECT ifnull(max(number), 0) FROM batches").fetchone()[0]
            waiting = connection.execute(
                "SELECT key, length(line) + 1, tries FROM asks WHERE batch IS NULL AND outcome IS NULL ORDER BY key"
            ).fetchall()
            for number, keys in enumerate(_parts(waiting, rows, size), last + 1):
                tag = hashlib.sha256("\n".join((str(number), *keys)).encode()).hexdigest()[:32]
                connection.execute(
                    "INSERT INTO batches (number, tag, state, rows, since) VALUES (?, ?, 'formed', ?, ?)",
                    (number, tag, len(keys), time.time()),
                )
                connection.executemany(
                    "UPDATE asks SET batch = ?, tries = tries + 1 WHERE key = ?", [(number, key) for key in keys]
                )

    def lines(self, number: int) -> Iterator[bytes]:
        """The lines of a batch file, in the order of the keys."""
        for (line,) in self._connection.execute("SELECT line FROM asks WHERE batch = ? ORDER BY key", (number,)):
            yield bytes(line) + b"\n"

    def batches(self, *states: State) -> list[Batch]:
        """Batches in one of these states, oldest first."""
        found = self._all(
            "SELECT number, tag, state, id, rows, since FROM batches ORDER BY number",
        )
        return [batch for batch in map(self._batch, found) if batch.state in states]

    def _batch(self, row: tuple[Any, ...]) -> Batch:
        kinds: tuple[Any, ...] = (int, str, str, (str, NoneType), int, float)
        if not all(isinstance(value, kind) for value, kind in zip(row, kinds, strict=True)):
            raise CorruptBuild(f"{self.path}: is damaged (batch {str(row[0])[:40]}); {_REMEDY}")
        return Batch(*row)

    def note(self, number: int, state: State, known_as: str | None = None) -> None:
        """What became of a batch, synced on return."""
        with self._changing() as connection:
            connection.execute(
                "UPDATE batches SET state = ?, id = ?, since = ? WHERE number = ?",
                (state, known_as, time.time(), number),
            )

    def take_apart(self, number: int) -> None:
        """A batch that was never worked on: its questions wait again, in other batches, and this try does not count."""
        with self._changing() as connection:
            connection.execute("UPDATE asks SET batch = NULL, tries = tries - 1 WHERE batch = ?", (number,))
            connection.execute("DELETE FROM batches WHERE number = ?", (number,))

    def collect(self, number: int, rows: Iterable[tuple[str | None, bool, bytes]]) -> Found:
        """What came of a batch, all of it or, where reading `rows` fails, nothing.

        Args:
            number: of the batch.
            rows: for each row of its output the key (None for one that cannot be read), whether it is an answer, and
                the row. An answer wins over a failure, then the first; what never came is `MISSING`.
        """
        count = twice = foreign = unreadable = 0
        with self._changing() as connection:
            for key, answered, said in rows:
                count += 1
                if key is None:
                    unreadable += 1
                    continue
                outcome = ANSWERED if answered else FAILED
                changed = connection.execute(
                    "UPDATE asks SET outcome = ?, said = ?, line = x'' WHERE key = ? AND batch = ? AND "
                    "(outcome IS NULL OR (outcome = 'failed' AND ? = 'answered'))",
                    (outcome, said, key, number, outcome),
                )
                known = connection.execute("SELECT 1 FROM asks WHERE key = ? AND batch = ?", (key, number)).fetchone()
                foreign += known is None
                twice += known is not None and changed.rowcount == 0
            missing = connection.execute(
                "UPDATE asks SET outcome = 'failed', said = ?, line = x'' WHERE batch = ? AND outcome IS NULL",
                (MISSING, number),
            ).rowcount
            connection.execute(
                "UPDATE batches SET state = 'collected', since = ? WHERE number = ?", (time.time(), number)
            )
        return Found(count, twice, foreign, unreadable, missing)

    def standing(self) -> tuple[int, int, int]:
        """Questions that wait, batches that are formed or under way, and questions in those."""
        (found,) = self._all(_STANDING)
        waiting, batches, asked = map(int, found)
        return waiting, batches, asked

    def _one(self, query: str, *values: object) -> tuple[Any, ...] | None:
        found = self._all(query, *values)
        return found[0] if found else None

    def _all(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        try:
            with closing(self._connection.execute(query, values)) as rows:
                return rows.fetchall()
        except sqlite3.Error as error:
            raise _fault(self.path, error) from error

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        """One write transaction."""
        connection = self._connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise _fault(self.path, error) from error
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")


def standing_of(path: Path) -> tuple[int, int, int]:
    """`Box.standing` of a file that is only read. Raises EnvironmentFault, and CorruptBuild for a file that is none of
    ours."""
    refuse_odd_database(path)
    try:
        with closing(sqlite3.connect(path.absolute().as_uri() + "?mode=ro", uri=True, timeout=1)) as connection:
            require_own_schema(path, connection, _CREATE, remedy=_REMEDY)
            waiting, batches, asked = connection.execute(_STANDING).fetchone()
    except sqlite3.Error as error:
        raise _fault(path, error) from error
    return int(waiting), int(batches), int(asked)


def _parts(waiting: Iterable[tuple[str, int, int]], rows: int, size: int) -> Iterator[list[str]]:
    """Keys in groups of at most so many rows and bytes; a line that is larger than a file may be goes alone."""
    part: list[str] = []
    taken = 0
    for key, length, _ in waiting:
        if part and (len(part) == rows or taken + length > size):
            yield part
            part, taken = [], 0
        part.append(key)
        taken += length
    if part:
        yield part


def _fault(path: Path, error: sqlite3.Error) -> EnvironmentFault:
    return EnvironmentFault(f"{path}: cannot be used ({error}); check the disk; {_REMEDY}")
