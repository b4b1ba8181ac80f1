"""Is a text of clues about as long as those that NaviClues released?"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from factory.generators.naviclues import sentences_of, text_of
from factory.plugins.registry import register
from factory.verify.lengths import length_vote, lengths_fit
from factory.verify.votes import Vote, no_answer
from schemas import Case, CheckResult, LocatedAnswer

Characters = Annotated[int, Field(ge=0)]


@register("check", "clue_length")
def clue_length(case: Case, *, min_chars: Characters = 445, max_chars: Characters = 1_402) -> CheckResult:
    """The text is neither a remark nor a lecture.

    Args:
        case: the round with its sentences (`values`).
        min_chars, max_chars: of the text. 445 and 1,402 are the shortest and the longest of the 1,120 released texts,
            whose mean is 842.

    Fails as `too_short` or `too_long`; the score is the characters of the text that failed, else of the shortest, its
    threshold the bound. Abstains without an answer (`no_answer`).
    """
    votes = [_vote(found, min_chars, max_chars) for found in case.voices]
    return lengths_fit("clue_length", votes, min_chars, max_chars, tells="shortest")


def _vote(found: LocatedAnswer, min_chars: int, max_chars: int) -> Vote:
    teacher, sentences = found.answered.teacher, sentences_of(found)
    if sentences is None:
        return no_answer(found)
    return length_vote(teacher, len(text_of(sentences)), min_chars, max_chars, unit="characters")
