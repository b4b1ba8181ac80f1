"""Is every clue that a teacher chose one of the repository's, and does it hold where the photo was taken?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from factory.generators.clue_book import ClueBook, clue_book, same_region
from factory.plugins.registry import before_asking, register
from factory.verify.votes import Vote, combine, no_answer
from schemas import Case, CheckResult, LocatedAnswer, Sample
from schemas.settings import InputFile


def look_at_clues(settings: Any) -> None:
    """Reads the repository before anybody is paid. Raises RecipeError where it cannot be used."""
    clue_book(settings.clues)


@register("check", "clue_known")
@before_asking(look_at_clues)
def clue_known(case: Case, *, clues: InputFile) -> CheckResult:
    """Every chosen clue is of the repository, as it stands there, and of the photo's country or region.

    Args:
        case: the sample with the clues that its teachers chose (`values`).
        clues: the repository that the generator offers from.

    Fails as `nothing_chosen`, `nothing_offered` (the repository knows nothing of the country), `unknown_clue`,
    `other_country`, `other_region`, `other_words` (the repository says it otherwise than the teacher was shown) or
    `chosen_twice`; the score is the number of faults, its threshold 0. Abstains without an answer (`no_answer`).
    """
    book = clue_book(clues)
    return of_all("clue_known", [_vote(found, case.sample, book) for found in case.voices], passed="known")


def of_all(check: str, votes: Sequence[Vote], *, passed: str) -> CheckResult:
    """What a check of clues finds where all teachers must pass it; the score counts all their faults."""
    faults = [vote.score for vote in votes if vote.score is not None]
    score = sum(faults) if faults else None
    return combine(check, votes, teachers="all", passed=passed, nothing="no_answer", threshold=0.0, score=score)


def _vote(found: LocatedAnswer, sample: Sample, book: ClueBook) -> Vote:
    teacher, chosen = found.answered.teacher, chosen_clues(found)
    if chosen is None:
        return no_answer(found)
    if not chosen:
        reason = "nothing_chosen" if found.answered.values.get("offered") else "nothing_offered"
        return Vote(teacher, "fail", reason, 1.0, f"{reason.replace('_', ' ')}")
    faults = list(_faults(chosen, sample, book))
    if faults:
        return Vote(teacher, "fail", faults[0][0], float(len(faults)), "; ".join(detail for _, detail in faults))
    return Vote(teacher, "pass", "known", 0.0, f"chose {', '.join(clue['id'] for clue in chosen)}")


def chosen_clues(found: LocatedAnswer) -> Sequence[Mapping[str, Any]] | None:
    """The clues of an answer; None where there is no answer."""
    if found.answered.failure is not None:
        return None
    chosen: Sequence[Mapping[str, Any]] = found.answered.values.get("chosen", ())
    return chosen


def _faults(chosen: Sequence[Mapping[str, Any]], sample: Sample, book: ClueBook) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    for item in chosen:
        clue_id = item["id"]
        clue = book.clues.get(clue_id)
        if clue_id in seen:
            yield "chosen_twice", f"chose {clue_id} twice"
        elif clue is None:
            yield "unknown_clue", f"chose {clue_id!r}, which the repository has not"
        elif clue.country != sample.country_code:
            yield "other_country", f"chose {clue_id} of {clue.country}; the photo is of {sample.country_code}"
        elif clue.region is not None and not same_region(clue.region, sample.region):
            yield "other_region", f"chose {clue_id} of {clue.region}; the photo is of {sample.region}"
        elif clue.text != item["clue"]:
            yield "other_words", f"chose {clue_id}, which the repository words otherwise than it was shown"
        seen.add(clue_id)
