"""The phases of a build in order: plan, work, select, release, report.

Each phase leaves a file, and a phase whose file stands is not done again, so a build that was stopped anywhere goes on
where it was. Everything here is bookkeeping; the work is in `plan`, `shard`, `selection`, `release` and `report`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from factory.errors import SourceError
from factory.phases.identity import identify
from factory.phases.lines import (
    answers_line,
    listed,
    plan_line,
    release_line,
    select_line,
    tally,
    title,
    verdict_line,
)
from factory.phases.plan import plan_source
from factory.phases.reopen import reopen
from factory.phases.run import BuildResult, Listener, Run, Silent, new_info, now, read_info, result, worker_count
from factory.phases.work import work
from factory.recipe.load import LoadedRecipe
from factory.select.accepted import select_rows
from factory.shard.memory import give_back
from factory.sources import open_source
from factory.store.files import disk_faults, file_digest
from factory.store.layout import Build, BuildPaths, fixed_files, shards_digest
from factory.store.lease import lease
from factory.store.tables import write_table

ReleaseWriter = Callable[[Build], Mapping[str, Any]]
"""Packs the selected rows of a build and returns what it wrote; lives in the `release` package."""


def run_build(
    loaded: LoadedRecipe,
    *,
    out: Path,
    write_release: ReleaseWriter,
    workers: int | None = None,
    retry: bool = False,
    listener: Listener | None = None,
) -> BuildResult:
    """Runs every phase that is not done yet. See `factory.build`."""
    begun = time.monotonic()
    source = open_source(loaded.recipe.source, loaded.root)
    identity = identify(loaded, source)
    paths = BuildPaths(out / f"{loaded.recipe.name}-{identity.short}")
    run = Run(loaded, identity, paths, source, worker_count(loaded.recipe, workers), listener or Silent())
    run.listener.started(title(run))
    with disk_faults(paths.root), lease(paths.root / "lease", what=str(paths.root), wait_s=0.5):
        run.info = read_info(paths) or new_info(run)
        if retry:
            reopen(run.paths)
        elif _is_done(run):
            _say_all(run, 0)
            return result(run, 0, begun)
        _plan(run)
        calls_now = work(run)
        _select(run)
        _release(run, write_release)
        run.info["seconds"] = round(run.info["seconds"] + time.monotonic() - begun, 2)
        run.info["finished_at"] = now()
        run.save("done")
        _report(run)
        return result(run, calls_now, begun)


def _plan(run: Run) -> None:
    paths = run.paths
    if not (paths.plan.exists() and paths.dropped.exists()):
        plan = plan_source(run.source, run.recipe, run.loaded.root)
        write_table(plan.dropped.to_arrow(), paths.dropped)
        write_table(plan.samples.to_arrow(), paths.plan)
        give_back()
    build = Build(paths)
    if build.plan.is_empty():
        reasons = listed(tally(build.dropped["reason"])) or "the source is empty"
        raise SourceError(f"{run.loaded.path}: no sample is left to work on: {reasons}")
    run.info["counts"] |= {
        "planned": build.plan.height,
        "dropped": build.dropped.height,
        "dropped_by_reason": tally(build.dropped["reason"]),
        "countries_planned": build.plan["country_code"].drop_nulls().n_unique(),
        "shards": int(build.plan["shard"].n_unique()),
    }
    run.save("working")
    run.listener.phase("plan", plan_line(run))


def _select(run: Run) -> None:
    paths = run.paths
    if not paths.selection.exists():
        write_table(select_rows(Build(paths), run.recipe, run.loaded.root).to_arrow(), paths.selection)
        give_back()
    selection = Build(paths).selection
    kept = selection.filter("kept")
    run.info["counts"] |= {
        "kept": kept.height,
        "splits": tally(kept["split"]),
        "removed": tally(selection.filter(~pl.col("kept"))["removed_by"]),
    }
    run.save("selected")
    run.listener.phase("select", select_line(run.info["counts"]))


def _release(run: Run, write_release: ReleaseWriter) -> None:
    if "released" not in run.info or not _has_release(run):
        run.info["released"] = dict(write_release(Build(run.paths)))
    paths = run.paths
    run.info["files"] = {path.name: file_digest(path) for path in fixed_files(paths)}
    run.info["shards_sha256"] = shards_digest(paths, run.info["counts"]["shards"])
    run.save("released")
    run.listener.phase("release", release_line(run))


def _has_release(run: Run) -> bool:
    return (run.paths.release / "manifest.json").exists()


def _is_done(run: Run) -> bool:
    return run.info["state"] == "done" and run.paths.report.exists() and _has_release(run)


def _say_all(run: Run, calls_now: int) -> None:
    """The lines of a build that has nothing left to do."""
    counts, listener = run.info["counts"], run.listener
    listener.phase("plan", plan_line(run))
    listener.phase("answers", answers_line(counts, calls_now))
    listener.phase("verify", verdict_line(counts))
    listener.phase("select", select_line(counts))
    listener.phase("release", release_line(run))
    listener.phase("report", str(run.paths.report))


def _report(run: Run) -> None:
    from factory.report import write_report

    give_back()
    write_report(Build(run.paths))
    run.listener.phase("report", str(run.paths.report))
