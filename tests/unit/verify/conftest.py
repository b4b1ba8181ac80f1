"""Builders of samples and answers for the checks' tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from factory.geo import haversine_km
from schemas import Answered, Case, Evidence, GeoAnswer, ImageRef, LocatedAnswer, Sample

KAZAN = (55.79, 49.12)


def located(teacher: str = "first", *, failure: str | None = None, **fields: Any) -> LocatedAnswer:
    """An answer measured against Kazan; keywords are those of GeoAnswer and Answered, `clues` is a list of texts."""
    said = {name: fields.pop(name) for name in ("draw", "combined", "saw_truth") if name in fields}
    names = ("country_code", "named_lat", "named_lon", "named_level", "country_correct")
    names += ("region_correct", "named_distance_km")
    measured = {name: fields.pop(name) for name in names if name in fields}
    if failure is not None:
        return LocatedAnswer(answered=Answered(teacher=teacher, model="m", keys=(teacher,), failure=failure))
    clues = [{"text": text} for text in fields.pop("clues", ())]
    answer = GeoAnswer.model_validate({"localizable": True, "confidence": 0.9, **fields, "clues": clues})
    distance = None
    if answer.lat is not None and answer.lon is not None:
        distance = haversine_km(*KAZAN, answer.lat, answer.lon)
    answered = Answered(teacher=teacher, model="m", keys=(teacher,), place=answer, **said)
    return LocatedAnswer(answered=answered, distance_km=distance, **measured)


def case(*answers: LocatedAnswer, evidence: Sequence[Evidence] = (), **fields: Any) -> Case:
    truth: dict[str, Any] = {
        "id": "ru-kazan-07",
        "images": (ImageRef(locator=fields.pop("image", "images/ru-kazan-07.jpg")),),
        "lat": KAZAN[0],
        "lon": KAZAN[1],
        "country_code": "RU",
    }
    sample = Sample(**{**truth, **fields})
    combined = next((found for found in answers if found.answered.combined), None)
    own = tuple(found for found in answers if not found.answered.combined)
    return Case(sample=sample, answers=own, combined=combined, evidence=tuple(evidence))


@pytest.fixture
def make_answer() -> Callable[..., LocatedAnswer]:
    return located


@pytest.fixture
def make_case() -> Callable[..., Case]:
    return case
