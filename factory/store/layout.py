"""The directory of one build: where each file lies, and read access to it as polars frames.

builds/<recipe>-<fingerprint8>/
  recipe.lock.yaml  build.json  plan.parquet  dropped.parquet
  shards/00042/{answers.parquet,images.tar,ledger.parquet,report.json,verdicts.parquet}
  selection.parquet  review/  release/  report.html
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from factory.errors import RecipeError
from factory.store.files import file_digest, read_json, refuse_odd_files
from factory.store.images import ImageStore
from factory.store.tables import of_ids, read_arrow, read_table, read_tables
from schemas import ImageRef, Sample, arrow


@dataclass(frozen=True, slots=True)
class ShardPaths:
    """Files of one shard. `report` is written last by the work phase: it marks the shard as answered."""

    root: Path

    @property
    def answers(self) -> Path:
        """What was seen, said and found about each sample: the work phase's."""
        return self.root / "answers.parquet"

    @property
    def verdicts(self) -> Path:
        """What was decided about each sample: the verify phase's."""
        return self.root / "verdicts.parquet"

    @property
    def images(self) -> Path:
        """Prepared JPEGs of the shard, named by position: `000017.jpg`."""
        return self.root / "images.tar"

    @property
    def live_ledger(self) -> Path:
        return self.root / "ledger.sqlite"

    @property
    def thawing(self) -> Path:
        """A sealed ledger on its way to be a live one again; it takes that name when it is whole."""
        return self.root / "thawing.sqlite"

    @property
    def ledger(self) -> Path:
        return self.root / "ledger.parquet"

    @property
    def report(self) -> Path:
        return self.root / "report.json"

    @property
    def progress(self) -> Path:
        """How far a running shard is: `done/total`."""
        return self.root / "progress"


@dataclass(frozen=True, slots=True)
class BuildPaths:
    """Files of one build."""

    root: Path

    @property
    def info(self) -> Path:
        return self.root / "build.json"

    @property
    def recipe_lock(self) -> Path:
        return self.root / "recipe.lock.yaml"

    @property
    def plan(self) -> Path:
        return self.root / "plan.parquet"

    @property
    def dropped(self) -> Path:
        return self.root / "dropped.parquet"

    @property
    def review(self) -> Path:
        """What people are asked, said and decided; its owner alone looks into it."""
        return self.root / "review"

    @property
    def screen(self) -> Path:
        """The annotators' screen as it was sent to the server."""
        return self.review / "config.xml"

    @property
    def tasks(self) -> Path:
        """What was sent to people."""
        return self.review / "tasks.parquet"

    @property
    def annotations(self) -> Path:
        """What they said."""
        return self.review / "annotations.parquet"

    @property
    def refused(self) -> Path:
        """What they said that cannot count, and why."""
        return self.review / "refused.parquet"

    @property
    def pulls(self) -> Path:
        """A file for each pull that brought something: what came, as it came."""
        return self.review / "pulls"

    @property
    def review_projects(self) -> Path:
        """Which projects of the server are the build's, and up to when they were pulled."""
        return self.review / "projects.json"

    @property
    def review_lease(self) -> Path:
        """Who sends or takes back now."""
        return self.review / "lease"

    @property
    def annotations_lease(self) -> Path:
        """Who changes `annotations.parquet` now."""
        return self.review / "annotations.lease"

    @property
    def server(self) -> Path:
        """A server of our own with its data, where one was started in the build."""
        return self.review / "server"

    @property
    def review_report(self) -> Path:
        """The page for leads."""
        return self.review / "report.html"

    @property
    def reviewers(self) -> Path:
        """Who they are: the pseudonym of each, the only one of these names that leaves the folder."""
        return self.review / "reviewers.json"

    @property
    def decisions(self) -> Path:
        """What people decided."""
        return self.review / "decisions.parquet"

    @property
    def log(self) -> Path:
        """What its runs said, with the time of each line; a new run adds to it."""
        return self.root / "build.log"

    @property
    def logs(self) -> Path:
        """What servers of the build's own wrote."""
        return self.root / "logs"

    @property
    def batches(self) -> Path:
        """What teachers of batches were asked and answered: a database each."""
        return self.root / "batches"

    @property
    def model(self) -> Path:
        """What the decider fitted on the whole set, where it fits."""
        return self.root / "model.json"

    @property
    def verified(self) -> Path:
        """The digests of what the verify phase wrote: every shard's verdicts, and the model."""
        return self.root / "verified.json"

    @property
    def selection(self) -> Path:
        return self.root / "selection.parquet"

    @property
    def budget(self) -> Path:
        return self.root / "budget.sqlite"

    @property
    def answered(self) -> Path:
        """Which finished shard has the answer to a question (`factory.calls.siblings`)."""
        return self.root / "answered.sqlite"

    @property
    def release(self) -> Path:
        return self.root / "release"

    @property
    def report(self) -> Path:
        return self.root / "report.html"

    @property
    def shard_folder(self) -> Path:
        """Where the shards lie; its owner alone looks into it."""
        return self.root / "shards"

    def shard(self, number: int) -> ShardPaths:
        return ShardPaths(self.shard_folder / f"{number:05d}")

    def shards(self) -> list[ShardPaths]:
        """Shard directories on disk, in order."""
        return [ShardPaths(path) for path in sorted(self.shard_folder.glob("[0-9]*")) if path.is_dir()]


