"""One shard of a release, in every format that it has, looked at row by row: in this process or in another.

Pictures are decoded at an eighth of their size (libjpeg reads the whole file for that, so a truncated one is found)
and once, though both formats hold them. A hash finds what a decoder forgives: see the manifest.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, get_args

import orjson
import polars as pl

from factory.geo.grid import Grid
from factory.images import metadata_findings
from factory.images.jpeg import MAX_SEGMENTS, inspect_jpeg
from factory.images.records import StructureError
from factory.redact import told
from factory.verify.messages import truth_in
from factory.verify.untold import TRUTH, tells_nothing
from release.coarse import finer
from release.columns import Plain, batches
from release.configs import is_ids
from release.facts import COLUMNS, facts_in, facts_of
from release.files import FURTHER, READ_ERRORS, StoredRow, format_of, read_rows, split_of
from release.tar_index import index_faults, index_path, sample_checksum
from release.viewer import may_be_scaled
from release.viewer_check import Seen, look_of, seen_of
from release.withdrawals import Withdrawals
from schemas.licences import forbids_changes
from schemas.record import SawTruth
from schemas.rows.conversations import json_texts
from schemas.rows.messages import message_faults, pictures_shown, text_before_answer
from schemas.rows.schema import RowSchema

_BATCH: Final = 64
_BATCH_BYTES: Final = 64_000_000
SAID: Final = 300
"""Characters of an error that are told: some quote the whole file."""
TOLD: Final = "{}: holds the value of the environment variable {}, a secret: withdraw that key, and build again"


@dataclass(frozen=True, slots=True)
class Shard:
    """Files that hold the same rows, at most one a format."""

    files: tuple[tuple[Path, int], ...]
    """Each with the rows that the manifest says it has."""
    folder: str
    """Of its configuration."""
    first: int
    """Number of its first row in its folder and split."""


@dataclass(frozen=True, slots=True)
class Looking:
    """What is the same for all shards of a release."""

    schema: RowSchema
    secrets: Mapping[str, str]
    compared: bool
    """Whether there are several formats."""
    undecoded: bool
    """Whether pictures passed undecoded when they were prepared."""
    passed_on: bool = True
    """Whether it is made to be given away; a hydrated release is its owner's alone."""
    withdrawals: Withdrawals | None = None
    """Of which no row may be."""
    grid: Grid | None = None
    """How coarse its coordinates are said to be."""
    viewed: bool = False
    """Whether there is a viewer, which repeats rows."""
    threads: int = 1
    """That decode pictures side by side."""


@dataclass(slots=True)
class Looked:
    """What a shard holds, and what is wrong with it."""

    faults: list[str] = field(default_factory=list)
    digests: dict[str, list[bytes]] = field(default_factory=dict)
    """By format, of each row in order: its values as JSON and its pictures. Only where formats are compared."""
    rows: dict[str, int] = field(default_factory=dict)
    """By format."""
    facts: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=COLUMNS))
    """Of the first format."""
    seen: list[Seen] = field(default_factory=list)
    """Of the first format, where there is a viewer."""


@dataclass(frozen=True, slots=True)
class _Picture:
    """One picture on its way to be looked at: what faults of it are called, and the size the row states."""

    name: str
    jpeg: bytes
    size: tuple[int, int] | None
    digest: bytes


def look_at(shard: Shard, looking: Looking) -> Looked:
    """Everything about one shard that can be told without the others."""
    looked = Looked()
    opened: dict[bytes, bytes] = {}
    for number, (file, expected) in enumerate(shard.files):
        look = _Look(file, shard, looking, opened, told=number == 0)
        with ThreadPoolExecutor(looking.threads) as pool:
            look.read(pool)
        if look.broken is None and look.rows != expected:
            look.faults.append(f"{file}: {look.rows} rows, the manifest says {expected}")
        looked.faults += look.faults
        looked.rows[format_of(file)] = look.rows
        looked.digests[format_of(file)] = look.digests
        looked.seen += look.seen
        if look.facts:
            looked.facts = pl.concat([looked.facts, *look.facts])
    return looked


