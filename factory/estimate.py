"""`factory plan`: what a build would do and cost, without making a call. An unknown figure is unknown, never 0."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from factory.earlier import EarlierBuild, earlier_builds
from factory.fingerprint import differences
from factory.identity import identify
from factory.planning import plan_source
from factory.plugin_blocks import Call
from factory.recipe import teacher_settings
from factory.recipe_load import LoadedRecipe
from factory.sources import open_source
from factory.store import BuildPaths, open_build

MOST_CAUSES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class TeacherEstimate:
    """What one teacher would be asked."""

    name: str
    questions: int
    answered: int
    """Questions whose answers are recorded or stand in an earlier build's ledger for the same model."""
    calls: int
    tokens: int | None
    cost: float | None
    seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a build would do."""

    build: str
    state: str
    causes: tuple[str, ...]
    """Why it is not the newest earlier build: one changed key each."""
    samples: int
    dropped: dict[str, int]
    shards: int
    teachers: tuple[TeacherEstimate, ...]
    notes: tuple[str, ...]


def estimate(loaded: LoadedRecipe, *, out: Path) -> Estimate:
    """Plans a recipe in memory and counts. Tokens, cost and time come from earlier calls to the same model."""
    recipe = loaded.recipe
    source = open_source(recipe.source, loaded.root)
    identity = identify(loaded, source)
    paths = BuildPaths(out / f"{recipe.name}-{identity.short}")
    plan = plan_source(source, recipe, loaded.root)
    earlier = earlier_builds(out, recipe.name, paths.root)
    known = _earlier_calls([*(build.paths for build in earlier), paths])
    teachers = tuple(_estimate_teacher(call, plan.samples["id"], known) for call in recipe.teachers)
    unknown = [teacher.name for teacher in teachers if teacher.calls and teacher.tokens is None]
    notes = [f"tokens and time of {', '.join(unknown)} are unknown until the first calls"] if unknown else []
    unpriced = [t.name for t in teachers if t.calls and t.tokens is not None and t.cost is None]
    notes += [f"cost of {', '.join(unpriced)} is unknown: give `prices` in the recipe"] if unpriced else []
    return Estimate(
        build=str(paths.root),
        state=open_build(paths.root).info["state"] if paths.info.exists() else "new",
        causes=_causes(earlier, dict(identity.identity)) if not paths.info.exists() else (),
        samples=plan.samples.height,
        dropped=dict(Counter(plan.dropped["reason"].to_list())),
        shards=int(plan.samples["shard"].n_unique()),
        teachers=teachers,
        notes=tuple(notes),
    )


def _causes(earlier: Sequence[EarlierBuild], identity: dict[str, object]) -> tuple[str, ...]:
    if not earlier:
        return ()
    changed = differences(earlier[0].identity, identity)
    more = [f"... and {len(changed) - MOST_CAUSES} more"] if len(changed) > MOST_CAUSES else []
    return (f"it differs from {earlier[0].paths.root}:", *changed[:MOST_CAUSES], *more)


def _earlier_calls(builds: Sequence[BuildPaths]) -> pl.DataFrame:
    ledgers = [open_build(paths.root).ledger for paths in builds if paths.info.exists()]
    columns = ("sample_id", "teacher", "model", "status", "prompt_tokens", "completion_tokens", "latency_s", "origin")
    frames = [ledger.select(columns) for ledger in ledgers if not ledger.is_empty()]
    schema = {
        "sample_id": pl.String,
        "teacher": pl.String,
        "model": pl.String,
        "status": pl.String,
        "prompt_tokens": pl.Int64,
        "completion_tokens": pl.Int64,
        "latency_s": pl.Float64,
        "origin": pl.String,
    }
    return pl.concat(frames) if frames else pl.DataFrame(schema=schema)


def _estimate_teacher(call: Call, ids: pl.Series, known: pl.DataFrame) -> TeacherEstimate:
    settings = teacher_settings(call)
    questions = len(ids)
    if settings.backend == "replay":
        return TeacherEstimate(
            name=settings.name, questions=questions, answered=questions, calls=0, tokens=0, cost=0.0, seconds=0.0
        )
    mine = known.filter((pl.col("teacher") == settings.name) & (pl.col("model") == settings.model))
    answered = mine.filter((pl.col("status") == "ok") & pl.col("sample_id").is_in(ids.implode()))[
        "sample_id"
    ].n_unique()
    calls = questions - answered
    paid = mine.filter((pl.col("status") == "ok") & (pl.col("origin") != "replay"))
    known_figures = paid.height > 0 or calls == 0
    prompt, completion, latency = (_mean(paid, name) for name in ("prompt_tokens", "completion_tokens", "latency_s"))
    prices = settings.prices
    priced = prices.input_per_million > 0 or prices.output_per_million > 0 or calls == 0
    per_call = (prompt * prices.input_per_million + completion * prices.output_per_million) / 1e6
    return TeacherEstimate(
        name=settings.name,
        questions=questions,
        answered=answered,
        calls=calls,
        tokens=round(calls * (prompt + completion)) if known_figures else None,
        cost=round(calls * per_call, 4) if known_figures and priced else None,
        seconds=calls * latency / settings.max_in_flight if known_figures else None,
    )


def _mean(frame: pl.DataFrame, column: str) -> float:
    return float(frame.select(pl.col(column).mean()).item() or 0.0)
