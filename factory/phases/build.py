"""The phases of a build in order, and the run through them.

    plan -> work -> decide -> verify -> review -> select -> release -> report

Each is done, goes, or waits (`factory.phases.phase`); a build that was stopped anywhere goes on where it was.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from factory.engines import has_machines, open_engine, refuse_within_script
from factory.errors import FactoryError, RecipeError
from factory.fetch.public import hosts
from factory.phases.accepted import Accepted, standing_for
from factory.phases.chosen import read_choice
from factory.phases.decide import DECIDE
from factory.phases.identity import identify
from factory.phases.lines import title
from factory.phases.log import Attentive, Logged
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
from factory.redact import Redactor, named_secrets
from factory.sources import open_source
from factory.store.files import disk_faults, make_folder, refuse_odd_files
from factory.store.layout import BuildPaths, ShardPaths, open_build
from factory.store.lease import lease
from factory.verify.judge import require_ready
from factory.version import __version__


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
    select: Sequence[str] = (),
    exclude: Sequence[str] = (),
    listener: Listener | None = None,
) -> BuildResult:
    """Runs every phase that is not done yet. See `factory.build`."""
    begun = time.monotonic()
    refuse_within_script()
    chosen = read_choice(select, exclude, [phase.name for phase in phases]) if select or exclude else None
    open_engine(engine, address=address)  # a misspelt one is named before anything is begun
    if storage is not None and not has_machines(engine):
        raise RecipeError(f"--storage: the engine `{engine}` takes none")
    source = open_source(loaded.recipe.source, loaded.root)
    identity = identify(loaded, source)
    require_ready(loaded.recipe, loaded.root)
    paths = BuildPaths(out / f"{loaded.recipe.name}-{identity.short}")
    run = Run.of(loaded, identity, paths, source, engine=engine, workers=workers, listener=listener or Silent())
    run.begun, run.allowed, run.chosen = begun, hosts(allow_hosts), chosen
    run.address, run.storage = address, storage
    run.listener.started(title(run))
    if (standing := standing_for(out, loaded.recipe.name, identity, paths)) is not None:
        return _accepted(run, standing)
    refuse_odd_files(paths.root)
    with disk_faults(paths.root), lease(paths.root / "lease", what=str(paths.root), wait_s=0.5):
        make_folder(paths.shard_folder)
        log = _log(run)
        run.info = read_info(paths) or new_info(run)
        run.before_s = run.info["seconds"]
        follow_recipe(run)
        if retry and (shards := _chosen_of(run, to_reopen(run.paths))):
            _begin(VERIFY, run, PLAN.state)  # what it noted of its verdicts goes with those of the shards
            for shard in shards:
                reopen(shard, run.paths)
        try:
            waiting = _go(run, phases)
        except BaseException as error:
            log.write("stopped", f"{type(error).__name__}: {error}")
            _stopped(run, error)
            raise
        stopped = None if waiting is None else waiting.what
        came = result(run, None, stopped) if waiting is not None and waiting.asked else result(run, stopped)
        log.write("ended", f"{came.state}, exit code {came.exit_code}, {came.seconds:.1f} s")
        return came


def _log(run: Run) -> Logged:
    """The run's listener from now on, which writes build.log, too."""
    log = Logged(run.listener, run.paths.log, Redactor(named_secrets(run.loaded.plain()).values()))
    log.write("build", f"{title(run)} · factory {__version__} · process {os.getpid()}")
    run.listener = log
    return log


def _accepted(run: Run, standing: Accepted) -> BuildResult:
    """The result of a build that stands for the recipe, as it came out."""
    why = f"{standing.build} stands for this recipe since {standing.at}: {standing.reason}"
    run.listener.phase("accepted", why)
    run.paths = BuildPaths(Path(standing.build))
    run.info = open_build(run.paths.root).info
    return replace(result(run, None), accepted=standing.reason)


def _chosen_of(run: Run, shards: Sequence[ShardPaths]) -> list[ShardPaths]:
    return [shard for shard in shards if run.chosen is None or run.chosen.takes(shard, int(shard.root.name))]


def _left_out(phase: Phase, run: Run, before: str) -> Waiting | None:
    """Where a run was told to leave a phase undone that is next."""
    if run.chosen is None or phase.name in run.chosen.phases:
        return None
    if run.info["state"] == "waiting":
        run.save(before)
    run.listener.phase("ends", f"before {phase.name}, which this run leaves out; the same command without it goes on")
    return Waiting(phase.name, asked=True)


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
            if (left := _left_out(phase, run, before)) is not None:
                return left
            _begin(phase, run, before)
            read, begun = phase.reads(run), time.monotonic()
            _told(run, phase.name, "begins")
            if phase is phases[-1]:  # before it begins: the report shows how long the build took
                run.info["finished_at"] = now()
                run.save(run.info["state"])
            waiting = phase.go(run)
            if waiting is not None and waiting.asked:
                run.listener.phase("ends", f"with {waiting.what} left out; the same command without it goes on")
                return waiting
            if waiting is not None:
                run.save("waiting", waiting.what)
                run.listener.phase("waits", f"for {waiting.what}")
                return waiting
            note(phase, run, read)
            _told(run, phase.name, f"took {time.monotonic() - begun:.1f} s")
        else:
            _told(run, phase.name, "is done already")
        before = phase.state
        for label, text in phase.says(run):
            run.listener.phase(label, text)
    if run.info["state"] != phases[-1].state:  # an early phase ran again and made the same as before
        run.save(phases[-1].state)
    return None


def _told(run: Run, name: str, text: str) -> None:
    """For the log, and for who wants to hear more than what came of a phase."""
    if isinstance(run.listener, Attentive):
        run.listener.detail(name, text)


def _begin(phase: Phase, run: Run, before: str) -> None:
    """Notes that a phase is at work, where `build.json` tells more: a finished build is none while something in it is
    made again, and what was noted of a file holds no longer when its phase writes it."""
    noted = run.info.get("files", {})
    stale = [path.name for path in phase.makes(run) if path.name in noted]
    if stale or run.info["state"] != before:
        run.info["files"] = {name: digest for name, digest in noted.items() if name not in stale}
        run.save(before)
