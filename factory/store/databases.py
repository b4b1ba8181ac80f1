"""The SQLite files of a build, which somebody else may have made: what stands in one is data, never a program.

A view or a trigger in the place of a table computes whatever its author likes, for as long as he likes, when the table
is read or written. So the schema of a file is compared with the one that our own statements make before anything else
is asked of it, and no value may be longer than any that is written.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Final

from factory.errors import CorruptBuild
from factory.store.files import digest_of, refuse_odd_database, remove
from factory.store.layout import BuildPaths

MOST_VALUE: Final = 16_000_000
"""Bytes of one value or row; a reply that is kept has at most 600,000 characters, of four bytes each."""
SIDE_FILES: Final = ("-wal", "-shm", "-journal")
"""Ends of the files that SQLite keeps beside a database while it is open, or after a kill."""

_Schema = tuple[tuple[str, str, str, str], ...]


def require_own_schema(path: Path, connection: sqlite3.Connection, create: str, *, remedy: str) -> None:
    """Bounds what is read through a connection, and raises CorruptBuild where the file has other tables, views,
    triggers or indexes than the statements `create` make. A file with nothing in it is sound: it was just made.

    sqlite3.Error is raised for a file that is no database.
    """
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MOST_VALUE)
    connection.execute("PRAGMA trusted_schema = OFF")
    found = _schema(connection)
    if found and found != _made_by(create):
        own = {name for _, name, _, _ in _made_by(create)}
        odd = sorted(name for _, name, _, _ in set(found) ^ set(_made_by(create)) if name not in own) or sorted(own)
        raise CorruptBuild(f"{path}: its tables are not those that the factory makes ({', '.join(odd[:3])}); {remedy}")


def fold(path: Path) -> None:
    """Folds what a killed process left beside a database into it, so that its bytes are all there is of it.

    Nothing happens where no file is. Raises CorruptBuild for a link, sqlite3.Error for a damaged file.
    """
    refuse_odd_database(path)
    if path.exists() and has_side_files(path):
        with closing(sqlite3.connect(path, timeout=1, isolation_level=None)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def has_side_files(path: Path) -> bool:
    """Whether a database is open, or was left by a process that was killed: its bytes are then not all there is."""
    return any(path.with_name(path.name + end).exists() for end in SIDE_FILES)


def remove_database(path: Path) -> None:
    """Takes a database away that nobody has open."""
    for name in (*(path.name + end for end in SIDE_FILES), path.name):
        remove(path.with_name(name))


def databases(paths: BuildPaths) -> tuple[Path, ...]:
    """The databases of a build that stay when it is done. Not every build needs them."""
    return (paths.budget, paths.answered)


def databases_digest(paths: BuildPaths) -> str:
    """One line about their bytes, and whether a log lies beside them; empty where there are none."""
    return " ".join(digest_of(path) + "+log" * has_side_files(path) for path in databases(paths)).strip()


@cache
def _made_by(create: str) -> _Schema:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.executescript(create)
        return _schema(connection)


def _schema(connection: sqlite3.Connection) -> _Schema:
    rows = connection.execute("SELECT type, name, tbl_name, ifnull(sql, '') FROM sqlite_master")
    return tuple(
        sorted((str(kind), str(name), str(table), " ".join(str(sql).split())) for kind, name, table, sql in rows)
    )
