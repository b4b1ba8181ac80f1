"""What a build is while it runs: its paths, its identity, what build.json says, and who is told."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from factory.errors import EXIT_OK, EXIT_ROWS_FAILED, EXIT_WAITING
from factory.geo import GAZETTEER_VERSION
from factory.phases.chosen import Chosen
from factory.phases.earlier import EarlierBuild, earlier_builds
from factory.phases.people import reviewed_builds
from factory.processes import usable_cores
from factory.recipe.fingerprint import Fingerprint
from factory.recipe.load import LoadedRecipe
from factory.recipe.model import Recipe
from factory.sources import Source
from factory.store.files import file_digest, remove, write_bytes
from factory.store.folder import LEASE
from factory.store.info import write_info
from factory.store.layout import Build, BuildPaths, open_build
from factory.store.yaml_lines import dump_yaml
from factory.version import __version__
from schemas.arrow import BUILD_SCHEMA_VERSION

BEGUN: Final = "planning"
"""What `build.json` calls a build in which no phase is done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderWay:
    """How far a phase is."""

    done: int = 0
    """Finished samples; never fewer than before."""
    refused: int = 0
    """Of these, samples without a usable picture, about which nobody was asked: they say nothing of the rate."""
    notes: tuple[str, ...] = ()
    """What holds it up, for people: endpoints that are away."""


class Listener(Protocol):
    """Told what a build does. The command line draws it; the default says nothing."""

    def started(self, title: str) -> None: ...

    def working(self, name: str, total: int, look: Callable[[], UnderWay]) -> AbstractContextManager[object]:
        """Entered while the shards of a phase run; `look` says how far it is, from any thread."""
        ...

    def phase(self, name: str, text: str) -> None:
        """A phase is over; `text` says in a line what came of it."""
        ...


class Silent:
    """A listener that says nothing."""

    def started(self, title: str) -> None: ...

    def working(self, name: str, total: int, look: Callable[[], UnderWay]) -> AbstractContextManager[object]:
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
    tokens_now: int
    cost_now: float
    """What they took, as far as the endpoints stated it."""
    seconds: float
    exit_code: int
    waiting: str | None = None
    """For what it waits, where `exit_code` is 5."""
    left_out: str | None = None
    """What is not done since the run was told to leave it out."""
    accepted: str | None = None
    """Why a build of another identity stands for the recipe (`factory accept`), where one does."""


