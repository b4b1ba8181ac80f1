"""Packs the kept rows of a build: shards, card, map, licences, manifest; checked before it gets its name.

The release is written next to its place and renamed when every check passes, so a directory called `release` is
always whole. Nothing in it depends on when, where or with how many workers it was made.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final, TypedDict

import polars as pl

from factory.errors import CorruptBuild
from factory.plugins.contracts import Generator
from factory.recipe.fingerprint import identity_part
from factory.redact import named_secrets
from factory.store.files import PUBLIC_FOLDER, create, make_folder, remove_tree, rename, sync_directory
from factory.store.layout import Build
from factory.store.places import placed_plan
from release.acceptance import acceptance
from release.at_once import Block, arrow_rows, slices
from release.card import render_card, render_licences, render_map, scrubbed
from release.check import check_release
from release.counts import release_counts
from release.manifest import MANIFEST, file_entry, manifest_bytes
from release.parquet_files import ParquetFile, file_name, file_schema
from release.people import people_facts
from release.rows import Released, Row, build_generator, release_order, released_rows
from release.tar_index import index_path
from release.webdataset_shards import TarFile, shard_name
from schemas.rows.conversations import json_texts
from schemas.rows.schema import RowSchema
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
    build: Build, generator: Generator | None = None, *, settings: ReleaseSettings | None = None
) -> ReleaseSummary:
    """Writes `release/` of a build, replacing an earlier one.

    Args:
        build: plan, answers, verdicts and selection are there.
        generator: the family that makes the rows; by default that of the build's recipe.
        settings: by default those of the build's recipe.

    Raises:
        CorruptBuild: the build lacks something a kept sample needs, or the release fails its own check; `release.tmp`
            is left to be looked at.
        PluginFault: the family raised, or made something else than rows of its schema.
    """
    settings = settings or release_settings(build)
    generator = generator or build_generator(build)
    target = build.paths.release
    root = target.with_suffix(".tmp")
    remove_tree(root)
    make_folder(root, PUBLIC_FOLDER)
    licence = None if settings.licence == PER_ROW else settings.licence
    order = release_order(build)
    with _Shards(root, settings, generator.row) as shards:
        for released in released_rows(build, order, generator, licence):
            shards.add_block(released) if isinstance(released, Block) else shards.add(released)
    order = order.with_columns(rows=pl.Series(shards.made, dtype=pl.Int64))
    facts = _facts(build, settings, order, shards, licence)
    _write_papers(root, build, order, facts, generator.row)
    papers = [root / name for name in ("LICENSE-DATA.md", "README.md", "map.svg")]
    files = [file_entry(root, path, None) for path in (*papers, *sorted(shards.indices))]
    files += [file_entry(root, path, rows) for path, rows in sorted(shards.rows.items())]
    _write(root / MANIFEST, manifest_bytes({**facts, "files": files}))
    if faults := check_release(root, named_secrets(build.recipe)):
        more = [f"... and {len(faults) - 20} more"] if len(faults) > 20 else []
        raise CorruptBuild("the release fails its check:", *faults[:20], *more)
    _replace(root, target)
    kinds = {"tars": facts["tars"], "parquet": facts["parquet"], "card": 1, "manifest": 1}
    size = sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
    counts = facts["counts"]
    files_by_kind = {kind: number for kind, number in kinds.items() if number}
    return {"rows": counts["rows"], "splits": counts["splits"], "files": files_by_kind, "bytes": size}


@dataclass(slots=True)
class _Shards:
    """The open file of each split and format; rows are dealt to them in plan order."""

    root: Path
    settings: ReleaseSettings
    row: RowSchema
    rows: dict[Path, int] = field(default_factory=dict)
    """Rows of every file written."""
    made: list[int] = field(default_factory=list)
    """Rows of every sample, in plan order."""
    pictures: set[int] = field(default_factory=set)
    """How many pictures a row has: every number that occurs."""
    answered: Counter[str] = field(default_factory=Counter)
    """Samples with a usable answer, by teacher."""
    models: dict[str, set[str]] = field(default_factory=dict)
    """Models that gave them, by teacher."""
    _written: Counter[str] = field(default_factory=Counter)
    indices: list[Path] = field(default_factory=list)
    """Files beside tars that say where their samples lie."""
    _tars: dict[str, tuple[Path, IO[bytes], TarFile]] = field(default_factory=dict)
    _parquets: dict[str, tuple[Path, IO[bytes], ParquetFile]] = field(default_factory=dict)
    _open: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> _Shards:
        for name in self.settings.formats:
            make_folder(self.root / name, PUBLIC_FOLDER)
        return self

    def __exit__(self, *failure: object) -> None:
        with self._open:
            if failure[0] is None:
                for split in (*self._written,):
                    self._finish(split)
                self._number_parquets()

    def add(self, released: Released) -> None:
        """Appends a sample's rows to its split's files, closing full ones."""
        self.made.append(len(released.rows))
        self.pictures.add(len(released.jpegs))
        self.answered.update({teacher for teacher, _ in released.answered_by})
        for teacher, model in released.answered_by:
            self.models.setdefault(teacher, set()).add(model)
        for row in released.rows:
            self._add(released.split, row, released.jpegs)

    def _add(self, split: str, row: Row, jpegs: Sequence[bytes]) -> None:
        number = self._written[split]
        self._make_room(split)
        self._written[split] += 1
        if tar := self._tars.get(split):
            tar[2].write(number, row.values["id"], row.json, jpegs)
            self.rows[tar[0]] += 1
        if parquet := self._parquets.get(split):
            parquet[2].write(number, row.values, jpegs)
            self.rows[parquet[0]] += 1

    def add_block(self, block: Block) -> None:
        """Appends the rows of a shard to the files of their splits: the same bytes as one by one."""
        self.made.extend(block.rows)
        self.pictures.add(0)
        for split, rows in block.splits:
            for part in slices(rows, self._written[split], self.settings.shard_size):
                self._add_rows(split, part)

    def _add_rows(self, split: str, rows: pl.DataFrame) -> None:
        """Rows that fit into one file."""
        number = self._written[split]
        self._make_room(split)
        self._written[split] += rows.height
        if tar := self._tars.get(split):
            for index, (name, text) in enumerate(
                zip(rows["id"], json_texts(rows, self.row), strict=True), start=number
            ):
                tar[2].write(index, name, text, ())
            self.rows[tar[0]] += rows.height
        if parquet := self._parquets.get(split):
            parquet[2].write_table(arrow_rows(rows, file_schema(self.row)))
            self.rows[parquet[0]] += rows.height

    def _make_room(self, split: str) -> None:
        """Closes a split's full file and opens its next."""
        number = self._written[split]
        if number % self.settings.shard_size == 0:
            self._finish(split)
            self._start(split, number // self.settings.shard_size)

    def _start(self, split: str, number: int) -> None:
        if "webdataset" in self.settings.formats:
            path = self.root / "webdataset" / shard_name(split, number)
            file = self._open.enter_context(create(path))
            self._tars[split] = path, file, TarFile(file, path.name)
            self.rows[path] = 0
        if "parquet" in self.settings.formats:
            path = self.root / "parquet" / file_name(split, number, 0)
            file = self._open.enter_context(create(path))
            self._parquets[split] = path, file, ParquetFile(file, self.row)
            self.rows[path] = 0

    def _finish(self, split: str) -> None:
        if tar := self._tars.pop(split, None):
            _write(index_path(tar[0]), tar[2].close())
            self.indices.append(index_path(tar[0]))
            _sync_and_close(tar[1])
        if parquet := self._parquets.pop(split, None):
            parquet[2].close()
            _sync_and_close(parquet[1])

    def _number_parquets(self) -> None:
        """Gives Parquet files their names: of how many files a split consists is known when all rows are there."""
        for split, rows in self._written.items():
            files = -(-rows // self.settings.shard_size) if "parquet" in self.settings.formats else 0
            for number in range(files):
                path = self.root / "parquet" / file_name(split, number, 0)
                named = path.with_name(file_name(split, number, files))
                rename(path, named)
                self.rows[named] = self.rows.pop(path)


def _facts(
    build: Build, settings: ReleaseSettings, order: pl.DataFrame, shards: _Shards, licence: str | None
) -> dict[str, Any]:
    """The manifest's fields but its files: what the card tells, and nothing of when or where."""
    recipe = build.recipe
    identity = identity_part(recipe)
    told = {key: identity[key] for key in _TOLD if identity.get(key)}
    teachers = []
    for teacher in recipe.get("teachers") or ():
        name = teacher["name"]
        models = shards.models.get(name) or {teacher.get("model") or "recorded"}
        teachers.append({"name": name, "model": ", ".join(sorted(models)), "answered": shards.answered[name]})
    info = {name: build.info.get(name) for name in ("fingerprint", "factory_version", "gazetteer_version")}
    suffixes = Counter(path.suffix for path in shards.rows)
    accepted_by, people = acceptance(build), people_facts(build, order["id"])
    return {
        **info,
        "row": shards.row.plain(),
        "name": build.info["recipe"],
        "title": settings.title or build.info["recipe"],
        "licence": settings.licence,
        "formats": sorted(settings.formats),
        "tars": suffixes[".tar"],
        "parquet": suffixes[".parquet"],
        "pictures": {"least": min(shards.pictures, default=0), "most": max(shards.pictures, default=0)},
        "recipe": scrubbed(told),
        "teachers": teachers,
        "counts": release_counts(build, order, licence),
        **({} if accepted_by is None else {"acceptance": accepted_by}),
        **({} if people is None else {"people": people}),
    }


_TOLD: Final = ("generator", "geo", "images", "witnesses", "verify", "select")
"""Blocks of the recipe that the card shows."""


def _write_papers(root: Path, build: Build, order: pl.DataFrame, facts: Mapping[str, Any], row: RowSchema) -> None:
    places = order.join(placed_plan(build).select("id", "lat", "lon"), on="id", how="left", maintain_order="left")
    _write(root / "map.svg", render_map(places, facts["counts"]["rows"]).encode())
    _write(root / "README.md", render_card(facts, row).encode())
    _write(root / "LICENSE-DATA.md", render_licences(facts, row).encode())


def _write(path: Path, data: bytes) -> None:
    with create(path) as file:
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
    remove_tree(old)
    if target.exists():
        rename(target, old)
    rename(root, target)
    sync_directory(target.parent)
    remove_tree(old)
