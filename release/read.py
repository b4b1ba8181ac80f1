"""Reads a release with nothing but its folder: for training, for evaluation, for whoever has no factory.

    release = open_release("path/to/release")
    for row in release.rows("train"):
        row["messages"], row["images"][0]["bytes"]
    for row in release.stream("train", seed=7): ...     # shuffled, shared out, resumed: release/stream.py
    release.row("train", 42), release.find("p002")      # one row, without reading the others
    open_release("path", config="ids")                  # rows whose pictures are withheld

Needs pyarrow, numpy, orjson, pydantic (Pillow to decode) and `schemas` of this project, and loads nothing else of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal, get_args

from release.configs import DEFAULT, folder_in
from release.files import READ_ERRORS, StoredRow, format_of, given_row, named, read_rows, split_of, with_firsts
from release.known import not_there
from release.lookup import one_row, row_ids
from release.manifest import MANIFEST, DamagedRelease, digest_of, read_manifest
from release.stream import WINDOW, Stream, decoded
from release.tar_index import SUFFIX, index_path
from schemas.rows.schema import RowSchema

__all__ = ["DamagedRelease", "Release", "Stream", "decoded", "open_release"]

Format = Literal["parquet", "webdataset"]


@dataclass(frozen=True)
class Release:
    """An opened release. Its length is its number of rows."""

    root: Path
    manifest: Mapping[str, Any]
    schema: RowSchema
    """What its rows hold, as its own manifest says; no family has to be known."""
    format: Format
    """Which of its files are read."""
    _files: Mapping[str, tuple[tuple[Path, Mapping[str, Any]], ...]]
    """Files by split, in order, each with its entry of the manifest."""
    _indices: Mapping[Path, Mapping[str, Any]]
    """Entries of the indices beside tars."""
    _verified: set[Path] = field(default_factory=set)
    _numbers: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Split and number of every row by its id, once one was looked for."""

    @property
    def splits(self) -> dict[str, int]:
        """Rows by split of what was opened, without empty ones."""
        return {split: sum(entry["rows"] for _, entry in files) for split, files in self._files.items()}

    def __len__(self) -> int:
        return sum(self.splits.values())

    def rows(self, split: str) -> Iterator[dict[str, Any]]:
        """The rows of a split in order, one at a time: the schema's columns, `images` as `{"bytes", "path"}`.

        An unknown value is None. In WebDataset files an unknown text inside a struct reads as "", since that is how
        they are written. Parquet pages are checked as they are read, a tar as a whole before its first row.

        Raises:
            KeyError: there is no such split.
            DamagedRelease: a file is missing, changed, or follows another schema. Rows before the damage were sound.
        """
        return self._rows(self.files(split))

    def row(self, split: str, number: int) -> dict[str, Any]:
        """The `number`-th row of a split, from 0, as `rows` gives it; of a tar with an index only its own bytes are
        read, and checked, of a Parquet file one row group.

        Raises KeyError for a split, IndexError for a row that is not there, and DamagedRelease as `rows` does.
        """
        self.files(split)
        before = 0
        for file, entry, first in with_firsts(self._files[split]):
            if 0 <= number - before < entry["rows"]:
                at = first + number - before
                try:
                    self._verify(file, entry, indexed=True)
                    stored = one_row(file, self.schema, first, at)
                except READ_ERRORS as error:
                    raise DamagedRelease(f"{file}: row {number} cannot be read ({error})") from error
                return self._given(stored, at)
            before += entry["rows"]
        raise IndexError(f"no row {number} in {split}, which has {before}")

    def find(self, row_id: str) -> dict[str, Any]:
        """The row of this id, in whatever split. The first call reads the ids of all rows, and nothing else of them.

        Raises KeyError where there is none, and DamagedRelease as `rows` does.
        """
        if not self._numbers:
            for split, files in self._files.items():
                before = 0
                for file, entry, first in with_firsts(files):
                    try:
                        self._verify(file, entry, indexed=True)
                        found = row_ids(file, self.schema, first)
                    except READ_ERRORS as error:
                        raise DamagedRelease(f"{file}: ids cannot be read ({error})") from error
                    self._numbers.update({name: (split, number) for number, name in enumerate(found, before)})
                    before += entry["rows"]
        if row_id not in self._numbers:
            raise KeyError(f"no row {row_id!r} in {self.root}")
        return self.row(*self._numbers[row_id])

    def stream(
        self,
        split: str,
        *,
        shuffle: bool = True,
        seed: int = 0,
        part: tuple[int, int] = (0, 1),
        where: Any = None,
        columns: Sequence[str] | None = None,
        decode: bool = False,
        window: int | None = None,
    ) -> Stream:
        """The rows of a split for training, an epoch an iteration, with `state_dict` and `load_state_dict`.

        Args:
            shuffle: in another order every epoch; else in that of `rows`.
            seed: of the order; all parts need the same.
            part: (number, of how many), e.g. (rank * workers + worker, ranks * workers). Parts share no row, and
                together have them all. What is dealt out are row groups of Parquet and whole tars: more parts than
                there are of these leave some without.
            where: a pyarrow expression over the columns, e.g. `pc.field("country_code") == "NA"`; Parquet only. Row
                groups whose statistics rule it out are not read.
            columns: only these are read; by default all.
            decode: adds `picture`, PIL's, to each of `images`.
            window: row groups or tars whose rows are shuffled, and held in memory, together; by default 8 row groups,
                which are half a gigabyte at most, or one tar.

        Raises:
            KeyError: there is no such split or column, one that `where` names included.
            ValueError: an impossible part or window, `where` for tars, or one that compares what cannot be compared.
        """
        self.files(split)
        if where is not None and self.format != "parquet":
            raise ValueError("`where` is answered by Parquet files alone; this release is read from its tars")
        chosen = None if columns is None else tuple(columns)
        if window is None:
            window = WINDOW[self.format]
        return Stream(
            partial(self._checked, split, indexed=True), self.schema, shuffle, seed, window, part, where, chosen, decode
        )

    def files(self, split: str) -> Iterator[tuple[Path, Mapping[str, Any]]]:
        """The split's files in order, each with its entry of the manifest, checked when it is reached as in `rows`.

        Raises KeyError at once, and DamagedRelease for a file that is missing or changed.
        """
        if split not in self._files:
            raise KeyError(not_there("split", split, self._files, self.root))
        return self._checked(split)

    def _checked(self, split: str, *, indexed: bool = False) -> Iterator[tuple[Path, Mapping[str, Any]]]:
        for file, entry in self._files[split]:
            try:
                self._verify(file, entry, indexed=indexed)
            except READ_ERRORS as error:
                raise DamagedRelease(f"{file}: cannot be read ({error})") from error
            yield file, entry

    def _rows(self, files: Iterator[tuple[Path, Mapping[str, Any]]]) -> Iterator[dict[str, Any]]:
        for file, entry, first in with_firsts(files):
            number = first
            try:
                for stored in read_rows(file, self.schema):
                    number += 1
                    yield self._given(stored, number - 1)
            except READ_ERRORS as error:
                raise DamagedRelease(f"{file}: cannot be read after {number - first} rows ({error})") from error
            if number - first != entry["rows"]:
                raise DamagedRelease(f"{file}: {number - first} rows, the manifest says {entry['rows']}")

    def _given(self, stored: StoredRow, number: int) -> dict[str, Any]:
        """The `number`-th row of a split as readers get it."""
        return given_row(self.schema, stored.values, named(number, stored.jpegs))

    def _verify(self, file: Path, entry: Mapping[str, Any], *, indexed: bool = False) -> None:
        """Size, and for a tar, whose bytes nothing else guards, the digest; once a file and opened release.

        A symbolic link is followed: the Hub's cache consists of them, and what it leads to must fit the manifest.

        Args:
            indexed: of a tar the digest of its index is enough, since what is read by it is checked as it is read.
        """
        if file in self._verified:
            return
        if not file.is_file() or file.stat().st_size != entry["bytes"]:
            raise ValueError("missing, or of another size than the manifest says")
        index = index_path(file)
        if indexed and (told := self._indices.get(index)) is not None:
            if index in self._verified:
                return
            if index.stat().st_size != told["bytes"] or digest_of(index) != told["sha256"]:
                raise ValueError("its index differs from what was written (SHA-256)")
            self._verified.add(index)
            return
        if index not in self._indices and index.exists():
            raise ValueError("has an index that the manifest does not list")
        if self.format == "webdataset" and digest_of(file) != entry["sha256"]:
            raise ValueError("differs from what was written (SHA-256)")
        self._verified.add(file)


