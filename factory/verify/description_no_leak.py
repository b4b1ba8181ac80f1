"""Does a description of a place quote what no picture shows: coordinates, file names, metadata, the instructions?"""

from __future__ import annotations

from dataclasses import replace

from factory.plugins.registry import register
from factory.verify.descriptions import description_of
from factory.verify.leak_rules import Leak
from factory.verify.no_leak import no_leak
from schemas import Case, CheckResult, GeoAnswer, LocatedAnswer


@register("check", "description_no_leak")
def description_no_leak(case: Case, *, allow: tuple[Leak, ...] = ()) -> CheckResult:
    """`no_leak` on the description and on the sentences about its regions.

    Args:
        case: the sample with its descriptions (`values`).
        allow: kinds of leak that do not fail here, as of `no_leak`.

    Outcomes, reasons and score are those of `no_leak`. Coordinates are the rule that CVG-Text states itself.
    """
    found = no_leak(replace(case, answers=tuple(map(_spoken, case.voices)), combined=None), allow=allow)
    return replace(found, check="description_no_leak")


def _spoken(found: LocatedAnswer) -> LocatedAnswer:
    """The answer with the teacher's words where `no_leak` reads them."""
    text = description_of(found)
    if text is None:
        return found
    return replace(found, answered=replace(found.answered, place=GeoAnswer(localizable=False, reasoning=text)))
