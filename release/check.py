"""Is this release whole, consistent and free of metadata? Answered from its files alone, by anyone who has them.

Pictures are decoded at an eighth of their size (libjpeg reads the whole file for that, so a truncated one is found)
and once, though both formats hold them. A hash finds what a decoder forgives: see the manifest.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final, get_args

import orjson
import polars as pl

from factory.images import metadata_findings
from factory.images.jpeg import MAX_SEGMENTS, inspect_jpeg
from factory.images.records import StructureError
from factory.redact import named_secrets, told
from release.columns import batches
from release.files import READ_ERRORS, StoredRow, format_of, read_rows, split_of
from release.manifest import MANIFEST, DamagedRelease, digest_of, read_manifest
from release.tar_index import SUFFIX, index_faults, index_path, sample_digest
from schemas.record import SawTruth
from schemas.rows.conversations import json_texts
from schemas.rows.messages import message_faults
from schemas.rows.schema import RowSchema

_BATCH: Final = 64
_BATCH_BYTES: Final = 64_000_000
MAX_PAPER_BYTES: Final = 16_000_000
"""Of a file without rows, which is read whole: a card has 10 kB, a map of a million rows 0.2 MB."""
_SAID: Final = 300
"""Characters of an error that are told: some quote the whole file."""
_CARD_COUNT: Final = re.compile(r"^\| (train|validation|test|all) \| (\d+) \|$", re.MULTILINE)


@dataclass(slots=True)
class _Seen:
    """What the shards of one format hold, by split."""

    rows: Counter[str] = field(default_factory=Counter)
    digests: dict[str, Any] = field(default_factory=dict)

    def add(self, split: str, text: bytes, pictures: Sequence[bytes]) -> None:
        """Counts a row; its values, as JSON, and the digests of its pictures enter the digest of its split."""
        digest = self.digests.setdefault(split, hashlib.sha256())
        digest.update(len(pictures).to_bytes(4, "little"))
        digest.update(b"".join((hashlib.sha256(text).digest(), *pictures)))
        self.rows[split] += 1

    def add_columns(self, split: str, rows: pl.DataFrame, schema: RowSchema, *, compared: bool) -> None:
        """Counts rows without pictures; their values enter the digest only where another format is `compared`."""
        if not compared:
            self.rows[split] += rows.height
            return
        for text in json_texts(rows, schema):
            self.add(split, text, ())


@dataclass(frozen=True, slots=True)
class _Picture:
    """One picture on its way to be looked at: what faults of it are called, and the size the row states."""

    name: str
    jpeg: bytes
    size: tuple[int, int] | None


def check_release(path: Path, secrets: Mapping[str, str] | None = None) -> list[str]:
    """Every fault of a release directory, each naming the file; empty when all is well.

    What rows look like is read from the manifest, so a release of any family can be checked. Compared are: the manifest
    with itself and with every file's bytes; rows in each shard, in both formats (all values, all pictures), in the card
    and in the manifest; each row with the schema (columns, types, what may be unknown) and its `messages` with its
    pictures; the pages' checksums. Every picture is opened, has the size its row states and carries no metadata; where
    the manifest says that pictures passed undecoded, their segments are read to the end instead.

    Args:
        secrets: values, by the environment variable that has them, which must stand in no file; by default those of
            variables that are always secret. See `factory.redact.named_secrets`.
    """
    secrets = named_secrets({}) if secrets is None else secrets
    try:
        manifest = read_manifest(path)
    except DamagedRelease as error:
        return [str(error)]
    try:
        return _faults(path, manifest, RowSchema.from_plain(manifest["row"]), secrets)
    except READ_ERRORS as error:
        return [f"{path / MANIFEST}: does not describe a release ({error!r:.{_SAID}})"]


def _faults(path: Path, manifest: dict[str, Any], schema: RowSchema, secrets: Mapping[str, str]) -> list[str]:
    faults = [*_file_faults(path, manifest)]
    damaged = {fault.split(":", 1)[0] for fault in faults}
    seen = {"parquet": _Seen(), "webdataset": _Seen()}
    undecoded = (manifest["recipe"].get("images") or {}).get("pass_through") is True
    look = partial(
        _shard_faults,
        schema=schema,
        opened=set(),
        secrets=secrets,
        compared=len(manifest["formats"]) > 1,
        picture_faults=_coded_faults if undecoded else _picture_faults,
    )
    for entry in manifest["files"]:
        file = path / entry["path"]
        if "rows" in entry and str(file) not in damaged:
            faults += look(file, entry["rows"], seen[format_of(file)])
    faults += _secret_papers(path, manifest, damaged, secrets)
    if not damaged:
        faults += _count_faults(path, manifest, seen)
    return faults


def _file_faults(root: Path, manifest: dict[str, Any]) -> Iterator[str]:
    listed = {entry["path"] for entry in manifest["files"]}
    for entry in manifest["files"]:
        file = root / entry["path"]
        if not file.is_file() or file.is_symlink():
            yield f"{file}: missing; the manifest lists it"
        elif file.stat().st_size != entry["bytes"]:
            yield f"{file}: {file.stat().st_size} bytes, the manifest says {entry['bytes']}"
        elif _is_paper(entry) and entry["bytes"] > MAX_PAPER_BYTES:
            yield f"{file}: {entry['bytes']} bytes; what has no rows has at most {MAX_PAPER_BYTES}"
        elif digest_of(file) != entry["sha256"]:
            yield f"{file}: differs from what was written (SHA-256)"
    present = {file.relative_to(root).as_posix() for file in root.rglob("*") if not file.is_dir() or file.is_symlink()}
    for name in sorted(present - listed - {MANIFEST}):
        yield f"{root / name}: not in the manifest"


def _is_paper(entry: Mapping[str, Any]) -> bool:
    """Whether a file is read whole: it has no rows and is no index of them, which is read line by line."""
    return "rows" not in entry and not entry["path"].endswith(SUFFIX)


def _secret_papers(
    root: Path, manifest: dict[str, Any], damaged: set[str], secrets: Mapping[str, str]
) -> Iterator[str]:
    """Secrets in the manifest and in whatever else has no rows."""
    papers = [root / entry["path"] for entry in manifest["files"] if _is_paper(entry)]
    for file in (root / MANIFEST, *papers):
        if str(file) not in damaged:
            for name in told(secrets, file.read_bytes().decode("utf-8", "replace")):
                yield _TOLD.format(file, name)


_TOLD: Final = "{}: holds the value of the environment variable {}, a secret: withdraw that key, and build again"


def _shard_faults(
    file: Path,
    expected: int,
    seen: _Seen,
    *,
    schema: RowSchema,
    opened: set[bytes],
    secrets: Mapping[str, str],
    compared: bool,
    picture_faults: Callable[[_Picture], list[str]],
) -> list[str]:
    """Faults inside one shard; its rows are added to `seen`."""
    split = split_of(file)
    faults: list[str] = []
    rows, first = 0, seen.rows[split]
    indexed: list[tuple[str, str]] = []
    columns = format_of(file) == "parquet"
    try:
        with ThreadPoolExecutor(max_workers=min(4, os.cpu_count() or 1)) as pool:
            for batch in batches(file, schema, split, secrets) if columns else _batches(read_rows(file, schema)):
                if isinstance(batch, pl.DataFrame):
                    rows += batch.height
                    seen.add_columns(split, batch, schema, compared=compared)
                    continue
                fresh: list[_Picture] = []
                for row in batch:
                    rows += 1
                    pictures = [hashlib.sha256(jpeg).digest() for jpeg in row.jpegs]
                    text = row.json or orjson.dumps(schema.json_row(row.values))
                    seen.add(split, text, pictures)
                    if not columns:
                        indexed.append((row.values["id"], sample_digest((*row.jpegs, text))))
                    where = f"{file}: row {row.values['id']!r}"
                    secret = told(secrets, text.decode("utf-8", "replace"), *row.jpegs)
                    faults += [_TOLD.format(where, name) for name in secret]
                    found = _row_faults(split, row, schema)
                    faults += [f"{file}: row {row.values['id']!r} {fault}" for fault in found]
                    fresh += _unopened(row, pictures, opened)
                for picture, said in zip(fresh, pool.map(picture_faults, fresh), strict=True):
                    faults += [f"{file}: {picture.name}: {fault}" for fault in said]
    except READ_ERRORS as error:
        return [*faults, f"{file}: cannot be read after {rows} rows ({error})"]
    if index_path(file).is_file():
        faults += index_faults(file, first, indexed)
    return faults if rows == expected else [*faults, f"{file}: {rows} rows, the manifest says {expected}"]


def _row_faults(split: str, row: StoredRow, schema: RowSchema) -> Iterator[str]:
    values = row.values
    if values["split"] != split:
        yield f"says split {values['split']}"
    for name, value in values.items():
        if value is None and name not in schema.nullable:
            yield f"has no {name}"
    if values["saw_truth"] not in get_args(SawTruth):
        yield f"says saw_truth {values['saw_truth']!r}"
    if values["messages"] is not None:
        yield from message_faults(values["messages"], len(row.jpegs))


def _batches(items: Iterable[StoredRow]) -> Iterator[list[StoredRow]]:
    """A few rows at a time, fewer where their pictures are large."""
    batch: list[StoredRow] = []
    size = 0
    for item in items:
        batch.append(item)
        size += sum(map(len, item.jpegs))
        if len(batch) == _BATCH or size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    yield batch


def _unopened(row: StoredRow, pictures: Sequence[bytes], opened: set[bytes]) -> Iterator[_Picture]:
    """The pictures of a row that no row before it had, in either format; `opened` grows by their digests."""
    values, jpegs, _ = row
    alone = len(jpegs) == 1
    size = (values["width"], values["height"]) if alone and {"width", "height"} <= values.keys() else None
    for number, (jpeg, digest) in enumerate(zip(jpegs, pictures, strict=True)):
        if digest not in opened:
            opened.add(digest)
            yield _Picture(f"image{'' if alone else f' {number}'} of row {values['id']!r}", jpeg, size)


def _picture_faults(picture: _Picture) -> list[str]:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(picture.jpeg), formats=("JPEG",)) as opened:
            size = opened.size
            opened.draft(opened.mode, (max(1, size[0] // 8), max(1, size[1] // 8)))
            opened.load()
    except Exception as error:  # codecs raise nearly every type on hostile bytes
        return [f"does not open ({error!r:.{_SAID}})"]
    return [*_carried_faults(picture, size)]


def _coded_faults(picture: _Picture) -> list[str]:
    """What is wrong with a picture as far as its segments tell: it is not decoded."""
    try:
        found = inspect_jpeg(picture.jpeg, MAX_SEGMENTS)
    except StructureError as problem:
        return [f"is no whole JPEG ({problem.detail})"]
    inexact = [] if found.exact else ["has segments that are longer than what they say"]
    return [*inexact, *_carried_faults(picture, (found.width, found.height))]


def _carried_faults(picture: _Picture, size: tuple[int, int]) -> Iterator[str]:
    stated = picture.size or size
    if size != stated:
        yield f"is {size[0]} x {size[1]}, the row says {stated[0]} x {stated[1]}"
    yield from (f"carries {finding}" for finding in metadata_findings(picture.jpeg))


def _count_faults(root: Path, manifest: dict[str, Any], seen: dict[str, _Seen]) -> Iterator[str]:
    """Rows = images = card: every count of rows against the manifest's."""
    splits = manifest["counts"]["splits"]
    for name in manifest["formats"]:
        if dict(seen[name].rows) != splits:
            yield f"{root / name}: rows by split {dict(seen[name].rows)}, the manifest says {splits}"
    contents = [{split: d.hexdigest() for split, d in seen[name].digests.items()} for name in manifest["formats"]]
    if any(content != contents[0] for content in contents[1:]):
        yield f"{root}: the formats hold different rows, or the same in another order"
    head = (root / "README.md").read_text(encoding="utf-8").partition("\n## ")[0]  # a scene may be called `train` too
    card = {name: int(rows) for name, rows in _CARD_COUNT.findall(head)}
    if card != {**splits, "all": manifest["counts"]["rows"]} or sum(splits.values()) != manifest["counts"]["rows"]:
        yield f"{root / 'README.md'}: says rows {card}, the manifest says {splits}"
