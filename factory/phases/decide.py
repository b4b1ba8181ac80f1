"""The decide phase: what people said becomes what they decided, before anything is verified.

It stands before verification because corrected truth and rewritten texts are judged like any other. Annotations of
earlier builds are taken over by the digests of the pictures they are about, so that only what changed is asked again.
Rows that another program wrote into decisions.parquet stay, and are final.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import polars as pl
import pyarrow as pa

from annotation.decide import LEAD, NOWHERE, TIED, Content, Point, Tools, decisions
from annotation.qualify import Round, barred, muted
from annotation.screens.config import layout_of
from factory.errors import RecipeError
from factory.phases.earlier import EarlierBuild, earlier_builds
from factory.phases.phase import Phase
from factory.phases.reviewers import gold_rounds, name_all, pseudonym, read_names, read_trusted, vouch, write_names
from factory.phases.run import Run
from factory.phases.taken_over import people_digest, taken_by_hand, taken_over
from factory.recipe.load import load_recipe
from factory.recipe.model import Recipe
from factory.store.annotations import TIME, Row, change_annotations, read_annotations
from factory.store.files import digest_of, disk_faults, make_folder
from factory.store.folder import LEASE
from factory.store.layout import Build, BuildPaths, shards_digest
from factory.store.lease import lease as held
from factory.store.reviews import read_reviews, rule_name
from factory.store.tables import read_rows, write_table
from factory.text import counted, did_you_mean
from schemas import arrow
from schemas.settings import ReviewSettings

_CONTENT: Final = ("id", "photos.list.element.sha256", "answers.list.element.keys")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of deciding."""

    annotations: int
    decided: Mapping[str, int]
    """Samples by rule: majority, agree, lead, tied; `by hand` for rows that another program wrote."""
    queue: tuple[Row, ...]
    """Rows of decisions.parquet that wait for the lead."""
    barred: Mapping[str, Round] = field(default_factory=dict)
    """Accounts whose word does not count, by pseudonym, with how they did on gold."""


VERDICTS: Final = ("accept", "reject", NOWHERE)
"""What a lead may say on the command line; texts are edited on the screen."""


def decide_build(
    build: Build, *, lead: str | None = None, said: Sequence[str] = (), trust: Sequence[str] = ()
) -> Outcome:
    """Decides by the rule in the build's recipe, after the lead's verdicts are written down as annotations of theirs.

    Args:
        lead: who says it; needed where anything is said.
        said: `ID=VERDICT` each.
        trust: accounts, or their pseudonyms, that the lead vouches for, whatever they said of gold.

    Raises RecipeError for a verdict, a sample or an account that is not there, BuildLocked while the build is worked
    on.
    """
    paths, recipe = build.paths, load_recipe(build.paths.recipe_lock).recipe
    with disk_faults(paths.root), held(paths.root / LEASE, what=str(paths.root), wait_s=0.5):
        if said:
            _write_down(paths, [_read_verdict(one) for one in said], lead)
        earlier = readable(earlier_builds(paths.root.parent, recipe.name, paths.root))
        if trust:
            vouch(paths, trust, lead, earlier)
        return decide_now(paths, recipe, earlier)


def readable(earlier: Sequence[EarlierBuild]) -> list[EarlierBuild]:
    """Those whose people's files are laid out as today's."""
    return [one for one in earlier if one.same_layout]


def _read_verdict(text: str) -> tuple[str, str]:
    name, _, verdict = text.rpartition("=")
    if not name or verdict not in VERDICTS:
        near = did_you_mean(verdict, VERDICTS)
        raise RecipeError(f"{text!r:.80}: expected ID=VERDICT with one of {', '.join(VERDICTS)}{near}")
    return name, verdict


def _write_down(paths: BuildPaths, verdicts: Sequence[tuple[str, str]], lead: str | None) -> None:
    """A lead's verdicts as annotations; their numbers are below 0, where no server's are. They are about the answer
    that reviewers saw last."""
    if not lead:
        raise RecipeError("who says it? name the lead with --lead NAME")
    contents = _contents(paths, {name for name, _ in verdicts})
    if unknown := [name for name, _ in verdicts if name not in contents]:
        raise RecipeError(f"{paths.root}: has no sample {unknown[0]!r:.80}, or its shard is not answered yet")

    def with_them(rows: list[Row]) -> list[Row]:
        number = min([0, *(row["annotation"] for row in rows)])
        for name, verdict in verdicts:
            content, number = contents[name], number - 1
            seen = [row["keys"] for row in rows if row["id"] == name and tuple(row["keys"]) in content.keys]
            rows.append(_lead_row(name, verdict, lead, number, content, seen[-1] if seen else list(min(content.keys))))
        return rows

    change_annotations(paths, with_them)


def _lead_row(name: str, verdict: str, lead: str, number: int, content: Content, keys: Sequence[str]) -> Row:
    empty: Row = {field.name: None for field in arrow.ANNOTATIONS}
    return {
        **empty,
        **{"annotation": number, "task": number, "project": 0, "external": f"{name}:{LEAD}", "id": name, "slot": LEAD},
        **{"kind": "dispute", "reviewer": lead, "verdict": verdict, "flags": [], "clues": [], "boxes": []},
        "updated_at": datetime.now(UTC).strftime(TIME),
        **{"skipped": False, "deleted": False, "images": list(content.images), "keys": list(keys), "raw": "{}"},
    }


