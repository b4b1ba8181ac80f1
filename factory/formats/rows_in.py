"""Rows of files as records: each kind of file opened within bounds, each row told by where it stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from factory.errors import SourceError
from factory.formats.beside import MAX_PICTURE, read_picture
from factory.formats.json_rows import exact_row, json_rows
from factory.formats.kept import read_home
from factory.formats.known import Format
from factory.formats.record import BadRow, Picture, Record
from factory.formats.sidecar import Sidecar, row_key, sidecar_path
from factory.sources.contract import DETAIL, PROBLEM
from factory.sources.csv_table import read_header, read_rows
from factory.sources.tar_index import Member, tar_members
from release.files import MAX_JSON_BYTES
from schemas.parquet_bounds import refuse_bomb

MAX_MEMBERS: Final = 10_000_000
"""Files of one tar."""
_BATCH: Final = 64
_ENDINGS: Final = ("jpg", "jpeg", "png", "webp")


@dataclass(frozen=True, slots=True)
class Found:
    """A row as its file has it."""

    where: str
    row: dict[str, Any]
    """Its pictures as paths."""
    reads: tuple[Callable[[], bytes], ...] | None
    """Of pictures that lie inside the file; None where they lie beside it."""


@dataclass(slots=True)
class Left:
    """Lines of sidecars that met no row."""

    lines: int = 0


def records_of(path: Path, form: Format, images: Path | None, left: Left) -> Iterator[tuple[str, Record | BadRow]]:
    """Every row of a file: where it stands, and the record, or why it is none.

    Args:
        images: folder of pictures that lie beside it; by default that of the file.
        left: counts lines of its sidecar that meet no row.

    Raises SourceError where the file cannot be read on.
    """
    beside = sidecar_path(path)
    folder = images or path.parent
    if not beside.is_file():
        for number, found in enumerate(_found(path, form)):
            yield found.where, _record(found, number, form, folder)
        return
    with Sidecar(beside, form.name) as sidecar:
        for number, found in enumerate(_found(path, form)):
            record = _record(found, number, form, folder)
            if isinstance(record, Record):
                record = sidecar.restore(row_key(found.row, record, form.ids), record)
            yield found.where, record
        left.lines += sidecar.left


def _record(found: Found, number: int, form: Format, folder: Path) -> Record | BadRow:
    try:
        if form.to_row is None or form.embeds:
            record = form.from_row(found.row, number)
        else:
            record = read_home(found.row, number, form.from_row, form.to_row)
    except BadRow as error:
        return error
    reads = found.reads
    if reads is None:
        reads = tuple(partial(read_picture, folder, picture.path) for picture in record.pictures)
    pictures = tuple(Picture(picture.path, read) for picture, read in zip(record.pictures, reads, strict=True))
    return replace(record, pictures=pictures)


def _found(path: Path, form: Format) -> Iterator[Found]:
    if form.store in ("list", "lines"):
        return (Found(where, row, None) for where, row in json_rows(path))
    return {"csv": _csv, "parquet": _parquet, "tar": _tar}[form.store](path)


def _csv(path: Path) -> Iterator[Found]:
    try:
        header = read_header(path, label=path.name, encoding="utf-8-sig", delimiter=",")
        if len({*header.names}) != len(header.names):
            twice = next(name for name in header.names if header.names.count(name) > 1)
            raise SourceError(f"{path}: has two columns {twice!r}")
        table = read_rows(path, header.names, label=path.name, encoding="utf-8-sig", header=header)
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{path}: cannot be read ({error})") from None
    for number, row in enumerate(table.iter_rows(named=True), 1):
        problem, detail = row.pop(PROBLEM), row.pop(DETAIL)
        where = f"{path.name}: row {number}"
        if problem:
            raise SourceError(f"{where}: {problem} ({detail})")
        yield Found(where, {name: value or "" for name, value in row.items()}, None)


def _parquet(path: Path) -> Iterator[Found]:
    try:
        refuse_bomb(path)
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            _refuse_odd_pictures(file.schema_arrow, path)
            number = 0
            for batch in file.iter_batches(batch_size=_BATCH):
                for row in batch.to_pylist():
                    yield _with_pictures(row, number, f"{path.name}: row {number + 1}")
                    number += 1
    except (OSError, ValueError, pa.ArrowException) as error:
        raise SourceError(f"{path}: cannot be read ({error})") from None


def _refuse_odd_pictures(schema: pa.Schema, path: Path) -> None:
    for name in ("images", "image"):
        if name in schema.names:
            kind = schema.field(name).type
            inner = kind.value_type if pa.types.is_list(kind) or pa.types.is_large_list(kind) else kind
            if not pa.types.is_struct(inner) or {inner.field(n).name for n in range(inner.num_fields)} != {
                "bytes",
                "path",
            }:
                raise SourceError(f"{path}: column `{name}` is of type {kind}; expected pictures, struct<bytes, path>")


def _with_pictures(row: dict[str, Any], number: int, where: str) -> Found:
    pictures = row.pop("images", None)
    if pictures is None:
        pictures = [row.pop("image")] if row.get("image") is not None else []
    paths, reads = [], []
    for at, picture in enumerate(pictures):
        found = picture or {}
        paths.append(found.get("path") or f"{number:06d}.{at}")
        reads.append(partial(_held, found.get("bytes"), paths[-1]))
    return Found(where, {**row, "images": paths}, tuple(reads))


def _held(data: bytes | None, path: str) -> bytes:
    if data is None:
        raise BadRow(f"picture {path!r} is named and not within; write paths alone with --refer")
    if len(data) > MAX_PICTURE:
        raise BadRow(f"picture {path!r} has more than {MAX_PICTURE:,} bytes")
    return data


def _tar(path: Path) -> Iterator[Found]:
    samples: dict[str, dict[str, Member]] = {}
    for name, member in tar_members(path, max_members=MAX_MEMBERS, label=path.name).items():
        key, _, end = name.rpartition("/")[2].partition(".")
        samples.setdefault(f"{name.rpartition('/')[0]}/{key}", {})[end.lower()] = member
    with path.open("rb") as file:
        for key, parts in samples.items():
            where = f"{path.name}: sample {key.lstrip('/')}"
            if "json" not in parts:
                raise SourceError(f"{where}: has no .json, only {', '.join(parts)}")
            if odd := [end for end in parts if end != "json" and end.rpartition(".")[2] not in _ENDINGS]:
                raise SourceError(f"{where}: has a .{odd[0]}; only .json and pictures are converted")
            if parts["json"].size > MAX_JSON_BYTES:
                raise SourceError(f"{where}: its .json has more than {MAX_JSON_BYTES:,} bytes")
            file.seek(parts["json"].offset)
            try:
                row = exact_row(file.read(parts["json"].size).decode().strip(), where)
            except UnicodeDecodeError as error:
                raise SourceError(f"{where}: is not UTF-8 ({error})") from None
            ends = [end for end in parts if end != "json"]
            reads = tuple(partial(_member, path, parts[end], f"{key.lstrip('/')}.{end}") for end in ends)
            named = row.get("images")
            if not isinstance(named, list) or (ends and len(named) != len(ends)):
                named = [f"{key.lstrip('/')}.{end}" for end in ends]
            reads = reads or tuple(partial(_held, None, str(one)) for one in named)
            yield Found(where, {**row, "images": named}, reads)


def _member(path: Path, member: Member, name: str) -> bytes:
    if member.size > MAX_PICTURE:
        raise BadRow(f"picture {name!r} has more than {MAX_PICTURE:,} bytes")
    with path.open("rb") as file:
        file.seek(member.offset)
        return file.read(member.size)


def held_rows(rows: Iterator[Mapping[str, Any]], split: str) -> Iterator[tuple[str, Record | BadRow]]:
    """Rows of a release as records."""
    for number, row in enumerate(rows):
        columns = {name: value for name, value in row.items() if name not in ("id", "images", "messages")}
        pictures = [
            Picture(image["path"], partial(_held, image["bytes"], image["path"])) for image in row["images"] or ()
        ]
        yield f"{split}: row {number + 1}", Record(row["id"], _plain_turns(row["messages"]), tuple(pictures), columns)


def _plain_turns(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "role": one["role"],
            "content": [
                {"type": "image"} if part["type"] == "image" else {"type": "text", "text": part["text"]}
                for part in one["content"]
            ],
        }
        for one in messages
    ]
