"""A teacher's reply about Paris, and what is read of a text."""

from __future__ import annotations

import json
from typing import Any

from factory.generators.parse import parse_answer
from factory.plugins.contracts import ParseFailure
from schemas import GeoAnswer

PARIS: dict[str, Any] = {
    "scene": "urban",
    "clues": [{"kind": "signage", "text": "RUE DE RIVOLI", "supports": "France"}],
    "reasoning": "The blue plate reads Rue de Rivoli.",
    "localizable": True,
    "confidence": 0.9,
    "country": "France",
    "region": "Île-de-France",
    "city": "Paris",
    "latitude": 48.8556,
    "longitude": 2.3585,
}


def parsed(text: str, finish_reason: str | None = "stop") -> GeoAnswer:
    answer = parse_answer(text, finish_reason)
    assert isinstance(answer, GeoAnswer), answer
    return answer


def failed(text: str, finish_reason: str | None = "stop") -> str:
    failure = parse_answer(text, finish_reason)
    assert isinstance(failure, ParseFailure), failure
    return failure.kind


def with_fields(**fields: Any) -> GeoAnswer:
    return parsed(json.dumps({**PARIS, **fields}))


CLEAN = json.dumps(PARIS, ensure_ascii=False)
PROSE = "Let me look at the street sign first, then at the houses behind it."
