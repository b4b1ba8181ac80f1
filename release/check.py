"""Is this release whole, consistent and free of metadata? Answered from its files alone, by anyone who has them.

Pictures are decoded at an eighth of their size (libjpeg reads the whole file for that, so a truncated one is found)
and once, though both formats hold them. A hash finds what a decoder forgives: see the manifest.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import tarfile
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from factory.errors import CorruptBuild
from factory.images import metadata_findings
from factory.store.files import file_digest
from release.manifest import MANIFEST, read_manifest
from schemas.rows.mp16_reason import JSON_KEYS, NULLABLE, ROW

_BATCH: Final = 64
_CARD_COUNT: Final = re.compile(r"^\| (train|validation|test|all) \| (\d+) \|$", re.MULTILINE)
_READ_ERRORS: Final = (OSError, ValueError, KeyError, TypeError, tarfile.TarError, pa.ArrowException)


@dataclass(slots=True)
class _Seen:
    """What the shards of one format hold, by split."""

    rows: Counter[str] = field(default_factory=Counter)
    digests: dict[str, Any] = field(default_factory=dict)

    def add(self, split: str, values: dict[str, Any], jpeg: bytes) -> None:
        self.rows[split] += 1
        digest = self.digests.setdefault(split, hashlib.sha256())
        digest.update(repr((values["id"], values["response"], hashlib.sha256(jpeg).hexdigest())).encode())


def check_release(path: Path) -> list[str]:
    """Every fault of a release directory, each naming the file; empty when all is well.

    Compared are: the manifest with itself and with every file's bytes; rows in each shard, in both formats, in the
    card and in the manifest; the keys of every sample; the pages' checksums. Every picture is opened, has the stated
    size and carries no metadata.
    """
    try:
        manifest = read_manifest(path)
    except CorruptBuild as error:
        return [str(error)]
    try:
        return _faults(path, manifest)
    except _READ_ERRORS as error:
        return [f"{path / MANIFEST}: does not describe a release of this schema ({error!r})"]


def _faults(path: Path, manifest: dict[str, Any]) -> list[str]:
    faults = [*_file_faults(path, manifest)]
    damaged = {fault.split(":", 1)[0] for fault in faults}
    seen = {"parquet": _Seen(), "webdataset": _Seen()}
    opened: set[bytes] = set()
    for entry in manifest["files"]:
        file = path / entry["path"]
        if "rows" in entry and str(file) not in damaged:
            faults += _shard_faults(file, entry["rows"], seen[_format(file)], opened)
    if not damaged:
        faults += _count_faults(path, manifest, seen)
    return faults


def _format(file: Path) -> str:
    return "webdataset" if file.suffix == ".tar" else "parquet"


def _file_faults(root: Path, manifest: dict[str, Any]) -> Iterator[str]:
    listed = {entry["path"] for entry in manifest["files"]}
    for entry in manifest["files"]:
        file = root / entry["path"]
        if not file.is_file() or file.is_symlink():
            yield f"{file}: missing; the manifest lists it"
        elif file.stat().st_size != entry["bytes"]:
            yield f"{file}: {file.stat().st_size} bytes, the manifest says {entry['bytes']}"
        elif file_digest(file) != entry["sha256"]:
            yield f"{file}: differs from what was written (SHA-256)"
    present = {file.relative_to(root).as_posix() for file in root.rglob("*") if not file.is_dir() or file.is_symlink()}
    for name in sorted(present - listed - {MANIFEST}):
        yield f"{root / name}: not in the manifest"


def _shard_faults(file: Path, expected: int, seen: _Seen, opened: set[bytes]) -> list[str]:
    """Faults inside one shard; its rows are added to `seen`."""
    split = file.name.split("-", 1)[0]
    read = _tar_samples if file.suffix == ".tar" else _parquet_rows
    faults: list[str] = []
    rows = 0
    try:
        with ThreadPoolExecutor(max_workers=min(4, os.cpu_count() or 1)) as pool:
            for batch in _batches(read(file)):
                fresh = []
                for values, jpeg in batch:
                    rows += 1
                    seen.add(split, values, jpeg)
                    faults += [f"{file}: row {values['id']!r} {fault}" for fault in _row_faults(split, values)]
                    if (digest := hashlib.sha256(jpeg).digest()) not in opened:
                        opened.add(digest)
                        fresh.append((values, jpeg))
                for (values, _), found in zip(fresh, pool.map(_picture_faults, fresh), strict=True):
                    faults += [f"{file}: image of row {values['id']!r}: {fault}" for fault in found]
    except _READ_ERRORS as error:
        return [*faults, f"{file}: cannot be read after {rows} rows ({error})"]
    return faults if rows == expected else [*faults, f"{file}: {rows} rows, the manifest says {expected}"]


def _row_faults(split: str, values: dict[str, Any]) -> Iterator[str]:
    if values["split"] != split:
        yield f"says split {values['split']}"
    for name, value in values.items():
        if value is None and name not in NULLABLE:
            yield f"has no {name}"


def _batches(items: Iterable[tuple[dict[str, Any], bytes]]) -> Iterator[list[tuple[dict[str, Any], bytes]]]:
    batch = []
    for item in items:
        batch.append(item)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    yield batch


def _tar_samples(file: Path) -> Iterator[tuple[dict[str, Any], bytes]]:
    """(values, JPEG) of each sample. Raises ValueError when members are not pairs or keys differ."""
    with tarfile.open(file, "r:") as tar:
        members = iter(tar)
        for picture in members:
            text = next(members, None)
            key = picture.name.removesuffix(".jpg")
            if text is None or picture.name != f"{key}.jpg" or text.name != f"{key}.json":
                raise ValueError(f"{picture.name} and {text.name if text else 'nothing'} are not one sample")
            jpeg, data = (_member(tar, member) for member in (picture, text))
            values = orjson.loads(data)
            if tuple(values) != JSON_KEYS:
                odd = sorted(set(values) ^ set(JSON_KEYS)) or ["their order"]
                raise ValueError(f"{text.name} has other keys than the schema: {', '.join(odd)}")
            yield values, jpeg


def _member(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    opened = tar.extractfile(member) if member.isreg() else None
    if opened is None:
        raise ValueError(f"{member.name} is not a plain file")
    return opened.read()


def _parquet_rows(file: Path) -> Iterator[tuple[dict[str, Any], bytes]]:
    """(values, JPEG) of each row, page checksums verified. Raises ValueError when the schema differs."""
    with pq.ParquetFile(file, page_checksum_verification=True) as parquet:
        if not parquet.schema_arrow.equals(ROW):
            raise ValueError("its schema is not the released row's (schemas/release.py)")
        for batch in parquet.iter_batches(batch_size=_BATCH):
            for values in batch.to_pylist():
                (image,) = values["images"]
                yield values, image["bytes"]


def _picture_faults(row: tuple[dict[str, Any], bytes]) -> list[str]:
    from PIL import Image

    values, jpeg = row
    try:
        with Image.open(io.BytesIO(jpeg), formats=("JPEG",)) as picture:
            size = picture.size
            picture.draft(picture.mode, (size[0] // 8, size[1] // 8))
            picture.load()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        return [f"does not open ({error})"]
    stated = (values["width"], values["height"])
    wrong = [] if size == stated else [f"is {size[0]} x {size[1]}, the row says {stated[0]} x {stated[1]}"]
    return wrong + [f"carries {finding}" for finding in metadata_findings(jpeg)]


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
