"""The short phases: plan, select, release, report."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from factory.errors import SourceError
from factory.phases.lines import listed, plan_line, release_line, select_line, tally
from factory.phases.phase import Phase
from factory.phases.plan import plan_source
from factory.phases.run import Run
from factory.phases.worth import worths_of
from factory.select.accepted import select_rows
from factory.shard.memory import give_back
from factory.store.databases import databases
from factory.store.files import digest_of, disk_faults, file_digest
from factory.store.held import held
from factory.store.info import read_info, write_info
from factory.store.layout import Build, fixed_files, listing_digest, shards_digest, verdicts_digest
from factory.store.lease import lease
from factory.store.tables import write_table

ReleaseWriter = Callable[[Build, Path], Mapping[str, Any]]
"""Packs the selected rows of a build, whose recipe lies in this folder, and returns what it wrote:
`release.write_release`."""


def _plan(run: Run) -> None:
    paths = run.paths
    plan = plan_source(run.source, run.recipe, run.loaded.root)
    write_table(plan.dropped.to_arrow(), paths.dropped)
    write_table(plan.samples.to_arrow(), paths.plan)
    give_back()
    dropped = tally(plan.dropped["reason"])
    if plan.samples.is_empty():
        raise SourceError(
            f"{run.loaded.path}: no sample is left to work on: {listed(dropped) or 'the source is empty'}"
        )
    run.info["counts"] |= {
        "planned": plan.samples.height,
        "dropped": plan.dropped.height,
        "dropped_by_reason": dropped,
        "countries_planned": plan.samples["country_code"].drop_nulls().n_unique(),
        **{name: plan.counts[name] for name in ("unplaced", "country_not_recognised")},
        "shards": plan.samples["shard"].n_unique(),
    }


PLAN = Phase(
    name="plan",
    reads=lambda run: {"identity": run.identity.stages["plan"]},
    makes=lambda run: (run.paths.plan, run.paths.dropped),
    left=lambda run: {"plan": digest_of(run.paths.plan), "dropped": digest_of(run.paths.dropped)},
    counts=(
        "planned",
        "dropped",
        "dropped_by_reason",
        "countries_planned",
        "unplaced",
        "country_not_recognised",
        "shards",
    ),
    go=_plan,
    says=lambda run: iter([("plan", plan_line(run))]),
    state="working",
)


def judged(run: Run) -> dict[str, str]:
    """Digests of what machines and people decided."""
    return {"verdicts": verdicts_digest(run.paths, len(run.shards)), "decisions": digest_of(run.paths.decisions)}


def _select(run: Run) -> None:
    paths = run.paths
    selection = select_rows(Build(paths), run.recipe, run.loaded.root)
    write_table(selection.to_arrow(), paths.selection)
    give_back()
    kept = selection.filter("kept")
    run.info["counts"] |= {
        "kept": kept.height,
        "splits": tally(kept["split"]),
        "removed": tally(selection.filter(~pl.col("kept"))["removed_by"]),
    }


SELECT = Phase(
    name="select",
    reads=judged,
    makes=lambda run: (run.paths.selection,),
    left=lambda run: {"selection": digest_of(run.paths.selection)},
    counts=("kept", "splits", "removed"),
    go=_select,
    says=lambda run: iter([("select", select_line(run.info["counts"]))]),
    state="selected",
)


def release_phase(write_release: ReleaseWriter) -> Phase:
    """The phase that packs the release."""

    def go(run: Run) -> None:
        run.info["released"] = dict(write_release(Build(run.paths), run.loaded.root))
        others = {path.name for path in (run.paths.report, *databases(run.paths))}  # their own phases note them
        kept = {name: digest for name, digest in run.info.get("files", {}).items() if name in others}
        run.info["files"] = {path.name: file_digest(path) for path in fixed_files(run.paths)} | kept
        run.info["shards_sha256"] = shards_digest(run.paths, len(run.shards))

    return Phase(
        name="release",
        reads=lambda run: {
            **judged(run),
            "selection": digest_of(run.paths.selection),
            "shards": shards_digest(run.paths, len(run.shards)),
        },
        makes=lambda run: (run.paths.release / "manifest.json", run.paths.release),
        left=lambda run: {"release": listing_digest(run.paths.release)},
        go=go,
        says=lambda run: iter([("release", release_line(run))]),
        state="released",
    )


def _report(run: Run) -> None:
    from factory.report import write_report

    give_back()
    build = Build(run.paths)
    write_report(build, worths=worths_of(build))


def renew_report(build: Build) -> Path:
    """Writes the report of a build again, whatever it has reached; in one that is done, its digest is noted again too.

    Raises BuildLocked where a build that is done is worked on, CorruptBuild when a file cannot be read.
    """
    from factory.report import write_report

    paths = build.paths
    if build.info["state"] != REPORT.state:
        with disk_faults(paths.root), held(paths.root):
            return write_report(build, worths=worths_of(build))
    with disk_faults(paths.root), lease(paths.root / "lease", what=str(paths.root), wait_s=0.5):
        info = read_info(paths.info)
        path = write_report(Build(paths), worths=worths_of(Build(paths)))
        info.setdefault("files", {})[path.name] = file_digest(path)
        write_info(info, paths.info)
    return path


def _report_line(run: Run) -> Iterator[tuple[str, str]]:
    yield "report", str(run.paths.report)


REPORT = Phase(
    name="report",
    reads=lambda run: {"release": digest_of(run.paths.release / "manifest.json")},
    makes=lambda run: (run.paths.report,),
    go=_report,
    says=_report_line,
    state="done",
)