class _Look:
    """One file on its way to be looked at."""

    def __init__(self, file: Path, shard: Shard, looking: Looking, opened: dict[bytes, bytes], *, told: bool) -> None:
        self.file, self.shard, self.looking = file, shard, looking
        self.split, self.columns = split_of(file), format_of(file) == "parquet"
        self.opened, self.told = opened, told
        self.faults: list[str] = []
        self.facts: list[pl.DataFrame] = []
        self.digests: list[bytes] = []
        self.indexed: list[tuple[str, int]] = []
        self.seen: list[Seen] = []
        self.rows = 0
        self.broken: str | None = None

    def read(self, pool: ThreadPoolExecutor) -> None:
        """Looks at every row; what cannot be read ends it."""
        looking = self.looking
        try:
            if self.columns:
                found = batches(self.file, looking.schema, self.split, looking.secrets)
            else:
                found = _batches(read_rows(self.file, looking.schema))
            for batch in found:
                self._table(batch) if isinstance(batch, Plain) else self._batch(batch, pool)
        except READ_ERRORS as error:
            self.broken = f"{self.file}: cannot be read after {self.rows} rows ({error})"
            self.faults.append(self.broken)
            return
        if not self.columns and index_path(self.file).is_file():
            self.faults += index_faults(self.file, self.shard.first, self.indexed)

    def _table(self, plain: Plain) -> None:
        """Rows without pictures in which nothing is odd."""
        schema, rows = self.looking.schema, plain.rows
        self.rows += rows.height
        if self.looking.compared:
            self.digests += [_row_digest(text, ()) for text in json_texts(rows, schema)]
        if not self.told:
            return
        self.facts.append(facts_in(rows, schema, self.shard.folder, self.split))
        if self.looking.viewed:
            withheld = is_ids(self.shard.folder)
            self.seen += [seen_of(text, 0, withheld=withheld) for text in json_texts(rows, schema)]
        if self.looking.grid is not None:
            for values in rows.iter_rows(named=True):
                self.faults += [
                    f"{self.file}: row {values['id']!r} {f}" for f in _finer_faults(values, self.looking.grid)
                ]
        for values in rows.filter(~_untold(plain, schema)).iter_rows(named=True):
            self.faults += [f"{self.file}: row {values['id']!r} {fault}" for fault in _told_faults(values, schema)]
        if self.looking.withdrawals:
            names = [name for name in ("id", "author", "image_sha256") if name in rows.columns]
            for values in rows.select(names).iter_rows(named=True):
                faults = _withdrawn_faults(values, (), self.looking.withdrawals)
                self.faults += [f"{self.file}: row {values['id']!r} {fault}" for fault in faults]

    def _batch(self, batch: list[StoredRow], pool: ThreadPoolExecutor) -> None:
        looking = self.looking
        schema, secrets = looking.schema, looking.secrets
        fresh: list[_Picture] = []
        withheld = is_ids(self.shard.folder)
        firsts: list[bytes] = []
        for row in batch:
            self.rows += 1
            pictures = [hashlib.sha256(jpeg).digest() for jpeg in row.jpegs]
            text = row.json or orjson.dumps(schema.json_row(row.values))
            if self.looking.compared:
                self.digests.append(_row_digest(text, pictures))
            if not self.columns:
                self.indexed.append((row.values["id"], sample_checksum((*row.jpegs, text))))
            where = f"{self.file}: row {row.values['id']!r}"
            if not self.columns and text != orjson.dumps(schema.json_row(row.values)):
                self.faults.append(f"{where} is not as the schema writes it: its spelling")
            secret = told(secrets, text.decode("utf-8", "replace"), *row.jpegs)
            self.faults += [TOLD.format(where, name) for name in secret]
            self.faults += [f"{where} {fault}" for fault in _row_faults(self.split, row, schema, withheld=withheld)]
            if self.told:
                passed_on = looking.passed_on
                told_by = [*_said_faults(row, pictures, schema, passed_on=passed_on)]
                told_by += _withdrawn_faults(row.values, row.jpegs, looking.withdrawals)
                told_by += _finer_faults(row.values, looking.grid)
                self.faults += [f"{where} {fault}" for fault in told_by]
                if looking.viewed:
                    shown = len(row.jpegs) if may_be_scaled(row.values) else 0
                    self.seen.append(seen_of(text, shown, withheld=withheld))
                    firsts.append(pictures[0] if shown else b"")
            fresh += _unopened(row, pictures, self.opened)
        if self.told:
            self.facts.append(facts_of(batch, schema, self.shard.folder, self.split))
        look = _coded_faults if looking.undecoded else _picture_faults
        for picture, (said, looks) in zip(fresh, pool.map(look, fresh), strict=True):
            self.faults += [f"{self.file}: {picture.name}: {fault}" for fault in said]
            self.opened[picture.digest] = looks
        self.seen[len(self.seen) - len(firsts) :] = [
            replace(one, look=self.opened.get(first, b""))
            for one, first in zip(self.seen[len(self.seen) - len(firsts) :], firsts, strict=True)
        ]


def _row_digest(text: bytes, pictures: Sequence[bytes]) -> bytes:
    """Of a row's values, as JSON, and the digests of its pictures."""
    return hashlib.sha256(b"".join((hashlib.sha256(text).digest(), *pictures))).digest()


def _untold(plain: Plain, schema: RowSchema) -> pl.Series:
    """The rows that give nothing away of their place; of the others `_told_faults` says what. A family may have columns
    of these names and of other types: its rows are looked at one by one."""
    rows = plain.rows
    due = dict(zip(TRUTH, (*[pl.String] * 3, *[pl.Float64] * 2), strict=True))
    if any(rows.schema.get(name, kind) != kind for name, kind in due.items()):
        return pl.repeat(value=False, n=rows.height, dtype=pl.Boolean, eager=True)
    unknown = [pl.lit(None, kind).alias(name) for name, kind in due.items() if name not in rows.columns]
    return tells_nothing(plain.before, rows.with_columns(unknown), schema.truth_in_messages)


