"""Does every sentence of rewritten speech come with words that were said, and not with the whole round?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field

from factory.generators.naviclues import said_lines, sentences_of
from factory.generators.spoken import Word, places_of, words_said
from factory.plugins.registry import register
from factory.verify.clue_known import of_all
from factory.verify.votes import Vote, faulty, no_answer, quoted
from schemas import Case, CheckResult, LocatedAnswer


@register("check", "spans_exist")
def spans_exist(case: Case, *, max_words: Annotated[int, Field(ge=1)] = 60) -> CheckResult:
    """Each sentence has at least one quote, and each quote stands in the transcript of the round.

    Args:
        case: the round with its sentences (`values`).
        max_words: most words behind one sentence: who quotes everything shows nothing. Ours, not measured.

    Fillers, and words said twice in a row, may be missing from a quote; marks and capitals do not count. Fails as
    `no_reason` (no sentence), `no_span`, `not_said` or `too_wide`; the score is the number of faults, its threshold 0.
    Abstains without an answer (`no_answer`).
    """
    said = words_said(said_lines(case))
    votes = [_vote(found, said, max_words) for found in case.voices]
    return of_all("spans_exist", votes, passed="said")


def _vote(found: LocatedAnswer, said: Sequence[Word], max_words: int) -> Vote:
    teacher, sentences = found.answered.teacher, sentences_of(found)
    if sentences is None:
        return no_answer(found)
    if not sentences:
        return Vote(teacher, "fail", "no_reason", 1.0, "finds no reason in what was said")
    faults = [fault for one in sentences for fault in _faults(one, said, max_words)]
    if faults:
        return faulty(teacher, [(reason, quoted(words)) for reason, words in faults])
    return Vote(teacher, "pass", "said", 0.0, f"{len(sentences)} sentences by what was said")


def _faults(sentence: Mapping[str, Any], said: Sequence[Word], max_words: int) -> Iterator[tuple[str, str]]:
    if not sentence["quotes"]:
        yield "no_span", sentence["text"]
    for quote in sentence["quotes"]:
        if not places_of(quote, said):
            yield "not_said", quote
    if sum(len(words_said([quote])) for quote in sentence["quotes"]) > max_words:
        yield "too_wide", sentence["text"]
