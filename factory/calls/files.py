"""Reading, verifying and sealing ledgers, live (SQLite) or sealed (Parquet). Nothing here changes a live ledger.

Trade-off: every read verifies every row's sha256 (about 5 microseconds a row), because neither SQLite nor Parquet's
defaults notice most flipped bytes.
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Final

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from factory.calls.row import COLUMNS, LedgerRow, row_values, scores_of, values_sha256
from factory.calls.wal import wal_faults
from factory.errors import CorruptBuild, EnvironmentFault
from factory.store.databases import require_own_schema
from factory.store.files import refuse_odd_database
from factory.store.layout import ShardPaths
from factory.store.tables import read_columns, refuse_parquet_bomb, write_table
from schemas import arrow

LEDGER_VERSION = 2
"""SQLite's user_version of a live ledger. Raise it with the table's layout. Version 1 (factory 0.1, unreleased) is
refused: its keys name other questions."""

CREATE: Final = f"""
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS calls (
  key TEXT PRIMARY KEY NOT NULL, sample_id TEXT NOT NULL, teacher TEXT NOT NULL, purpose TEXT NOT NULL,
  draw INTEGER NOT NULL, turn INTEGER NOT NULL, attempt INTEGER NOT NULL, model TEXT NOT NULL,
  origin TEXT NOT NULL, status TEXT NOT NULL, handle TEXT, response TEXT, scores TEXT, finish_reason TEXT,
  error_kind TEXT, error_detail TEXT,
  http_calls INTEGER NOT NULL, prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL,
  cost REAL NOT NULL, latency_s REAL NOT NULL, created_at TEXT NOT NULL, row_sha256 TEXT NOT NULL
);
PRAGMA user_version = {LEDGER_VERSION};
COMMIT;
"""
"""The statements that make a live ledger."""

STORED = (*COLUMNS, "row_sha256")
SELECT = f"SELECT {', '.join(STORED)} FROM calls"  # noqa: S608 - constant names

SEALED_ORDER = ("sample_id", "teacher", "purpose", "draw", "turn", "attempt", "key")

_DIGEST = b"ledger_sha256"
_NETWORK_TYPES = re.compile(
    r"nfs\d?|cifs|smb\w*|afs|9p|ceph|gluster\w*|lustre|gpfs|beegfs|orangefs|ocfs2"
    r"|fuse\.(sshfs|s3fs|gcsfuse|rclone|glusterfs|ceph\w*|juicefs|goofys|blobfuse\d?|davfs\d?)"
)


def read_ledger(path: Path) -> pl.DataFrame:
    """A sealed or live ledger, every row verified, in the columns of `schemas.arrow.LEDGER` and sealed order.

    Raises:
        CorruptBuild: the file is damaged; names it and the first damaged key.
        EnvironmentFault: the file is missing, unreadable or written by a newer version.
    """
    frame = pl.from_arrow(read_arrow(path))
    assert isinstance(frame, pl.DataFrame)
    return frame


def read_arrow(path: Path) -> pa.Table:
    """`read_ledger` as an Arrow table."""
    if not is_sealed(path):
        rows = _live_rows(path)
        _refuse_damage(path, rows)
        return _live_table(path, rows)
    table = _sealed_table(path)
    _refuse_damage(path, _table_rows(table))
    return table


def read_samples(path: Path, sample_ids: Collection[str] | None) -> pa.Table:
    """The rows of the given samples (all of them for None). A sealed ledger's rows are verified when they are used.

    Samples of one shard with the same picture share the rows of the one that was asked first. A sealed ledger's part,
    in the same folder, says whose rows those are, and they are among the rows; a live ledger has no part yet and all
    its rows are returned. Of a sealed ledger without any of these samples only one column is read.
    """
    if not is_sealed(path):
        rows = _live_rows(path)
        _refuse_damage(path, rows)
        return _live_table(path, rows)
    if sample_ids is None:
        return _sealed_table(path)
    owners = _sealed_table(path, ["sample_id"])["sample_id"]
    wanted = set(sample_ids)
    if set(owners.unique().to_pylist()) - wanted:
        wanted |= _twins(path, wanted)
    present = pc.is_in(owners, value_set=pa.array(sorted(wanted), pa.string()))
    return _sealed_table(path).filter(present) if pc.any(present).as_py() else arrow.LEDGER.empty_table()


def _twins(path: Path, sample_ids: Collection[str]) -> set[str]:
    """The samples under whose ids the answers of `sample_ids` stand in a sealed ledger."""
    answers = ShardPaths(path.parent).answers
    if not answers.exists():
        return set()
    mine = read_columns(answers, ("id", "answers.list.element.keys.list.element"))
    mine = mine.filter(pl.col("id").is_in(list(sample_ids)))
    keys = mine.select(key=pl.col("answers").list.eval(pl.element().struct.field("keys").explode())).explode("key")
    rows = pl.from_arrow(_sealed_table(path, ["key", "sample_id"]))
    assert isinstance(rows, pl.DataFrame)
    return set(rows.join(keys, on="key", how="semi")["sample_id"])


def ledger_faults(path: Path) -> list[str]:
    """Every fault of a sealed or live ledger, one line each, naming the file and the key where it is known.

    Empty when the ledger is sound. Never raises for a damaged, foreign or missing file.
    """
    faults: list[str] = []
    steps = (_sealed_faults,) if is_sealed(path) else (wal_faults, _page_faults, _live_row_faults)
    for step in steps:
        try:
            faults += step(path)
        except (CorruptBuild, EnvironmentFault) as error:
            faults.append(str(error))
        except Exception as error:  # a damaged file may break its parser in any way; each of them is a fault
            faults.append(f"{path}: cannot be read ({type(error).__name__}: {error})")
    return list(dict.fromkeys(faults))


def row_faults(path: Path, rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """One line for each row (values in the order of `STORED`) that is not what was written."""
    for row in rows:
        if not sound(row):
            yield f"{path}: the row of key {row[0]} (sample {row[1]}, teacher {row[2]}) is damaged"


def _refuse_damage(path: Path, rows: Iterable[Sequence[object]]) -> None:
    for fault in row_faults(path, rows):
        raise CorruptBuild(f"{fault}; `factory check` names every damaged row")


def sound(stored: Sequence[object]) -> bool:
    """Whether a stored row still has the digest it was written with."""
    try:
        return values_sha256(tuple(stored[:-1])) == stored[-1]
    except TypeError:
        return False


def row_from(path: Path, stored: Sequence[object]) -> LedgerRow:
    """A verified row from values in the order of `STORED`. Raises CorruptBuild naming file and key."""
    if not sound(stored):
        raise CorruptBuild(
            f"{path}: the row of key {stored[0]} (sample {stored[1]}) is damaged: its sha256 differs from what was "
            "written; restore the file, or move it away to ask (and pay) its requests again"
        )
    try:
        row = LedgerRow(**dict(zip(COLUMNS, stored, strict=False)))  # type: ignore[arg-type]
        scores_of(row.scores)
    except (ValueError, TypeError, AttributeError):
        raise CorruptBuild(
            f"{path}: the row of key {stored[0]} holds values of another kind than are written"
        ) from None
    return row


def write_sealed(rows: Sequence[LedgerRow], target: Path) -> None:
    """Rows as a sealed ledger, sorted by sample, teacher, attempt and key; equal rows give equal bytes.

    Raises EnvironmentFault when the file cannot be written; an older file of that name is then still whole.
    """
    ordered = sorted(rows, key=attrgetter(*SEALED_ORDER))
    columns = list(zip(*[row_values(row) for row in ordered], strict=True)) or [()] * len(COLUMNS)
    digests = [row.row_sha256 for row in ordered]
    arrays = [pa.array(c, f.type) for c, f in zip([*columns, digests], arrow.LEDGER, strict=True)]
    table = pa.Table.from_arrays(arrays, schema=arrow.LEDGER)
    try:
        write_table(table.replace_schema_metadata({_DIGEST: _digest(digests)}), target)
    except OSError as error:
        raise EnvironmentFault(
            f"{target}: cannot seal the ledger ({error.strerror or error}); free space on that disk and run the same "
            "command again: the live ledger is whole, nothing is paid twice"
        ) from error


def open_live(path: Path) -> sqlite3.Connection:
    """A read-only connection to a live ledger, possibly while another process writes it.

    Raises CorruptBuild or EnvironmentFault naming the file.
    """
    if not path.is_file():
        raise EnvironmentFault(f"{path}: no such ledger")
    refuse_odd_database(path)
    try:
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None)
        try:
            check_version(path, connection)
            require_own_tables(path, connection)
        except BaseException:
            connection.close()
            raise
    except sqlite3.Error as error:
        raise sqlite_fault(path, error) from error
    return connection


def require_own_tables(path: Path, connection: sqlite3.Connection) -> None:
    """Raises CorruptBuild where a live ledger holds anything but the table of calls: see `factory.store.databases`."""
    remedy = "it is not a ledger of the factory's: take it away, or fetch the right one from a copy"
    require_own_schema(path, connection, CREATE, remedy=remedy)


def check_version(path: Path, connection: sqlite3.Connection) -> int:
    """The layout version of an open ledger, 0 when it is new. Raises EnvironmentFault for a newer one."""
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if 0 < version < LEDGER_VERSION:
        raise EnvironmentFault(
            f"{path}: this ledger has layout version {version} of an older release, whose questions have other names; "
            "move its build away and build again"
        )
    if version > LEDGER_VERSION:
        raise EnvironmentFault(
            f"{path}: this ledger has layout version {version}, written by a newer release; this one reads up to "
            f"version {LEDGER_VERSION}: upgrade the package to go on with this build"
        )
    return version


def sqlite_fault(path: Path, error: sqlite3.Error) -> CorruptBuild | EnvironmentFault:
    """What SQLite's error means for the user."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (0, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_SCHEMA):
        return CorruptBuild(f"{path}: damaged, or not a ledger ({error})")
    if code == sqlite3.SQLITE_BUSY:
        return EnvironmentFault(f"{path}: another process holds this ledger ({error})")
    return EnvironmentFault(
        f"{path}: the ledger cannot be read or written ({error}): the disk is full or failing, a file size limit is "
        "reached, or the folder is not writable. Put that right and run the same command again: every reply "
        "acknowledged so far is kept, only calls in flight are asked again"
    )


