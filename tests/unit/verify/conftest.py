"""Builders of samples and answers for the checks' tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from factory.geo import haversine_km
from schemas import Answered, Case, Evidence, GeoAnswer, LocatedAnswer, Sample

KAZAN = (55.79, 49.12)


def located(teacher: str = "first", *, failure: str | None = None, **fields: Any) -> LocatedAnswer:
    """An answer measured against Kazan; keywords are those of GeoAnswer, `clues` is a list of texts."""
    names = ("country_code", "named_lat", "named_lon", "named_level", "country_correct", "named_distance_km")
    measured = {name: fields.pop(name) for name in names if name in fields}
    if failure is not None:
        answered = Answered(teacher=teacher, model="m", request_key=teacher, answer=None, failure=failure)
        return LocatedAnswer(answered=answered)
    clues = [{"text": text} for text in fields.pop("clues", ())]
    answer = GeoAnswer.model_validate({"localizable": True, "confidence": 0.9, **fields, "clues": clues})
    distance = None
    if answer.lat is not None and answer.lon is not None:
        distance = haversine_km(*KAZAN, answer.lat, answer.lon)
    answered = Answered(teacher=teacher, model="m", request_key=teacher, answer=answer)
    return LocatedAnswer(answered=answered, distance_km=distance, **measured)


def case(*answers: LocatedAnswer, evidence: Sequence[Evidence] = (), **fields: Any) -> Case:
    truth: dict[str, Any] = {
        "id": "ru-kazan-07",
        "image": "images/ru-kazan-07.jpg",
        "lat": KAZAN[0],
        "lon": KAZAN[1],
        "country_code": "RU",
    }
    return Case(sample=Sample(**{**truth, **fields}), answers=answers, evidence=tuple(evidence))


@pytest.fixture
def make_answer() -> Callable[..., LocatedAnswer]:
    return located


@pytest.fixture
def make_case() -> Callable[..., Case]:
    return case
