"""Do the clues lead to the country where the round was?"""

from __future__ import annotations

from factory.generators.naviclues import sentences_of, text_of
from factory.generators.spoken import plain
from factory.geo.names import country_code
from factory.plugins.registry import register
from factory.verify.added_words import countries_named
from factory.verify.votes import Vote, combine, no_answer
from schemas import Case, CheckResult, LocatedAnswer
from schemas.record import UNREADABLE


@register("check", "right_country")
def right_country(case: Case) -> CheckResult:
    """The player settled on the true country, and where the text names countries, it is among them.

    Args:
        case: the round with its sentences and `country` (`values`).

    A guess of 3,400 points may lie in the next country: 576 km off. Fails as `country_differs` where the player settled
    on another; abstains as `names_others` where the text names others alone, as `no_country` where nothing names one (6
    and 6 of the 1,120 released texts), as `unreadable`, which nobody accepts, where nobody knows the country that was
    settled on, as `no_truth` and as `no_answer`.
    """
    votes = [_vote(found, case.sample.country_code) for found in case.voices]
    return combine(
        "right_country", votes, teachers="all", passed="right", nothing="no_answer", threshold=None, score=None
    )


def _vote(found: LocatedAnswer, truth: str | None) -> Vote:
    teacher, sentences = found.answered.teacher, sentences_of(found)
    if sentences is None:
        return no_answer(found)
    if truth is None:
        return Vote(teacher, "abstain", "no_truth", None, "cannot be compared: the place has no country")
    return _compared(teacher, found.answered.values.get("country"), text_of(sentences), truth)


def _compared(teacher: str, settled: str | None, text: str, truth: str) -> Vote:
    code = None if settled is None else country_code(settled)
    named = countries_named(plain(text))
    if code not in (None, truth):
        return Vote(teacher, "fail", "country_differs", None, f"settles on {settled}; the round was in {truth}")
    if settled is not None and code is None:
        return Vote(teacher, "abstain", UNREADABLE, None, f"settles on {settled[:40]!r}, which is no country")
    if truth not in named:
        others = ", ".join(sorted(named))
        if others:
            return Vote(teacher, "abstain", "names_others", None, f"writes of {others} and not of {truth}")
        if code is None:
            return Vote(teacher, "abstain", "no_country", None, "names no country")
    return Vote(teacher, "pass", "right", None, f"leads to {truth}")
