"""The gallery: which samples are shown, and everything a card says about one.

At most MAX_CARDS samples are shown, so that the page stays one file a browser opens at once. The choice is
deterministic: every decision is represented, and within a decision the reasons and countries take turns.
"""

from __future__ import annotations

import base64
import io
import math
import tarfile
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from PIL import Image

from factory.report.frames import DECISIONS, PENDING, Frames
from factory.store.images import ImageStore
from factory.store.layout import Build
from factory.store.tables import read_columns, read_table
from schemas import arrow

MAX_CARDS = 240
MIN_SHARE = 0.08
"""Share of the cards that each decision gets at least, when it has so many samples."""
THUMBNAIL_STEPS = ((480, 70), (400, 65), (320, 55), (240, 45))
"""(longest side in pixels, JPEG quality), tried in turn until a thumbnail fits."""
MAX_THUMBNAIL_BYTES = 36_000
"""240 of these in base64 are 11.5 MB: the page stays under 15 MB."""
MAX_SOURCE_MEGAPIXELS = 300.0
MAX_TEXT = 3000
MAX_CLUES = 16
MAX_CHIPS = 6

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Guess:
    """One teacher's answer as a card shows it; all text is as the teacher wrote it, shortened."""

    teacher: str
    failure: str | None
    detail: str
    place: str
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


@dataclass(frozen=True, slots=True)
class Card:
    """One sample of the gallery."""

    id: str
    decision: str
    reasons: tuple[str, ...]
    went: str
    country_code: str
    country: str
    place: str
    scene: str
    lat: float
    lon: float
    uncertainty_km: float
    licence: str
    author: str
    source_row: int
    width: int | None
    height: int | None
    thumbnail: str | None
    """data: URI, or None when the sample has no prepared photo."""
    guesses: tuple[Guess, ...]
    checks: tuple[Row, ...]
    disagree: bool
    """The teachers name different countries, or one of them failed: worth a look."""


def choose(samples: pl.DataFrame, limit: int = MAX_CARDS) -> list[str]:
    """Ids of the samples to show, in plan order."""
    worked = samples.filter(pl.col("decision") != PENDING)
    if worked.height <= limit:
        return worked["id"].to_list()
    quotas = _quotas(dict(worked["decision"].value_counts().iter_rows()), limit)
    turns = worked.with_columns(first_reason=pl.coalesce(pl.col("removed_by"), pl.col("reasons").list.first()))
    turns = turns.with_columns(turn=pl.int_range(pl.len()).over("decision", "first_reason", "country_code"))
    ordered = turns.sort("turn", "order").with_columns(rank=pl.int_range(pl.len()).over("decision"))
    quota = pl.col("decision").replace_strict(quotas, default=0, return_dtype=pl.Int64)
    return ordered.filter(pl.col("rank") < quota).sort("order")["id"].to_list()


def cards(build: Build, frames: Frames, ids: list[str]) -> list[Card]:
    """The cards of the chosen samples, with their thumbnails."""
    if not ids:
        return []
    chosen = pl.DataFrame({"id": ids}, schema={"id": pl.String})
    rows = frames.samples.join(chosen, on="id", how="semi").sort("order")
    extra = read_columns(build.paths.plan, ["id", "licence", "author", "source_row"])
    more = {row["id"]: row for row in extra.join(chosen, on="id", how="semi").iter_rows(named=True)}
    found: list[Card] = []
    for (shard,), mine in rows.group_by("shard", maintain_order=True):
        paths = build.paths.shard(int(str(shard)))
        part = read_table(paths.part, arrow.PART).join(chosen, on="id", how="semi")
        details = {row["id"]: row for row in part.iter_rows(named=True)}
        photos = _photos(paths.images, mine["position"].to_list())
        found += [
            _card({**more[row["id"]], **row}, details[row["id"]], photos.get(row["position"]))
            for row in mine.iter_rows(named=True)
        ]
    return found


def thumbnail(jpeg: bytes) -> bytes | None:
    """A small JPEG without metadata, or None when the bytes are no JPEG that can be decoded."""
    try:
        with Image.open(io.BytesIO(jpeg), formats=["JPEG"]) as opened:
            if opened.width * opened.height > MAX_SOURCE_MEGAPIXELS * 1e6:
                return None
            opened.draft("RGB", (THUMBNAIL_STEPS[0][0], THUMBNAIL_STEPS[0][0]))
            image = opened.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    for side, quality in THUMBNAIL_STEPS:
        image.thumbnail((side, side), Image.Resampling.LANCZOS)
        out = io.BytesIO()
        image.save(out, "JPEG", quality=quality, optimize=True)
        if out.tell() <= MAX_THUMBNAIL_BYTES:
            break
    return out.getvalue()


