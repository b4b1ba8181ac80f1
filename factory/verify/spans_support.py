"""Does a sentence of rewritten speech say no more than the words it comes from?"""

from __future__ import annotations

from collections.abc import Sequence

from factory.generators.naviclues import said_lines, sentences_of, text_of
from factory.generators.spoken import Word, words_said
from factory.plugins.registry import register
from factory.verify.added_words import adds
from factory.verify.clue_known import of_all
from factory.verify.english import is_english
from factory.verify.votes import Vote, faulty, no_answer, quoted
from schemas import Case, CheckResult, LocatedAnswer
from schemas.record import UNREADABLE


@register("check", "spans_support")
def spans_support(case: Case, *, allow: tuple[str, ...] = ()) -> CheckResult:
    """No sentence adds a word of substance, name, number or claim to its quotes, or drops a doubt or a denial.

    Args:
        case: the round with its sentences (`values`).
        allow: further words that a sentence may bring, in any ending.

    The rules are those of `factory.verify.added_words`: English, by words, and unsure counts as more. Fails as
    `new_word`, `new_name`, `new_number`, `new_claim` (side, colour, unit, "only", "not"), `taken_back` (what the player
    corrected), `lost_doubt` or `lost_denial`; the score is the number of faults, its threshold 0. Abstains without an
    answer (`no_answer`) or a sentence (`nothing_written`), and as `unreadable`, which nobody accepts, where the text is
    not English.
    """
    said = words_said(said_lines(case))
    votes = [_vote(found, said, allow) for found in case.voices]
    return of_all("spans_support", votes, passed="supported")


def _vote(found: LocatedAnswer, said: tuple[Word, ...], allow: Sequence[str]) -> Vote:
    teacher, sentences = found.answered.teacher, sentences_of(found)
    if sentences is None:
        return no_answer(found)
    if not sentences:
        return Vote(teacher, "abstain", "nothing_written", None, "wrote no sentence")
    more = [one for sentence in sentences for one in adds(sentence["text"], sentence["quotes"], said, allow=allow)]
    if more:
        return faulty(teacher, [(one.reason, quoted(one.quote)) for one in more])
    if not is_english(text_of(sentences)):
        return Vote(teacher, "abstain", UNREADABLE, None, "does not write English")
    return Vote(teacher, "pass", "supported", 0.0, f"{len(sentences)} sentences say no more than was said")
