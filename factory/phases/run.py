"""What a build is while it runs: its paths, its identity, what build.json says, and who is told."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

import orjson

from factory.errors import EXIT_OK, EXIT_ROWS_FAILED
from factory.geo import GAZETTEER_VERSION
from factory.recipe.fingerprint import Fingerprint
from factory.recipe.load import LoadedRecipe
from factory.recipe.model import Recipe, teacher_settings
from factory.sources import Source
from factory.store.files import read_json, write_bytes
from factory.store.layout import BuildPaths
from factory.store.yaml_lines import dump_yaml
from factory.version import __version__


class Listener(Protocol):
    """Told what a build does. The command line draws it; the default says nothing."""

    def started(self, title: str) -> None: ...

    def working(self, total: int, done: Callable[[], int]) -> AbstractContextManager[object]:
        """Entered while shards run; `done` counts finished samples."""
        ...

    def phase(self, name: str, text: str) -> None:
        """A phase is over; `text` says in a line what came of it."""
        ...


class Silent:
    """A listener that says nothing."""

    def started(self, title: str) -> None: ...

    def working(self, total: int, done: Callable[[], int]) -> AbstractContextManager[object]:
        return nullcontext()

    def phase(self, name: str, text: str) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildResult:
    """What a build came to, over its whole life and in this run."""

    directory: str
    state: str
    counts: Mapping[str, Any]
    calls_now: int
    """HTTP calls to teachers made by this run; 0 for a finished build."""
    seconds: float
    exit_code: int


@dataclass(slots=True)
class Run:
    """One run of a build: what is fixed while it lasts."""

    loaded: LoadedRecipe
    identity: Fingerprint
    paths: BuildPaths
    source: Source
    workers: int
    listener: Listener
    info: dict[str, Any] = field(default_factory=dict)

    @property
    def recipe(self) -> Recipe:
        return self.loaded.recipe

    def save(self, state: str) -> None:
        self.info["state"] = state
        write_bytes(orjson.dumps(self.info, option=orjson.OPT_INDENT_2), self.paths.info)


def read_info(paths: BuildPaths) -> dict[str, Any] | None:
    return read_json(paths.info) if paths.info.exists() else None


def new_info(run: Run) -> dict[str, Any]:
    paths, loaded = run.paths, run.loaded
    paths.root.mkdir(parents=True, exist_ok=True)
    write_bytes(dump_yaml(loaded.plain()).encode(), paths.recipe_lock)
    run.info = {
        "recipe": run.recipe.name,
        "profile": loaded.profile,
        "overrides": list(loaded.overrides),
        "recipe_path": str(loaded.path),
        "fingerprint": run.identity.build,
        "stage_fingerprints": dict(run.identity.stages),
        "identity": dict(run.identity.identity),
        "factory_version": __version__,
        "gazetteer_version": GAZETTEER_VERSION,
        "started_at": now(),
        "counts": {},
        "seconds": 0.0,
    }
    run.save("planning")
    return run.info


def result(run: Run, calls_now: int, begun: float) -> BuildResult:
    counts = run.info["counts"]
    quarantined = counts["decisions"].get("quarantine", 0)
    too_many = quarantined > run.recipe.build.max_quarantined_share * max(1, counts["planned"])
    return BuildResult(
        directory=str(run.paths.root),
        state=run.info["state"],
        counts=counts,
        calls_now=calls_now,
        seconds=round(time.monotonic() - begun, 3),
        exit_code=EXIT_ROWS_FAILED if too_many else EXIT_OK,
    )


def worker_count(recipe: Recipe, asked: int | None) -> int:
    """No more shards at once than the tightest cap of calls in flight: a cap is never exceeded by sharing it."""
    tightest = min(teacher_settings(call).max_in_flight for call in recipe.teachers)
    return max(1, min(asked or os.cpu_count() or 1, tightest))


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