def is_sealed(path: Path) -> bool:
    """Whether `path` is a sealed ledger: told by its name, so that a damaged head changes nothing."""
    return path.suffix == ".parquet"


def is_readable(path: Path) -> bool:
    """Whether a ledger of an earlier build has today's columns; one of another version names other questions."""
    try:
        if is_sealed(path):
            return bool(pq.read_schema(path).equals(arrow.LEDGER))
        open_live(path).close()
    except (EnvironmentFault, FileNotFoundError):
        return False
    except (CorruptBuild, OSError, pa.ArrowException):
        return True  # damage is named where it is read: passed over, its questions would be paid again without a word
    return True


def network_mount(path: Path, mounts: Path = Path("/proc/mounts")) -> str | None:
    """The network file system that holds `path`, as `nfs4 at /mnt/data`; None on a local disk or where mounts are
    unknown.

    SQLite's locks and shared memory do not work across machines; a live ledger belongs on a local disk.
    """
    try:
        lines = mounts.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return None
    resolved = path.resolve()
    best, kind = Path(), ""
    for line in lines:
        words = line.split(" ")
        if len(words) < 3:
            continue
        point = Path(re.sub(r"\\([0-7]{3})", lambda m: chr(int(m[1], 8)), words[1]))
        if resolved.is_relative_to(point) and len(point.parts) >= len(best.parts):
            best, kind = point, words[2]
    return f"{kind} at {best}" if _NETWORK_TYPES.fullmatch(kind) else None


