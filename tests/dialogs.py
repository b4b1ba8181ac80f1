"""Dialogs of MG-Geo as teachers write them, for tests of its family, its checks and whole builds."""

from __future__ import annotations

import json
import math
from typing import Any, Final

from factory.generators.mg_geo_dialog import Dialog, read_dialog, said
from factory.plugins.contracts import ParseFailure
from schemas import Answered, LocatedAnswer, Reply
from schemas.record import SawTruth

KM: Final = math.degrees(1 / 6371.0088)
"""Degrees of latitude that are a kilometre on the sphere."""
REPLY: Final[dict[str, Any]] = {
    "question_1": "Considering the architectural design, which region of the world displays such forms, and why?",
    "reasoning_1": "The walls are white and the towers have the form of a tent, which is how Russian masons built.",
    "answer_1": "It is a fortress on the middle Volga.",
    "question_2": "What can be learnt from any writing in view about the language?",
    "reasoning_2": "The signs are written twice, in Russian and in a language with letters of its own, which is Tatar.",
    "answer_2": "It is the capital of Tatarstan.",
    "question_3": "Which town fits best, and which rival candidates can be excluded?",
    "reasoning_3": "The leaning tower of seven tiers is found in one fortress alone, and the minarets stand beside it.",
    "answer_3": "It is the kremlin of Kazan.",
    "question_4": "Which coordinates would you give, in decimal degrees?",
    "answer_4": "The fortress stands on the hill above the river.",
    "latitude": 55.79,
    "longitude": 49.12,
}


def reply(*, north_km: float = 0.0, lat: float = 55.79, lon: float = 49.12, **more: Any) -> str:
    """A reply whose coordinates lie so many kilometres north of a point."""
    return json.dumps({**REPLY, "latitude": lat + north_km * KM, "longitude": lon, **more}, ensure_ascii=False)


def dialog(**more: Any) -> Dialog:
    found = read_dialog(Reply(text=reply(**more), finish_reason="stop"))
    assert not isinstance(found, ParseFailure)
    return found


def answer(
    first: Dialog, again: Dialog | None = None, *, teacher: str = "t", saw: SawTruth | None = None
) -> LocatedAnswer:
    """What the family makes of one dialog, or of two."""
    told = said(first, again)
    seen = saw or ("none" if again is None else "place")
    return LocatedAnswer(
        answered=Answered(teacher=teacher, model="m", keys=("k",), place=told.place, values=told.values, saw_truth=seen)
    )
