"""Recorded answers with what the witnesses `ocr` and `facts` find, for the ablation on real photos and its twin."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import polars as pl
from PIL import Image

from factory.report.worths import Worth
from factory.verify.said import features_of
from factory.verify.worth import worths
from factory.witnesses import facts, ocr
from factory.witnesses.signs import Line
from schemas import Case, Evidence, Finding

LEAST_SCORE = 0.6
"""The default of `ocr`'s `min_score`."""


def lines_in(path: Path) -> list[Line]:
    """The lines that `ocr` reads in a picture, prepared as a JPEG of quality 92."""
    out = io.BytesIO()
    with Image.open(path) as picture:
        picture.convert("RGB").save(out, "JPEG", quality=92)
    return [line for line in ocr.read({"Det": None, "Rec": None}, out.getvalue()) if line.score >= LEAST_SCORE]


def witnessed(cases: Iterable[Case], lines: Mapping[str, list[Line]]) -> list[Case]:
    """The cases with evidence of both witnesses."""
    found = []
    for case in cases:
        answers = [one.answered for one in case.answers]
        read, known = lines.get(case.sample.id), tuple(facts.findings(answers))
        evidence = [Evidence(source="facts", findings=known)] if known else []
        if read:
            evidence.append(Evidence(source="ocr", findings=tuple(ocr.findings(read, answers, near_km=25.0))))
        found.append(replace(case, evidence=tuple(evidence)))
    return found


def measured(cases: Iterable[Case]) -> tuple[Worth, ...]:
    """What agreement, `ocr` and `facts` are worth, within 25 km."""
    names = ("facts", "ocr")
    rows = [{"id": case.sample.id, **features_of(case, radius_km=25.0, witnesses=names)} for case in cases]
    return worths(pl.DataFrame(rows, infer_schema_length=None).sort("id"), names, radius_km=25.0)


def of_kind(cases: Iterable[Case], kind: str) -> list[Finding]:
    return [one for case in cases for evidence in case.evidence for one in evidence.findings if one.kind == kind]
