"""Typed records of the factory and the Arrow schemas of its files. Imports nothing of ours but itself."""

from __future__ import annotations

from schemas.answer import Clue, GeoAnswer
from schemas.record import (
    Answered,
    Case,
    CheckResult,
    Evidence,
    Finding,
    Label,
    LocatedAnswer,
    Outcome,
    Photo,
    SawTruth,
    Seen,
    Truth,
    Verdict,
)
from schemas.request import Picture, Reply, Request, Turn
from schemas.sample import Deflated, FilePart, ImageRef, Sample

__all__ = [
    "Answered",
    "Case",
    "CheckResult",
    "Clue",
    "Deflated",
    "Evidence",
    "FilePart",
    "Finding",
    "GeoAnswer",
    "ImageRef",
    "Label",
    "LocatedAnswer",
    "Outcome",
    "Photo",
    "Picture",
    "Reply",
    "Request",
    "Sample",
    "SawTruth",
    "Seen",
    "Truth",
    "Turn",
    "Verdict",
]
