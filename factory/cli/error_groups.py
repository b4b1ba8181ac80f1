"""`factory errors`: what kept samples out of a build's release, grouped by reason, with an example and a next step."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import polars as pl

from factory.cli.out import say, tell
from factory.report.frames import read_samples
from factory.store.layout import Build
from factory.store.tables import read_columns


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorGroup:
    """The samples that share a reason. One with several reasons stands in several groups."""

    where: str
    """What said so: plan, quarantine, reject, review, select, or `teacher NAME`."""
    reason: str
    samples: int
    """For `teacher NAME`: its questions that ended without an answer."""
    example: str | None
    """Id of the first of them; None where the row had no id."""
    detail: str
    """What was noted of that one; empty where nothing was."""
    next: str
    """What to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorList:
    """All groups of a build, the largest first within each place."""

    build: str
    samples: int
    groups: list[ErrorGroup]


def error_groups(build: Build) -> ErrorList:
    """The groups. Raises CorruptBuild for a damaged file."""
    samples = read_samples(build)
    groups = [*_of_plan(build), *_of_teachers(build), *_of_verdicts(build, samples), *_of_select(build, samples)]
    return ErrorList(build=str(build.paths.root), samples=samples.height, groups=groups)


def print_errors(found: ErrorList) -> None:
    """Three lines a group."""
    if not found.groups:
        say(f"{found.build}: nothing failed of {found.samples:,} samples")
    for group in found.groups:
        tell(f"{group.samples:>7,}  {group.where:<10} {group.reason}")
        detail = f"  {group.detail}" if group.detail else ""
        tell(f"         e.g. {group.example or '(no id)'}{detail}", f"         next: {group.next}")


def _of_plan(build: Build) -> Iterator[ErrorGroup]:
    if not build.paths.dropped.is_file():
        return
    reason = pl.concat_str("rule", "reason", separator=":")
    for why, count, example, detail in _grouped(build.dropped.with_columns(why=reason)):
        hint = "mend these rows of the source, or leave them out: dropped.parquet has each with its row number"
        yield ErrorGroup(where="plan", reason=why, samples=count, example=example, detail=detail or "", next=hint)


def _of_teachers(build: Build) -> Iterator[ErrorGroup]:
    """Questions without an answer, by teacher and kind of failure."""
    fields = ("teacher", "failure", "detail")
    answer = pl.col("answers").struct
    frames = []
    for shard in build.paths.shards():
        if shard.report.exists():
            rows = read_columns(shard.answers, ["id", *(f"answers.list.element.{name}" for name in fields)])
            said = rows.explode("answers").select("id", *(answer.field(name) for name in fields))
            frames.append(said.filter(pl.col("failure").is_not_null()))
    if not frames:
        return
    for (teacher,), mine in sorted(pl.concat(frames).group_by("teacher"), key=lambda pair: str(pair[0][0])):
        for why, count, example, detail in _grouped(mine.rename({"failure": "why"})):
            hint = _AGAIN if why.startswith(_AWAY) else _FAILED.get(why, _LOOK)
            yield ErrorGroup(
                where=f"teacher {teacher}",
                reason=why,
                samples=count,
                example=example,
                detail=(detail or "")[:200],
                next=_filled(hint, build, example),
            )


def _of_verdicts(build: Build, samples: pl.DataFrame) -> Iterator[ErrorGroup]:
    for decision in ("quarantine", "reject", "review"):
        mine = samples.filter(pl.col("decision") == decision).explode("reasons").with_columns(detail=pl.lit(""))
        mine = mine.with_columns(why=pl.col("reasons").fill_null("by people"))
        for why, count, example, _ in _grouped(mine.select("id", "why", "detail")):
            hint = _filled(_DECIDED[decision], build, example)
            yield ErrorGroup(where=decision, reason=why, samples=count, example=example, detail="", next=hint)


def _of_select(build: Build, samples: pl.DataFrame) -> Iterator[ErrorGroup]:
    reason = pl.concat_str("removed_by", "reason", separator=":", ignore_nulls=True)
    mine = samples.filter(pl.col("removed_by").is_not_null()).with_columns(why=reason, detail=pl.lit(""))
    for why, count, example, _ in _grouped(mine.select("id", "why", "detail")):
        hint = "meant so, or change `select` of the recipe: verification and answers are kept"
        yield ErrorGroup(where="select", reason=why, samples=count, example=example, detail="", next=hint)


def _grouped(rows: pl.DataFrame) -> Iterator[tuple[str, int, str | None, str | None]]:
    """(why, how many, id of the first, its detail), the largest first."""
    first = rows.group_by("why", maintain_order=True).agg(pl.len(), pl.col("id").first(), pl.col("detail").first())
    yield from first.sort(["len", "why"], descending=[True, False]).select("why", "len", "id", "detail").iter_rows()


def _filled(hint: str, build: Build, example: str | None) -> str:
    return hint.format(build=shlex.quote(str(build.paths.root)), id=shlex.quote(example or "ID"))


_LOOK: Final = "factory explain {build} {id}"
_AGAIN: Final = "see that the endpoint answers (factory doctor RECIPE), then: factory build RECIPE --retry"
_AWAY: Final = ("http_5", "timeout", "dropped", "connect", "refused_connection", "rate_limited", "quota", "exhausted")
"""How the kinds of failure begin that say nothing of the sample."""
_FAILED: Final = {
    "refused": "the teacher declined to answer; another teacher or prompt may not: factory explain {build} {id}",
    "truncated": "give it room: raise `sampling.max_tokens` of the teacher; only these questions are asked again",
}
"""By kind of failure, where something else helps than looking at it."""
_DECIDED: Final = {
    "quarantine": "factory explain {build} {id}; where a picture or an endpoint was away: factory build RECIPE --retry",
    "reject": "factory explain {build} {id}; another threshold calls nobody: factory plan RECIPE --set ...",
    "review": "people can decide it: factory review serve {build}",
}
