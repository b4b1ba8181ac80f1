"""What every teacher answered about a sample, as the column `answers` of its rows: also those who were wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from schemas import Answered, Case


def all_answers(case: Case, said: Sequence[Answered] | None = None) -> list[dict[str, Any]]:
    """Every answer about a sample in the recipe's order, draws one after the other, what the family combined last.

    Args:
        said: the same answers as they came, where people rewrote one: what a teacher said stays said.
    """
    given = [found.answered for found in case.given] if said is None else said
    return [_told(one, found.distance_km) for one, found in zip(given, case.given, strict=True)]


def _told(answered: Answered, distance_km: float | None) -> dict[str, Any]:
    place = answered.place
    more: dict[str, Any] = dict(answered.values)
    if place is not None:
        said = place.model_dump(include={"localizable", "scene", "clues", "unreadable"})
        more = {**{name: value for name, value in said.items() if value not in (None, ())}, **more}
    return {
        "teacher": answered.teacher,
        "model": answered.model,
        "draw": answered.draw,
        "combined": answered.combined,
        "saw_truth": answered.saw_truth,
        "failure": answered.failure or "",
        "country": None if place is None else place.country,
        "region": None if place is None else place.region,
        "city": None if place is None else place.city,
        "lat": None if place is None else place.lat,
        "lon": None if place is None else place.lon,
        "confidence": None if place is None else place.confidence,
        "distance_km": distance_km,
        "reasoning": "" if place is None else place.reasoning,
        "more": orjson.dumps(more, option=orjson.OPT_SORT_KEYS).decode() if more else "",
        "requests": list(answered.keys),
    }
