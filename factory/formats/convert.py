"""From any format to any other: nothing that a row says is dropped without a word.

Each record becomes a row of the target, and that row is read again: what it does not say, or says otherwise, goes into
the sidecar beside the file; where it says another number of pictures, or the format has no place for what it must say,
the row is refused by name, and with it the whole conversion.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, TypedDict

import orjson
import polars as pl

from factory.errors import RecipeError
from factory.formats.beside import Beside, Names, ending
from factory.formats.kept import write_home
from factory.formats.known import Format
from factory.formats.record import BadRow, Record, refuse_other_count, shown
from factory.formats.rows_in import Left
from factory.formats.rows_out import FULL, dataset_info, open_rows
from factory.formats.sidecar import SidecarWriter, row_key, sidecar_path
from factory.formats.tables import Columns, columns_of, table_row
from factory.store.files import create, remove
from release.files import FURTHER
from release.shards import new_folder, sync_and_close, write_durably
from release.withdrawals import WITHDRAWN, Withdrawals, no_withdrawals, read_withdrawals

PAPERS: Final = ("LICENSE-DATA.md", WITHDRAWN)
"""What follows rows wherever they go: whose they are, and which nobody should use any more."""
MAX_PAPER_BYTES: Final = 16_000_000
INFO: Final = "convert.json"
"""Says which files a folder has, for whoever converts it again."""
MOST_FAULTS: Final = 20
Records = Callable[[], Iterator[tuple[str, Record | BadRow]]]


@dataclass(frozen=True, slots=True)
class Part:
    """Rows that stay together in files of their own."""

    name: str
    """`train`, say: what their files are called."""
    records: Records


@dataclass(frozen=True, slots=True)
class Source:
    """What is converted."""

    format: str
    parts: tuple[Part, ...]
    folder: Path
    """Where papers lie."""
    left: Left = field(default_factory=Left)
    withheld: int = 0
    """Rows of a release whose pictures are not in it."""


@dataclass(frozen=True, slots=True)
class How:
    """How rows are converted."""

    refer: bool = False
    """Write the paths of pictures as they stand, and copy none."""
    names: Names = "sha256"
    withdrawn: Path | None = None
    """A list of withdrawals; the one beside the source counts as well."""


class Converted(TypedDict):
    """What a conversion came to."""

    root: str
    format: str
    rows: dict[str, int]
    pictures: int
    """That rows show."""
    sidecar: int
    """Rows of which the format does not say all."""
    withdrawn: int
    withheld: int
    unmet: int
    """Lines of the source's sidecars that belong to no row."""
    uneven: bool
    """Whether samples of tars differ in their files, which `datasets` does not read."""


def convert(source: Source, target: Format, out: Path, how: How) -> Converted:
    """Writes a folder with the source's rows in another format.

    Raises:
        RecipeError: `out` is there, or rows cannot be converted: each of the first 20 by its place and reason.
        SourceError: a file of the source cannot be read.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise RecipeError(f"{out}: is there already; name a new folder, or take it away")
    with new_folder(out) as folder:
        work = _Work(folder, target, how, _withdrawals(source, how))
        for part in source.parts:
            work.write(part)
        if work.faults:
            raise RecipeError(f"nothing is written: {source.format} to {target.name}", *work.faults)
        work.finish(source, out.name)
    return {
        "root": str(out),
        "format": target.name,
        "rows": work.rows,
        "pictures": work.pictures,
        "sidecar": work.noted,
        "withdrawn": work.left_out,
        "withheld": source.withheld,
        "unmet": source.left.lines,
        "uneven": len(work.kinds) > 1,
    }


def _withdrawals(source: Source, how: How) -> Withdrawals:
    """The list that was named, and the source's own."""
    beside = source.folder / WITHDRAWN
    lists = [
        read_withdrawals(path) for path in (how.withdrawn, beside if beside.is_file() else None) if path is not None
    ]
    return Withdrawals(pl.concat(lists)) if lists else no_withdrawals()


