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
from factory.verify.votes import Teachers, Vote, combine
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


@register("check", "grounded")
def grounded(
    case: Case,
    *,
    min_precision: Share = 0.5,
    min_recall: Share = 0.3,
    min_match: Share = 0.3,
    teachers: Teachers = "all",
) -> CheckResult:
    """Each teacher's clues are confirmed by another source, and it mentions what the others know of.

    Step 4 of GLOBE ("verify reasoning entities are visible"); its thresholds and segmenter are not published. Ours,
    measured on 138 photos with two teachers: at `min_match` 0.3 another teacher confirms 84 % of the clues about the
    same photo and 2 % of clues about a different one.

    Args:
        case: The sample with its answers; entities are taken from `case.evidence`.
        min_precision: Least share of a teacher's clues that another source confirms (the other teachers' clues and
            reasoning, and the entities in evidence).
        min_recall: Least share of the entities known from the other sources (their clues, and entities in evidence)
            that the teacher mentions in its clues or reasoning.
        min_match: Share of weighted words that two descriptions must have in common to mean the same thing.
        teachers: `all`: every teacher must be grounded. `any`: one is enough.

    What a reasoning denies ("no sign is visible") is neither a mention nor a confirmation. A teacher abstains without
    an answer or clues; the check abstains as `no_other_source` when there is nobody to compare with. The score is the
    lowest precision, or the lowest recall where only recall fails; `detail` has both for each teacher.
    """
    own = {index: _source(located.answered.place) for index, located in enumerate(case.voices)}
    votes: list[Vote] = []
    shares: list[_Shares] = []
    for index, located in enumerate(case.voices):
        teacher, source = located.answered.teacher, own[index]
        if source is None:
            failure = located.answered.failure or "failed"
            votes.append(Vote(teacher, "abstain", "no_answer", None, f"gave no answer ({failure})"))
            continue
        others = [other for position, other in own.items() if position != index and other is not None]
        others += [
            _Source(tuple(text for text in evidence.entities[:MAX_ENTITIES] if words(text).total), "")
            for evidence in case.evidence
            if evidence.entities and evidence.source != teacher
        ]
        found = _shares(source, others, min_match)
        shares.append(found)
        votes.append(_vote(teacher, found, bool(others), min_precision, min_recall))
    score, threshold = _score(shares, min_precision, min_recall)
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


def _vote(teacher: str, found: _Shares, compared: bool, min_precision: float, min_recall: float) -> Vote:
    precision, recall = found
    detail = f"precision {_shown(precision)}, recall {_shown(recall)}"
    if precision is not None and precision < min_precision:
        return Vote(teacher, "fail", "unconfirmed_clues", precision, detail)
    if recall is not None and recall < min_recall:
        return Vote(teacher, "fail", "known_clues_missing", recall, detail)
    if precision is None or recall is None:
        return Vote(teacher, "abstain", "no_clues" if compared else "no_other_source", None, detail)
    return Vote(teacher, "pass", "grounded", precision, detail)


def _shown(share: float | None) -> str:
    return "-" if share is None else f"{share:.2f}"


def _score(shares: list[_Shares], min_precision: float, min_recall: float) -> tuple[float | None, float]:
    precision = min((found.precision for found in shares if found.precision is not None), default=None)
    recall = min((found.recall for found in shares if found.recall is not None), default=None)
    if recall is not None and recall < min_recall and (precision is None or precision >= min_precision):
        return recall, min_recall
    return precision, min_precision
