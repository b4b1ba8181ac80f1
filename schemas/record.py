"""Records of one sample's way through a build: answers, evidence, checks, the verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import cos, dist, radians, sin
from typing import Any, Final, Literal

from schemas.answer import GeoAnswer
from schemas.sample import Sample

Outcome = Literal["pass", "fail", "abstain"]
Decision = Literal["accept", "review", "reject", "quarantine"]
SawTruth = Literal["none", "country", "place"]
"""How much of the truth was handed to whoever wrote an answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What came of asking one teacher about one sample once: what it said, or a typed failure."""

    teacher: str
    model: str
    draw: int = 0
    """0, 1, ... where a teacher is asked several times (`sampling.draws`)."""
    keys: tuple[str, ...] = ()
    """Ledger keys of the replies behind it, in order; the provenance that is released."""
    place: GeoAnswer | None = None
    """Where the photo was taken and how one can tell, for families that ask that; checks of places read it."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """What else the family made of the replies: plain JSON values."""
    saw_truth: SawTruth = "none"
    combined: bool = False
    """Made of all answers by the family's `combine` (a judge, a rewrite); no teacher's own word, no vote."""
    failure: str | None = None
    """Slug when there is nothing: refused, truncated, empty, not_json, permanent_error, exhausted, not_recorded, ..."""
    detail: str = ""


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
    region_correct: bool | None = None
    """Whether the place named lies in the truth's own region; None where either is unknown."""
    distance_km: float | None = None
    """Truth to the coordinates given."""
    named_distance_km: float | None = None
    """Truth to the centre of the named place."""
    near: bool | None = None
    """What `near_truth` found for this answer alone; None where it could not measure it, or is not among the checks."""

    def point(self, *levels: str) -> tuple[float, float] | None:
        """Where it says it is (lat, lon in degrees): its coordinates, else the centre of the place it names, if that is
        of one of these levels."""
        place = self.answered.place
        if place is not None and place.lat is not None and place.lon is not None:
            return place.lat, place.lon
        if self.named_level in levels and self.named_lat is not None and self.named_lon is not None:
            return self.named_lat, self.named_lon
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing a witness found in a picture or a text."""

    kind: str
    """A word of the field: entity, text, plate, place, label."""
    text: str = ""
    lat: float | None = None
    lon: float | None = None
    """WGS84 degrees, where it speaks for a place."""
    score: float | None = None
    """How sure the witness is, 0 to 1."""
    box: tuple[float, float, float, float] | None = None
    """Left, top, right, bottom in pixels of the prepared picture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a source other than the answering teacher contributes to verification."""

    source: str
    """Who says so: a witness, a detector, an embeddings endpoint."""
    findings: tuple[Finding, ...] = ()
    vectors: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """Vectors of clue texts, as float32 numbers."""

    @property
    def entities(self) -> tuple[str, ...]:
        """Texts of the things seen in the picture."""
        return tuple(finding.text for finding in self.findings if finding.kind == "entity")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a family is given of a sample. There is no truth in it."""

    id: str
    images: tuple[str, ...]
    """Roles of its pictures."""
    texts: Mapping[str, str] = field(default_factory=dict)
    """Those that the family says it reads (`Needs.texts`); others (the name of a landmark) may tell the place."""
    evidence: tuple[Evidence, ...] = ()
    """What the witnesses found that look before the teachers answer."""
    captured_at: str | None = None
    """When its pictures were taken, as the source says it; for witnesses, families are not given it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What `ask.truth` hands out: the country alone, or the place with its coordinates (WGS84 degrees)."""

    country: str | None
    country_code: str | None
    region: str | None = None
    city: str | None = None
    lat: float | None = None
    lon: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Photo:
    """What is known of one of a sample's pictures: the prepared picture's facts, or why it was refused."""

    role: str = "photo"
    sha256: str | None
    """Hex digest of the source bytes."""
    phash: int | None = None
    width: int | None = None
    height: int | None = None
    """Pixels, as prepared."""
    bytes: int | None = None
    """Size of the prepared JPEG."""
    refused: str | None = None
    """Slug of `factory.images.REASONS`."""
    detail: str = ""
    """The figures behind a refusal."""
    source_bytes: int | None = None
    source_mtime_ns: int | None = None
    """Of the source file when it was decoded: a later build takes the picture over only if both are unchanged."""


SUPPORT: Final = "support"
"""Kind of the finding by which a witness says how far it speaks for an answer's place: its `text` is the answer's
`voice_name`, its `score` above 0.5 for the place, below against it. Without such a finding it says nothing of it."""


