"""What the checks decide for a whole shard, once all its answers are in. No call is made and no file written."""

from __future__ import annotations

from collections.abc import Sequence

from factory.part import IMAGE_CHECK, ShardImage
from factory.recipe import VerifyBlock
from factory.verify import verify_case
from factory.verify.locate import locate, place_queries, resolve
from schemas import Answered, Case, CheckResult, Evidence, LocatedAnswer, Sample, Verdict


def judge(
    samples: Sequence[Sample],
    images: Sequence[ShardImage],
    answers: Sequence[Sequence[Answered]],
    evidence: Sequence[Sequence[Evidence]],
    verify: VerifyBlock,
) -> tuple[list[tuple[LocatedAnswer, ...]], list[Verdict]]:
    """Locates every answer and decides every sample, in plan order.

    A sample without a usable image or without any usable answer is quarantined: there is nothing to check.
    """
    places = resolve(place_queries([answered for given in answers for answered in given]))
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
            verdicts.append(verify_case(case, checks, decider))
    return located_answers, verdicts


def _quarantine(*reasons: str, checks: tuple[CheckResult, ...] = ()) -> Verdict:
    return Verdict(decision="quarantine", reasons=tuple(dict.fromkeys(reasons)), checks=checks)
