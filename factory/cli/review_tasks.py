"""Which samples go to which reviewers: disputed ones, an audit of accepted ones, and gold."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, cast

import polars as pl

from annotation.choose import audit_sample, by_gain
from annotation.controls import VERDICTS
from annotation.projects import PICTURES, read_projects
from annotation.push import sent_rows
from annotation.qualify import barred, open_slots
from annotation.tasks import Kind, Wanted, asked
from factory.errors import RecipeError
from factory.phases.people import reviewed_builds
from factory.phases.reviewers import gold_rounds, known_names, read_trusted
from factory.recipe.load import LoadedRecipe, load_recipe
from factory.recipe.model import Recipe
from factory.select.reviewable import reviewable_rows
from factory.store.annotations import read_annotations
from factory.store.layout import Build
from factory.store.reviews import read_reviews
from factory.text import did_you_mean
from schemas.plain_json import read_json

MOST_GOLD: Final = 16_000_000
"""Bytes of a file of gold."""


def wanted_tasks(
    build: Build,
    *,
    budget: int | None = None,
    reviewers: int | None = None,
    gold: Path | None = None,
    qualify: bool = False,
    recipe: Path | None = None,
) -> list[Wanted]:
    """The tasks that people should have, those that they have already among them.

    Args:
        budget: at most so many samples beside the gold, those with the largest expected gain.
        reviewers: how many; None for those that there are, and at least as many as look at a sample.
        gold: JSON lines with `id` and `verdict`.
        qualify: gold alone: the round that shows who may go on.
        recipe: the recipe's file; needed where its selectors name files by paths that begin at its folder.

    Raises RecipeError.
    """
    loaded = load_recipe(build.paths.recipe_lock)
    settings = loaded.recipe.review
    had = sum(slot != PICTURES for slot in read_projects(build.paths.review_projects))
    people = max(reviewers or 0, settings.overlap, had)
    if reviewers is not None and reviewers < settings.overlap:
        raise RecipeError(
            f"{reviewers} reviewers, but `review.overlap` of the recipe wants {settings.overlap} for each row"
        )
    if qualify and gold is None:
        raise RecipeError("--qualify sends gold alone: name its file with --gold")
    samples, qualified = [*_gold(build, gold)], None
    if not qualify:
        qualified = _qualified(build, loaded.recipe, people)
        rows = _candidates(build, loaded, recipe, settings.audit_share)
        rows = by_gain(rows, _looked(build), overlap=settings.overlap)
        known = {sample.id for sample in samples}
        samples += _wanted(rows.filter(~pl.col("id").is_in(known)).head(budget or rows.height))
    sent: dict[str, list[str]] = {}
    for row in sent_rows(build):
        sent.setdefault(row["id"], []).append(row["slot"])
    return list(asked(samples, reviewers=people, overlap=settings.overlap, sent=sent, qualified=qualified))


def _qualified(build: Build, recipe: Recipe, people: int) -> set[str] | None:
    """The slots that are sent more than gold. Raises RecipeError where they are fewer than look at a row."""
    settings = recipe.review
    if settings.gold_accuracy is None:
        return None
    said = read_annotations(build.paths)
    earlier = reviewed_builds(build.paths, recipe.name)
    trusted = read_trusted(build.paths, earlier)
    out = barred(gold_rounds(build.paths, said, earlier), settings.gold_accuracy, trusted)
    found = open_slots(said, out)
    if len(found) < settings.overlap:
        names = known_names(build.paths, said, earlier)
        raise RecipeError(
            f"{len(found)} of {people} reviewers passed on gold (`review.gold_accuracy` {settings.gold_accuracy:g}), "
            f"and each row wants {settings.overlap}",
            *(f"  {names[who]}: {one}" for who, one in out.items()),
            "  send gold alone with --gold FILE --qualify, then `factory review pull`",
            "  a lead vouches for somebody with `factory review decide BUILD --trust NAME --lead NAME`",
        )
    return found


def _candidates(build: Build, loaded: LoadedRecipe, recipe: Path | None, share: float) -> pl.DataFrame:
    """What would be kept: everything disputed, and the audit's sample of what was accepted."""
    if recipe is not None and not recipe.is_file():
        raise RecipeError(f"{recipe}: is no recipe")
    root = loaded.root if recipe is None else recipe.resolve().parent
    try:
        rows = reviewable_rows(build, loaded.recipe, root)
    except RecipeError as error:
        if recipe is not None:
            raise
        raise RecipeError(
            str(error), "paths of `select` begin at the recipe's folder: name its file with --recipe"
        ) from None
    accepted = rows.filter(pl.col("kind") == "audit")["id"]
    audits = audit_sample(accepted, share)
    return rows.filter((pl.col("kind") == "dispute") | pl.col("id").is_in(audits.implode()))


