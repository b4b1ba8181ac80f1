"""The files of rows of a release while they are written: tars with their index, Parquet, in the folders of their
configurations."""

from __future__ import annotations

import fcntl
import os
import re
import secrets
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import polars as pl

from factory.store.files import PUBLIC_FOLDER, create, make_folder, remove_tree, rename, sync_directory
from release.at_once import Block, arrow_rows, slices
from release.configs import folder_of
from release.hiding import Tally
from release.parquet_files import ParquetFile, file_name, file_schema
from release.rows import Released, Row
from release.tar_index import index_path
from release.webdataset_shards import TarFile, shard_name
from schemas.licences import licence_class
from schemas.rows.conversations import json_texts
from schemas.rows.schema import RowSchema
from schemas.settings import ReleaseSettings

Place = tuple[str, str]
"""Folder of a configuration, and split."""


@dataclass(slots=True)
class Shards:
    """The open file of each configuration, split and format; rows are dealt to them in plan order."""

    root: Path
    settings: ReleaseSettings
    row: RowSchema
    rows: dict[Path, int] = field(default_factory=dict)
    """Rows of every file written."""
    made: list[int] = field(default_factory=list)
    """Rows of every sample, in plan order."""
    pictures: set[int] = field(default_factory=set)
    """How many pictures a row has: every number that occurs."""
    answered: Counter[str] = field(default_factory=Counter)
    """Samples with a usable answer, by teacher."""
    models: dict[str, set[str]] = field(default_factory=dict)
    """Models that gave them, by teacher."""
    written: Counter[Place] = field(default_factory=Counter)
    """Rows by configuration's folder and split."""
    withheld: list[dict[str, Any]] = field(default_factory=list)
    """Lines of `withheld.parquet`."""
    hidden: Tally = field(default_factory=Tally)
    """What detectors found in released pictures."""
    indices: list[Path] = field(default_factory=list)
    """Files beside tars that say where their samples lie."""
    _tars: dict[Place, tuple[Path, IO[bytes], TarFile]] = field(default_factory=dict)
    _parquets: dict[Place, tuple[Path, IO[bytes], ParquetFile]] = field(default_factory=dict)
    _open: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Shards:
        for name in self.settings.formats:
            make_folder(self.root / name, PUBLIC_FOLDER)
        return self

    def __exit__(self, *failure: object) -> None:
        with self._open:
            if failure[0] is None:
                for place in (*self.written,):
                    self._finish(place)
                self._number_parquets()

    def add(self, released: Released) -> None:
        """Appends a sample's rows to its split's files, closing full ones."""
        self.made.append(len(released.rows))
        if released.withheld:
            self.withheld += released.withheld
        else:
            self.pictures.add(len(released.jpegs))
            self.hidden.add(released.found)
        self.answered.update({teacher for teacher, _ in released.answered_by})
        for teacher, model in released.answered_by:
            self.models.setdefault(teacher, set()).add(model)
        for row in released.rows:
            reuse = self._reuse(row.values.get("licence"))
            folder = folder_of(self.row.part, reuse, withheld=bool(released.withheld))
            self._add((folder, released.split), row, released.jpegs)

    def _reuse(self, licence: str | None) -> str | None:
        """What sets a row apart by its licence, None where the recipe does not want that."""
        return None if self.settings.configs is None else licence_class(licence)

    def _add(self, place: Place, row: Row, jpegs: Sequence[bytes]) -> None:
        number = self.written[place]
        self._make_room(place)
        self.written[place] += 1
        if tar := self._tars.get(place):
            tar[2].write(number, row.values["id"], row.json, jpegs)
            self.rows[tar[0]] += 1
        if parquet := self._parquets.get(place):
            parquet[2].write(number, row.values, jpegs)
            self.rows[parquet[0]] += 1

    def add_block(self, block: Block) -> None:
        """Appends the rows of a shard to the files of their splits: the same bytes as one by one."""
        self.made.extend(block.rows)
        self.pictures.add(0)
        for split, rows in block.splits:
            for folder, apart in self._apart(rows):
                for part in slices(apart, self.written[folder, split], self.settings.shard_size):
                    self._add_rows((folder, split), part)

    def _apart(self, rows: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
        """The rows of each folder, in order."""
        if self.settings.configs is None or "licence" not in rows.columns:
            yield folder_of(self.row.part, self._reuse(None), withheld=False), rows
            return
        classes = {licence: self._reuse(licence) for licence in rows["licence"].unique()}
        reuse = pl.Series("", [classes[licence] for licence in rows["licence"]], pl.String)
        for name in reuse.unique(maintain_order=True):
            yield folder_of(self.row.part, name, withheld=False), rows.filter(reuse == name)

    def _add_rows(self, place: Place, rows: pl.DataFrame) -> None:
        """Rows that fit into one file."""
        number = self.written[place]
        self._make_room(place)
        self.written[place] += rows.height
        if tar := self._tars.get(place):
            texts = json_texts(rows, self.row)
            for index, (name, text) in enumerate(zip(rows["id"], texts, strict=True), start=number):
                tar[2].write(index, name, text, ())
            self.rows[tar[0]] += rows.height
        if parquet := self._parquets.get(place):
            parquet[2].write_table(arrow_rows(rows, file_schema(self.row)))
            self.rows[parquet[0]] += rows.height

    def _make_room(self, place: Place) -> None:
        """Closes a split's full file and opens its next."""
        number = self.written[place]
        if number % self.settings.shard_size == 0:
            self._finish(place)
            self._start(place, number // self.settings.shard_size)

    def _start(self, place: Place, number: int) -> None:
        folder, split = place
        if "webdataset" in self.settings.formats:
            path = self.root / "webdataset" / folder / shard_name(split, number)
            file = self._opened(path)
            self._tars[place] = path, file, TarFile(file, path.name)
        if "parquet" in self.settings.formats:
            path = self.root / "parquet" / folder / file_name(split, number, 0)
            file = self._opened(path)
            self._parquets[place] = path, file, ParquetFile(file, self.row)

    def _opened(self, path: Path) -> IO[bytes]:
        make_folder(path.parent, PUBLIC_FOLDER)
        self.rows[path] = 0
        return self._open.enter_context(create(path))

    def _finish(self, place: Place) -> None:
        if tar := self._tars.pop(place, None):
            write_durably(index_path(tar[0]), tar[2].close())
            self.indices.append(index_path(tar[0]))
            sync_and_close(tar[1])
        if parquet := self._parquets.pop(place, None):
            parquet[2].close()
            sync_and_close(parquet[1])

    def _number_parquets(self) -> None:
        """Gives Parquet files their names: of how many files a split consists is known when all rows are there."""
        for (folder, split), rows in self.written.items():
            files = -(-rows // self.settings.shard_size) if "parquet" in self.settings.formats else 0
            for number in range(files):
                path = self.root / "parquet" / folder / file_name(split, number, 0)
                named = path.with_name(file_name(split, number, files))
                rename(path, named)
                self.rows[named] = self.rows.pop(path)


def write_durably(path: Path, data: bytes) -> None:
    """Writes a file whole, and waits until it lies on the disk."""
    with create(path) as file:
        file.write(data)
        sync_and_close(file)


def take_place(folder: Path, target: Path, old: Path) -> None:
    """Gives a finished release its name; what has it goes by `old` meanwhile. A crash in between leaves no release, and
    the same command writes it again."""
    for directory in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
        sync_directory(directory)
    remove_tree(old)
    if target.exists():
        rename(target, old)
    rename(folder, target)
    sync_directory(target.parent)
    remove_tree(old)


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """A folder that becomes `out`, which is empty or not there, once the block has ended well, and is taken away when
    it fails. Nobody else's folder has its name. What killed runs left beside `out` goes first."""
    out.parent.mkdir(parents=True, exist_ok=True)
    _clear(out)
    folder = out.with_name(f".{out.name}.{secrets.token_hex(8)}.part")
    make_folder(folder, PUBLIC_FOLDER)
    held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        with suppress(OSError):  # a file system without locks
            fcntl.flock(held, fcntl.LOCK_EX)
        yield folder
        for directory in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
            sync_directory(directory)
        rename(folder, out)
        sync_directory(out.parent)
    except BaseException:
        remove_tree(folder)
        raise
    finally:
        os.close(held)


def _clear(out: Path) -> None:
    """Takes away the folders of earlier runs in which nobody works any more."""
    ours = re.compile(re.escape(f".{out.name}.") + r"[0-9a-f]{16}\.part")
    for left in [path for path in out.parent.iterdir() if ours.fullmatch(path.name)]:
        with suppress(OSError):  # another kind of file, or gone, or somebody writes it
            held = os.open(left, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                remove_tree(left)
            finally:
                os.close(held)


def sync_and_close(file: IO[bytes]) -> None:
    """Closes a file once what was written to it lies on the disk."""
    file.flush()
    os.fsync(file.fileno())
    file.close()
