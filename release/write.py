"""Packs the kept rows of a build: shards, card, map, licences, manifest; checked before it gets its name.

The release is written next to its place and renamed when every check passes, so a directory called `release` is
always whole. Nothing in it depends on when, where or with how many workers it was made.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, Any, Final, TypedDict

import polars as pl

from factory.errors import CorruptBuild
from factory.recipe.fingerprint import identity_part
from factory.store.files import sync_directory
from factory.store.layout import Build
from release.card import render_card, render_licences, render_map, scrubbed
from release.check import check_release
from release.counts import release_counts
from release.manifest import MANIFEST, file_entry, manifest_bytes
from release.parquet_files import ParquetFile, file_name
from release.rows import Answerer, Released, release_order, released_rows, row_answer
from release.webdataset_shards import end_tar, sample_key, shard_name, write_sample
from schemas.release import RELEASE_SCHEMA_VERSION
from schemas.settings import ReleaseSettings

PER_ROW: Final = "per-row"


class ReleaseSummary(TypedDict):
    """What a release came to."""

    rows: int
    splits: dict[str, int]
    files: dict[str, int]
    """Files by kind: tars, parquet, card, manifest."""
    bytes: int


def release_settings(build: Build) -> ReleaseSettings:
    """The `release` block of the build's recipe."""
    return ReleaseSettings.model_validate(build.recipe.get("release") or {})


def write_release(
    build: Build, *, settings: ReleaseSettings | None = None, answerer: Answerer | None = None
) -> ReleaseSummary:
    """Writes `release/` of a build, replacing an earlier one.

    Args:
        build: plan, parts and selection are there.
        settings: by default those of the build's recipe.
        answerer: chooses the answer that is released; by default `row_answer` with the settings' policy.

    Raises:
        CorruptBuild: the build lacks something a kept row needs, or the release fails its own check; `release.tmp`
            is left to be looked at.
    """
    settings = settings or release_settings(build)
    answerer = answerer or partial(row_answer, policy=settings.answer)
    target = build.paths.release
    root = target.with_suffix(".tmp")
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    licence = None if settings.licence == PER_ROW else settings.licence
    order = release_order(build)
    with _Shards(root, settings, Counter(order["split"])) as shards:
        for row in released_rows(build, order, answerer, licence):
            shards.add(row)
    facts = _facts(build, settings, order, shards, licence)
    _write_papers(root, build, order, facts)
    papers = [file_entry(root, root / name, None) for name in ("LICENSE-DATA.md", "README.md", "map.svg")]
    files = [file_entry(root, path, rows) for path, rows in sorted(shards.rows.items())]
    _write(root / MANIFEST, manifest_bytes({**facts, "files": [*papers, *files]}))
    if faults := check_release(root):
        more = f"\n... and {len(faults) - 20} more" if len(faults) > 20 else ""
        raise CorruptBuild("the release fails its check:\n" + "\n".join(faults[:20]) + more)
    _replace(root, target)
    kinds = {"tars": facts["tars"], "parquet": facts["parquet"], "card": 1, "manifest": 1}
    size = sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
    splits: dict[str, int] = facts["counts"]["splits"]
    return {"rows": order.height, "splits": splits, "files": {k: n for k, n in kinds.items() if n}, "bytes": size}


