"""A case as numbers, and the numbers of many cases as arrays: what `calibrated` knows samples by.

    confidence:TEACHER   stated, 0 to 1             level:TEACHER   1 city, 0.5 region, 0 nothing as fine
    placed:TEACHER       1 where there is a place   right:TEACHER   1 or 0, where the truth is known
    km:TEACHER:TEACHER   between two places         group           who belongs together, a whole number
    model:TEACHER        which model answered, a whole number
    support:WITNESS:TEACHER  how far a witness speaks for the place, -1 to 1; only where it says anything

What was not said, cannot be read or cannot be measured is left out; in arrays it is nan.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from math import isnan, nan

import numpy as np
import polars as pl

from factory.generators.labelled import stated_point
from factory.verify.calibration import Said
from factory.verify.clues import vector_overlap
from factory.verify.logistic import Flags, Reals
from schemas import Case, LocatedAnswer, Sample
from schemas.record import SUPPORT, voice_name

_LEVELS = {"city": 1.0, "region": 0.5}
_CONFIDENCE, _LEVEL, _PLACED, _RIGHT, _KM, _GROUP = "confidence", "level", "placed", "right", "km", "group"
_MODEL, _SUPPORT = "model", "support"


def features_of(case: Case, *, radius_km: float, witnesses: Sequence[str] = ()) -> dict[str, float]:
    """One sample's numbers, with the support of the witnesses named. A teacher that was shown the place says nothing by
    naming it."""
    from factory.geo import haversine_km

    found = {_GROUP: group_of(case.sample)}
    points = {voice.answered.teacher: stated_point(voice) for voice in case.voices}
    for voice in case.voices:
        teacher, place, point = voice.answered.teacher, voice.answered.place, points[voice.answered.teacher]
        sure = None if place is None or voice.answered.saw_truth == "place" else place.confidence
        found[f"{_CONFIDENCE}:{teacher}"] = nan if sure is None else sure
        found[f"{_LEVEL}:{teacher}"] = _LEVELS.get(voice.named_level or "", 0.0)
        found[f"{_PLACED}:{teacher}"] = float(point is not None)
        found[f"{_MODEL}:{teacher}"] = _number_of(f"model {voice.answered.model}")
        found[f"{_RIGHT}:{teacher}"] = _right(case.sample, voice, point, radius_km)
    for (one, here), (other, there) in combinations(sorted(points.items()), 2):
        known = here is not None and there is not None
        found[f"{_KM}:{one}:{other}"] = haversine_km(*here, *there) if known else nan  # type: ignore[misc]
    found |= {f"{_SUPPORT}:{witness}:{name}": far for witness in witnesses for name, far in supports(case, witness)}
    return {name: number for name, number in found.items() if not isnan(number)}


def supports(case: Case, witness: str) -> Iterator[tuple[str, float]]:
    """Teachers of whose place a witness says anything, and how far it speaks for it: 1 for, -1 against, 0 neither.

    A witness that gives vectors of clues speaks for the teachers whose clues mean what another's do.
    """
    heard = [evidence for evidence in case.evidence if evidence.source == witness]
    said = {
        finding.text: 2.0 * finding.score - 1.0
        for evidence in heard
        for finding in evidence.findings
        if finding.kind == SUPPORT and finding.score is not None and 0.0 <= finding.score <= 1.0
    }
    vectors = next((evidence.vectors for evidence in heard if evidence.vectors), None)
    for voice in case.voices if said or vectors else ():
        if (far := said.get(voice_name(voice.answered))) is not None:
            yield voice.answered.teacher, far
        elif vectors and (alike := _most_alike(case, voice, vectors)) is not None:
            yield voice.answered.teacher, 2.0 * alike - 1.0


def _most_alike(case: Case, voice: LocatedAnswer, vectors: Mapping[str, tuple[float, ...]]) -> float | None:
    """The overlap of a teacher's clues with those of the other whose clues are most like them, by vectors."""
    place = voice.answered.place
    others = [other.answered.place for other in case.voices if other is not voice]
    if place is None:
        return None
    mine = [clue.text for clue in place.clues]
    found = (vector_overlap(mine, [clue.text for clue in other.clues], vectors) for other in others if other)
    return max((alike for alike in found if alike is not None), default=None)


def group_of(sample: Sample) -> float:
    """A whole number below 2**48 for whom a sample's errors may go together with: its author; else a day and a degree
    of latitude and longitude, which is a trip; else the sample by itself."""
    whom = f"author {sample.author}" if sample.author else f"sample {sample.id}"
    if not sample.author and sample.placed:
        day = (sample.captured_at or "")[:10]
        whom = f"trip {day} {round(sample.lat)} {round(sample.lon)}"
    return _number_of(whom)


@lru_cache(maxsize=4_096)
def _number_of(text: str) -> float:
    """A whole number below 2**48 for a text."""
    return float(int.from_bytes(hashlib.sha256(text.encode()).digest()[:6]))


@dataclass(frozen=True, slots=True)
class Read:
    """Numbers of samples as arrays, for teachers in the order given."""

    said: Said
    right: Flags
    """(rows, teachers); False where the truth is not known."""
    known: Flags
    """(rows,) whether the truth is known."""
    groups: Reals
    """(rows,)"""
    models: Reals
    """(rows, teachers) which model answered, as a number."""


def teachers_in(names: Sequence[str]) -> list[str]:
    """The teachers that features are of, sorted."""
    return sorted(name.removeprefix(f"{_PLACED}:") for name in names if name.startswith(f"{_PLACED}:"))


def read(rows: pl.DataFrame | Mapping[str, float], teachers: Sequence[str], witnesses: Sequence[str] = ()) -> Read:
    """Features of many samples (a frame) or of one (a mapping) as arrays; a column that is missing is nan."""
    height, count = rows.height if isinstance(rows, pl.DataFrame) else 1, len(teachers)

    def column(name: str) -> Reals:
        if name not in rows:
            return np.full(height, np.nan)
        if isinstance(rows, pl.DataFrame):
            return rows[name].cast(pl.Float64).fill_null(nan).to_numpy().astype(np.float64)
        return np.array([rows[name]], dtype=np.float64)

    def columns(kind: str) -> Reals:
        return (
            np.stack([column(f"{kind}:{teacher}") for teacher in teachers], axis=1) if count else np.zeros((height, 0))
        )

    apart = np.full((height, count, count), np.nan)
    for one, other in combinations(range(count), 2):
        apart[:, one, other] = apart[:, other, one] = column(f"{_KM}:{teachers[one]}:{teachers[other]}")
    right = columns(_RIGHT)
    heard = [columns(f"{_SUPPORT}:{witness}") for witness in witnesses]
    support = np.stack(heard, axis=2) if heard else np.zeros((height, count, 0))
    said = Said(columns(_CONFIDENCE), columns(_LEVEL), columns(_PLACED) == 1, apart, support)
    known: Flags = np.asarray(np.isfinite(right).any(axis=1), dtype=np.bool_)
    return Read(said, right == 1, known, column(_GROUP), columns(_MODEL))


def _right(sample: Sample, voice: LocatedAnswer, point: tuple[float, float] | None, radius_km: float) -> float:
    from factory.geo import haversine_km

    if not sample.placed:
        return nan
    if point is None or voice.country_correct is False:
        return 0.0
    return float(haversine_km(sample.lat, sample.lon, *point) <= radius_km + sample.uncertainty_km)
