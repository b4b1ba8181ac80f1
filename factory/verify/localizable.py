"""GLOBE's first step: keep photos that the teachers call localizable, and are sure enough of.

A stated confidence is only as good as the teacher's habit of stating it; set the threshold for your teachers.
"""

from __future__ import annotations

from typing import Literal

from factory.plugins.registry import register
from factory.verify.votes import Vote, combine, doubted, no_answer
from schemas import Case, CheckResult, LocatedAnswer
from schemas.record import UNREADABLE
from schemas.settings import Share


@register("check", "localizable")
def localizable(
    case: Case, *, min_confidence: Share = 0.3, teachers: Literal["all", "any", "mean"] = "all"
) -> CheckResult:
    """The teachers say the photo can be located, with enough confidence.

    Step 1 of GLOBE ("drop negative or low localizability"); the paper publishes no threshold. 0.3 is ours, measured:
    of 117 photos that two teachers placed within 25 km of each other 8 were wrong by more than that, and in 7 of
    these one of the two was less sure than 0.3.

    Args:
        case: The sample with its answers.
        min_confidence: Least stated confidence, 0 to 1; at 0 the statement `localizable` alone decides.
        teachers: `all`: every answer must reach it (score: the lowest). `any`: one is enough (score: the highest).
            `mean`: the mean must, where `not localizable` counts as 0.

    A teacher without an answer, or that states no confidence where one is asked for, abstains; the others decide. The
    check abstains when nobody is left (`no_answer`, `no_confidence`), and where a statement that a pass would need
    cannot be read (`unreadable`): such a sample is never accepted.
    """
    votes = [_vote(located, min_confidence) for located in case.voices]
    scores = [vote.score for vote in votes if vote.score is not None]
    if teachers == "mean":
        return doubted(_mean(votes, scores, min_confidence), votes, teachers="all")
    score = (min if teachers == "all" else max)(scores, default=None)
    return combine(
        "localizable",
        votes,
        teachers=teachers,
        passed="localizable",
        nothing="no_answer",
        threshold=min_confidence,
        score=score,
    )


def _vote(located: LocatedAnswer, min_confidence: float) -> Vote:
    answered, answer = located.answered, located.answered.place
    if answer is None:
        return no_answer(located)
    unread = [name for name in ("localizable", "confidence") if name in answer.unreadable]
    if min_confidence <= 0.0 and "confidence" in unread:
        unread.remove("confidence")
    if unread and (answer.localizable or "localizable" in unread):
        return Vote(answered.teacher, "abstain", UNREADABLE, None, f"{' and '.join(unread)}: cannot be read")
    if not answer.localizable:
        return Vote(answered.teacher, "fail", "not_localizable", 0.0, "says not localizable")
    confidence = answer.confidence
    if confidence is None:
        if min_confidence > 0.0:
            return Vote(answered.teacher, "abstain", "no_confidence", None, "states no confidence")
        return Vote(answered.teacher, "pass", "localizable", None, "says localizable")
    if confidence < min_confidence:
        return Vote(answered.teacher, "fail", "low_confidence", confidence, f"{confidence:.2f} < {min_confidence:.2f}")
    return Vote(answered.teacher, "pass", "localizable", confidence, f"{confidence:.2f} >= {min_confidence:.2f}")


def _mean(votes: list[Vote], scores: list[float], min_confidence: float) -> CheckResult:
    if not scores:
        return combine(
            "localizable",
            votes,
            teachers="all",
            passed="localizable",
            nothing="no_answer",
            threshold=min_confidence,
            score=None,
        )
    mean = sum(scores) / len(scores)
    # At a threshold of 0 a mean of 0 would pass although every teacher said no.
    enough = mean >= min_confidence and any(
        vote.reason != "not_localizable" for vote in votes if vote.score is not None
    )
    said_no = all(vote.reason == "not_localizable" for vote in votes if vote.score is not None)
    reason = "localizable" if enough else "not_localizable" if said_no else "low_confidence"
    return CheckResult(
        check="localizable",
        outcome="pass" if enough else "fail",
        reason=reason,
        score=mean,
        threshold=min_confidence,
        detail="; ".join(f"{vote.teacher} {vote.detail}" for vote in votes),
    )
