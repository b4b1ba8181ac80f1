"""The directory of one build: where each file lies, and read access to it as polars frames.

builds/<recipe>-<fingerprint8>/
  recipe.lock.yaml  build.json  plan.parquet  dropped.parquet
  shards/00042/{part.parquet,images.tar,ledger.parquet,report.json}
  selection.parquet  review/  release/  report.html
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

import orjson
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from factory.errors import CorruptBuild, EnvironmentFault, RecipeError
from factory.image_store import ImageStore
from schemas import arrow

ROW_GROUP = 32_768
"""Rows in a row group: a shard reads its samples from a plan of millions without decoding the others."""

_DISK_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS})


@dataclass(frozen=True, slots=True)
class ShardPaths:
    """Files of one shard. `report` is written last: it marks the shard as done."""

    root: Path

    @property
    def part(self) -> Path:
        return self.root / "part.parquet"

    @property
    def images(self) -> Path:
        """Prepared JPEGs of the shard, named by position: `000017.jpg`."""
        return self.root / "images.tar"

    @property
    def live_ledger(self) -> Path:
        return self.root / "ledger.sqlite"

    @property
    def ledger(self) -> Path:
        return self.root / "ledger.parquet"

    @property
    def report(self) -> Path:
        return self.root / "report.json"

    @property
    def progress(self) -> Path:
        """How far a running shard is: `done/total`."""
        return self.root / "progress"


@dataclass(frozen=True, slots=True)
class BuildPaths:
    """Files of one build."""

    root: Path

    @property
    def info(self) -> Path:
        return self.root / "build.json"

    @property
    def recipe_lock(self) -> Path:
        return self.root / "recipe.lock.yaml"

    @property
    def plan(self) -> Path:
        return self.root / "plan.parquet"

    @property
    def dropped(self) -> Path:
        return self.root / "dropped.parquet"

    @property
    def selection(self) -> Path:
        return self.root / "selection.parquet"

    @property
    def budget(self) -> Path:
        return self.root / "budget.sqlite"

    @property
    def release(self) -> Path:
        return self.root / "release"

    @property
    def report(self) -> Path:
        return self.root / "report.html"

    def shard(self, number: int) -> ShardPaths:
        return ShardPaths(self.root / "shards" / f"{number:05d}")

    def shards(self) -> list[ShardPaths]:
        """Shard directories on disk, in order."""
        return [ShardPaths(path) for path in sorted((self.root / "shards").glob("[0-9]*")) if path.is_dir()]


@dataclass(frozen=True)
class Build:
    """Read access to a build. Frames are loaded on first use and follow the schemas in `schemas.arrow`."""

    paths: BuildPaths

    @cached_property
    def info(self) -> dict[str, Any]:
        """build.json: state, recipe name, profile, fingerprint, versions, counts, seconds."""
        return read_json(self.paths.info)

    @cached_property
    def recipe(self) -> dict[str, Any]:
        """The resolved recipe as plain data."""
        from factory.yaml_lines import plain_yaml

        return plain_yaml(self.paths.recipe_lock)

    @cached_property
    def plan(self) -> pl.DataFrame:
        return read_table(self.paths.plan, arrow.PLAN)

    @cached_property
    def dropped(self) -> pl.DataFrame:
        return read_table(self.paths.dropped, arrow.DROPPED)

    @cached_property
    def parts(self) -> pl.DataFrame:
        """All finished shards' parts, in plan order."""
        return read_tables([s.part for s in self.paths.shards() if s.report.exists()], arrow.PART)

    @cached_property
    def selection(self) -> pl.DataFrame:
        return read_table(self.paths.selection, arrow.SELECTION)

    @cached_property
    def ledger(self) -> pl.DataFrame:
        """All sealed ledgers: one row a teacher call or replayed answer."""
        return read_tables([s.ledger for s in self.paths.shards() if s.ledger.exists()], arrow.LEDGER)

    def image(self, shard: int, position: int) -> bytes:
        """The prepared JPEG of one planned sample. Raises KeyError when it was quarantined before it had one."""
        stores: dict[int, ImageStore] = self.__dict__.setdefault("_image_stores", {})
        if shard not in stores:
            stores[shard] = ImageStore(self.paths.shard(shard).images)
        return stores[shard].read(position)


def open_build(path: str | Path) -> Build:
    """A build directory as polars frames. Raises RecipeError when the path is not a build."""
    paths = BuildPaths(Path(path))
    if not paths.info.is_file():
        raise RecipeError(f"{path}: not a build directory (it has no {paths.info.name})")
    return Build(paths)


def read_table(path: Path, schema: pa.Schema) -> pl.DataFrame:
    """One Parquet file with its page checksums verified. Raises CorruptBuild naming the file."""
    return read_tables([path], schema)


def read_tables(paths: Sequence[Path], schema: pa.Schema) -> pl.DataFrame:
    """Several Parquet files of one schema, in the order given; an empty frame for none."""
    tables = []
    for path in paths:
        with _damage_named(path):
            tables.append(pq.read_table(path, schema=schema, page_checksum_verification=True, partitioning=None))
    frame = pl.from_arrow(pa.concat_tables(tables) if tables else schema.empty_table())
    assert isinstance(frame, pl.DataFrame)
    return frame


def read_columns(path: Path, columns: Sequence[str]) -> pl.DataFrame:
    """Some columns of a Parquet file, members of structs by their dotted name. Raises CorruptBuild naming the file."""
    with _damage_named(path), pq.ParquetFile(path, page_checksum_verification=True) as file:
        frame = pl.from_arrow(file.read(columns=list(columns)))
    assert isinstance(frame, pl.DataFrame)
    return frame


@contextmanager
def _damage_named(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, pa.ArrowInvalid) as error:
        raise CorruptBuild(f"{path}: cannot be read ({error}); `factory verify` names every damaged file") from error


def write_table(table: pa.Table, path: Path) -> None:
    """Parquet with page checksums, durable before it has its name."""
    with durable(path) as file:
        pq.write_table(
            table,
            file,
            compression="zstd",
            write_page_checksum=True,
            write_page_index=True,
            row_group_size=ROW_GROUP,
        )


def read_json(path: Path) -> dict[str, Any]:
    """A small JSON file of a build. Raises CorruptBuild naming the file when it is damaged."""
    try:
        value = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError as error:
        raise CorruptBuild(f"{path}: is damaged ({error})") from None
    if not isinstance(value, dict):
        raise CorruptBuild(f"{path}: is damaged (not a JSON object)")
    return value


def write_bytes(data: bytes, path: Path) -> None:
    """A small file, durable before it has its name."""
    with durable(path) as file:
        file.write(data)


@contextmanager
def disk_faults(root: Path) -> Iterator[None]:
    """Turns a full or failing disk into an EnvironmentFault that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno not in _DISK_ERRORS:
            raise
        place = error.filename or root
        raise EnvironmentFault(
            f"{place}: cannot be written ({error.strerror}); what was recorded is kept. "
            "Make room and run the same command again: it goes on where it stopped"
        ) from error


@contextmanager
def durable(path: Path) -> Iterator[BinaryIO]:
    """A file that appears whole or not at all: written aside, synced, renamed, and the rename synced too."""
    temporary = path.with_name(path.name + ".tmp")
    with temporary.open("wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Makes the names in a directory durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def file_digest(path: Path) -> str:
    """sha256 of a file's bytes, as hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
