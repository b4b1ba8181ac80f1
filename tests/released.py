"""Releases to be pushed; and released files changed on purpose, with everything else that a release says of them made
to agree: so that one rule alone can find the change."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq

from release import write_release
from release.manifest import file_entry, manifest_bytes, read_manifest
from release.outgoing import Outgoing, outgoing
from release.tar_index import IndexedSample, header_line, index_path, sample_checksum, sample_line
from schemas.settings import ReleaseSettings
from schemas.ustar import members
from tests.build_fixture import make_build


def two_releases(folder: Path) -> tuple[Outgoing, Outgoing]:
    """A release of 12 samples, and a later one of the same build: another title, larger shards, so fewer files."""
    build = make_build(folder, 12, all_accepted=True)
    write_release(build, settings=ReleaseSettings(shard_size=5, title="First"))
    first = build.paths.root / "first"
    build.paths.release.rename(first)
    write_release(build, settings=ReleaseSettings(shard_size=100, title="Second"))
    return outgoing(first), outgoing(build.paths.root)


def contents_of(release: Outgoing) -> dict[str, bytes]:
    """Its files by path."""
    return {path: sent.file.read_bytes() for path, sent in release.files.items()}


def recorded_again(release: Path, **changes: Any) -> None:
    """Writes a manifest that agrees with the changed files, so that only their contents can be at fault."""
    fields = read_manifest(release)
    files = [file_entry(release, release / entry["path"], entry.get("rows")) for entry in fields["files"]]
    (release / "manifest.json").write_bytes(manifest_bytes({**fields, **changes, "files": files}))


def without_viewer(release: Path) -> None:
    """Takes its viewer away, which repeats every row: as if the recipe had wanted none."""
    fields = read_manifest(release)
    gone = [entry["path"] for entry in fields["files"] if entry["path"].startswith("viewer")]
    for path in gone:
        (release / path).unlink()
    fields["files"] = [entry for entry in fields["files"] if entry["path"] not in gone]
    (release / "manifest.json").write_bytes(manifest_bytes({k: v for k, v in fields.items() if k != "viewer"}))


def rewrite_tar(path: Path, change: dict[str, bytes | None]) -> None:
    """Replaces (bytes) or removes (None) members of a tar; its index says so."""
    with tarfile.open(path) as tar:
        there = {m.name: tar.extractfile(m).read() for m in tar}  # type: ignore[union-attr]
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in {**there, **change}.items():
            if data is not None:
                info = tarfile.TarInfo(name)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    indexed_again(path)


def indexed_again(tar: Path) -> None:
    """The index of a tar as it is now."""
    data = tar.read_bytes()
    lines = []
    with tar.open("rb") as file:
        for key, found in groupby(members(file), key=lambda member: member.name.partition(".")[0]):
            parts = tuple(found)
            texts = [data[part.offset : part.offset + part.size] for part in parts]
            try:
                row_id = str(orjson.loads(texts[-1])["id"])
            except (ValueError, KeyError, TypeError):
                row_id = ""
            lines.append(sample_line(IndexedSample(key, row_id, sample_checksum(texts), parts)))
    index_path(tar).write_bytes(b"".join((header_line(tar.name, len(data), len(lines)), *lines)))


def change_rows(release: Path, change: Callable[[dict[str, Any]], None], number: int = 1, split: str = "train") -> None:
    """Changes one row in both formats, with a manifest that agrees; the viewer goes."""
    without_viewer(release)
    tar = release / "webdataset" / f"{split}-000000.tar"
    name = f"{number:06d}.json"
    with tarfile.open(tar) as opened:
        values = orjson.loads(opened.extractfile(name).read())  # type: ignore[union-attr]
    change(values)
    rewrite_tar(tar, {name: orjson.dumps(values)})
    file = release / "parquet" / f"{split}-00000-of-00001.parquet"
    table = pq.read_table(file)
    rows = table.to_pylist()
    change(rows[number])
    pq.write_table(type(table).from_pylist(rows, schema=table.schema), file, write_page_checksum=True)
    recorded_again(release)