def _sealed_table(path: Path, columns: list[str] | None = None, *, verify: bool = True) -> pa.Table:
    schema = arrow.LEDGER if columns is None else pa.schema([arrow.LEDGER.field(name) for name in columns])
    try:
        refuse_parquet_bomb(path)
        return pq.read_table(path, schema=schema, page_checksum_verification=verify, partitioning=None)
    except FileNotFoundError as error:
        raise EnvironmentFault(f"{path}: no such ledger") from error
    except (OSError, ValueError, pa.ArrowException) as error:
        raise CorruptBuild(
            f"{path}: cannot be read ({error}); restore the file, or move it away to ask (and pay) its requests again"
        ) from error


def _table_rows(table: pa.Table) -> Iterator[tuple[object, ...]]:
    """Rows of a table in the order of `STORED`, a thousand at a time as Python values."""
    for batch in table.to_batches(max_chunksize=1024):
        yield from zip(*[batch.column(name).to_pylist() for name in STORED], strict=True)


def _live_rows(path: Path) -> list[tuple[object, ...]]:
    """Rows of a live ledger in sealed order, unverified; text that is not UTF-8 is mangled, not refused."""
    connection = open_live(path)
    connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
    rows: list[tuple[object, ...]] = []
    try:
        rows.extend(connection.execute(f"{SELECT} ORDER BY {', '.join(SEALED_ORDER)}"))
    except sqlite3.Error as error:
        raise sqlite_fault(path, error) from error
    finally:
        connection.close()
    return rows


