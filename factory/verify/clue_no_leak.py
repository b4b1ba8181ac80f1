"""Does a teacher that chose clues quote what no picture shows?"""

from __future__ import annotations

from dataclasses import replace

from factory.plugins.registry import register
from factory.verify.clue_known import chosen_clues
from factory.verify.leak_rules import Leak
from factory.verify.no_leak import no_leak
from schemas import Case, CheckResult, Clue, GeoAnswer, LocatedAnswer


@register("check", "clue_no_leak")
def clue_no_leak(case: Case, *, allow: tuple[Leak, ...] = ()) -> CheckResult:
    """`no_leak` on the description, on what is seen of each chosen clue, and on the words about it.

    Args:
        case: the sample with the clues that its teachers chose (`values`).
        allow: kinds of leak that do not fail here, as of `no_leak`.

    The clue itself, its source and its licence are the repository's and are not searched. Outcomes, reasons and score
    are those of `no_leak`.
    """
    found = no_leak(replace(case, answers=tuple(map(_spoken, case.voices)), combined=None), allow=allow)
    return replace(found, check="clue_no_leak")


def _spoken(found: LocatedAnswer) -> LocatedAnswer:
    """The answer with the teacher's words where `no_leak` reads them."""
    chosen = chosen_clues(found)
    if chosen is None:
        return found
    clues = tuple(Clue(text=item["seen"], supports=item["text"]) for item in chosen)
    said = GeoAnswer(localizable=False, reasoning=found.answered.values.get("description", ""), clues=clues)
    return replace(found, answered=replace(found.answered, place=said))
