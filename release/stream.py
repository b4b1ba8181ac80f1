"""Reads a split for training: shuffled, shared out over workers and nodes, and on from where it stopped.

    stream = open_release("path").stream("train", seed=7, part=(rank, ranks))
    for row in stream: ...
    stream.state_dict()          # after any row; load_state_dict goes on behind it

A unit is a row group of a Parquet file, which is read at once, or a tar, whose samples are read one by one where its
index says; without an index it is read whole. An epoch deals the units out by the seed,
each to one part; every part shuffles the rows of some units at a time (`window`). So an epoch gives every row once
whatever the parts are, memory holds one window, and to go on after a stop one window at most is read again, of tars
with an index nothing.

Trade-off: rows of one unit stay within a window of each other. With a thousand rows a group and eight groups a window
that is one of 8,000 neighbours; a buffer over the whole epoch would mix better, and could not go on without reading it
again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.fs as fs

from release.files import READ_ERRORS, given_row, named, opened_parquet, tar_rows, with_firsts
from release.known import not_there
from release.manifest import DamagedRelease
from release.tar_index import index_path, indexed_row, read_index
from schemas.rows.schema import RowSchema

WINDOW: Final = {"parquet": 8, "webdataset": 1}
"""Units whose rows are shuffled together: eight row groups have 64 MB of pictures each at most; a tar may be large."""
MAX_PIXELS: Final = 64_000_000
"""Of a picture that is decoded: the factory prepares at most 4,096 pixels a side."""
_TAKEN: Final = 2_048
"""Rows that are made at once, without their pictures: some from each unit of a window, as asking a table costs as much
as thirty of its rows."""
_CHECKED: Final = ds.ParquetFileFormat(
    # A buffer ahead is for storage far away. Here it is no faster (rows of 30 KB: within 3 % either way) and holds each
    # row group once more: a peak of 425 MB instead of 338 to 366.
    default_fragment_scan_options=ds.ParquetFragmentScanOptions(page_checksum_verification=True, pre_buffer=False)
)


@dataclass(frozen=True, slots=True)
class _Unit:
    file: Path
    group: int | None
    """The row group; None for a tar."""
    rows: int
    first: int
    """Number of its first row, see `with_firsts`."""


@dataclass
class Stream:
    """The rows of a split, an epoch an iteration; made by `Release.stream`, which tells what the fields mean."""

    files: Callable[[], Iterator[tuple[Path, Mapping[str, Any]]]]
    """The split's, in order, each checked and with its entry of the manifest."""
    schema: RowSchema
    shuffle: bool
    seed: int
    window: int
    part: tuple[int, int]
    where: ds.Expression | None
    columns: tuple[str, ...] | None
    decode: bool
    _epoch: int = 0
    _given: int = 0
    _known: list[_Unit] = field(default_factory=list)

    def __post_init__(self) -> None:
        number, parts = self.part
        if not 0 <= number < parts:
            raise ValueError(f"part {number} of {parts}: parts are counted from 0")
        if self.window < 1:
            raise ValueError(f"a window has at least one unit, not {self.window}")
        names = self.schema.columns.names
        if odd := [name for name in self.columns or () if name not in names]:
            raise KeyError(not_there("column", odd[0], names, "these rows"))
        if self.where is not None:
            _answerable(self.where, self.schema)

    def state_dict(self) -> dict[str, Any]:
        """Where the iteration is, and what its order follows from: plain numbers and texts, for a checkpoint."""
        return {"epoch": self._epoch, "given": self._given, **self._order_of()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """The next iteration goes on behind the last row that was given.

        Raises ValueError for the state of a stream with another seed, part, window, shuffle or `where`: its rows came
        in another order.
        """
        for name, value in self._order_of().items():
            if state[name] != value:
                raise ValueError(
                    f"a state of {name} {state[name]} does not tell where a stream of {name} {value} is: its rows came "
                    "in another order"
                )
        self._epoch, self._given = state["epoch"], state["given"]

    def _order_of(self) -> dict[str, Any]:
        where = None if self.where is None else str(self.where)
        order = {"seed": self.seed, "shuffle": self.shuffle, "window": self.window, "where": where}
        return {**order, "part": list(self.part)}

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """The rest of the epoch; after its last row the next iteration is the next epoch.

        Raises DamagedRelease: a file is missing, changed, or follows another schema.
        """
        skip = self._given
        for number, units in enumerate(self._windows()):
            if skip and skip >= (rows := sum(map(self._height, units))):
                skip -= rows
                continue
            for row in self._rows(units, number, skip):
                self._given += 1
                yield row
            skip = 0
        self._epoch, self._given = self._epoch + 1, 0

    def _windows(self) -> Iterator[list[_Unit]]:
        units = self._units()
        if self.shuffle:
            units = [units[at] for at in np.random.default_rng([self.seed, self._epoch]).permutation(len(units))]
        mine = units[self.part[0] :: self.part[1]]
        for start in range(0, len(mine), self.window):
            yield mine[start : start + self.window]

    def _order(self, window: int, rows: int) -> np.ndarray[Any, np.dtype[np.int64]]:
        if not self.shuffle:
            return np.arange(rows)
        return np.random.default_rng([self.seed, self._epoch, self.part[0], window]).permutation(rows)

    def _units(self) -> list[_Unit]:
        """All units of the split in order, each file's size and rows held against the manifest."""
        if not self._known:
            for file, entry, first in with_firsts(self.files()):
                before = first
                for group, rows in _groups(file, entry, self.schema):
                    self._known.append(_Unit(file, group, rows, before))
                    before += rows
        return self._known

    def _height(self, unit: _Unit) -> int:
        if self.where is None:
            return unit.rows
        with _named(unit.file):
            found: int = _fragment(unit).count_rows(filter=self.where)
        return found

    def _rows(self, units: Sequence[_Unit], window: int, skip: int) -> Iterator[dict[str, Any]]:
        """The rows of a window behind the first `skip`, in its order."""
        if units[0].group is None:
            yield from self._tar_window(units, window, skip)
            return
        names = list(self.columns or self.schema.columns.names)
        held, place = [], []
        for number, unit in enumerate(units):
            with _named(unit.file):
                held.append(
                    _fragment(unit).to_table(columns=names, filter=self.where, use_threads=False).combine_chunks()
                )
            place += [(number, at) for at in range(held[-1].num_rows)]
        order = self._order(window, len(place))[skip:]
        for start in range(0, len(order), _TAKEN):
            wanted = [place[at] for at in order[start : start + _TAKEN]]
            for values in _taken(held, wanted):
                yield self._row(values, values.get("images") or [])

    def _tar_window(self, units: Sequence[_Unit], window: int, skip: int) -> Iterator[dict[str, Any]]:
        """The rows of some tars: each where its tar's index says, all at once where there is none."""
        if not all(index_path(unit.file).is_file() for unit in units):
            rows = [row for unit in units for row in self._tar_rows(unit)]
            for at in self._order(window, len(rows))[skip:]:
                yield self._row(*rows[at])
            return
        with ExitStack() as opened:
            places = []
            for unit in units:
                with _named(unit.file):
                    tar, samples = opened.enter_context(unit.file.open("rb")), read_index(unit.file, unit.first)
                    if len(samples) != unit.rows:
                        raise ValueError(f"{len(samples)} rows in its index, the manifest says {unit.rows}")
                places += [(unit, tar, number, sample) for number, sample in enumerate(samples, unit.first)]
            for at in self._order(window, len(places))[skip:]:
                unit, tar, number, sample = places[at]
                with _named(unit.file):
                    stored = indexed_row(tar, sample, self.schema)
                yield self._row(stored.values, named(number, stored.jpegs))

    def _tar_rows(self, unit: _Unit) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
        with _named(unit.file):
            rows = list(tar_rows(unit.file, self.schema))
            if len(rows) != unit.rows:
                raise ValueError(f"{len(rows)} rows, the manifest says {unit.rows}")
        for number, stored in enumerate(rows, unit.first):
            yield stored.values, named(number, stored.jpegs)

    def _row(self, values: Mapping[str, Any], images: list[dict[str, Any]]) -> dict[str, Any]:
        if self.decode:
            try:
                images = [{**image, "picture": decoded(image["bytes"])} for image in images]
            except ValueError as error:
                raise DamagedRelease(f"row {values.get('id')!r}: {error}") from error
        return given_row(self.schema, values, images, self.columns)


def _answerable(where: ds.Expression, schema: RowSchema) -> None:
    """Raises KeyError for a column of an expression that rows do not have, ValueError for what cannot be compared: what
    somebody wrote is no damage of a file."""
    try:
        ds.dataset(schema.columns.empty_table()).scanner(filter=where)
    except pa.ArrowException as error:
        if missing := _NO_FIELD.search(str(error)):
            raise KeyError(not_there("column", missing[1], schema.columns.names, "these rows")) from None
        raise ValueError(f"`where` cannot be answered: {str(error).splitlines()[0]}") from None


_NO_FIELD: Final = re.compile(r"No match for FieldRef\.\w+\((?:FieldRef\.Name\()?([^()\s]+)")


def _taken(tables: Sequence[pa.Table], wanted: Sequence[tuple[int, int]]) -> Iterator[dict[str, Any]]:
    """Rows by (table, place), in that order: each table is asked once, which is many times faster than row by row, but
    for its pictures, which would be copied once more."""
    by_table: dict[int, list[int]] = {}
    for number, at in wanted:
        by_table.setdefault(number, []).append(at)
    found = {number: _values(tables[number], rows) for number, rows in by_table.items()}
    for number, _ in wanted:
        yield next(found[number])


def _values(table: pa.Table, rows: Sequence[int]) -> Iterator[dict[str, Any]]:
    """These rows of a table."""
    if "images" not in table.column_names:
        yield from table.take(pa.array(rows)).to_pylist()
        return
    images = table["images"].combine_chunks()
    offsets, data, paths = images.offsets.to_numpy(), images.values.field("bytes"), images.values.field("path")
    values = (
        table.drop_columns(["images"]).take(pa.array(rows)).to_pylist() if table.num_columns > 1 else [{}] * len(rows)
    )
    for at, row in zip(rows, values, strict=True):
        shown = range(offsets[at], offsets[at + 1])
        yield {**row, "images": [{"bytes": data[one].as_py(), "path": paths[one].as_py()} for one in shown]}


def _fragment(unit: _Unit) -> Any:
    return _CHECKED.make_fragment(str(unit.file), fs.LocalFileSystem(), row_groups=[unit.group])


@contextmanager
def _named(file: Path) -> Iterator[None]:
    try:
        yield
    except READ_ERRORS as error:
        raise DamagedRelease(f"{file}: cannot be read ({error})") from error


def _groups(file: Path, entry: Mapping[str, Any], schema: RowSchema) -> Iterator[tuple[int | None, int]]:
    """The units of a file with their rows: its row groups, or the file where it is a tar."""
    if file.suffix == ".tar":
        yield None, entry["rows"]
        return
    with _named(file):
        with opened_parquet(file, schema) as parquet:
            rows = [parquet.metadata.row_group(group).num_rows for group in range(parquet.num_row_groups)]
        if sum(rows) != entry["rows"]:
            raise ValueError(f"{sum(rows)} rows, the manifest says {entry['rows']}")
    yield from enumerate(rows)


def decoded(data: bytes) -> Any:
    """A picture as PIL's, decoded. Raises ValueError for one that cannot be, or has more than MAX_PIXELS."""
    from PIL import Image

    try:
        picture = Image.open(BytesIO(data), formats=("JPEG", "PNG", "WEBP"))
        if picture.width * picture.height > MAX_PIXELS:
            raise ValueError(f"{picture.width} x {picture.height} pixels are more than {MAX_PIXELS:,}")
        picture.load()
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f"a picture cannot be decoded ({error})") from None
    return picture