def _live_table(path: Path, rows: Iterable[Sequence[object]]) -> pa.Table:
    columns = list(zip(*rows, strict=True)) or [()] * len(STORED)
    try:
        arrays = [pa.array(column, field.type) for column, field in zip(columns, arrow.LEDGER, strict=True)]
    except (pa.ArrowException, OverflowError, TypeError, ValueError) as error:
        raise CorruptBuild(f"{path}: damaged: a row holds a value of another kind than we write ({error})") from None
    return pa.Table.from_arrays(arrays, schema=arrow.LEDGER)


def _page_faults(path: Path) -> list[str]:
    connection = open_live(path)
    try:
        found = [str(line) for (line,) in connection.execute("PRAGMA integrity_check(20)") if line != "ok"]
    except sqlite3.Error as error:
        raise sqlite_fault(path, error) from error
    finally:
        connection.close()
    return [f"{path}: {' '.join(line.split())}" for line in found]


def _live_row_faults(path: Path) -> list[str]:
    return list(row_faults(path, _live_rows(path)))


def _sealed_faults(path: Path) -> list[str]:
    try:
        table, damage = _sealed_table(path), []
    except CorruptBuild as error:
        damage = [str(error)]
        try:  # without page checksums the rows' own digests may still tell which ones are hurt
            table = _sealed_table(path, verify=False)
        except CorruptBuild:
            return damage
    faults = damage + list(row_faults(path, _table_rows(table)))
    for difference in _as_others_read(path, table):
        faults.append(f"{path}: damaged footer: {difference}")
    if (pq.read_schema(path).metadata or {}).get(_DIGEST) != _digest(table["row_sha256"].to_pylist()):
        faults.append(f"{path}: its digest differs: rows are missing, added or moved ({table.num_rows} found)")
    return faults


def _as_others_read(path: Path, table: pa.Table) -> Iterator[str]:
    """What a reader that trusts the file's own schema would see differently; checksums do not cover the footer."""
    for reader in (pq.ParquetFile(path).read, lambda: pq.read_table(path, partitioning=None)):
        try:
            seen = reader()
        except (OSError, pa.ArrowException) as error:
            yield str(error)
            return
        if not seen.replace_schema_metadata().equals(table.replace_schema_metadata()):
            yield f"{seen.num_rows} rows of {', '.join(seen.column_names)} are not what this release reads"
            return


def _digest(row_digests: Sequence[str]) -> bytes:
    return hashlib.sha256("".join(row_digests).encode()).hexdigest().encode()