def decide_now(paths: BuildPaths, recipe: Recipe, earlier: Sequence[EarlierBuild]) -> Outcome:
    """Writes decisions.parquet from annotations.parquet, the recipe's rule, and what earlier builds' people said.

    Raises CorruptBuild for a damaged file; names it.
    """
    annotations: Sequence[Row] = read_annotations(paths)
    if taken_over(paths, annotations, earlier) != annotations:
        annotations = change_annotations(paths, lambda rows: taken_over(paths, rows, earlier))
    by_hand = [row for row in read_reviews(paths).to_dicts() if row["rule"] is None]
    by_hand += taken_by_hand(paths, by_hand, earlier)
    if not annotations and not by_hand and not paths.decisions.exists():
        return Outcome(annotations=0, decided={}, queue=())
    make_folder(paths.review)
    names, trusted = read_names(paths, earlier), read_trusted(paths, earlier)
    name_all(annotations, names)
    contents = _contents(paths, {row["id"] for row in (*annotations, *by_hand)})
    tools = Tools(place=_placer(recipe.geo.worldview), km=_km, pseudonym=lambda name: pseudonym(name, names))
    loses = layout_of(recipe.generator.name).loses
    out = barred(gold_rounds(paths, annotations, earlier), recipe.review.gold_accuracy, trusted)
    heard = [muted(row) if row["reviewer"] in out and row["slot"] != LEAD else row for row in annotations]
    rows = {row["id"]: row for row in decisions(heard, contents, recipe.review, tools, loses=loses)}
    rows |= {row["id"]: _as_ours(row, contents.get(row["id"]), names) for row in by_hand}
    labelled = _labelled([rows[name] for name in sorted(rows)], recipe.geo.worldview)
    write_names(paths, names, trusted)
    write_table(pa.Table.from_pylist(labelled, schema=arrow.REVIEWS), paths.decisions)
    tally = Counter(rule_name(row["rule"]) for row in labelled)
    queue = tuple(row for row in labelled if row["rule"] == TIED)
    told = {names[who]: one for who, one in out.items()}
    return Outcome(annotations=len(annotations), decided=dict(sorted(tally.items())), queue=queue, barred=told)


def _contents(paths: BuildPaths, ids: Collection[str]) -> dict[str, Content]:
    """What these samples show now; of those that the build has."""
    found: dict[str, Content] = {}
    for shard in paths.shards():
        if ids and shard.answers.exists():
            found |= {name: _content(row) for name, row in read_rows(shard.answers, _CONTENT, ids).items()}
    return found


def _content(row: Mapping[str, Any]) -> Content:
    images = tuple(photo["sha256"] for photo in row["photos"] or () if photo["sha256"] is not None)
    keys = frozenset(tuple(answer["keys"] or ()) for answer in row["answers"] or ())
    return Content(images, keys or frozenset({()}))


def _placer(worldview: str) -> Callable[[str], Point | None]:
    """Where a typed name is, as uncertain as what it names: the radii that the field calls city, region and country."""

    def place(name: str) -> Point | None:
        from factory.geo import DISTANCE_TIERS_KM, forward

        lat, lon, level = forward(name, worldview=worldview).select("lat", "lon", "level").row(0)
        return None if lat is None or level is None else Point(lat, lon, float(DISTANCE_TIERS_KM[level]))

    return place


def _km(one: Point, other: Point) -> float:
    from factory.geo import haversine_km

    return haversine_km(one.lat, one.lon, other.lat, other.lon)


def _as_ours(row: Row, content: Content | None, names: dict[str, str]) -> Row:
    """A row that another program wrote: who decided by pseudonym, and what there was to decide about."""
    if content is not None and row["images"] is None:
        keys = sorted({key for answer in content.keys for key in answer})
        row = {**row, "images": list(content.images), "keys": keys}
    return {**row, "by": [pseudonym(name, names) for name in row["by"] or ()]}


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
    outcome = decide_now(run.paths, run.recipe, readable(run.earlier))
    run.info["counts"] |= {"annotations": outcome.annotations, "decided_by_rule": dict(outcome.decided)}
    run.info["counts"]["barred"] = len(outcome.barred)


def _says(run: Run) -> Iterator[tuple[str, str]]:
    if by_rule := run.info["counts"]["decided_by_rule"]:
        told = ", ".join(f"{name} {count:,}" for name, count in by_rule.items())
        yield "decide", f"{counted(run.info['counts']['annotations'], 'annotation')}: {told}"
    if out := run.info["counts"].get("barred"):
        yield "decide", f"{counted(out, 'account')} did not pass on gold, and no word of theirs counts"


DECIDE = Phase(
    name="decide",
    reads=lambda run: {
        "annotations": digest_of(run.paths.annotations),
        "earlier": people_digest(readable(run.earlier)),
        "shards": shards_digest(run.paths, len(run.shards)),
        "rule": rule_of(run.recipe.review),
    },
    makes=lambda run: (),
    left=lambda run: {"decisions": digest_of(run.paths.decisions), "reviewers": digest_of(run.paths.reviewers)},
    counts=("annotations", "decided_by_rule", "barred"),
    go=_decide,
    says=_says,
    state="answered",
)
