"""Reads a release with nothing but its folder: for training, for evaluation, for whoever has no factory.

    release = open_release("path/to/release")
    for row in release.rows("train"):
        row["messages"], row["images"][0]["bytes"]

Needs pyarrow, orjson and `schemas` of this project, and loads nothing else of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from release.files import READ_ERRORS, format_of, picture_names, read_rows, sample_key, split_of
from release.manifest import MANIFEST, DamagedRelease, digest_of, read_manifest
from schemas.rows.schema import RowSchema

__all__ = ["DamagedRelease", "Release", "open_release"]

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
    _verified: set[Path] = field(default_factory=set)

    @property
    def splits(self) -> dict[str, int]:
        """Rows by split, without empty ones."""
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
        if split not in self._files:
            raise KeyError(f"no split {split!r} in {self.root}; there are {', '.join(self._files) or 'none'}")
        return self._rows(split)

    def _rows(self, split: str) -> Iterator[dict[str, Any]]:
        number = 0
        for file, entry in self._files[split]:
            before = number
            try:
                self._verify(file, entry)
                for values, jpegs, _ in read_rows(file, self.schema):
                    names = picture_names(sample_key(number), len(jpegs))
                    pictures = [{"bytes": data, "path": name} for data, name in zip(jpegs, names, strict=True)]
                    number += 1
                    yield {
                        name: pictures if name == "images" else self._value(name, values)
                        for name in self.schema.columns.names
                    }
            except READ_ERRORS as error:
                raise DamagedRelease(f"{file}: cannot be read after {number - before} rows ({error})") from error
            if number - before != entry["rows"]:
                raise DamagedRelease(f"{file}: {number - before} rows, the manifest says {entry['rows']}")

    def _value(self, name: str, values: Mapping[str, Any]) -> Any:
        value = values[name]
        if name == "messages" and value is not None:
            return [{**turn, "content": [_part(part) for part in turn["content"] or ()]} for turn in value]
        return None if value == "" and name in self.schema.nullable else value

    def _verify(self, file: Path, entry: Mapping[str, Any]) -> None:
        """Size, and for a tar, whose bytes nothing else guards, the digest; once a file and opened release.

        A symbolic link is followed: the Hub's cache consists of them, and what it leads to must fit the manifest.
        """
        if file in self._verified:
            return
        if not file.is_file() or file.stat().st_size != entry["bytes"]:
            raise ValueError("missing, or of another size than the manifest says")
        if self.format == "webdataset" and digest_of(file) != entry["sha256"]:
            raise ValueError("differs from what was written (SHA-256)")
        self._verified.add(file)


def _part(part: Mapping[str, Any]) -> dict[str, Any]:
    """A part of a message; one that is a picture has no text, however the file says so."""
    return {**part, "text": part["text"] or None} if part["type"] == "image" else dict(part)


def open_release(path: str | Path, *, format: Format | None = None) -> Release:  # noqa: A002
    """A release folder, ready to be read.

    Args:
        path: the folder with `manifest.json`.
        format: which files to read; by default Parquet where it is there, else WebDataset.

    Raises:
        DamagedRelease: the folder has no manifest, the manifest was changed, names files outside the folder, describes
            no rows, or has no files of the format asked for.
    """
    root = Path(path)
    manifest = read_manifest(root)
    try:
        schema = RowSchema.from_plain(manifest["row"])
        entries = [entry for entry in manifest["files"] if entry.get("rows") is not None]
        if any(type(entry[key]) is not int or entry[key] < 0 for entry in entries for key in ("rows", "bytes")):
            raise ValueError("a file's rows or bytes are no whole number")
        chosen = format or ("parquet" if "parquet" in manifest["formats"] else "webdataset")
        if chosen not in manifest["formats"]:
            raise ValueError(f"has no {chosen} files, only {', '.join(map(str, manifest['formats']))}")
    except READ_ERRORS as error:
        raise DamagedRelease(f"{root / MANIFEST}: does not describe a release ({error!r})") from None
    files: dict[str, tuple[tuple[Path, Mapping[str, Any]], ...]] = {}
    for entry in sorted(entries, key=_place):
        file = root / entry["path"]
        if format_of(file) == chosen:
            files[split_of(file)] = (*files.get(split_of(file), ()), (file, entry))
    return Release(root, manifest, schema, chosen, files)


def _place(entry: Mapping[str, Any]) -> tuple[int, str]:
    """Where a file comes among the others: splits as people name them, files by number."""
    split = split_of(Path(entry["path"]))
    return (_ORDER.index(split) if split in _ORDER else len(_ORDER)), entry["path"]


_ORDER: Final = ("train", "validation", "test")
