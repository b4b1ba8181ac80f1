"""The report of a build: one self-contained HTML file, from whatever the build has reached.

`write_report(build)` reads the frames once, aggregates them, chooses the cards of the gallery and renders the page.
It shows nothing that is not in the build's files, so a report can be made again at any time.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from factory.geo import world_map as maps
from factory.report import charts, funnel, gallery, html, measures
from factory.report.acceptance import acceptance
from factory.report.frames import (
    ANSWERED,
    DECISIONS,
    PENDING,
    TIERS_KM,
    Frames,
    dropped,
    ledger_totals,
    read_frames,
)
from factory.report.pictures import Address, embedded
from factory.report.worths import Worth
from factory.store.files import make_folder, write_bytes
from factory.store.layout import Build
from factory.store.paid import currency_of

__all__ = ["write_gallery", "write_report"]

DECISION_WORDS = {
    "accept": "accepted",
    "review": "to review",
    "reject": "rejected",
    "quarantine": "quarantined",
    ANSWERED: "not yet verified",
    PENDING: "not yet worked",
}
CALIBRATION_SIDE = 100.0
MOST_CARDS = 2_000
"""Of a gallery whose pictures lie beside the page: what one page of cards is meant for, not a measured limit."""
PICTURES = "pictures"
NOT_RELEASED = "none"
"""What the filter by split calls samples that are in none."""


def write_report(build: Build, path: Path | None = None, *, worths: Sequence[Worth] = ()) -> Path:
    """Writes the report and returns its path (`report.html` of the build by default).

    Args:
        worths: what each source of evidence is worth on the build's known places (`factory.verify.worth`).

    Works at any state of the build: frames that do not exist yet are shown as empty. Raises CorruptBuild when a file
    of the build cannot be read.
    """
    target = path or build.paths.report
    page = html.render(*_page(build, worths))
    write_bytes(page.encode(), target)
    return target


def write_gallery(build: Build, folder: Path, limit: int, *, worths: Sequence[Worth] = ()) -> Path:
    """Writes the report with more cards into a folder of its own, `report.html` with its pictures beside it in
    `pictures/`, and returns its path. What lay there of an earlier one is written over.

    Args:
        limit: cards, at most `MOST_CARDS`.
        worths: as of `write_report`.

    Raises CorruptBuild as `write_report` does, and where something else than files and folders lies in the way.
    """
    folder.mkdir(parents=True, exist_ok=True)
    make_folder(folder / PICTURES)
    count = 0

    def beside(jpeg: bytes) -> str:
        nonlocal count
        name, count = f"{PICTURES}/{count:06d}.jpg", count + 1
        write_bytes(jpeg, folder / name)
        return name

    page = html.render(*_page(build, worths, limit, beside), beside=PICTURES)
    write_bytes(page.encode(), folder / build.paths.report.name)
    return folder / build.paths.report.name


def _page(
    build: Build, worths: Sequence[Worth] = (), limit: int = gallery.MAX_CARDS, address: Address = embedded
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The template's values and the script's data."""
    frames = read_frames(build)
    samples = frames.samples
    chosen = gallery.choose(samples, limit)
    cards = gallery.cards(build, frames, chosen, address=address)
    world_map = maps.world_map(samples.filter(pl.col("lat").is_not_null()), DECISIONS)
    context = {
        "header": _header(build, frames),
        "words": DECISION_WORDS,
        "decisions": DECISIONS,
        "tiers": TIERS_KM,
        "world": maps.world(),
        "map": world_map,
        "phases": funnel.phases(frames, dropped(build)),
        "countries": funnel.places(samples, "country_code", "country"),
        "scenes": funnel.places(samples, "scene", "scene"),
        "cards": cards,
        "card_ids": set(chosen),
        "not_shown": samples.height - len(cards),
        "choices": _choices(cards),
        **_teacher_context(frames),
        **_check_context(frames),
        **_acceptance_context(build, frames),
        "worths": worths,
    }
    return context, {"cards": [_script_card(card) for card in cards]}


