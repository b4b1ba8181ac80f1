"""The decide phase: what people said becomes what they decided, before anything is verified.

It stands before verification because corrected truth and rewritten texts are judged like any other. Annotations of
earlier builds are taken over by the digests of the pictures they are about, so that only what changed is asked again.
Rows that another program wrote into decisions.parquet stay, and are final.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import polars as pl
import pyarrow as pa

from annotation.decide import TIED
from annotation.qualify import Round
from factory.phases.asked import Asked, told_of_spent
from factory.phases.earlier import EarlierBuild
from factory.phases.lead import read_word, shown_keys, write_down
from factory.phases.people import reviewed_builds
from factory.phases.phase import Phase
from factory.phases.reviewers import vouch, write_names
from factory.phases.run import Run
from factory.phases.taken_over import people_digest, taken_over
from factory.phases.weigh import Tally, contents_of, told, weigh
from factory.recipe.load import load_recipe
from factory.recipe.model import Recipe
from factory.store.annotations import Row, change_annotations, read_annotations
from factory.store.files import digest_of, disk_faults, make_folder
from factory.store.folder import LEASE
from factory.store.layout import Build, BuildPaths, shards_digest
from factory.store.lease import lease
from factory.store.tables import write_table
from factory.text import counted
from schemas import arrow
from schemas.settings import ReviewSettings

DECIDE_VERSION: Final = "4"
"""Raise it where the same annotations may be decided otherwise: finished builds decide again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of deciding."""

    tally: Tally
    asked: Asked
    """How far the rows are that were sent."""
    queue: tuple[Row, ...]
    """Rows of decisions.parquet that wait for the lead."""
    held: Mapping[str, str] = field(default_factory=dict)
    """Rows that wait for the lead since they cannot be released as people left them, with the reason."""
    barred: Mapping[str, Round] = field(default_factory=dict)
    """Accounts whose word does not count, by pseudonym, with how they did on gold."""


def decide_build(
    build: Build, *, lead: str | None = None, said: Sequence[str] = (), trust: Sequence[str] = ()
) -> Outcome:
    """Decides by the rule in the build's recipe, after the lead's verdicts are written down as annotations of theirs.

    Args:
        lead: who says it; needed where anything is said.
        said: `ID=VERDICT` each, one of `lead.LEAD_SAYS`.
        trust: accounts, or their pseudonyms, that the lead vouches for, whatever they said of gold.

    Raises RecipeError for a verdict, a sample or an account that is not there, BuildLocked while the build is worked
    on.
    """
    paths, recipe = build.paths, load_recipe(build.paths.recipe_lock).recipe
    with disk_faults(paths.root), lease(paths.root / LEASE, what=str(paths.root), wait_s=0.5):
        if said:
            words = [read_word(one) for one in said]
            names = {name for name, _ in words}
            write_down(paths, words, lead, contents_of(paths, names), shown_keys(build, names))
        earlier = reviewed_builds(paths, recipe.name)
        if trust:
            vouch(paths, trust, lead, earlier)
        return decide_now(paths, recipe, earlier)


def decide_now(paths: BuildPaths, recipe: Recipe, earlier: Sequence[EarlierBuild]) -> Outcome:
    """Writes decisions.parquet from annotations.parquet, the recipe's rule, and what earlier builds' people said.

    Raises CorruptBuild for a damaged file, one of an earlier build's people too; names it.
    """
    annotations: Sequence[Row] = read_annotations(paths)
    if taken_over(paths, annotations, earlier) != annotations:
        annotations = change_annotations(paths, lambda rows: taken_over(paths, rows, earlier))
    found = weigh(paths, recipe, earlier, annotations)
    if found.is_empty and not paths.decisions.exists():
        return Outcome(tally=found.tally, asked=found.asked, queue=())
    make_folder(paths.review)
    labelled = _labelled(found.rows, recipe.geo.worldview)
    write_names(paths, found.names, found.trusted)
    write_table(pa.Table.from_pylist(labelled, schema=arrow.REVIEWS), paths.decisions)
    queue = tuple(row for row in labelled if row["rule"] == TIED)
    out = {found.names[who]: one for who, one in found.barred.items()}
    return Outcome(tally=found.tally, asked=found.asked, queue=queue, held=found.held, barred=out)


def _labelled(rows: Sequence[Row], worldview: str) -> list[Row]:
    """The rows with what the gazetteer calls the corrected places."""
    moved = [row for row in rows if row["lat"] is not None and row["lon"] is not None]
    if not moved:
        return [{**row, **dict.fromkeys(("country_code", "region", "city"))} for row in rows]
    from factory.geo import reverse

    lat, lon = (pl.Series([row[name] for row in moved], dtype=pl.Float64) for name in ("lat", "lon"))
    found = reverse(lat, lon, worldview=worldview).select("country_code", "region", "city").to_dicts()
    places = dict(zip((row["id"] for row in moved), found, strict=True))
    nowhere: Row = dict.fromkeys(("country_code", "region", "city"))
    return [
        {**row, **places.get(row["id"], nowhere), "uncertainty_km": row["uncertainty_km"] or 0.0}
        if row["id"] in places
        else {**row, **nowhere}
        for row in rows
    ]


def rule_of(settings: ReviewSettings) -> str:
    """The keys of the recipe that decisions follow from, as text."""
    gold = "" if settings.gold_accuracy is None else f", of who gets {settings.gold_accuracy:g} of the gold right"
    return f"{settings.rule} {settings.agree} of {settings.overlap} within {settings.within_km:g} km{gold}"


def _decide(run: Run) -> None:
    outcome = decide_now(run.paths, run.recipe, run.reviewed)
    run.info["counts"] |= {
        "people": outcome.tally.plain(),
        "barred": len(outcome.barred),
        "spent": [*told_of_spent(outcome.asked, run.paths.root)],
    }


def _says(run: Run) -> Iterator[tuple[str, str]]:
    tally = run.info["counts"]["people"]
    if any(tally.values()):
        yield "decide", told(tally)
    if out := run.info["counts"].get("barred"):
        yield "decide", f"{counted(out, 'account')} did not pass on gold, and no word of theirs counts"
    for line in run.info["counts"].get("spent", ()):
        yield "decide", line


DECIDE = Phase(
    name="decide",
    reads=lambda run: {
        "annotations": digest_of(run.paths.annotations),
        "earlier": people_digest(run.reviewed),
        "shards": shards_digest(run.paths, len(run.shards)),
        "rule": rule_of(run.recipe.review),
        "version": DECIDE_VERSION,
    },
    makes=lambda run: (),
    left=lambda run: {"decisions": digest_of(run.paths.decisions), "reviewers": digest_of(run.paths.reviewers)},
    counts=("people", "barred", "spent"),
    go=_decide,
    says=_says,
    state="answered",
)
