"""The gallery: which samples are shown, and everything a card says about one.

At most MAX_CARDS samples are shown, so that the page stays one file a browser opens at once. The choice is
deterministic: every decision is represented, and within a decision the reasons and countries take turns.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import polars as pl

from factory.errors import CorruptBuild
from factory.geo.distance import haversine_km
from factory.report.frames import ANSWERED, DECISIONS, PENDING, Frames
from factory.report.pictures import Address, Shown, embedded, opening, pictures
from factory.report.words import described, people_said, readable, shorten, went
from factory.store.decided import Decided, read_decided
from factory.store.layout import Build, ShardPaths
from factory.store.tables import read_rows

MAX_CARDS = 240
"""Bounds the page: its pictures (see `factory.report.pictures`) and what a browser lays out and filters at once."""
MIN_SHARE = 0.08
"""Share of the cards that each decision gets at least, when it has so many samples."""
SHOWN_CLUES = 16
"""Of one answer, fewer than the `MAX_CLUES` that are kept: a card is looked at, and says how many it leaves out."""
SHOWN_ANSWERS = 24
"""Of one sample: with a few teachers and draws all of them; hundreds of draws would bury the picture."""
SHOWN_FINDINGS = 16
"""Of one witness: a detector names everything it sees, a card the first of it."""
SHOWN_SOURCES = 8
"""Witnesses and texts named on one card; a recipe has one or two."""
MAX_CHIPS = 6
"""Kinds of clue beside a closed answer: two lines of a card."""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Guess:
    """One answer as a card shows it; all text is as the teacher wrote it, shortened."""

    teacher: str
    draw: int
    combined: bool
    """Made of all answers by the family, no teacher's own word."""
    saw_truth: str
    """`none`, or how much of the truth was shown to whoever wrote it: country, place."""
    failure: str | None
    detail: str
    says_place: bool
    """False where the family asks for no place."""
    place: str
    measured: bool
    """False before the answer is verified, or where no place is known: then there is no distance, whatever it says."""
    localizable: bool | None
    confidence: float | None
    distance_km: float | None
    lat: float | None
    lon: float | None
    clues: tuple[tuple[str, str, str], ...]
    clues_left_out: int
    kinds: tuple[tuple[str, int], ...]
    """Kinds of clue with how often each was named, for the chips."""
    reasoning: str
    values: str
    """What else the family made of the replies, as readable JSON."""


@dataclass(frozen=True, slots=True)
class Witnessed:
    """What one witness found: (kind, text, score) each."""

    source: str
    findings: tuple[tuple[str, str, float | None], ...]
    left_out: int


@dataclass(frozen=True, slots=True)
class Card:
    """One sample of the gallery."""

    id: str
    decision: str
    """One of DECISIONS, or ANSWERED."""
    reasons: tuple[str, ...]
    split: str
    """In which it is released; empty where it is not."""
    went: str
    people: str
    """What a person decided; empty where nobody did."""
    country_code: str
    country: str
    place: str
    scene: str
    lat: float | None
    lon: float | None
    uncertainty_km: float
    labelled: str
    """Where the place is a pseudo-label: whose, and how probable."""
    licence: str
    author: str
    source_row: int
    pictures: tuple[Shown, ...]
    """The first is shown large; of several the first three, side by side."""
    pictures_left_out: int
    texts: tuple[tuple[str, int], ...]
    """Names of the sample's texts with their lengths in characters."""
    guesses: tuple[Guess, ...]
    guesses_left_out: int
    evidence: tuple[Witnessed, ...]
    checks: tuple[Row, ...]
    disagree: bool
    """The teachers name different countries, or one of them failed: worth a look."""

    @property
    def told(self) -> list[list[Guess]]:
        """The guesses by who gave them, the draws of a teacher together."""
        return [list(draws) for _, draws in groupby(self.guesses, key=lambda guess: (guess.teacher, guess.combined))]


def choose(samples: pl.DataFrame, limit: int = MAX_CARDS) -> list[str]:
    """Ids of the samples to show, in plan order: of those that are answered."""
    worked = samples.filter(pl.col("decision") != PENDING)
    if worked.height <= limit:
        return worked["id"].to_list()
    quotas = _quotas(dict(worked["decision"].value_counts().iter_rows()), limit)
    turns = worked.with_columns(first_reason=pl.coalesce(pl.col("removed_by"), pl.col("reasons").list.first()))
    turns = turns.with_columns(turn=pl.int_range(pl.len()).over("decision", "first_reason", "country_code"))
    ordered = turns.sort("turn", "order").with_columns(rank=pl.int_range(pl.len()).over("decision"))
    quota = pl.col("decision").replace_strict(quotas, default=0, return_dtype=pl.Int64)
    return ordered.filter(pl.col("rank") < quota).sort("order")["id"].to_list()


