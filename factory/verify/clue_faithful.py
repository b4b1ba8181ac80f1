"""Do the teacher's words about each chosen clue say no more than the clue?"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from factory.generators.clue_book import ClueBook, clue_book
from factory.plugins.registry import before_asking, register
from factory.verify.clue_known import chosen_clues, look_at_clues, of_all
from factory.verify.clue_words import says_more
from factory.verify.votes import Vote, faulty, no_answer, quoted
from schemas import Case, CheckResult, LocatedAnswer
from schemas.settings import InputFile


@register("check", "clue_faithful")
@before_asking(look_at_clues)
def clue_faithful(case: Case, *, clues: InputFile, max_extra_words: Annotated[int, Field(ge=0)] = 12) -> CheckResult:
    """The words of each chosen clue add no name, number, side, colour, unit or country to it.

    Args:
        case: the sample with the clues that its teachers chose (`values`).
        clues: the repository that the generator offers from.
        max_extra_words: by how many words a rephrasing may be longer than its clue. 12 is ours, and not measured.

    The rules are those of `factory.verify.clue_words`: English, by words, and unsure counts as more. Fails as
    `new_name`, `new_number`, `new_claim` (a side, colour, unit, place on a thing, point of the compass, "only", "not"),
    `lost_claim` ("not" is gone), `too_long`, `unrelated` (no word of substance is the clue's), `empty`, or
    `unknown_clue`: what is not in the repository cannot be compared. The score is the number of faults, its threshold
    0. Abstains without an answer (`no_answer`) or a choice (`nothing_chosen`).
    """
    book = clue_book(clues)
    votes = [_vote(found, book, max_extra_words) for found in case.voices]
    return of_all("clue_faithful", votes, passed="faithful")


def _vote(found: LocatedAnswer, book: ClueBook, max_extra_words: int) -> Vote:
    teacher, chosen = found.answered.teacher, chosen_clues(found)
    if chosen is None:
        return no_answer(found)
    if not chosen:
        return Vote(teacher, "abstain", "nothing_chosen", None, "chose nothing")
    faults = []
    for item in chosen:
        clue = book.clues.get(item["id"])
        if clue is None:
            faults.append(("unknown_clue", f"{item['id']!r} is no clue of the repository"))
            continue
        more = says_more(item["text"], clue, book.plain_words, max_extra_words=max_extra_words)
        faults += [(one.reason, f"{clue.id} says {quoted(one.quote)}") for one in more]
    if faults:
        return faulty(teacher, faults)
    return Vote(teacher, "pass", "faithful", 0.0, f"{len(chosen)} clues in its own words")