@dataclass(slots=True)
class _Shards:
    """The open file of each split and format; rows are dealt to them in plan order."""

    root: Path
    settings: ReleaseSettings
    totals: Mapping[str, int]
    rows: dict[Path, int] = field(default_factory=dict)
    """Rows of every file written."""
    teachers: Counter[str] = field(default_factory=Counter)
    """Responses by teacher."""
    models: dict[str, set[str]] = field(default_factory=dict)
    """Models that gave them, by teacher."""
    _written: Counter[str] = field(default_factory=Counter)
    _tars: dict[str, tuple[Path, IO[bytes]]] = field(default_factory=dict)
    _parquets: dict[str, tuple[Path, IO[bytes], ParquetFile]] = field(default_factory=dict)
    _open: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> _Shards:
        for name in self.settings.formats:
            (self.root / name).mkdir()
        return self

    def __exit__(self, *failure: object) -> None:
        with self._open:
            if failure[0] is None:
                for split in (*self.totals,):
                    self._finish(split)

    def add(self, row: Released) -> None:
        """Appends a row to its split's files, closing full ones."""
        number = self._written[row.split]
        if number % self.settings.shard_size == 0:
            self._finish(row.split)
            self._start(row.split, number // self.settings.shard_size)
        self._written[row.split] += 1
        answer = row.values["answer"]
        self.teachers[answer["teacher"]] += 1
        self.models.setdefault(answer["teacher"], set()).add(answer["model"])
        if tar := self._tars.get(row.split):
            write_sample(tar[1], number, row.values, row.jpeg)
            self.rows[tar[0]] += 1
        if parquet := self._parquets.get(row.split):
            parquet[2].write(row.values, row.jpeg, f"{sample_key(number)}.jpg")
            self.rows[parquet[0]] += 1

    def _start(self, split: str, number: int) -> None:
        if "webdataset" in self.settings.formats:
            path = self.root / "webdataset" / shard_name(split, number)
            self._tars[split] = path, self._open.enter_context(path.open("wb"))
            self.rows[path] = 0
        if "parquet" in self.settings.formats:
            files = -(-self.totals[split] // self.settings.shard_size)
            path = self.root / "parquet" / file_name(split, number, files)
            file = self._open.enter_context(path.open("wb"))
            self._parquets[split] = path, file, ParquetFile(file)
            self.rows[path] = 0

    def _finish(self, split: str) -> None:
        if tar := self._tars.pop(split, None):
            end_tar(tar[1])
            _sync_and_close(tar[1])
        if parquet := self._parquets.pop(split, None):
            parquet[2].close()
            _sync_and_close(parquet[1])


def _facts(
    build: Build, settings: ReleaseSettings, order: pl.DataFrame, shards: _Shards, licence: str | None
) -> dict[str, Any]:
    """The manifest's fields but its files: what the card tells, and nothing of when or where."""
    recipe = build.recipe
    identity = identity_part(recipe)
    told = {key: identity[key] for key in ("geo", "images", "verify", "select") if identity.get(key)}
    teachers = []
    for teacher in recipe.get("teachers", ()):
        name = teacher["name"]
        models = shards.models.get(name) or {teacher.get("model") or "recorded"}
        teachers.append({"name": name, "model": ", ".join(sorted(models)), "responses": shards.teachers[name]})
    info = {name: build.info.get(name) for name in ("fingerprint", "factory_version", "gazetteer_version")}
    suffixes = Counter(path.suffix for path in shards.rows)
    return {
        **info,
        "schema_version": RELEASE_SCHEMA_VERSION,
        "name": build.info["recipe"],
        "title": settings.title or build.info["recipe"],
        "licence": settings.licence,
        "formats": sorted(settings.formats),
        "answer_policy": settings.answer,
        "tars": suffixes[".tar"],
        "parquet": suffixes[".parquet"],
        "recipe": scrubbed(told),
        "teachers": teachers,
        "counts": release_counts(build, order, licence),
    }


def _write_papers(root: Path, build: Build, order: pl.DataFrame, facts: Mapping[str, Any]) -> None:
    places = order.join(build.plan.select("id", "lat", "lon"), on="id", how="left", maintain_order="left")
    _write(root / "map.svg", render_map(places).encode())
    _write(root / "README.md", render_card(facts).encode())
    _write(root / "LICENSE-DATA.md", render_licences(facts).encode())


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        _sync_and_close(file)


def _sync_and_close(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())
    file.close()


def _replace(root: Path, target: Path) -> None:
    """Gives the finished directory its name. A crash in between leaves no release, and the next build writes it."""
    for directory in (root, *(path for path in root.iterdir() if path.is_dir())):
        sync_directory(directory)
    old = target.with_suffix(".old")
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.replace(old)
    root.replace(target)
    sync_directory(target.parent)
    shutil.rmtree(old, ignore_errors=True)
