"""Typed records of the factory and the Arrow schemas of its files. Imports nothing of ours but itself."""

from __future__ import annotations

from schemas.answer import Clue, GeoAnswer
from schemas.record import Answered, Case, CheckResult, Evidence, LocatedAnswer, Outcome, Verdict
from schemas.sample import Sample

__all__ = [
    "Answered",
    "Case",
    "CheckResult",
    "Clue",
    "Evidence",
    "GeoAnswer",
    "LocatedAnswer",
    "Outcome",
    "Sample",
    "Verdict",
]
