"""Earlier builds of the same recipe: answers and images that a new build can take over.

A changed threshold gives a new build with the same questions; its answers stand in the ledgers of the old one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from factory.calls.files import is_readable
from factory.calls.of_shard import shard_ledgers
from factory.errors import CorruptBuild
from factory.images.records import SHAPING
from factory.recipe.fingerprint import Fingerprint
from factory.store.files import odd_files, open_itself
from factory.store.layout import Build, BuildPaths, ShardPaths
from factory.store.tables import read_columns
from schemas.arrow import BUILD_SCHEMA_VERSION

_NAMED = re.compile(r"teachers\..*\.name", re.DOTALL)


@dataclass(frozen=True, slots=True)
class EarlierBuild:
    """Another build of the recipe: where it lies and what it was."""

    paths: BuildPaths
    stages: Mapping[str, str]
    identity: Mapping[str, Any]
    started: str
    same_layout: bool = True
    """Whether its files are laid out as today's; of another layout only the ledgers are used, which have a version of
    their own."""


def earlier_builds(out: Path, recipe: str, current: Path) -> list[EarlierBuild]:
    """Other builds of the recipe in the same folder, newest first.

    One whose build.json is lost or damaged comes last: what it was is unknown, but its ledgers hold what was paid, and
    their keys say what was asked. One with links or pipes in place of files is passed over.
    """
    return described([one for one in builds_beside(out, recipe, current) if not any(odd_files(one.root))])


def builds_beside(out: Path, recipe: str, current: Path) -> list[BuildPaths]:
    """Folders that are called like other builds of the recipe, links to folders among them, by name."""
    folders = [path for path in out.glob(f"{recipe}-*") if _named_by_fingerprint(path.name, recipe) and path.is_dir()]
    return [BuildPaths(path) for path in sorted(folders) if path != current]


def described(builds: Iterable[BuildPaths]) -> list[EarlierBuild]:
    """What these builds were, newest first; those of which that is not known come last."""
    return sorted(map(_described, builds), key=lambda build: build.started, reverse=True)


def _described(paths: BuildPaths) -> EarlierBuild:
    build = Build(paths)
    try:
        open_itself(paths.info, os.O_RDONLY).close()  # no link is followed, and no pipe waited for
        info = build.info
    except (CorruptBuild, OSError):
        return EarlierBuild(paths, {}, {}, "", same_layout=False)
    same_layout = info.get("layout") == BUILD_SCHEMA_VERSION
    stages, identity = info.get("stage_fingerprints", {}), info.get("identity", {})
    return EarlierBuild(paths, stages, identity, info.get("started_at", ""), same_layout)


def _named_by_fingerprint(name: str, recipe: str) -> bool:
    """Whether a folder is called like a build of this recipe, and not of one whose name only begins alike."""
    return re.fullmatch(r"[0-9a-f]{8}", name.removeprefix(f"{recipe}-")) is not None


@dataclass(frozen=True)
class PriorAnswers:
    """Which ledgers of earlier builds may answer a shard's questions.

    Builds with the same plan have the answers in the shard of the same number. For any other, both plans are read once,
    on first use, and joined by id: a shard gets the ledgers of the old shards that held one of its samples. A sample
    that another table calls by another id is a new sample, and asked again.
    """

    earlier: Sequence[EarlierBuild]
    """Newest first."""
    now: Fingerprint
    plan: Path
    """plan.parquet of the build that asks."""

    def ledgers_for(self, number: int) -> tuple[str, ...]:
        """Ledgers for one shard, of the newest build first. Raises CorruptBuild when the own plan is damaged."""
        found: list[Path] = []
        for index, build in enumerate(self.earlier):
            if build.same_layout and build.stages.get("plan") == self.now.stages["plan"]:
                shards = [build.paths.shard(number)]
            else:
                shards = self._old_shards(index).get(number, [])
            found += [path for shard in shards for path in shard_ledgers(shard) if is_readable(path)]
        return tuple(map(str, found))

    def _old_shards(self, index: int) -> dict[int, list[ShardPaths]]:
        cache: dict[int, dict[int, list[ShardPaths]]] = self.__dict__.setdefault("_indexes", {})
        if index not in cache:
            cache[index] = self._index(self.earlier[index].paths)
        return cache[index]

    def _index(self, old: BuildPaths) -> dict[int, list[ShardPaths]]:
        """Old shards by new shard. An old plan that cannot be read rules no shard out."""
        if not old.plan.exists():
            return {}
        try:
            before = read_columns(old.plan, ("id", "shard")).rename({"shard": "old"})
        except CorruptBuild:
            return dict.fromkeys(self._samples["shard"].unique().to_list(), old.shards())
        pairs = self._samples.join(before, on="id").select("shard", "old").unique().sort("shard", "old")
        grouped: dict[int, list[ShardPaths]] = {}
        for number, other in pairs.iter_rows():
            grouped.setdefault(number, []).append(old.shard(other))
        return grouped

    @cached_property
    def _samples(self) -> pl.DataFrame:
        return read_columns(self.plan, ("id", "shard"))


def question_identity(identity: Mapping[str, Any], teacher: str) -> dict[str, Any] | None:
    """What of a build's identity enters the request keys of one teacher; None when the build has no such teacher.

    Equal for two builds, it means that the same picture is the same question in both. `bad_answer` decides how often
    is asked, not what; the place of a teacher in the recipe decides neither.
    """
    named = [key for key, value in identity.items() if _NAMED.fullmatch(key) and value == teacher]
    if not named:
        return None
    prefix = min(named, key=len).removesuffix("name")
    own = {key.removeprefix(prefix): value for key, value in identity.items() if key.startswith(prefix)}
    own = {
        key: value
        for key, value in own.items()
        if key not in ("#", "role", "sampling.draws") and not key.startswith("bad_answer")
    }
    shared = ("inputs.generator", "inputs.prepare", *(f"images.{name}" for name in SHAPING))
    common = {key: value for key, value in identity.items() if key in shared}
    return common | {f"teacher.{key}": value for key, value in own.items()}


def prior_shard(earlier: Sequence[EarlierBuild], now: Fingerprint, number: int) -> str | None:
    """A finished shard with the same samples and image settings, whose images can be linked."""
    for build in earlier:
        shard = build.paths.shard(number)
        if not build.same_layout:
            continue
        if build.stages.get("images") == now.stages["images"] and shard.report.exists() and shard.images.exists():
            return str(shard.root)
    return None
