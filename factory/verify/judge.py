"""What the checks decide for a whole shard, once all its answers are in. No call is made and no file written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from factory.generators.mp16_reason import is_releasable
from factory.recipe.model import VerifyBlock
from factory.store.part import IMAGE_CHECK, ShardImage
from factory.verify import verify_case
from factory.verify.locate import locate, place_queries, resolve
from schemas import Answered, Case, CheckResult, Evidence, LocatedAnswer, Sample, Verdict

ANSWERS_CHECK: Final = "answers"
"""Name under which accepted answers that say nothing stand among a row's checks."""


def judge(
    samples: Sequence[Sample],
    images: Sequence[ShardImage],
    answers: Sequence[Sequence[Answered]],
    evidence: Sequence[Sequence[Evidence]],
    verify: VerifyBlock,
    *,
    worldview: str = "default",
) -> tuple[list[tuple[LocatedAnswer, ...]], list[Verdict]]:
    """Locates every answer and decides every sample, in plan order.

    A sample without a usable image or without any usable answer is quarantined: there is nothing to check. One that
    the decider accepts although no right answer has reasoning goes to review: a dataset of reasons cannot release it.
    """
    places = resolve(place_queries([answered for given in answers for answered in given]), worldview=worldview)
    checks = [(check.name, check.settings) for check in verify.checks]
    decider = (verify.decide.name, verify.decide.settings)
    located_answers: list[tuple[LocatedAnswer, ...]] = []
    verdicts: list[Verdict] = []
    for sample, image, given, seen in zip(samples, images, answers, evidence, strict=True):
        located = locate(sample, given, places)
        located_answers.append(located)
        if image.refused is not None:
            refusal = CheckResult(check=IMAGE_CHECK, outcome="fail", reason=image.refused, detail=image.detail)
            verdicts.append(_quarantine(f"{IMAGE_CHECK}:{image.refused}", checks=(refusal,)))
        elif all(answered.answer is None for answered in given):
            verdicts.append(_quarantine(*(f"teachers:{answered.failure}" for answered in given)))
        else:
            case = Case(sample=sample, answers=located, evidence=tuple(seen))
            verdicts.append(_with_reasoning(verify_case(case, checks, decider), located))
    return located_answers, verdicts


def _with_reasoning(verdict: Verdict, answers: Sequence[LocatedAnswer]) -> Verdict:
    """The verdict, or review in place of an acceptance that leaves nothing to release."""
    spoken = [(found.answered.answer, found.country_correct) for found in answers]
    if verdict.decision != "accept" or any(said and is_releasable(said.reasoning, right) for said, right in spoken):
        return verdict
    silent = CheckResult(
        check=ANSWERS_CHECK,
        outcome="fail",
        reason="no_reasoning",
        detail="no answer in the right country says why: nothing to release",
    )
    reasons = (*verdict.reasons, f"{ANSWERS_CHECK}:{silent.reason}")
    return replace(verdict, decision="review", reasons=reasons, checks=(*verdict.checks, silent))


def _quarantine(*reasons: str, checks: tuple[CheckResult, ...] = ()) -> Verdict:
    return Verdict(decision="quarantine", reasons=tuple(dict.fromkeys(reasons)), checks=checks)