def _looked(build: Build) -> pl.DataFrame:
    """What people's decisions changed, by kind and reasons of the row that they looked at."""
    decided = read_reviews(build.paths).filter(pl.col("decision").is_in(["accept", "reject"])).select("id", "decision")
    verdicts = build.verdicts.select("id", "reasons", machine="decision").filter(pl.col("machine") != "quarantine")
    both = decided.join(verdicts, on="id")
    disputed = pl.col("machine") != "accept"
    return both.select(
        kind=pl.when(disputed).then(pl.lit("dispute")).otherwise(pl.lit("audit")),
        reasons="reasons",
        changed=pl.col("decision") == pl.when(disputed).then(pl.lit("accept")).otherwise(pl.lit("reject")),
    )


def _wanted(rows: pl.DataFrame) -> Iterator[Wanted]:
    columns = rows.select("id", "shard", "kind", "uncertainty")
    for name, shard, kind, uncertainty in columns.iter_rows():
        yield Wanted(id=name, shard=shard, slot="", kind=cast(Kind, kind), uncertainty=uncertainty)


def _gold(build: Build, path: Path | None) -> Iterator[Wanted]:
    """Gold stands anywhere in the queue, or reviewers would know it by its place."""
    if path is None:
        return
    if not path.is_file():
        raise RecipeError(f"{path}: there is no such file; expected JSON lines with `id` and `verdict`")
    shards = dict(build.plan.select("id", "shard").iter_rows())
    if path.stat().st_size > MOST_GOLD:
        raise RecipeError(f"{path}: {path.stat().st_size:,} bytes, at most {MOST_GOLD:,} are read")
    seen: set[str] = set()
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        if not line.strip():
            continue
        name, verdict = _gold_line(line, f"{path}:{number}")
        if name not in shards:
            near = did_you_mean(name, list(shards)[:50_000])
            raise RecipeError(f"{path}:{number}: the build has no sample {name!r:.60}{near}")
        if name in seen:
            raise RecipeError(f"{path}:{number}: {name!r:.60} stands there twice")
        seen.add(name)
        yield Wanted(id=name, shard=shards[name], slot="", kind="gold", uncertainty=_anywhere(name), expected=verdict)


def _anywhere(name: str) -> float:
    return int(hashlib.sha256(name.encode()).hexdigest()[:8], 16) / 2**32


def _gold_line(line: bytes, place: str) -> tuple[str, str]:
    try:
        entry = read_json(line)
    except ValueError as error:
        raise RecipeError(f"{place}: is no JSON ({error})") from None
    if not isinstance(entry, dict) or not all(isinstance(entry.get(key), str) for key in ("id", "verdict")):
        raise RecipeError(f"{place}: expected an object with the texts `id` and `verdict`")
    if entry["verdict"] not in VERDICTS:
        close = did_you_mean(entry["verdict"], VERDICTS)
        raise RecipeError(f"{place}: verdict {entry['verdict']!r:.40}{close}; expected one of {', '.join(VERDICTS)}")
    return entry["id"], entry["verdict"]