def voice_name(answered: Answered) -> str:
    """What findings call an answer: its teacher, and which draw it is but for the first."""
    return answered.teacher if answered.draw == 0 else f"{answered.teacher}/{answered.draw}"


CALIBRATED: Final = "calibrated"
"""The decider whose check, of the same name, has as its score the probability that a sample is right."""
UNREADABLE: Final = "unreadable"
"""Reason of a check that abstains because of what a teacher stated and nobody could read."""
SUSPECTED_WRONG_TRUTH: Final = "suspected_wrong_truth"
"""Reason of a check that abstains because teachers who are sure and agree speak against the truth."""
DOUBTS: Final = frozenset((UNREADABLE, SUSPECTED_WRONG_TRUTH))
"""Reasons of an abstention that speak against a row: whatever the decider makes of it, the row is not accepted."""


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
class Label:
    """The place that a sample without a known one gets from its answers (a pseudo-label)."""

    teacher: str
    """Whose place it is."""
    probability: float
    """That it is right, by the decider's model."""
    radius_km: float
    """Within which it is right with that probability."""
    lat: float | None = None
    lon: float | None = None
    """WGS84 degrees; this and what follows is filled in behind the decider, which names the teacher alone."""
    country_code: str | None = None
    region: str | None = None
    city: str | None = None
    """As the gazetteer names the point."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the checks together decide, with every reason that led there."""

    decision: Decision
    reasons: tuple[str, ...]
    """`check:reason` of each check that pulled the sample away from acceptance; empty when accepted."""
    checks: tuple[CheckResult, ...]
    unreleasable: str | None = None
    """Why no row can be made of the sample, whoever accepts it: `no_place`, `nothing_to_release`, `unsound_messages`,
    `tells_the_truth`."""
    label: Label | None = None
    """The place of a sample without a known one; whoever accepts the sample accepts it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Everything that is known of a sample: what a check may look at, and what a family makes its rows of."""

    sample: Sample
    answers: tuple[LocatedAnswer, ...] = ()
    """One a (teacher, draw), in the recipe's order: independent votes."""
    combined: LocatedAnswer | None = None
    """What the family made of the answers, where it combines them."""
    evidence: tuple[Evidence, ...] = ()
    photos: tuple[Photo, ...] = ()
    verdict: Verdict | None = None
    """None while the checks are at work."""
    chosen: tuple[str, ...] = ()
    """Ledger keys of the answer that people read and accepted: no other may become the row."""

    @property
    def voices(self) -> tuple[LocatedAnswer, ...]:
        """One answer a teacher, in the recipe's order: its vote. Of several draws the one nearest to all its others (by
        its coordinates, else those of the place it names); chosen without a look at the truth."""
        by_teacher: dict[str, list[LocatedAnswer]] = {}
        for found in self.answers:
            by_teacher.setdefault(found.answered.teacher, []).append(found)
        return tuple(draws[0] if len(draws) == 1 else _medoid(draws) for draws in by_teacher.values())

    @property
    def measured(self) -> tuple[LocatedAnswer, ...]:
        """The voices that may speak for the sample: those that were measured near the truth, all where none was; the
        one that people chose."""
        near = tuple(found for found in self.heard if found.near)
        return near or self.heard

    @property
    def heard(self) -> tuple[LocatedAnswer, ...]:
        """The voices of which one becomes the row: all, or the answer that people chose."""
        chosen = tuple(found for found in self.answers if self.chosen and found.answered.keys == self.chosen)
        return chosen or self.voices

    @property
    def given(self) -> tuple[LocatedAnswer, ...]:
        """Every answer, the combined one included: whatever may be released."""
        return self.answers if self.combined is None else (*self.answers, self.combined)


def _medoid(draws: list[LocatedAnswer]) -> LocatedAnswer:
    usable = [found for found in draws if found.answered.failure is None] or draws
    placed = [(found, point) for found in usable if (point := _on_the_sphere(found)) is not None]
    if not placed:
        return usable[0]
    return min(placed, key=lambda one: sum(dist(one[1], point) for _, point in placed))[0]


def _on_the_sphere(found: LocatedAnswer) -> tuple[float, float, float] | None:
    """The unit vector of where an answer is; chords order distances as arcs do."""
    point = found.point("city", "region", "country")
    if point is None:
        return None
    phi, lam = (radians(degrees) for degrees in point)
    return cos(phi) * cos(lam), cos(phi) * sin(lam), sin(phi)