def open_release(
    path: str | Path,
    *,
    format: Format | None = None,  # noqa: A002
    config: str | None = None,
) -> Release:
    """A release folder, ready to be read.

    Args:
        path: the folder with `manifest.json`.
        format: which files to read; by default Parquet where it is there, else WebDataset.
        config: one of its configurations, by name; by default the first, which is all rows but those whose pictures are
            withheld.

    Raises:
        ValueError: there is no such format, or the release has no files of it.
        KeyError: there is no such configuration.
        DamagedRelease: the folder has no manifest, the manifest was changed, names files outside the folder, or
            describes no rows.
    """
    if format is not None and format not in get_args(Format):
        raise ValueError(not_there("format", format, get_args(Format)))
    root = Path(path)
    manifest = read_manifest(root)
    try:
        schema = RowSchema.from_plain(manifest["row"])
        entries = [entry for entry in manifest["files"] if entry.get("rows") is not None]
        if any(type(entry[key]) is not int or entry[key] < 0 for entry in entries for key in ("rows", "bytes")):
            raise ValueError("a file's rows or bytes are no whole number")
        formats = [str(one) for one in manifest["formats"]]
        if not {*formats} & {*get_args(Format)}:
            raise ValueError("names no format that is known")
    except READ_ERRORS as error:
        raise DamagedRelease(f"{root / MANIFEST}: does not describe a release ({error!r})") from None
    chosen = format or ("parquet" if "parquet" in formats else "webdataset")
    if chosen not in formats:
        raise ValueError(f"{root}: has no {chosen} files, only {', '.join(formats)}")
    files: dict[str, tuple[tuple[Path, Mapping[str, Any]], ...]] = {}
    folders = _folders(root, manifest, config)
    for entry in sorted(entries, key=_place):
        file = root / entry["path"]
        if format_of(file) == chosen and (folders is None or folder_in(entry["path"]) in folders):
            files[split_of(file)] = (*files.get(split_of(file), ()), (file, entry))
    indices = {root / entry["path"]: entry for entry in manifest["files"] if entry["path"].endswith(SUFFIX)}
    return Release(root, manifest, schema, chosen, files, indices)


def _folders(root: Path, manifest: Mapping[str, Any], config: str | None) -> frozenset[str] | None:
    """The folders of a configuration; None for all, in a release that has none."""
    try:
        known = {str(one["name"]): frozenset(map(str, one["folders"])) for one in manifest.get("configs") or ()}
    except READ_ERRORS as error:
        raise DamagedRelease(f"{root / MANIFEST}: does not describe a release ({error!r})") from None
    if config is None or (config == DEFAULT and not known):
        return next(iter(known.values()), None)
    if config not in known:
        raise KeyError(not_there("configuration", config, known or (DEFAULT,), root))
    return known[config]


def _place(entry: Mapping[str, Any]) -> tuple[int, str]:
    """Where a file comes among the others: splits as people name them, files by number."""
    split = split_of(Path(entry["path"]))
    return (_ORDER.index(split) if split in _ORDER else len(_ORDER)), entry["path"]


_ORDER: Final = ("train", "validation", "test")
