"""The work phase: runs the shards that are not done."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

from factory.calls.budget import Budget, spent_by_teacher
from factory.phases.earlier import EarlierBuild, PriorAnswers, earlier_builds, prior_shard
from factory.phases.lines import (
    answers_line,
    verdict_line,
)
from factory.phases.reopen import forget_selection
from factory.phases.run import Run
from factory.shard.memory import give_back
from factory.shard.run import budget_limits
from factory.shard.spec import ShardReport, ShardSpec, read_report
from factory.store.progress import read_progress


def work(run: Run) -> int:
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
    run.listener.phase("answers", answers_line(run.info["counts"], calls_now))
    run.listener.phase("verify", verdict_line(run.info["counts"]))
    return calls_now


def _specs(run: Run, numbers: Sequence[int], at_once: int) -> list[ShardSpec]:
    earlier = earlier_builds(run.paths.root.parent, run.recipe.name, run.paths.root)
    priors = PriorAnswers(earlier, run.identity, run.paths.plan)
    return [_spec(run, number, earlier, priors, at_once) for number in numbers]


def _spec(run: Run, number: int, earlier: Sequence[EarlierBuild], priors: PriorAnswers, at_once: int) -> ShardSpec:
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


def _start_budget(run: Run) -> None:
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
