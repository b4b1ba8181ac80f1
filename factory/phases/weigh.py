"""What people said, weighed: decisions as they would be written now, and their counts. Nothing is written here, so that
`pull`, the page for leads, `decide` and the build tell the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import polars as pl

from annotation.decide import Point, Tools, decisions, looks
from annotation.heard import Content
from annotation.qualify import Round, barred, muted
from annotation.screens.config import layout_of
from annotation.words import LEAD, counts, is_refused
from factory.phases.asked import Asked, how_far, sent_slots
from factory.phases.earlier import EarlierBuild
from factory.phases.held import held_rows
from factory.phases.people import reviewed_builds
from factory.phases.reviewers import gold_rounds, known_names, pseudonym, read_trusted
from factory.phases.taken_over import taken_by_hand, taken_over
from factory.recipe.load import load_recipe
from factory.recipe.model import Recipe
from factory.store.annotations import Row, read_annotations
from factory.store.decided import WITHHELD
from factory.store.layout import Build, BuildPaths, ShardPaths
from factory.store.reviews import read_reviews, rule_name
from factory.store.tables import read_columns, read_rows
from factory.text import counted
from schemas import arrow

_BY_HAND: Final = "by hand"
_CONTENT: Final = ("id", "photos.list.element.sha256", "answers.list.element.keys")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How far people are; samples are those that the build has."""

    annotations: int = 0
    """Of reviewers and leads, those of earlier builds among them; neither skipped, taken back nor refused."""
    skipped: int = 0
    refused: int = 0
    accepted: int = 0
    rejected: int = 0
    disagreed: int = 0
    """Samples that wait for the lead."""
    waiting: int = 0
    """Samples that somebody was asked about, or spoke of, and about which too few have."""
    rules: Mapping[str, int] = field(default_factory=dict)
    """Decided samples by rule: majority, agree, lead; `by hand` for rows that another program wrote."""

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return {**asdict(self), "rules": dict(self.rules)}