def cards(
    build: Build,
    frames: Frames,
    ids: Collection[str],
    people: Mapping[str, Decided] | None = None,
    address: Address = embedded,
) -> list[Card]:
    """The cards of the chosen samples, with their thumbnails. Raises CorruptBuild naming a damaged file.

    Args:
        people: what people decided, as far as their marks of what is private hide or blur it; the build's decisions by
            default.
        address: what leads to a thumbnail.
    """
    if not ids:
        return []
    chosen = pl.DataFrame({"id": list(ids)}, schema={"id": pl.String})
    rows = frames.samples.join(chosen, on="id", how="semi").sort("order")
    planned = read_rows(build.paths.plan, ["id", "licence", "author", "source_row", "texts", "images"], ids)
    decided = read_decided(build.paths) if people is None else people
    found: list[Card] = []
    with opening(build) as opened:
        for (shard,), mine in rows.group_by("shard", maintain_order=True):
            paths = build.paths.shard(int(str(shard)))
            stored = _stored(paths, mine["id"].to_list())
            positions = dict(mine.select("id", "position").iter_rows())
            shown = [(positions[row["id"]], row["photos"]) for row in stored.values()]
            notes = {row["position"]: _notes(planned[row["id"]]["images"], row) for row in mine.iter_rows(named=True)}
            private = {positions[name]: decided[name] for name in stored.keys() & decided.keys()}
            photos = pictures(paths.images, shown, opened, notes, private, address)
            found += [
                _card({**planned[row["id"]], **row}, stored[row["id"]], *photos[row["position"]])
                for row in mine.iter_rows(named=True)
            ]
    return found


def _notes(images: Sequence[Row] | None, row: Row) -> dict[str, str]:
    """By role: how far from the sample a picture's own place is, and how large a pixel is on the ground."""
    found = {}
    for image in images or ():
        said = []
        if None not in (image["lat"], image["lon"], row["lat"], row["lon"]):
            away = haversine_km(row["lat"], row["lon"], image["lat"], image["lon"]) * 1000
            if round(away):
                said.append(f"{away:,.0f} m away" if away < 10_000 else f"{away / 1000:,.0f} km away")
        if image["metres_per_pixel"] is not None:
            said.append(f"{image['metres_per_pixel']:.2g} m a pixel")
        found[image["role"]] = ", ".join(said)
    return found


def _stored(paths: ShardPaths, ids: Collection[str]) -> dict[str, Row]:
    """What a shard holds of some samples, by id: photos, evidence, checks, and answers with their measures beside them.

    Vectors are left out: numbers by the thousand, of which a card shows none.
    """
    seen = ["evidence.list.element.source", "evidence.list.element.findings"]
    stored = read_rows(paths.answers, ["id", "photos", "answers", *seen], ids)
    if missing := sorted(set(ids) - stored.keys()):
        raise CorruptBuild(f"{paths.answers}: it has no row of sample {missing[0]!r}, which is planned for its shard")
    measured = read_rows(paths.verdicts, ["id", "located", "checks"], ids) if paths.verdicts.exists() else {}
    for name, row in stored.items():
        verdict = measured.get(name, {"located": [None] * len(row["answers"]), "checks": []})
        row["checks"] = verdict["checks"]
        if len(verdict["located"]) != len(row["answers"]):
            raise CorruptBuild(f"{paths.verdicts}: it measures other answers of sample {name!r} than {paths.answers}")
        row["answers"] = list(zip(row["answers"], verdict["located"], strict=True))
    return stored


