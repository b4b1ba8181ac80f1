"""The work phase: takes over what an earlier build has answered, and runs the shards that are left."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any, Final

import polars as pl

from factory.calls.budget import spent_by_teacher
from factory.calls.siblings import Siblings
from factory.calls.teacher import made_teachers
from factory.engines import has_machines, open_engine
from factory.errors import RecipeError
from factory.phases.batches import asked_in_rounds
from factory.phases.disk import require_room, room_for
from factory.phases.earlier import EarlierBuild, PriorAnswers, prior_shard
from factory.phases.fetch import fetch_pictures
from factory.phases.lines import answers_line, unanswered_lines
from factory.phases.phase import Phase, Waiting
from factory.phases.reopen import clear, thaw, unfinish
from factory.phases.reviewers import require_people
from factory.phases.run import Run
from factory.phases.take_over import take_over
from factory.phases.watch import Watch
from factory.plugins.contracts import Elsewhere, Task
from factory.processes import usable_cores
from factory.recipe.model import teacher_settings
from factory.redact import named_secrets
from factory.shard.away import bring_home, gather, lend, tidy
from factory.shard.memory import give_back
from factory.shard.run import run_shard
from factory.shard.spec import ShardReport, ShardSpec, read_report
from factory.shard.staff import Staff, open_budget, open_staff
from factory.store.databases import databases, databases_digest, fold, has_side_files, remove_database
from factory.store.files import digest_of
from factory.store.home import Home
from factory.store.layout import answered_digest, shards_digest
from factory.store.tables import read_columns
from factory.text import counted
from factory.witnesses import made_witnesses

WORTH_A_PROCESS: Final = 250
"""Samples whose questions and answers keep a core as long as starting a process does: 1.0 s, at 4 ms a sample with two
teachers. Pictures are decoded by processes of their own."""
TOTALS: Final = ("calls", "replayed", "reused", "prompt_tokens", "completion_tokens", "cost")
"""Sums over the reports of all shards."""


def _work(run: Run) -> Waiting | None:
    paths, counts = run.paths, run.info["counts"]
    numbers = run.shards
    require_people(paths, run.reviewed)
    earlier = run.earlier
    for number in numbers:
        unfinish(paths.shard(number))
        clear(paths.shard(number))
    left = _gather(run)
    take_over(run, earlier)
    for number in numbers:
        if not paths.shard(number).report.exists():
            thaw(paths.shard(number))
    reports = [read_report(paths.shard(n)) for n in numbers if paths.shard(n).report.exists()]
    watch = Watch(paths, reports)
    waiting = [number for number in numbers if number not in watch.finished]
    left_out = [] if run.chosen is None else [n for n in waiting if not run.chosen.takes(paths.shard(n), n)]
    waiting = [number for number in waiting if number not in {*left_out}]
    _distrust_databases(run)
    standing = ""
    if waiting:
        fetch_pictures(run, waiting)
        require_room(paths.root, _room(run, waiting, earlier)[0])
        _start_budget(run)
        samples = min(counts["planned"], len(waiting) * run.recipe.plan.shard_size)
        at_once = max(1, min(workers_for(run), len(waiting), run.processes(samples, worth=WORTH_A_PROCESS)))
        at_once = at_once if not has_machines(run.engine) else _most_processes(run)
        engine, task = open_engine(run.engine, address=run.address), _task(run)
        look = partial(watch.look, waiting)
        with (
            _own_servers(run),
            Siblings(paths) as siblings,
            run.listener.working("work", counts["planned"], look),
        ):
            if len(numbers) > 1:
                siblings.enter(watch.finished)

            def ask(shards: Sequence[int]) -> Iterator[ShardReport]:
                for report in engine(task, _specs(run, shards, earlier, at_once), workers=at_once):
                    watch.ended(report)
                    if len(numbers) > 1 and not report.deferred:
                        siblings.enter([report.number], again=True)
                    yield report

            worked, standing = asked_in_rounds(run, waiting, ask)
            reports += worked
        with open_budget(paths, run.recipe, run.loaded.root) as budget:
            counts["budget"] = budget.lines()
    _tidy(run, left)
    _note_databases(run)
    give_back()
    run.calls_now += sum(report.calls_now for report in reports)
    run.tokens_now += sum(report.tokens_now for report in reports)
    run.cost_now += sum(report.cost_now for report in reports)
    run.info["counts"] |= _counts(reports)
    if deferred := sum(report.deferred for report in reports):
        return Waiting(
            f"a batch: the answers about {counted(deferred, 'sample')} come later; the same command asks for them"
            f"{standing}"
        )
    return Waiting(counted(len(left_out), "shard"), asked=True) if left_out else None


def _task(run: Run) -> Task[ShardSpec, Staff, ShardReport]:
    """What an engine runs, here or on other machines."""
    of = run.recipe.build
    there = Elsewhere(partial(lend, home=_home(run)), bring_home, cpus=of.cpus_per_shard, gpus=of.gpus_per_shard)
    return Task(run_shard, open_staff, there)


def _home(run: Run) -> Home:
    """Where shards that are made on other machines come home: the build's own folder, or where an earlier run of it
    said, which may have left answers there."""
    folder = run.paths.root.absolute()
    if run.storage is None and "storage" not in run.info:
        return Home(str(folder))
    if run.storage is not None and run.info.get("storage", run.storage) != run.storage:
        raise RecipeError(
            f"--storage {run.storage}: this build's answers come home to {run.info['storage']}, where some may lie: go "
            "on with that"
        )
    run.info["storage"] = run.info.get("storage", run.storage)
    run.save(run.info["state"])
    return Home(f"{run.info['storage'].rstrip('/')}/{folder.name}")


def _gather(run: Run) -> list[int]:
    """Brings back what an earlier run was answered on other machines. Gives the shards of which something lies there
    still, until `_tidy`."""
    home = _home(run)
    if home.is_folder:
        left = [number for number in run.shards if (run.paths.shard(number).root / "away").is_dir()]
    else:
        named = set(home.list("shards"))
        left = [number for number in run.shards if run.paths.shard(number).root.name in named]
    for number in left:
        if not run.paths.shard(number).report.exists():
            gather(run.paths.shard(number), home, number)
    return left


def _tidy(run: Run, left: Iterable[int]) -> None:
    """Takes away what of finished shards lies where they were made."""
    for number in left:
        if run.paths.shard(number).report.exists():
            tidy(run.paths.shard(number), _home(run), number)


def _most_processes(run: Run) -> int:
    """Shards at the same time on other machines: as many as the command says, or 0 for as many as there is room for;
    never more than processes may open a teacher."""
    made = made_teachers(run.recipe.teachers, run.loaded.root)
    if any(backends.server is not None for _, backends in made):
        raise RecipeError(
            f"--engine {run.engine}: a teacher with `serve: true` is started on this machine and answers here alone; "
            "start it with `factory serve-teacher` where all machines reach it, and name it in `base_urls`"
        )
    if any(backends.post is not None for _, backends in made):
        raise RecipeError(
            f"--engine {run.engine}: questions that go in batches are gathered on this machine: leave `--engine` out, "
            "the build has little to do meanwhile"
        )
    most = [backends.most_processes for _, backends in made if backends.most_processes is not None]
    return min([*most, *([run.workers] if run.workers_given else [])], default=0)


def _own_servers(run: Run) -> AbstractContextManager[Any]:
    """The servers that the recipe's teachers want for themselves, running while it lasts."""
    made = made_teachers(run.recipe.teachers, run.loaded.root)
    servers = [backends.server for _, backends in made if backends.server is not None]
    if not servers:
        return nullcontext()
    from factory.teachers.serving import serving

    hidden = tuple(named_secrets(run.loaded.plain()))
    return serving(servers, run.paths.logs, partial(run.listener.phase, "teachers"), hidden=hidden)