@dataclass(slots=True)
class Run:
    """One run of a build: what is fixed while it lasts."""

    loaded: LoadedRecipe
    identity: Fingerprint
    paths: BuildPaths
    source: Source
    workers: int
    """Processes at most."""
    listener: Listener
    engine: str
    workers_given: bool = False
    """Whether the command says how many."""
    info: dict[str, Any] = field(default_factory=dict)
    calls_now: int = 0
    """HTTP calls to teachers made by this run."""
    tokens_now: int = 0
    cost_now: float = 0.0
    begun: float = field(default_factory=time.monotonic)
    before_s: float = 0.0
    """What earlier runs of the build took, seconds."""
    address: str | None = None
    """Of other machines that the engine uses."""
    storage: str | None = None
    """Where what is made there comes home, where that is not the build's own folder."""
    allowed: frozenset[str] = frozenset()
    """Hosts from which pictures are fetched though their numbers are not public."""
    chosen: Chosen | None = None
    """What of the build this run works on; None for all of it."""
    _earlier: list[EarlierBuild] | None = None
    _reviewed: list[EarlierBuild] | None = None

    @classmethod
    def of(
        cls,
        loaded: LoadedRecipe,
        identity: Fingerprint,
        paths: BuildPaths,
        source: Source,
        *,
        engine: str,
        workers: int | None,
        listener: Listener,
    ) -> Run:
        """A run on `workers` processes; by default on one a core, or on fewer where there is little to do."""
        most = max(1, workers or usable_cores())
        return cls(loaded, identity, paths, source, most, listener, engine, workers_given=workers is not None)

    def processes(self, samples: int, *, worth: int) -> int:
        """How many processes share the work on `samples`, where starting one takes as long as the work on `worth`."""
        return self.workers if self.workers_given else min(self.workers, 1 + samples // worth)

    @property
    def recipe(self) -> Recipe:
        return self.loaded.recipe

    @property
    def earlier(self) -> Sequence[EarlierBuild]:
        """Other builds of the recipe beside this one, newest first; looked for once a run."""
        if self._earlier is None:
            self._earlier = earlier_builds(self.paths.root.parent, self.recipe.name, self.paths.root)
        return self._earlier

    @property
    def reviewed(self) -> Sequence[EarlierBuild]:
        """Those in which people were asked, looked for once a run. Raises CorruptBuild as `reviewed_builds` does."""
        if self._reviewed is None:
            self._reviewed = reviewed_builds(self.paths, self.recipe.name)
        return self._reviewed

    @property
    def shards(self) -> range:
        """Numbers of the planned shards; none before the plan is made."""
        return range(self.info["counts"].get("shards", 0))

    def save(self, state: str, waiting: str | None = None) -> None:
        """Notes in `build.json` where the build is, for what it waits, and the seconds that its runs took until now."""
        self.info["state"] = state
        self.info.pop("waiting", None)
        self.info |= {} if waiting is None else {"waiting": waiting}
        self.info["seconds"] = round(self.before_s + time.monotonic() - self.begun, 2)
        write_info(self.info, self.paths.info)


def read_info(paths: BuildPaths) -> dict[str, Any] | None:
    """build.json of a build that was begun; None for a new one. Raises CorruptBuild when it is damaged."""
    return {"counts": {}, "seconds": 0.0, **open_build(paths.root).info} if paths.info.exists() else None


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
        "layout": BUILD_SCHEMA_VERSION,
        "factory_version": __version__,
        "gazetteer_version": GAZETTEER_VERSION,
        "started_at": now(),
        "counts": {},
        "seconds": 0.0,
    }
    run.save(BEGUN)
    return run.info


def follow_recipe(run: Run) -> None:
    """Writes a build's lock anew where the recipe asks people otherwise than when the build was begun. That is no part
    of what a build is, and the commands that look at the build alone must go by the same rule."""
    if Build(run.paths).recipe.get("review") == (plain := run.loaded.plain()).get("review"):
        return
    write_bytes(dump_yaml(plain).encode(), run.paths.recipe_lock)
    noted = run.info.get("files", {})
    if run.paths.recipe_lock.name in noted:
        run.info["files"] = {**noted, run.paths.recipe_lock.name: file_digest(run.paths.recipe_lock)}
        run.save(run.info["state"])


def unmake(paths: BuildPaths) -> None:
    """Takes away what a build has that could not even be planned, so that nothing looks like one. Nothing is touched
    where more lies: shards, whose answers were paid for, or files that are not of a plan."""
    written = (paths.plan, paths.dropped, paths.recipe_lock, paths.info, paths.log, paths.root / LEASE)
    known = {path.name for path in (*written, paths.shard_folder)}
    if any(path.name not in known for path in paths.root.iterdir()) or any(paths.shard_folder.iterdir()):
        return
    paths.shard_folder.rmdir()
    for path in written:
        remove(path)
    paths.root.rmdir()


def result(run: Run, waiting: str | None, left_out: str | None = None) -> BuildResult:
    """What a build came to. `waiting` says for what it waits, where it does; `left_out` what the run was told to leave
    undone."""
    counts = run.info["counts"]
    quarantined = counts.get("decisions", {}).get("quarantine", 0)
    too_many = quarantined > run.recipe.build.max_quarantined_share * max(1, counts.get("planned", 0))
    nothing = not counts.get("kept", 0)
    failed = left_out is None and (too_many or nothing)
    return BuildResult(
        directory=str(run.paths.root),
        state=run.info["state"],
        counts=counts,
        calls_now=run.calls_now,
        tokens_now=run.tokens_now,
        cost_now=run.cost_now,
        seconds=round(time.monotonic() - run.begun, 3),
        exit_code=EXIT_WAITING if waiting is not None else EXIT_ROWS_FAILED if failed else EXIT_OK,
        waiting=waiting,
        left_out=left_out,
    )


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
