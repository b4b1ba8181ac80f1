"""One vote a teacher, combined into one result: the three-valued logic that checks share.

A teacher without an answer, or whose answer gives nothing to look at, abstains and leaves the finding to the others:
a failed call says nothing about the photo. That two answers were wanted and one came is for `teachers_agree` to say
(`single_answer`) and for the decider's `review_abstained` to act on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Literal, NamedTuple

from schemas import CheckResult, LocatedAnswer, Outcome
from schemas.record import UNREADABLE

Teachers = Literal["all", "any"]
MOST_TOLD: Final = 8
"""Faults of an answer that a detail names."""
MOST_QUOTED: Final = 80
"""Characters of a quote in a detail."""


class Vote(NamedTuple):
    """What a check finds for one teacher."""

    teacher: str
    outcome: Outcome
    reason: str
    score: float | None = None
    detail: str = ""


def no_answer(found: LocatedAnswer) -> Vote:
    """The vote for a teacher that gave nothing to look at."""
    why = found.answered.failure or "failed"
    return Vote(found.answered.teacher, "abstain", "no_answer", None, f"gave no answer ({why})")


def faulty(teacher: str, faults: Sequence[tuple[str, str]]) -> Vote:
    """A fail for the first of the faults, each a reason with its words; the score is how many there are."""
    told = "; ".join(f"{reason.replace('_', ' ')}: {words}" for reason, words in faults[:MOST_TOLD])
    return Vote(teacher, "fail", faults[0][0], float(len(faults)), told)


def quoted(text: str) -> str:
    """Somebody's words as a detail shows them."""
    return f"“{text[:MOST_QUOTED]}”"


def combine(
    check: str,
    votes: Sequence[Vote],
    *,
    teachers: Teachers,
    passed: str,
    nothing: str,
    threshold: float | None,
    score: float | None,
) -> CheckResult:
    """One result of many votes.

    Args:
        check: Name of the check.
        votes: One a teacher.
        teachers: `all`: one fail fails. `any`: one pass passes. Abstentions never count against a sample.
        passed: Reason slug of a pass.
        nothing: Reason slug when there was no vote at all.
        threshold: What the score was compared with.
        score: The score that decided, as the check aggregates it.
    """
    outcomes = [vote.outcome for vote in votes]
    strong: Outcome = "fail" if teachers == "all" else "pass"
    weak: Outcome = "pass" if teachers == "all" else "fail"
    outcome: Outcome = strong if strong in outcomes else weak if weak in outcomes else "abstain"
    reason = passed
    if outcome != "pass":
        reason = votes[outcomes.index(outcome)].reason if votes else nothing
    detail = "; ".join([f"{vote.teacher} {vote.detail or vote.reason}" for vote in votes])
    found = CheckResult(check=check, outcome=outcome, reason=reason, score=score, threshold=threshold, detail=detail)
    return doubted(found, votes, teachers=teachers)


def doubted(found: CheckResult, votes: Sequence[Vote], *, teachers: Teachers) -> CheckResult:
    """The result, or an abstention where it owes its pass, or its silence, to a vote that could not be read.

    A statement that nobody can read might have been a fail: under `all` it takes a pass away, under `any` another
    teacher's pass stands.
    """
    unread = any(vote.reason == UNREADABLE for vote in votes)
    if not unread or found.outcome == "fail" or (found.outcome == "pass" and teachers == "any"):
        return found
    return replace(found, outcome="abstain", reason=UNREADABLE)