def _header(build: Build, frames: Frames) -> dict[str, Any]:
    info = build.info
    counts = dict(frames.samples["decision"].value_counts().iter_rows())
    changed = datetime.fromtimestamp(build.paths.info.stat().st_mtime, tz=UTC).isoformat()
    when = str(info.get("finished_at") or info.get("started_at") or changed)
    return {
        "recipe": str(info.get("recipe") or info.get("name") or build.paths.root.name),
        "profile": str(info.get("profile") or ""),
        "fingerprint": str(info.get("fingerprint") or ""),
        "state": str(info.get("state") or "unknown"),
        "version": str(info.get("factory_version") or ""),
        "when": when[:16].replace("T", " "),
        "seconds": info.get("seconds") if isinstance(info.get("seconds"), int | float) else None,
        "planned": frames.samples.height,
        "counts": {decision: counts.get(decision, 0) for decision in (*DECISIONS, ANSWERED, PENDING)},
        "kept": int(frames.samples["kept"].sum() or 0),
        "by_people": int(frames.samples["person"].is_not_null().sum()),
        "countries": frames.samples["country_code"].drop_nulls().n_unique(),
        "ledger": ledger_totals(build),
        "currency": currency_of(build.recipe),
    }


def _teacher_context(frames: Frames) -> dict[str, Any]:
    teachers = measures.teacher_statistics(frames)
    tallest = max((b.count for teacher in teachers for b in teacher.distances), default=1)
    pairs = measures.pair_statistics(frames)
    judged, known = measures.judged_samples(frames)
    says_places = any(teacher.says_places for teacher in teachers)
    return {
        "teachers": [
            {
                "it": teacher,
                "histogram": charts.distance_histogram(teacher.distances, largest=tallest),
                "calibration": charts.calibration_points(teacher.calibration, CALIBRATION_SIDE),
            }
            for teacher in teachers
        ],
        "pairs": pairs,
        "pair_of": {(pair.first, pair.second): pair for pair in pairs},
        "judged": judged,
        "known": known,
        "unplaced": says_places and not known,
        "say_places": says_places and known > 0,
        "right_km": measures.RIGHT_KM,
    }


def _check_context(frames: Frames) -> dict[str, Any]:
    checks = measures.check_statistics(frames.checks)
    drawn = [charts.score_histogram(c.scores, log=c.log_axis, threshold=c.threshold) for c in checks]
    directions = measures.score_directions(frames.checks)
    return {"directions": directions, "checks": [{"it": c, "histogram": h} for c, h in zip(checks, drawn, strict=True)]}


def _acceptance_context(build: Build, frames: Frames) -> dict[str, Any]:
    found = acceptance(build, frames.samples)
    points = () if found is None else charts.calibration_points(found.reliability, CALIBRATION_SIDE)
    return {"acceptance": found, "reliability": points}


def _choices(cards: list[gallery.Card]) -> dict[str, list[tuple[str, str, int]]]:
    """(value, label, cards) of the filters of the gallery."""
    reasons = pl.Series([reason for card in cards for reason in card.reasons], dtype=pl.String)
    countries = {card.country_code: card.country for card in cards}
    codes = pl.Series([card.country_code for card in cards], dtype=pl.String)
    counted = dict(codes.value_counts().iter_rows())
    splits = pl.Series([card.split for card in cards], dtype=pl.String).value_counts().iter_rows()
    return {
        "splits": sorted((value or NOT_RELEASED, value or "not released", n) for value, n in splits),
        "reasons": sorted((value, value, n) for value, n in reasons.value_counts().iter_rows()),
        "countries": sorted(((c, countries[c], counted[c]) for c in countries), key=lambda choice: choice[1]),
    }


def _script_card(card: gallery.Card) -> dict[str, Any]:
    """What the filters and the locator read. A combined answer is none of the teachers' and no line on the map."""
    guesses = [
        [g.teacher, g.lat, g.lon, g.distance_km, g.confidence, f"{g.teacher} {g.draw + 1}" if draws[1:] else g.teacher]
        for draws in card.told
        for g in draws
        if not g.combined and (g.says_place or g.failure)
    ]
    return {
        "id": card.id,
        "decision": card.decision,
        "reasons": card.reasons,
        "split": card.split or NOT_RELEASED,
        "country": card.country_code,
        "truth": None if card.lat is None else [card.lat, card.lon],
        "labelled": bool(card.labelled),
        "disagree": card.disagree,
        "scores": [[check["check"], check["score"]] for check in card.checks if check["score"] is not None],
        "guesses": guesses,
    }
