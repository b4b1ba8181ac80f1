"""The phases of a build in order, and the run through them.

    plan -> work -> decide -> verify -> review -> select -> release -> report

Each is done, goes, or waits (`factory.phases.phase`); a build that was stopped anywhere goes on where it was.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path

from factory.engines import has_machines, open_engine, refuse_within_script
from factory.errors import FactoryError, RecipeError
from factory.fetch.public import hosts
from factory.phases.decide import DECIDE
from factory.phases.identity import identify
from factory.phases.lines import title
from factory.phases.phase import Phase, Waiting, done, note
from factory.phases.reopen import reopen, to_reopen
from factory.phases.review import REVIEW
from factory.phases.run import (
    BEGUN,
    BuildResult,
    Listener,
    Run,
    Silent,
    follow_recipe,
    new_info,
    now,
    read_info,
    result,
    unmake,
)
from factory.phases.steps import PLAN, REPORT, SELECT, ReleaseWriter, release_phase
from factory.phases.verify import VERIFY
from factory.phases.work import WORK
from factory.recipe.load import LoadedRecipe
from factory.sources import open_source
from factory.store.files import disk_faults, make_folder, refuse_odd_files
from factory.store.layout import BuildPaths
from factory.store.lease import lease
from factory.verify.judge import require_ready


def phases_with(write_release: ReleaseWriter) -> tuple[Phase, ...]:
    """Every phase, in order."""
    return (PLAN, WORK, DECIDE, VERIFY, REVIEW, SELECT, release_phase(write_release), REPORT)


def run_build(
    loaded: LoadedRecipe,
    *,
    out: Path,
    phases: Sequence[Phase],
    engine: str = "local",
    address: str | None = None,
    storage: str | None = None,
    workers: int | None = None,
    retry: bool = False,
    allow_hosts: Collection[str] = (),
    listener: Listener | None = None,
) -> BuildResult:
    """Runs every phase that is not done yet. See `factory.build`."""
    begun = time.monotonic()
    refuse_within_script()
    open_engine(engine, address=address)  # a misspelt one is named before anything is begun
    if storage is not None and not has_machines(engine):
        raise RecipeError(f"--storage: the engine `{engine}` takes none")
    source = open_source(loaded.recipe.source, loaded.root)
    identity = identify(loaded, source)
    require_ready(loaded.recipe, loaded.root)
    paths = BuildPaths(out / f"{loaded.recipe.name}-{identity.short}")
    run = Run.of(loaded, identity, paths, source, engine=engine, workers=workers, listener=listener or Silent())
    run.begun, run.allowed = begun, hosts(allow_hosts)
    run.address, run.storage = address, storage
    run.listener.started(title(run))
    refuse_odd_files(paths.root)
    with disk_faults(paths.root), lease(paths.root / "lease", what=str(paths.root), wait_s=0.5):
        make_folder(paths.shard_folder)
        run.info = read_info(paths) or new_info(run)
        run.before_s = run.info["seconds"]
        follow_recipe(run)
        if retry and (shards := to_reopen(run.paths)):
            _begin(VERIFY, run, PLAN.state)  # what it noted of its verdicts goes with those of the shards
            for shard in shards:
                reopen(shard, run.paths)
        try:
            waiting = _go(run, phases)
        except BaseException as error:
            _stopped(run, error)
            raise
        return result(run, None if waiting is None else waiting.what)


def _stopped(run: Run, error: BaseException) -> None:
    """Notes how long a run took that did not come to its end. Of a build whose plan cannot be made nothing stays: the
    mended recipe or table is mostly another build."""
    with suppress(OSError):  # the disk may be what stopped it
        if run.info["state"] == BEGUN and isinstance(error, FactoryError):
            unmake(run.paths)
        if run.paths.info.exists():
            run.save(run.info["state"])


def _go(run: Run, phases: Sequence[Phase]) -> Waiting | None:
    before = BEGUN
    for phase in phases:
        if not done(phase, run):
            _begin(phase, run, before)
            read = phase.reads(run)
            if phase is phases[-1]:  # before it begins: the report shows how long the build took
                run.info["finished_at"] = now()
                run.save(run.info["state"])
            waiting = phase.go(run)
            if waiting is not None:
                run.save("waiting", waiting.what)
                run.listener.phase("waits", f"for {waiting.what}")
                return waiting
            note(phase, run, read)
        before = phase.state
        for label, text in phase.says(run):
            run.listener.phase(label, text)
    if run.info["state"] != phases[-1].state:  # an early phase ran again and made the same as before
        run.save(phases[-1].state)
    return None


def _begin(phase: Phase, run: Run, before: str) -> None:
    """Notes that a phase is at work, where `build.json` tells more: a finished build is none while something in it is
    made again, and what was noted of a file holds no longer when its phase writes it."""
    noted = run.info.get("files", {})
    stale = [path.name for path in phase.makes(run) if path.name in noted]
    if stale or run.info["state"] != before:
        run.info["files"] = {name: digest for name, digest in noted.items() if name not in stale}
        run.save(before)
