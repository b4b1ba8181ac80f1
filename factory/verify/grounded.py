"""GLOBE's fourth step: what a teacher says it sees, somebody else sees too.

Both directions count. GLOBE's released reward only measures recall, the share of known entities that the reasoning
mentions, so invented entities cost nothing; precision, the share of mentioned entities that another source confirms,
is what catches them. Until detectors give entities, the other teachers are the other source. Two teachers
can share an illusion, so this is weaker evidence than a detector's.
"""

from __future__ import annotations

from typing import NamedTuple

from factory.plugins.registry import register
from factory.verify.clues import affirmed, containment, said, similarities, words
from factory.verify.votes import Teachers, Vote, combine, no_answer
from schemas import Case, CheckResult, GeoAnswer
from schemas.settings import Share

MAX_ENTITIES = 200
"""Entities taken from one source of evidence; the rest is ignored, so that a hostile list cannot stall a shard."""


class _Source(NamedTuple):
    """What one source says is in the picture."""

    entities: tuple[str, ...]
    prose: str
    """Running text of the same source, where entities are mentioned rather than listed."""


class _Shares(NamedTuple):
    precision: float | None
    recall: float | None

    @property
    def mean(self) -> float | None:
        return None if self.precision is None or self.recall is None else (self.precision + self.recall) / 2


class _Least(NamedTuple):
    mean: float
    precision: float
    recall: float


@register("check", "grounded")
def grounded(
    case: Case,
    *,
    min_mean: Share = 0.4,
    min_precision: Share = 0.15,
    min_recall: Share = 0.15,
    min_match: Share = 0.3,
    teachers: Teachers = "all",
) -> CheckResult:
    """Each teacher's clues are confirmed by another source, and it mentions what the others know of.

    Step 4 of GLOBE ("verify reasoning entities are visible"); its thresholds and segmenter are not published. Ours are
    a guard against swapped or invented clues, no measure of quality, which they do not predict. Precision alone is low
    where one teacher lists five things and the other three of them, so both directions are taken together. Measured
    on two sets of photos with four teachers: with these defaults 173 of 174 pairs of right answers about one photo
    pass, and of pairs about different photos 1.0 % and 2.1 %.

    Args:
        case: The sample with its answers; entities are taken from `case.evidence`.
        min_mean: Least mean of precision and recall.
        min_precision: Least share of a teacher's clues that another source confirms (the other teachers' clues and
            reasoning, and the entities in evidence).
        min_recall: Least share of the entities known from the other sources (their clues, and entities in evidence)
            that the teacher mentions in its clues or reasoning.
        min_match: Share of weighted words that two descriptions must have in common to mean the same thing.
        teachers: `all`: every teacher must be grounded. `any`: one is enough.

    What a reasoning denies ("no sign is visible") is neither a mention nor a confirmation. A teacher abstains without
    an answer or clues; the check abstains as `no_other_source` when there is nobody to compare with. Fails as
    `unconfirmed_clues` or `known_clues_missing`, whichever of the two is lower. The score is the lowest mean, or the
    precision or recall that alone is too low; `detail` has both for each teacher.
    """
    least = _Least(min_mean, min_precision, min_recall)
    own = {index: _source(located.answered.place) for index, located in enumerate(case.voices)}
    votes: list[Vote] = []
    shares: list[_Shares] = []
    for index, located in enumerate(case.voices):
        teacher, source = located.answered.teacher, own[index]
        if source is None:
            votes.append(no_answer(located))
            continue
        others = [other for position, other in own.items() if position != index and other is not None]
        others += [
            _Source(tuple(text for text in evidence.entities[:MAX_ENTITIES] if words(text).total), "")
            for evidence in case.evidence
            if evidence.entities and evidence.source != teacher
        ]
        found = _shares(source, others, min_match)
        shares.append(found)
        votes.append(_vote(teacher, found, bool(others), least))
    score, threshold = _score(shares, least)
    return combine(
        "grounded",
        votes,
        teachers=teachers,
        passed="grounded",
        nothing="no_answer",
        threshold=threshold,
        score=score,
    )


def _source(answer: GeoAnswer | None) -> _Source | None:
    if answer is None:
        return None
    listed = said([clue.text for clue in answer.clues])
    return _Source(listed, answer.reasoning)


def _shares(source: _Source, others: list[_Source], min_match: float) -> _Shares:
    precision = recall = None
    if source.entities and any(other.entities or other.prose for other in others):
        confirmed = [_seen(source.entities, other, min_match) for other in others]
        precision = sum(map(any, zip(*confirmed, strict=True))) / len(source.entities)
    known = sum(len(other.entities) for other in others)
    if known and (source.entities or source.prose):
        recall = sum(sum(_seen(other.entities, source, min_match)) for other in others) / known
    return _Shares(precision, recall)


def _seen(entities: tuple[str, ...], source: _Source, min_match: float) -> list[bool]:
    """For each entity whether the source lists something like it, or its prose holds the entity's words."""
    rows = similarities(entities, source.entities)
    return [
        max(row, default=0.0) >= min_match
        or (source.prose != "" and containment(words(entity), affirmed(source.prose)) >= min_match)
        for entity, row in zip(entities, rows, strict=True)
    ]


def _vote(teacher: str, found: _Shares, compared: bool, least: _Least) -> Vote:
    precision, recall = found
    detail = f"precision {_shown(precision)}, recall {_shown(recall)}"
    if precision is not None and precision < least.precision:
        return Vote(teacher, "fail", "unconfirmed_clues", precision, detail)
    if recall is not None and recall < least.recall:
        return Vote(teacher, "fail", "known_clues_missing", recall, detail)
    if precision is None or recall is None or found.mean is None:
        return Vote(teacher, "abstain", "no_clues" if compared else "no_other_source", None, detail)
    if found.mean < least.mean:
        reason = "unconfirmed_clues" if precision <= recall else "known_clues_missing"
        return Vote(teacher, "fail", reason, found.mean, detail)
    return Vote(teacher, "pass", "grounded", found.mean, detail)


def _shown(share: float | None) -> str:
    return "-" if share is None else f"{share:.2f}"


def _score(shares: list[_Shares], least: _Least) -> tuple[float | None, float]:
    """What stands in the result, and its threshold: a share that is too low by itself, else the lowest mean."""
    precision = min((found.precision for found in shares if found.precision is not None), default=None)
    recall = min((found.recall for found in shares if found.recall is not None), default=None)
    if precision is not None and precision < least.precision:
        return precision, least.precision
    if recall is not None and recall < least.recall:
        return recall, least.recall
    return min((found.mean for found in shares if found.mean is not None), default=None), least.mean