def _room(run: Run, waiting: Sequence[int], earlier: Sequence[EarlierBuild]) -> tuple[int, int]:
    """Bytes that the shards still to be run, and what follows, take at the least and at the most."""
    plan = read_columns(run.paths.plan, ["shard", "images"])
    own = [n for n in waiting if not run.paths.shard(n).images.exists() and not prior_shard(earlier, run.identity, n)]
    at_hand = plan.height - plan.filter(pl.col("shard").is_in(own)).height
    return room_for(run.recipe, plan, run.source, at_hand=at_hand, shards_at_once=run.workers)


def workers_for(run: Run) -> int:
    """No more shards at once than the tightest cap of calls in flight (a cap is never exceeded by sharing it), nor than
    processes that may open a teacher."""
    root, recipe = run.loaded.root, run.recipe
    asked = made_teachers(recipe.teachers, root)
    witnesses = made_witnesses(recipe.witnesses, root)
    asked += [
        (one.settings, one.backends) for one in witnesses if one.settings is not None and one.backends is not None
    ]
    caps = [settings.max_in_flight for settings, _ in asked]
    caps += [backends.most_processes for _, backends in asked if backends.most_processes is not None]
    return max(1, min([run.workers, *caps]))


def _specs(run: Run, numbers: Sequence[int], earlier: Sequence[EarlierBuild], at_once: int) -> list[ShardSpec]:
    priors = PriorAnswers(earlier, run.identity, run.paths.plan)
    plain = run.loaded.plain()
    return [_spec(run, number, earlier, priors, at_once, plain) for number in numbers]


