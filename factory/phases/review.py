"""The review phase: people decide what machines dispute. It stands before selection, so that a row people promote
passes duplicates, quotas and splits like any other.

Decisions lie in `review/decisions.parquet` (`schemas.arrow.REVIEWS`), one row a sample, and are final over verdicts.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from factory.phases.held import held_rows, told_of_held
from factory.phases.phase import Phase, Waiting
from factory.phases.run import Run
from factory.phases.steps import judged
from factory.select.reviewable import reviewable_rows
from factory.store.layout import Build, BuildPaths
from factory.store.reviews import read_reviews
from factory.store.tables import read_columns
from factory.text import counted


def _review(run: Run) -> Waiting | None:
    disputed = disputed_ids(run.paths)
    people = read_reviews(run.paths)
    final = people.filter(pl.col("decision").is_in(["accept", "reject"]))["id"]
    decided = disputed.filter(disputed.is_in(final.implode()))
    strangers = _strangers(run.paths, final)
    held = held_rows(run.paths)
    run.info["counts"] |= {"disputed": len(disputed), "decided": len(decided), "decided_unknown": strangers}
    run.info["counts"] |= {"held": [*told_of_held(held)]}
    if not run.recipe.review.wait or (len(decided) == len(disputed) and not held):
        return None
    if held:
        return Waiting(f"people: {next(told_of_held(held))}; `factory review decide {run.paths.root}` lists them")
    kept = reviewable_rows(Build(run.paths), run.recipe, run.loaded.root).filter(pl.col("kind") == "dispute")["id"]
    asked = kept.filter(kept.is_in(disputed.implode()) & ~kept.is_in(decided.implode()))
    if asked.is_empty():  # what nobody decided would be taken out by a selector
        return None
    tied = int(asked.is_in(people.filter(pl.col("decision") == "review")["id"].implode()).sum())
    spent = "".join(f"; {line}" for line in run.info["counts"].get("spent", ()))
    lead = f" ({tied:,} of them: people differ, and their lead is asked)" if tied else ""
    return Waiting(
        f"people: {len(asked):,} of {counted(len(disputed), 'disputed row')} without a decision{lead} in "
        f"{run.paths.decisions}{spent}; the same command goes on when they have, `review: {{wait: false}}` without them"
    )


def disputed_ids(paths: BuildPaths) -> pl.Series:
    """Ids of the samples that the machines sent to review, in plan order."""
    found = [read_columns(shard.verdicts, ("id", "decision")) for shard in paths.shards() if shard.verdicts.exists()]
    return pl.concat(found).filter(pl.col("decision") == "review")["id"] if found else pl.Series("id", [], pl.String)


def _strangers(paths: BuildPaths, decided: pl.Series) -> int:
    """Decisions about samples that the build has not: they count for nothing, which people should hear."""
    if decided.is_empty():
        return 0
    known = [read_columns(shard.verdicts, ("id",))["id"] for shard in paths.shards() if shard.verdicts.exists()]
    return int((~decided.is_in(pl.concat(known).implode())).sum()) if known else len(decided)


def _says(run: Run) -> Iterator[tuple[str, str]]:
    disputed, decided = run.info["counts"]["disputed"], run.info["counts"]["decided"]
    if strangers := run.info["counts"]["decided_unknown"]:
        verb = "counts" if strangers == 1 else "count"
        told = f"{counted(strangers, 'decision')} about samples that this build has not {verb} for nothing"
        yield "review", told
    for line in run.info["counts"].get("held", ()):
        yield "review", line
    if not disputed:
        yield "review", "nothing is disputed"
    elif decided == disputed:
        yield "review", f"people decided all of {counted(disputed, 'disputed row')}"
    else:
        yield (
            "review",
            f"people decided {decided:,} of {counted(disputed, 'disputed row')}; {disputed - decided:,} could be added",
        )


REVIEW = Phase(
    name="review",
    reads=lambda run: {**judged(run), "wait": str(run.recipe.review.wait)},
    makes=lambda run: (),
    counts=("disputed", "decided", "decided_unknown", "held"),
    go=_review,
    says=_says,
    state="reviewed",
)