def told(tally: Mapping[str, Any]) -> str:
    """The counts of `Tally.plain` in a line, everywhere the same."""
    words = counted(tally["annotations"], "annotation")
    beside = ", ".join(f"{tally[name]:,} {name}" for name in ("skipped", "refused") if tally[name])
    rules = ", ".join(f"{name} {count:,}" for name, count in tally["rules"].items())
    decided = counted(tally["accepted"] + tally["rejected"], "sample")
    sides = f"{tally['accepted']:,} accepted, {tally['rejected']:,} rejected"
    open_ones = f"{tally['disagreed']:,} for the lead, {tally['waiting']:,} without enough words"
    parts = (words, f" ({beside})" if beside else "", f"; people decided {decided}: {sides}")
    return "".join((*parts, f" ({rules})" if rules else "", f"; {open_ones}"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """What annotations come to."""

    annotations: Sequence[Row]
    """Those of earlier builds among them."""
    rows: Sequence[Row]
    """Of decisions.parquet, sorted by id; without what the gazetteer calls corrected places."""
    names: Mapping[str, str]
    """The pseudonym of everybody."""
    trusted: Mapping[str, Any]
    rounds: Mapping[str, Round]
    """How every account did on gold."""
    barred: Mapping[str, Round]
    """Those of accounts whose word does not count."""
    tally: Tally
    asked: Asked
    """How far the rows are that were sent."""
    held: Mapping[str, str]
    """Rows that people accept and that cannot be released so, with the reason: `factory.phases.held`."""

    @property
    def is_empty(self) -> bool:
        """Whether nobody ever said anything."""
        return not self.annotations and not self.rows


def weigh_build(build: Build) -> Weighed:
    """`weigh` of a build as it lies there. Raises CorruptBuild."""
    paths, recipe = build.paths, load_recipe(build.paths.recipe_lock).recipe
    earlier = reviewed_builds(paths, recipe.name)
    return weigh(paths, recipe, earlier, taken_over(paths, read_annotations(paths), earlier))


def weigh(paths: BuildPaths, recipe: Recipe, earlier: Sequence[EarlierBuild], annotations: Sequence[Row]) -> Weighed:
    """What annotations come to by the recipe's rule, with the rows that another program wrote.

    Raises CorruptBuild for a damaged file; names it.
    """
    by_hand = [row for row in read_reviews(paths).to_dicts() if row["rule"] is None]
    by_hand += taken_by_hand(paths, by_hand, earlier)
    names, trusted = known_names(paths, annotations, earlier), read_trusted(paths, earlier)
    marked = _marked(paths, by_hand)
    pictures = {row["images"][0] for row in (*annotations, *marked) if row["images"]}
    contents = contents_of(paths, {row["id"] for row in (*annotations, *by_hand)}, pictures)
    tools = Tools(place=_placer(recipe.geo.worldview), km=_km, pseudonym=lambda name: pseudonym(name, names))
    loses = layout_of(recipe.generator.name).loses
    rounds = gold_rounds(paths, annotations, earlier)
    out = barred(rounds, recipe.review.gold_accuracy, trusted)
    heard = [muted(row) if row["reviewer"] in out and row["slot"] != LEAD else row for row in annotations]
    rows = {row["id"]: row for row in decisions([*heard, *marked], contents, recipe.review, tools, loses=loses)}
    rows |= {row["id"]: _as_ours(row, contents.get(row["id"]), names, rows.get(row["id"])) for row in by_hand}
    ordered = [rows[name] for name in sorted(rows)]
    return Weighed(
        annotations=annotations,
        rows=ordered,
        names=names,
        trusted=trusted,
        rounds=rounds,
        barred=out,
        asked=how_far(
            sent_slots(paths),
            rows,
            looks(heard, contents),
            recipe.review.overlap,
            annotations=annotations,
            names=names,
        ),
        held=held_rows(paths, ordered),
        tally=_tally(annotations, [row for row in ordered if row["id"] in contents], contents.keys(), _asked(paths)),
    )


def _asked(paths: BuildPaths) -> set[str]:
    """Samples that were sent to reviewers."""
    return {*read_columns(paths.tasks, ["id"])["id"]} if paths.tasks.exists() else set()


def _tally(annotations: Sequence[Row], rows: Sequence[Row], known: Collection[str], asked: Collection[str]) -> Tally:
    there = [row for row in annotations if not row["deleted"]]
    sides = {row["id"]: row["decision"] for row in rows if row["decision"] is not None}
    spoken = {*asked, *(row["id"] for row in there if row["id"] in known)}
    by = Counter(rule_name(row["rule"]) for row in rows if row["decision"] in ("accept", "reject"))
    found = Counter(sides.values())
    return Tally(
        annotations=sum(map(counts, there)),
        skipped=sum(row["skipped"] and not is_refused(row) for row in there),
        refused=sum(map(is_refused, there)),
        accepted=found["accept"],
        rejected=found["reject"],
        disagreed=found["review"],
        waiting=len(spoken - sides.keys()),
        rules=dict(sorted(by.items())),
    )


def contents_of(paths: BuildPaths, ids: Collection[str], pictures: Collection[str] = ()) -> dict[str, Content]:
    """What these samples show now, and those whose first picture is one of these; of those that the build has."""
    found: dict[str, Content] = {}
    for shard in paths.shards():
        if (ids or pictures) and shard.answers.exists():
            names = {*ids, *(_having(shard, pictures) if pictures else ())}
            found |= {name: _content(row) for name, row in read_rows(shard.answers, _CONTENT, names).items()}
    return found


def _having(shard: ShardPaths, pictures: Collection[str]) -> list[str]:
    """The samples whose first picture, of those that are whole, is one of these."""
    first = pl.col("photos").list.eval(pl.element().struct.field("sha256").drop_nulls()).list.first()
    rows = read_columns(shard.answers, ["id", "photos.list.element.sha256"])
    return rows.filter(first.is_in(list(pictures)))["id"].to_list()


def _marked(paths: BuildPaths, by_hand: Sequence[Row]) -> list[Row]:
    """What rows of another program mark as private, as annotations without a verdict: it holds for the picture, too."""
    boxed = [row for row in by_hand if any(box["kind"] == "privacy" for box in row["boxes"] or ())]
    contents = contents_of(paths, {row["id"] for row in boxed})
    empty: Row = dict.fromkeys(arrow.ANNOTATIONS.names)
    return [
        {
            **empty,
            **{"annotation": 0, "id": row["id"], "slot": _BY_HAND, "updated_at": row["at"] or "", "flags": []},
            **{"reviewer": next(iter(row["by"] or ()), _BY_HAND), "clues": [], "boxes": row["boxes"], "raw": "{}"},
            **{"images": list(contents[row["id"]].images), "keys": [_BY_HAND], "skipped": False, "deleted": False},
        }
        for row in boxed
        if row["id"] in contents
    ]


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


def _as_ours(row: Row, content: Content | None, names: dict[str, str], said: Row | None) -> Row:
    """A row that another program wrote: who decided by pseudonym, what there was to decide about, and what annotators
    marked as private, which no verdict ends.

    Args:
        said: what annotations come to.
    """
    if content is not None and row["images"] is None:
        keys = sorted({key for answer in content.keys for key in answer})
        row = {**row, "images": list(content.images), "keys": keys}
    known = [*(row["boxes"] or ())]
    boxes = known + [box for box in ([] if said is None else said["boxes"]) if box not in known]
    flags = {flag for flag in row["flags"] or () if flag != WITHHELD}
    flags |= {WITHHELD} if said is not None and WITHHELD in said["flags"] else set()
    marks = {"boxes": boxes or row["boxes"], "flags": sorted(flags) or None}
    return {**row, **marks, "by": [pseudonym(name, names) for name in row["by"] or ()]}
