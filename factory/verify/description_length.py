"""Is a description about as long as a text encoder reads?"""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import Field

from factory.plugins.registry import register
from factory.verify.lengths import length_vote, lengths_fit
from factory.verify.votes import Vote, no_answer
from schemas import Case, CheckResult, LocatedAnswer

Tokens = Annotated[int, Field(ge=0)]

_PIECE: Final = re.compile(r"'(?:s|t|re|ve|m|ll|d)\b|[^\W\d_]+|\d|[^\s\w]+", re.IGNORECASE)
"""What CLIP's tokenizer cuts a text into before it looks for pieces of words: words, digits, runs of signs."""


@register("check", "description_length")
def description_length(case: Case, *, min_tokens: Tokens = 20, max_tokens: Tokens = 300) -> CheckResult:
    """The description is neither a remark nor longer than its reader's window.

    Args:
        case: the sample with its descriptions (`values`).
        min_tokens, max_tokens: of the description alone, counted as words, digits and signs; a tokenizer cuts rare
            words further, so leave it some room. CrossText2Loc and NGCG read 300 tokens; CVG-Text's texts have 126 on
            average.

    Fails as `too_short` or `too_long`; the score is the tokens of the text that failed, else of the longest, its
    threshold the bound. Abstains without an answer (`no_answer`).
    """
    votes = [_vote(found, min_tokens, max_tokens) for found in case.voices]
    return lengths_fit("description_length", votes, min_tokens, max_tokens, tells="longest")


def tokens_in(text: str) -> int:
    """Words, digits and runs of signs of a text."""
    return len(_PIECE.findall(text))


def _vote(found: LocatedAnswer, min_tokens: int, max_tokens: int) -> Vote:
    if found.answered.failure is not None:
        return no_answer(found)
    length = tokens_in(str(found.answered.values.get("description", "")))
    return length_vote(found.answered.teacher, length, min_tokens, max_tokens, unit="tokens")
