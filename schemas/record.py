"""Records of one sample's way through a build: answers, evidence, checks, the verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from schemas.answer import GeoAnswer
from schemas.sample import Sample

Outcome = Literal["pass", "fail", "abstain"]
Decision = Literal["accept", "review", "reject", "quarantine"]
Origin = Literal["call", "replay", "ledger"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What came back for one (sample, teacher): a parsed answer, or a typed failure."""

    teacher: str
    model: str
    request_key: str
    """Ledger key of the call whose reply this is; the provenance id that is released."""
    answer: GeoAnswer | None
    failure: str | None = None
    """Slug when `answer` is None: refused, truncated, empty, not_json, permanent_error, exhausted, not_recorded, ..."""
    detail: str = ""
    origin: Origin = "call"
    """call: paid now; replay: recorded by somebody else; ledger: paid in an earlier run."""
    attempts: int = 1
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0
    """In the currency of the recipe's prices; 0.0 when no price is given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocatedAnswer:
    """An answer with its names resolved and measured against the truth (kilometres on the sphere)."""

    answered: Answered
    country_code: str | None = None
    """ISO 3166-1 alpha-2 of the country the teacher named."""
    named_lat: float | None = None
    named_lon: float | None = None
    """Centre of the most precise place named (city, else region, else country)."""
    named_level: Literal["city", "region", "country"] | None = None
    country_correct: bool | None = None
    distance_km: float | None = None
    """Truth to the coordinates given."""
    named_distance_km: float | None = None
    """Truth to the centre of the named place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a source other than the answering teacher contributes to verification."""

    source: str
    """Who says so: a witness, a detector, an embeddings endpoint."""
    entities: tuple[str, ...] = ()
    """Things seen in the image."""
    vectors: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """Unit vectors of clue texts, when an embeddings endpoint is configured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Everything a check may look at."""

    sample: Sample
    answers: tuple[LocatedAnswer, ...]
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """One check's finding. Abstain means the check could not look; it is never a fail."""

    check: str
    outcome: Outcome
    reason: str
    """Slug, stable across releases: country_differs, too_far, low_confidence, quotes_coordinates, ..."""
    score: float | None = None
    threshold: float | None = None
    detail: str = ""
    """One line for people: which teacher, what was compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the checks together decide, with every reason that led there."""

    decision: Decision
    reasons: tuple[str, ...]
    """`check:reason` of each check that pulled the sample away from acceptance; empty when accepted."""
    checks: tuple[CheckResult, ...]