def _quotas(counts: dict[str, int], limit: int) -> dict[str, int]:
    """Cards a decision: proportional, with a floor; what one decision cannot fill goes to the largest."""
    total = sum(counts.values())
    floor = math.ceil(limit * MIN_SHARE)
    quotas = {name: min(n, max(floor, limit * n // total)) for name, n in sorted(counts.items())}
    largest = max(counts, key=lambda name: (counts[name], name))
    quotas[largest] = min(counts[largest], quotas[largest] + limit - sum(quotas.values()))
    return quotas


def _card(row: Row, stored: Row, photos: tuple[Shown, ...], photos_left_out: int) -> Card:
    known = row["lat"] is not None and row["labelled"] is None
    told = [_guess(answer, located, known=known) for answer, located in stored["answers"]]
    codes = {
        row["country_code"] if located["country_correct"] else located["country_code"]
        for answer, located in stored["answers"]
        if located is not None and answer["place"] is not None and not answer["combined"]
    }
    return Card(
        id=row["id"],
        decision=row["decision"] if row["decision"] in (*DECISIONS, ANSWERED) else "quarantine",
        reasons=tuple(row["reasons"] or ()) + ((f"{row['removed_by']}:{row['reason']}",) if row["removed_by"] else ()),
        split=(row["split"] or "") if row["kept"] else "",
        went=shorten(went(row), 400),
        people=shorten(people_said(row), 600),
        country_code=row["country_code"] or "",
        country=row["country"] or "",
        place=shorten(row["place"], 200),
        scene=shorten(row["scene"], 40),
        lat=row["lat"],
        lon=row["lon"],
        uncertainty_km=row["uncertainty_km"],
        labelled=shorten(row["labelled"], 100),
        licence=shorten(row["licence"], 120),
        author=shorten(row["author"], 120),
        source_row=row["source_row"],
        pictures=photos,
        pictures_left_out=photos_left_out,
        texts=tuple((shorten(entry["name"], 60), len(entry["text"])) for entry in row["texts"][:SHOWN_SOURCES]),
        guesses=tuple(told[:SHOWN_ANSWERS]),
        guesses_left_out=max(0, len(told) - SHOWN_ANSWERS),
        evidence=tuple(_witnessed(one) for one in (stored["evidence"] or ())[:SHOWN_SOURCES]),
        checks=tuple({**check, "detail": shorten(check["detail"], 300)} for check in stored["checks"]),
        disagree=len(codes) > 1 or any(guess.failure for guess in told),
    )


def _witnessed(evidence: Mapping[str, Any]) -> Witnessed:
    findings = evidence["findings"] or ()
    shown = [_finding(finding) for finding in findings[:SHOWN_FINDINGS]]
    return Witnessed(shorten(evidence["source"], 60), tuple(shown), len(findings) - len(shown))


def _finding(finding: Mapping[str, Any]) -> tuple[str, str, float | None]:
    text = finding["text"]
    if not text and finding["lat"] is not None and finding["lon"] is not None:
        text = f"{finding['lat']:.4f}, {finding['lon']:.4f}"
    return shorten(finding["kind"], 40), shorten(text, 200), finding["score"]


def _guess(answer: Mapping[str, Any], located: Mapping[str, Any] | None, *, known: bool) -> Guess:
    place, measures = answer["place"] or {}, located or {}
    coordinates = (place.get("lat"), place.get("lon"))
    if None in coordinates:
        coordinates = (measures.get("named_lat"), measures.get("named_lon"))
    distance = measures.get("distance_km")
    names = [place[key] for key in ("city", "region", "country") if place.get(key)]
    clues: Sequence[Row] = place.get("clues") or []
    shown = clues[:SHOWN_CLUES]
    kinds = Counter(shorten(c["kind"], 40) or "other" for c in shown)
    return Guess(
        teacher=shorten(answer["teacher"], 120),
        draw=answer["draw"],
        combined=answer["combined"],
        saw_truth=shorten(answer["saw_truth"], 20),
        failure=answer["failure"],
        detail=shorten(answer["detail"], 300),
        says_place=bool(place),
        place=shorten(", ".join(dict.fromkeys(names)), 200),
        measured=known and located is not None,
        localizable=place.get("localizable"),
        confidence=place.get("confidence"),
        distance_km=measures.get("named_distance_km") if distance is None else distance,
        lat=coordinates[0],
        lon=coordinates[1],
        clues=tuple((shorten(c["kind"], 40), shorten(c["text"], 400), shorten(c["supports"], 200)) for c in shown),
        clues_left_out=len(clues) - len(shown),
        kinds=tuple(kinds.most_common(MAX_CHIPS)),
        reasoning=shorten(place.get("reasoning")) or described(answer["values"]),
        values=readable(answer["values"]),
    )