def _told_faults(values: Mapping[str, Any], schema: RowSchema) -> Iterator[str]:
    """What the messages of a row give away of its place before the last assistant turn."""
    text = text_before_answer(values["messages"] or ())
    names = (values.get(name) or None for name in TRUTH[:3])
    degrees = (float("nan") if values.get(name) is None else float(values[name]) for name in TRUTH[3:])
    found = truth_in(text, *names, *degrees, level=schema.truth_in_messages)  # type: ignore[arg-type, misc]
    if found is not None:
        yield f"tells its place before the last answer: {found}"


def _said_faults(row: StoredRow, pictures: Sequence[bytes], schema: RowSchema, *, passed_on: bool) -> Iterator[str]:
    """What a row's values say against its own words, or its picture."""
    if schema.truth_in_messages != "place":
        yield from _told_faults(row.values, schema)
    if passed_on and pictures and forbids_changes(row.values.get("licence")):
        source = row.values.get("image_sha256")
        if len(pictures) > 1 or pictures[0].hex() != source:
            yield "has a changed picture, which its licence does not allow"


def _finer_faults(values: Mapping[str, Any], grid: Grid | None) -> Iterator[str]:
    """What of a row says more than the release's grid."""
    if grid is not None and (found := finer(values, grid)) is not None:
        yield f"says more than its grid: {found}"


def _withdrawn_faults(
    values: Mapping[str, Any], jpegs: Sequence[bytes], withdrawals: Withdrawals | None
) -> Iterator[str]:
    """Whether a list of withdrawals names a row."""
    if not withdrawals:
        return
    author, digests = values.get("author"), (values.get("image_sha256"),)
    for name in dict.fromkeys((values["id"], re.sub(FURTHER, "", values["id"]))):
        if withdrawals.met_by(name, author, digests, jpegs):
            yield f"is withdrawn by line {withdrawals.line_of(name)} of the list"
            return


def _row_faults(split: str, row: StoredRow, schema: RowSchema, *, withheld: bool) -> Iterator[str]:
    values = row.values
    if values["split"] != split:
        yield f"says split {values['split']}"
    for name, value in values.items():
        if value is None and name not in schema.nullable:
            yield f"has no {name}"
    if values["saw_truth"] not in get_args(SawTruth):
        yield f"says saw_truth {values['saw_truth']!r}"
    if values["messages"] is not None:
        shown = pictures_shown(values["messages"]) if withheld else len(row.jpegs)
        yield from message_faults(values["messages"], shown)
    if withheld and row.jpegs:
        yield "has pictures, and lies where they are withheld"


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


def _unopened(row: StoredRow, pictures: Sequence[bytes], opened: dict[bytes, bytes]) -> Iterator[_Picture]:
    """The pictures of a row that no row before it had, in either format; `opened` grows by their digests."""
    values, jpegs, _ = row
    alone = len(jpegs) == 1
    size = (values["width"], values["height"]) if alone and {"width", "height"} <= values.keys() else None
    for number, (jpeg, digest) in enumerate(zip(jpegs, pictures, strict=True)):
        if digest not in opened:
            opened[digest] = b""
            yield _Picture(f"image{'' if alone else f' {number}'} of row {values['id']!r}", jpeg, size, digest)


def _picture_faults(picture: _Picture) -> tuple[list[str], bytes]:
    """What is wrong with a picture, and how it looks."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(picture.jpeg), formats=("JPEG",)) as opened:
            size = opened.size
            opened.draft(opened.mode, (max(1, size[0] // 8), max(1, size[1] // 8)))
            looks = look_of(opened)
    except Exception as error:  # codecs raise nearly every type on hostile bytes
        return [f"does not open ({error!r:.{SAID}})"], b""
    return [*_carried_faults(picture, size)], looks


def _coded_faults(picture: _Picture) -> tuple[list[str], bytes]:
    """What is wrong with a picture as far as its segments tell: it is not decoded, and nobody knows how it looks."""
    try:
        found = inspect_jpeg(picture.jpeg, MAX_SEGMENTS)
    except StructureError as problem:
        return [f"is no whole JPEG ({problem.detail})"], b""
    inexact = [] if found.exact else ["has segments that are longer than what they say"]
    return [*inexact, *_carried_faults(picture, (found.width, found.height))], b""


def _carried_faults(picture: _Picture, size: tuple[int, int]) -> Iterator[str]:
    stated = picture.size or size
    if size != stated:
        yield f"is {size[0]} x {size[1]}, the row says {stated[0]} x {stated[1]}"
    yield from (f"carries {finding}" for finding in metadata_findings(picture.jpeg))