def _spec(
    run: Run,
    number: int,
    earlier: Sequence[EarlierBuild],
    priors: PriorAnswers,
    at_once: int,
    plain: Mapping[str, Any],
) -> ShardSpec:
    mine, elsewhere = run.paths.shard(number), has_machines(run.engine)
    reopened = mine.answers.exists() and mine.images.exists()
    return ShardSpec(
        build=str(run.paths.root),
        number=number,
        recipe=plain,
        root=str(run.loaded.root),
        prior_ledgers=priors.ledgers_for(number),
        prior_shard=str(mine.root) if reopened else prior_shard(earlier, run.identity, number),
        share=1 if elsewhere else at_once,
        decoders=run.recipe.build.cpus_per_shard if elsewhere else max(1, usable_cores() // at_once),
    )


def _start_budget(run: Run) -> None:
    """Counts this build's spending again from its ledgers; a shard that was taken over whole is none."""
    with open_budget(run.paths, run.recipe, run.loaded.root) as budget:
        if budget.limits:
            ledgers = [path for shard in run.paths.shards() for path in (shard.ledger, shard.live_ledger)]
            budget.reset(spent_by_teacher(ledgers))


def _distrust_databases(run: Run) -> None:
    """Takes away a database that is not as it was noted, so that it is made again from the ledgers, and what was noted
    of all of them before one is opened: a build that is killed meanwhile has no digest that is wrong."""
    noted = run.info.get("files", {})
    for path in databases(run.paths):
        if path.name in noted and (digest_of(path) != noted[path.name] or has_side_files(path)):
            remove_database(path)
            run.listener.phase("damaged", f"{path}: not as it was written; made again from the ledgers")
    names = {path.name for path in databases(run.paths)}
    if names & set(noted):
        run.info["files"] = {name: digest for name, digest in noted.items() if name not in names}
        run.save(run.info["state"])


def _note_databases(run: Run) -> None:
    """Notes the digests of the databases, which nobody has open any more."""
    for path in databases(run.paths):
        try:
            fold(path)
        except sqlite3.Error:  # a killed run left it damaged, and this one had no use for it
            remove_database(path)
        if path.exists():
            run.info.setdefault("files", {})[path.name] = digest_of(path)


def _counts(reports: Sequence[ShardReport]) -> dict[str, Any]:
    failures: Counter[str] = Counter()
    passing: Counter[str] = Counter()
    for report in reports:
        failures.update(report.failures)
        passing.update(report.passing)
    answers: dict[str, Counter[str]] = {}
    for report in reports:
        for teacher, kinds in report.answers.items():
            answers.setdefault(teacher, Counter()).update(kinds)
    return {
        "answers": {teacher: dict(sorted(kinds.items())) for teacher, kinds in sorted(answers.items())},
        "failures": dict(sorted(failures.items(), key=lambda item: (-item[1], item[0]))),
        "passing": dict(sorted(passing.items())),
        **{name: sum(getattr(report, name) for report in reports) for name in TOTALS},
    }


def _says(run: Run) -> Iterator[tuple[str, str]]:
    counts = run.info["counts"]
    yield "answers", answers_line(counts, run.calls_now, run.tokens_now, run.cost_now)
    longest = {one.name: one.sampling.max_tokens for one in map(teacher_settings, run.recipe.teachers)}
    for line in unanswered_lines(counts.get("answers", {}), longest):
        yield "failed", line
    for line in counts.get("budget", ()):
        yield "budget", line


WORK = Phase(
    name="work",
    reads=lambda run: {"plan": digest_of(run.paths.plan)},
    makes=lambda run: tuple(run.paths.shard(number).report for number in run.shards),
    left=lambda run: {
        "shards": shards_digest(run.paths, len(run.shards)),
        "answers": answered_digest(run.paths, len(run.shards)),
        "databases": databases_digest(run.paths),
    },
    counts=("failures", "passing", *TOTALS),
    go=_work,
    says=_says,
    state="answered",
)