def went(row: Mapping[str, Any]) -> str:
    """Where a sample ended: its split, the rule that removed it, review, or why it was refused."""
    decision, reasons = row["decision"], ", ".join(reason_words(reason) for reason in row["reasons"] or ())
    if decision == "accept":
        if row["kept"]:
            return f"released in {row['split'] or 'no split'}"
        if row["removed_by"]:
            detail = f" ({row['detail']})" if row["detail"] else ""
            reason = (row["reason"] or "no reason given").replace("_", " ")
            return f"removed by {row['removed_by']}: {reason}{detail}"
        return "accepted, not yet selected"
    verb = {"review": "waits for review", "reject": "rejected", "quarantine": "quarantined"}.get(decision, decision)
    return f"{verb}: {reasons}" if reasons else str(verb)


def reason_words(slug: str) -> str:
    """`near_truth:too_far` -> `near_truth too far`: the check keeps its name, the reason becomes words."""
    rule, colon, reason = slug.partition(":")
    return f"{rule} {reason.replace('_', ' ')}" if colon else slug


def shorten(text: str | None, limit: int = MAX_TEXT) -> str:
    """Text for display: control and direction-changing characters made visible, length bounded."""
    if not text:
        return ""
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    return "".join(f"\N{WHITE SQUARE}{ord(c):X}" if _hides(c) else c for c in cut)


def _hides(char: str) -> bool:
    """Control characters and bidirectional overrides, which can make a page show other text than it holds."""
    code = ord(char)
    return (
        (code < 32 and char not in "\n\t")
        or 0x7F <= code < 0xA0
        or 0x202A <= code <= 0x202E
        or 0x2066 <= code <= 0x2069
    )


def _quotas(counts: dict[str, int], limit: int) -> dict[str, int]:
    """Cards a decision: proportional, with a floor; what one decision cannot fill goes to the largest."""
    total = sum(counts.values())
    floor = math.ceil(limit * MIN_SHARE)
    quotas = {name: min(n, max(floor, limit * n // total)) for name, n in sorted(counts.items())}
    largest = max(counts, key=lambda name: (counts[name], name))
    quotas[largest] = min(counts[largest], quotas[largest] + limit - sum(quotas.values()))
    return quotas


def _card(row: Row, part: Row, photo: str | None) -> Card:
    guesses = tuple(_guess(answer) for answer in part["answers"] or ())
    said = [answer for answer in part["answers"] or () if answer["failure"] is None]
    codes = {row["country_code"] if answer["country_correct"] else answer["country_code"] for answer in said}
    return Card(
        id=row["id"],
        decision=row["decision"] if row["decision"] in DECISIONS else "quarantine",
        reasons=tuple(row["reasons"] or ()) + ((f"{row['removed_by']}:{row['reason']}",) if row["removed_by"] else ()),
        went=shorten(went(row), 400),
        country_code=row["country_code"] or "",
        country=row["country"] or "",
        place=shorten(row["place"], 200),
        scene=shorten(row["scene"], 40),
        lat=row["lat"],
        lon=row["lon"],
        uncertainty_km=row["uncertainty_km"],
        licence=shorten(row["licence"], 120),
        author=shorten(row["author"], 120),
        source_row=row["source_row"],
        width=part["image_width"],
        height=part["image_height"],
        thumbnail=photo,
        guesses=guesses,
        checks=tuple({**check, "detail": shorten(check["detail"], 300)} for check in part["checks"] or ()),
        disagree=len(codes) > 1 or any(guess.failure for guess in guesses),
    )


def _photos(images: Path, positions: Sequence[int]) -> dict[int, str]:
    """Thumbnails as data: URIs by position, without those of photos that are missing or cannot be read."""
    found: dict[int, str] = {}
    with suppress(OSError, ValueError, tarfile.TarError), ImageStore(images) as store:
        for position in positions:
            with suppress(KeyError, ValueError, OSError):
                if small := thumbnail(store.read(position)):
                    found[position] = "data:image/jpeg;base64," + base64.b64encode(small).decode("ascii")
    return found


def _guess(answer: Row) -> Guess:
    coordinates = (answer["lat"], answer["lon"])
    if None in coordinates:
        coordinates = (answer["named_lat"], answer["named_lon"])
    distance = answer["distance_km"] if answer["distance_km"] is not None else answer["named_distance_km"]
    names = [answer[key] for key in ("city", "region", "country") if answer[key]]
    clues = (answer["clues"] or [])[:MAX_CLUES]
    kinds = Counter(shorten(c["kind"], 40) or "other" for c in clues)
    return Guess(
        teacher=answer["teacher"],
        failure=answer["failure"],
        detail=shorten(answer["detail"], 300),
        place=shorten(", ".join(dict.fromkeys(names)), 200),
        localizable=answer["localizable"],
        confidence=answer["confidence"],
        distance_km=distance,
        lat=coordinates[0],
        lon=coordinates[1],
        clues=tuple((shorten(c["kind"], 40), shorten(c["text"], 400), shorten(c["supports"], 200)) for c in clues),
        clues_left_out=len(answer["clues"] or ()) - len(clues),
        kinds=tuple(kinds.most_common(MAX_CHIPS)),
        reasoning=shorten(answer["reasoning"]),
    )
