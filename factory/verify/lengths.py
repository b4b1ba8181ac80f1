"""Whether what answers say is neither too short nor too long, in whatever it is counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from factory.verify.votes import Vote, combine
from schemas import CheckResult


def length_vote(teacher: str, length: int, least: int, most: int, *, unit: str) -> Vote:
    """`fits`, `too_short` or `too_long`, both bounds inclusive; the score is the length."""
    told = f"writes {length:,} {unit}"
    if least <= length <= most:
        return Vote(teacher, "pass", "fits", float(length), told)
    return Vote(teacher, "fail", "too_short" if length < least else "too_long", float(length), told)


def lengths_fit(
    name: str, votes: Sequence[Vote], least: int, most: int, *, tells: Literal["shortest", "longest"]
) -> CheckResult:
    """What a check of lengths says of its votes: the score is the length of the first that failed, with the bound it
    missed, else that of the text which `tells`, with the bound on its side."""
    failed = next((vote for vote in votes if vote.outcome == "fail"), None)
    known = [vote.score for vote in votes if vote.score is not None]
    lower = failed.reason == "too_short" if failed is not None else tells == "shortest"
    score = failed.score if failed is not None else (min if lower else max)(known, default=None)
    bound = float(least if lower else most)
    return combine(name, votes, teachers="all", passed="fits", nothing="no_answer", threshold=bound, score=score)
