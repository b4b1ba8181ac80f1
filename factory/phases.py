"""The phases of a build in order: plan, work, select, release, report.

Each phase leaves a file, and a phase whose file stands is not done again, so a build that was stopped anywhere goes on
where it was. Everything here is bookkeeping; the work is in `plan`, `shard`, `selection`, `release` and `report`.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import orjson
import polars as pl

from factory import __version__
from factory.budget import Budget, spent_by_teacher
from factory.earlier import EarlierBuild, PriorAnswers, earlier_builds, prior_shard
from factory.errors import EXIT_OK, EXIT_ROWS_FAILED, SourceError
from factory.fingerprint import Fingerprint
from factory.garbage import give_back
from factory.geo import GAZETTEER_VERSION
from factory.identity import identify
from factory.lease import lease
from factory.planning import plan_source, select_rows
from factory.progress import read_progress
from factory.recipe import Recipe, teacher_settings
from factory.recipe_load import LoadedRecipe
from factory.reopen import PASSING_REASONS, forget_selection, reopen
from factory.shard import ShardReport, ShardSpec, budget_limits, read_report
from factory.soundness import fixed_files, shards_digest
from factory.sources import Source, open_source
from factory.store import Build, BuildPaths, disk_faults, file_digest, read_json, write_bytes, write_table
from factory.yaml_lines import dump_yaml


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


ReleaseWriter = Callable[[Build], Mapping[str, Any]]
"""Packs the selected rows of a build and returns what it wrote; lives in the `release` package."""


@dataclass(slots=True)
class _Run:
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
    run = _Run(loaded, identity, paths, source, _worker_count(loaded.recipe, workers), listener or Silent())
    run.listener.started(_title(run))
    with disk_faults(paths.root), lease(paths.root / "lease", what=str(paths.root), wait_s=0.5):
        run.info = _read_info(paths) or _new_info(run)
        if retry:
            reopen(run.paths)
        elif _is_done(run):
            _say_all(run, 0)
            return _result(run, 0, begun)
        _plan(run)
        calls_now = _work(run)
        _select(run)
        _release(run, write_release)
        run.info["seconds"] = round(run.info["seconds"] + time.monotonic() - begun, 2)
        run.info["finished_at"] = _now()
        run.save("done")
        _report(run)
        return _result(run, calls_now, begun)


def _plan(run: _Run) -> None:
    paths = run.paths
    if not (paths.plan.exists() and paths.dropped.exists()):
        plan = plan_source(run.source, run.recipe, run.loaded.root)
        write_table(plan.dropped.to_arrow(), paths.dropped)
        write_table(plan.samples.to_arrow(), paths.plan)
        give_back()
    build = Build(paths)
    if build.plan.is_empty():
        reasons = _listed(_tally(build.dropped["reason"])) or "the source is empty"
        raise SourceError(f"{run.loaded.path}: no sample is left to work on: {reasons}")
    run.info["counts"] |= {
        "planned": build.plan.height,
        "dropped": build.dropped.height,
        "dropped_by_reason": _tally(build.dropped["reason"]),
        "countries_planned": build.plan["country_code"].drop_nulls().n_unique(),
        "shards": int(build.plan["shard"].n_unique()),
    }
    run.save("working")
    run.listener.phase("plan", _plan_line(run))


def _work(run: _Run) -> int:
    """Runs the shards that are not done. Returns the HTTP calls made now."""
    from factory.engines import local

    paths, counts = run.paths, run.info["counts"]
    numbers = range(counts["shards"])
    reports = [read_report(paths.shard(n)) for n in numbers if paths.shard(n).report.exists()]
    finished = {report.number: report.samples for report in reports}
    waiting = [number for number in numbers if number not in finished]
    if any(not limits.is_unlimited for limits in budget_limits(run.recipe).values()):
        _start_budget(run)

    def done() -> int:
        under_way = (read_progress(paths.shard(n).progress) for n in waiting if n not in finished)
        return sum(finished.values()) + sum(under_way)

    at_once = max(1, min(run.workers, len(waiting)))
    with run.listener.working(counts["planned"], done) if waiting else nullcontext():
        for report in local.run(_specs(run, waiting, at_once), workers=at_once):
            finished[report.number] = report.samples
            reports.append(report)
    give_back()
    if waiting or not paths.selection.exists():
        forget_selection(paths)
    calls_now = sum(report.calls_now for report in reports)
    run.info["counts"] |= _work_counts(reports)
    run.save("working")
    run.listener.phase("answers", _answers_line(run.info["counts"], calls_now))
    run.listener.phase("verify", _verdict_line(run.info["counts"]))
    return calls_now


def _specs(run: _Run, numbers: Sequence[int], at_once: int) -> list[ShardSpec]:
    earlier = earlier_builds(run.paths.root.parent, run.recipe.name, run.paths.root)
    priors = PriorAnswers(earlier, run.identity, run.paths.plan)
    return [_spec(run, number, earlier, priors, at_once) for number in numbers]


def _spec(run: _Run, number: int, earlier: Sequence[EarlierBuild], priors: PriorAnswers, at_once: int) -> ShardSpec:
    mine = run.paths.shard(number)
    reopened = mine.part.exists() and mine.images.exists()
    return ShardSpec(
        build=str(run.paths.root),
        number=number,
        recipe=run.loaded.plain(),
        root=str(run.loaded.root),
        prior_ledgers=priors.ledgers_for(number),
        prior_shard=str(mine.root) if reopened else prior_shard(earlier, run.identity, number),
        share=at_once,
        decoders=max(1, (os.cpu_count() or 1) // at_once),
    )


def _start_budget(run: _Run) -> None:
    ledgers = [path for s in run.paths.shards() for path in (s.ledger, s.live_ledger) if path.exists()]
    with Budget(run.paths.budget, budget_limits(run.recipe)) as budget:
        budget.reset(spent_by_teacher(ledgers))


def _work_counts(reports: Sequence[ShardReport]) -> dict[str, Any]:
    decisions: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for report in reports:
        decisions.update(report.decisions)
        reasons.update(report.reasons)
    totals = ("calls", "replayed", "reused", "prompt_tokens", "completion_tokens", "cost")
    return {
        "decisions": dict(sorted(decisions.items())),
        "reasons": dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0]))),
        **{name: sum(getattr(report, name) for report in reports) for name in totals},
    }


def _select(run: _Run) -> None:
    paths = run.paths
    if not paths.selection.exists():
        write_table(select_rows(Build(paths), run.recipe, run.loaded.root).to_arrow(), paths.selection)
        give_back()
    selection = Build(paths).selection
    kept = selection.filter("kept")
    run.info["counts"] |= {
        "kept": kept.height,
        "splits": _tally(kept["split"]),
        "removed": _tally(selection.filter(~pl.col("kept"))["removed_by"]),
    }
    run.save("selected")
    run.listener.phase("select", _select_line(run.info["counts"]))


def _release(run: _Run, write_release: ReleaseWriter) -> None:
    if "released" not in run.info or not _has_release(run):
        run.info["released"] = dict(write_release(Build(run.paths)))
    paths = run.paths
    run.info["files"] = {path.name: file_digest(path) for path in fixed_files(paths)}
    run.info["shards_sha256"] = shards_digest(paths, run.info["counts"]["shards"])
    run.save("released")
    run.listener.phase("release", _release_line(run))


def _has_release(run: _Run) -> bool:
    return (run.paths.release / "manifest.json").exists()


def _is_done(run: _Run) -> bool:
    return run.info["state"] == "done" and run.paths.report.exists() and _has_release(run)


def _say_all(run: _Run, calls_now: int) -> None:
    """The lines of a build that has nothing left to do."""
    counts, listener = run.info["counts"], run.listener
    listener.phase("plan", _plan_line(run))
    listener.phase("answers", _answers_line(counts, calls_now))
    listener.phase("verify", _verdict_line(counts))
    listener.phase("select", _select_line(counts))
    listener.phase("release", _release_line(run))
    listener.phase("report", str(run.paths.report))


def _report(run: _Run) -> None:
    from factory.report import write_report

    give_back()
    write_report(Build(run.paths))
    run.listener.phase("report", str(run.paths.report))


def _read_info(paths: BuildPaths) -> dict[str, Any] | None:
    return read_json(paths.info) if paths.info.exists() else None


def _new_info(run: _Run) -> dict[str, Any]:
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
        "started_at": _now(),
        "counts": {},
        "seconds": 0.0,
    }
    run.save("planning")
    return run.info


def _result(run: _Run, calls_now: int, begun: float) -> BuildResult:
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


def _passing(counts: Mapping[str, Any]) -> int:
    return sum(count for reason, count in counts["reasons"].items() if reason in PASSING_REASONS)


def _worker_count(recipe: Recipe, asked: int | None) -> int:
    """No more shards at once than the tightest cap of calls in flight: a cap is never exceeded by sharing it."""
    tightest = min(teacher_settings(call).max_in_flight for call in recipe.teachers)
    return max(1, min(asked or os.cpu_count() or 1, tightest))


def _title(run: _Run) -> str:
    profile = f"profile {run.loaded.profile} · " if run.loaded.profile else ""
    return f"{run.recipe.name} · {profile}{run.paths.root}"


def _tally(column: pl.Series) -> dict[str, int]:
    counted = Counter(str(value) for value in column if value is not None)
    return dict(sorted(counted.items(), key=lambda item: (-item[1], item[0])))


def _listed(tally: Mapping[str, int], most: int = 5) -> str:
    shown = [f"{name} {count:,}" for name, count in list(tally.items())[:most]]
    return ", ".join(shown) + (", ..." if len(tally) > most else "")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _plan_line(run: _Run) -> str:
    counts = run.info["counts"]
    dropped = f" · dropped {counts['dropped']} ({_listed(counts['dropped_by_reason'])})" if counts["dropped"] else ""
    return (
        f"{counts['planned']:,} samples · {counts['countries_planned']} countries · {counts['shards']:,} "
        f"shard{'s' * (counts['shards'] != 1)} · {counts['planned'] * len(run.recipe.teachers):,} questions{dropped}"
    )


def _select_line(counts: Mapping[str, Any]) -> str:
    removed = f"removed {_listed(counts['removed'])} · " if counts["removed"] else ""
    splits = " / ".join(f"{name} {counts['splits'].get(name, 0):,}" for name in ("train", "validation", "test"))
    return f"{removed}kept {counts['kept']:,}: {splits}"


def _release_line(run: _Run) -> str:
    written = run.info["released"].get("files", {}).items()
    files = ", ".join(f"{count:,} {kind.removesuffix('s') if count == 1 else kind}" for kind, count in written)
    return f"{run.paths.release}  ({files}: all checks pass)"


def _answers_line(counts: Mapping[str, Any], calls_now: int) -> str:
    parts = [f"{calls_now:,} calls made"]
    parts += [f"{counts[name]:,} {name}" for name in ("replayed", "reused") if counts[name]]
    tokens = counts["prompt_tokens"] + counts["completion_tokens"]
    parts += [f"{tokens:,} tokens"] if tokens else []
    parts += [f"cost {counts['cost']:,.2f}"] if counts["cost"] else []
    return " · ".join(parts)


def _verdict_line(counts: Mapping[str, Any]) -> str:
    words = {"accept": "accepted", "review": "to review", "reject": "rejected", "quarantine": "quarantined"}
    decided = " · ".join(f"{word} {counts['decisions'].get(key, 0):,}" for key, word in words.items())
    listed = f"   ({_listed(counts['reasons'])})" if counts["reasons"] else ""
    again = "; `--retry` asks again where an endpoint or a file was away" if _passing(counts) else ""
    return decided + listed + again