class _Work:
    """A folder of rows while it is written."""

    def __init__(self, folder: Path, target: Format, how: How, withdrawals: Withdrawals) -> None:
        self._folder, self._target, self._how, self._withdrawals = folder, target, how, withdrawals
        names: Names = "id" if target.store == "csv" else how.names
        self._beside = Beside(folder, names)
        self.faults: list[str] = []
        self.rows: dict[str, int] = {}
        self.files: list[dict[str, Any]] = []
        self.pictures = self.noted = self.left_out = 0
        self._first: Record | None = None
        self.kinds: set[tuple[str, ...]] = set()
        """Endings of the pictures of a sample of a tar: every combination that occurs."""

    def write(self, part: Part) -> None:
        """Writes the files of a part."""
        if len(self.faults) > MOST_FAULTS:
            return
        columns: Columns = {}
        if self._target.to_row is None:
            columns = columns_of(record for _, record in part.records() if isinstance(record, Record))
        staying = self._staying(part)
        number, more = 0, True
        while more:
            tar = self._target.store == "tar"
            file = self._folder / f"{part.name}{f'-{number:06d}' if tar else ''}{self._target.ending}"
            more = self._write_file(part, file, staying, columns)
            number += 1
        self.rows[part.name] = sum(one["rows"] for one in self.files if one["part"] == part.name)

    def _staying(self, part: Part) -> Iterator[tuple[str, Record]]:
        """The part's records but withdrawn ones; faults are noted, and behind too many nothing more is read."""
        for where, record in part.records():
            if isinstance(record, BadRow):
                self._fault(where, record)
            elif self._is_withdrawn(record):
                self.left_out += 1
            else:
                yield where, record
            if len(self.faults) > MOST_FAULTS:
                return

    def _fault(self, where: str, error: BadRow) -> None:
        more = len(self.faults) == MOST_FAULTS
        self.faults.append("... and more" if more else f"{where}: {error}")

    def _is_withdrawn(self, record: Record) -> bool:
        if not self._withdrawals:
            return False
        author, digest = (record.columns.get(name) for name in ("author", "image_sha256"))
        known = (author if isinstance(author, str) else None, (digest if isinstance(digest, str) else None,))
        met = [self._withdrawals.met_by(name, *known) for name in {record.id, re.sub(FURTHER, "", record.id)}]
        return any(met) or (bool(self._withdrawals.by_hash) and self._shows_withdrawn(record))

    def _shows_withdrawn(self, record: Record) -> bool:
        if self._how.refer:
            return False
        try:
            digests = [sha256(picture.read()).hexdigest() for picture in record.pictures if picture.read is not None]
        except BadRow:
            return False  # told when it is to be written
        return self._withdrawals.met_by(record.id, hashes=digests)

    def _write_file(self, part: Part, file: Path, staying: Iterator[tuple[str, Record]], columns: Columns) -> bool:
        """Writes rows until there are none, or the file is full. Whether there may be more."""
        rows, writer, full = 0, None, False
        with ExitStack() as stack:
            opened = stack.enter_context(create(file))
            beside = stack.enter_context(create(sidecar_path(file)))
            sidecar = SidecarWriter(beside, self._target.name)
            for where, record in staying:
                try:
                    refuse_other_count(record)
                    put, pictures, home = self._put(record)
                    row = self._row(put, columns, home=home)
                    self._note(sidecar, record, row, rows)
                    if writer is None:
                        writer = open_rows(self._target, opened, columns, [*row])
                    writer.write(row, pictures)
                except BadRow as error:
                    self._fault(where, error)
                    continue
                rows += 1
                if self._target.store == "tar":
                    self.kinds.add(tuple(ending(data, "") for data in pictures if data is not None))
                self.pictures += len(pictures)
                self._first = self._first or put
                if full := writer.size > FULL:
                    break
            (writer or open_rows(self._target, opened, columns, self._no_rows())).close()
            self.noted += sidecar.lines
            for one in (opened, beside):
                sync_and_close(one)
        if sidecar.idle:
            remove(sidecar_path(file))
        self.files.append({"path": file.name, "part": part.name, "rows": rows})
        return full

    def _no_rows(self) -> Sequence[str]:
        return ("IMG_ID", "LAT", "LON", "city", "country") if self._target.store == "csv" else ()

    def _put(self, record: Record) -> tuple[Record, Sequence[bytes | None], bool]:
        """The record with the paths of its pictures in the new folder, and pictures that go into its row."""
        home = record.form.get("format") == self._target.name
        if self._how.refer:
            return record, [None] * len(record.pictures), home
        if not self._target.embeds:
            put = self._beside.put(record, home=home)
            if self._target.store == "csv" and any(not one.path.lower().endswith(".jpg") for one in put.pictures):
                raise BadRow(f"picture {put.pictures[0].path!r}: {self._target.name} has JPEGs alone, called .jpg")
            return put, [None] * len(record.pictures), home
        return record, [picture.read() for picture in record.pictures if picture.read is not None], home

    def _row(self, record: Record, columns: Columns, *, home: bool) -> dict[str, Any]:
        if self._target.to_row is None:
            return table_row(record, columns)
        return write_home(record, self._target.to_row) if home else self._target.to_row(record, home=False)

    def _note(self, sidecar: SidecarWriter, record: Record, row: dict[str, Any], number: int) -> None:
        """What a row does not say, by reading it again. Raises BadRow where it shows other pictures than its record."""
        said = self._target.from_row(row, number)
        if shown(said.messages) != len(record.pictures):
            raise BadRow(f"its row would show {shown(said.messages)} pictures and has {len(record.pictures)}")
        sidecar.add(row_key(row, said, self._target.ids), record, said)

    def finish(self, source: Source, name: str) -> None:
        """Papers, what LLaMA-Factory wants, and which files there are."""
        for paper in PAPERS:
            found = source.folder / paper
            if found.is_file() and not found.is_symlink() and found.stat().st_size <= MAX_PAPER_BYTES:
                write_durably(self._folder / paper, found.read_bytes())
        if self._target.name == "sharegpt" and self._first is not None:
            called = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") or "data"
            files = {
                called if len(self.files) == 1 else f"{called}_{one['part']}": str(one["path"]) for one in self.files
            }
            home = self._first.form.get("format") == self._target.name
            info = dataset_info(self._first, files, home=home, seen=self.pictures > 0)
            write_durably(self._folder / "dataset_info.json", orjson.dumps(info, option=orjson.OPT_INDENT_2))
        told = {"convert": 1, "format": self._target.name, "from": source.format, "files": self.files}
        write_durably(self._folder / INFO, orjson.dumps(told, option=orjson.OPT_INDENT_2))


def only(source: Source, split: str) -> Source:
    """A source with one of its parts. Raises RecipeError with the names that there are."""
    parts = tuple(part for part in source.parts if part.name == split)
    if not parts:
        names = ", ".join(part.name for part in source.parts)
        raise RecipeError(f"--split {split}: {source.folder} has no such split; there are {names or 'none'}")
    return replace(source, parts=parts)