@dataclass(frozen=True)
class Build:
    """Read access to a build. Frames are loaded on first use and follow the schemas in `schemas.arrow`."""

    paths: BuildPaths

    @cached_property
    def info(self) -> dict[str, Any]:
        """build.json: state, recipe name, profile, fingerprint, versions, counts, seconds."""
        from factory.store.info import read_info

        return read_info(self.paths.info)

    @cached_property
    def recipe(self) -> dict[str, Any]:
        """The resolved recipe as plain data."""
        from factory.store.yaml_lines import plain_yaml

        return plain_yaml(self.paths.recipe_lock)

    @cached_property
    def plan(self) -> pl.DataFrame:
        return read_table(self.paths.plan, arrow.PLAN)

    @cached_property
    def dropped(self) -> pl.DataFrame:
        return read_table(self.paths.dropped, arrow.DROPPED)

    @cached_property
    def answers(self) -> pl.DataFrame:
        """All answered shards' answers, in plan order."""
        return read_tables([s.answers for s in self.paths.shards() if s.report.exists()], arrow.ANSWERS)

    @cached_property
    def verdicts(self) -> pl.DataFrame:
        """All verified shards' verdicts, in plan order."""
        return read_tables([s.verdicts for s in self.paths.shards() if s.verdicts.exists()], arrow.VERDICTS)

    @cached_property
    def selection(self) -> pl.DataFrame:
        return read_table(self.paths.selection, arrow.SELECTION)

    @cached_property
    def ledger(self) -> pl.DataFrame:
        """All sealed ledgers: one row a teacher call or replayed answer."""
        return read_tables([s.ledger for s in self.paths.shards() if s.ledger.exists()], arrow.LEDGER)

    def image(self, shard: int, position: int, index: int = 0) -> bytes:
        """The prepared JPEG of one planned sample, the `index`-th of its pictures.

        Raises KeyError when it was quarantined before it had one.
        """
        stores: dict[int, ImageStore] = self.__dict__.setdefault("_image_stores", {})
        if shard not in stores:
            stores[shard] = ImageStore(self.paths.shard(shard).images)
        return stores[shard].read(position, index)


def open_build(path: str | Path) -> Build:
    """A build directory as polars frames.

    Raises RecipeError when the path is not a build, CorruptBuild when its build.json is damaged, or when it holds links
    or pipes in place of files.
    """
    paths = BuildPaths(Path(path))
    if not paths.info.is_file():
        raise RecipeError(f"{path}: not a build directory (it has no {paths.info.name})")
    refuse_odd_files(paths.root)
    stored = read_json(paths.info)
    if "recipe" in stored and stored.get("layout") != arrow.BUILD_SCHEMA_VERSION:
        raise RecipeError(
            f"{path}: this build was made by factory {stored.get('factory_version', '0.1')}, whose files have "
            "another layout; build the recipe again (recordings and photos are used as they are)"
        )
    build = Build(paths)
    build.info  # noqa: B018 - checked here, once
    return build


def read_samples(plan: Path, shard: int, ids: Collection[str] | None = None) -> list[Sample]:
    """The samples of one shard, or some of them, in plan order, without reading the other shards' row groups. Raises
    CorruptBuild."""
    table = read_arrow(plan, arrow.PLAN, shard=shard).drop_columns(["shard", "position"])
    return [sample_from_row(row) for row in (table if ids is None else of_ids(table, ids)).to_pylist()]


def read_ids(plan: Path, shard: int) -> pl.Series:
    """The ids of one shard's samples, in plan order. Raises CorruptBuild."""
    ids = pl.from_arrow(read_arrow(plan, arrow.PLAN, shard=shard, columns=["id"]))
    assert isinstance(ids, pl.DataFrame)
    return ids["id"]


def sample_from_row(row: Mapping[str, Any]) -> Sample:
    """A sample from its row of plan.parquet (without shard and position)."""
    images = tuple(ImageRef(**image) for image in row["images"])
    return Sample(**{**row, "images": images, "texts": {entry["name"]: entry["text"] for entry in row["texts"]}})


def fixed_files(paths: BuildPaths) -> list[Path]:
    """The files of a build that do not change once it is released."""
    return [paths.recipe_lock, paths.plan, paths.dropped, paths.verified, paths.selection]


def shard_files(shard: ShardPaths) -> list[Path]:
    """The files of a shard that do not change once it is answered; its report has their digests."""
    return [shard.answers, shard.images, shard.ledger]


def shards_digest(paths: BuildPaths, shards: int) -> str:
    """One digest over the reports of all shards, which in turn hold the digests of the shards' files; empty while one
    is missing."""
    return _together([paths.shard(number).report for number in range(shards)])


def verdicts_digest(paths: BuildPaths, shards: int) -> str:
    """One digest over the verdicts of all shards; empty while one is missing."""
    return _together([paths.shard(number).verdicts for number in range(shards)])


def answered_digest(paths: BuildPaths, shards: int) -> str:
    """One digest over the answers of all shards and the sizes of their tars of pictures; empty while one is missing."""
    files = [paths.shard(number) for number in range(shards)]
    if not all(shard.images.exists() for shard in files):
        return ""
    sizes = [shard.images.stat().st_size for shard in files]
    return hashlib.sha256(f"{_together([shard.answers for shard in files])} {sizes}".encode()).hexdigest()


def listing_digest(folder: Path) -> str:
    """One digest over the names and sizes of all files below a folder: finds what is lost, cut or added without reading
    gigabytes; what was changed in place is found by `factory check`."""
    files = sorted((str(path.relative_to(folder)), path.stat().st_size) for path in folder.rglob("*") if path.is_file())
    return hashlib.sha256(repr(files).encode()).hexdigest()


def _together(files: Sequence[Path]) -> str:
    if not all(path.exists() for path in files):
        return ""
    return hashlib.sha256("".join(map(file_digest, files)).encode()).hexdigest()
