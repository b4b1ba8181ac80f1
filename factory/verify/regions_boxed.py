"""Do the regions of a picture have boxes that lie in it, each another one, each with words?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field

from factory.plugins.registry import register
from factory.verify.votes import Vote, combine, faulty, no_answer, quoted
from schemas import Case, CheckResult, LocatedAnswer

Count = Annotated[int, Field(ge=0, le=100)]
Part = Annotated[float, Field(ge=0, le=1)]


@register("check", "regions_boxed")
def regions_boxed(case: Case, *, min_regions: Count = 2, slack: Part = 0.01, min_side: Part = 0.01) -> CheckResult:
    """Enough regions, each a sentence and a box (cx, cy, w, h, shares of the sides) inside the picture.

    Args:
        case: the sample with its regions (`values`).
        min_regions: fewest.
        slack: how far a box may reach beyond an edge.
        min_side: least width and height.

    Fails as `too_few`, `outside`, `too_small`, `same_box`, `no_sentence` or `same_sentence`; the score is the number of
    faults, its threshold 0. Abstains without an answer (`no_answer`). Whether a box shows what its sentence says it
    cannot see.
    """
    votes = [_vote(found, min_regions, slack, min_side) for found in case.voices]
    faults = [vote.score for vote in votes if vote.score is not None]
    score = sum(faults) if faults else None
    return combine(
        "regions_boxed", votes, teachers="all", passed="boxed", nothing="no_answer", threshold=0.0, score=score
    )


def _vote(found: LocatedAnswer, min_regions: int, slack: float, min_side: float) -> Vote:
    teacher = found.answered.teacher
    if found.answered.failure is not None:
        return no_answer(found)
    regions: Sequence[Mapping[str, Any]] = found.answered.values.get("regions", ())
    faults = list(_faults(regions, min_regions, slack, min_side))
    return faulty(teacher, faults) if faults else Vote(teacher, "pass", "boxed", 0.0, f"boxes {len(regions)} regions")


def _faults(
    regions: Sequence[Mapping[str, Any]], min_regions: int, slack: float, min_side: float
) -> Iterator[tuple[str, str]]:
    if len(regions) < min_regions:
        yield "too_few", f"{len(regions)} of {min_regions} regions"
    boxes, sentences = set[tuple[float, ...]](), set[str]()
    for region in regions:
        sentence, box = str(region["sentence"]), tuple(map(float, region["box"]))
        cx, cy, w, h = box
        if min(cx - w / 2, cy - h / 2, 1 - cx - w / 2, 1 - cy - h / 2) < -slack:
            yield "outside", str(list(box))
        if min(w, h) < min_side:
            yield "too_small", str(list(box))
        if box in boxes:
            yield "same_box", str(list(box))
        if not sentence:
            yield "no_sentence", str(list(box))
        elif sentence.casefold() in sentences:
            yield "same_sentence", quoted(sentence)
        boxes.add(box)
        sentences.add(sentence.casefold())
