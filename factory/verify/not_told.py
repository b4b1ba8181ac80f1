"""Answers that argue from the picture and not from having been told: the trace that introspection may leave.

After the place was told, a teacher may write "given the actual coordinates" or "I overlooked" into an answer. A student
that learns such words learns to wait for a correction. English is read; an answer in another language cannot be judged
and is accepted by nobody.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from factory.generators.mg_geo_dialog import told_dialog
from factory.plugins.registry import register
from factory.verify.english import is_english
from schemas import Case, CheckResult
from schemas.record import UNREADABLE

_TOLD: Final = (
    r"(?:told|said|mentioned|stated|noted|provided|gave|given|indicated|informed|revealed|corrected|supplied)"
)
_KNOWN: Final = r"(?:actual|true|correct|real|exact|given|provided|revealed|known|supplied|stated|right)"
_MINE: Final = (
    r"(?:answers?|predictions?|guess(?:es)?|deductions?|reasoning|analysis|conclusions?|estimates?|assessments?)"
)
_AGAIN: Final = (
    r"(?:re-?examin\w{1,5}|re-?consider\w{1,5}|re-?evaluat\w{1,5}|revisit\w{0,5}|second look|reflection|review)"
)
_TRACES: Final = re.compile(
    "|".join(
        (
            rf"\bas (?:you|the user|the questioner|they) (?:have |had |just )?{_TOLD}\b",
            rf"\b(?:you|the user|the questioner)(?:'ve| have| had)? (?:just )?{_TOLD} (?:me|us|that|the|this|these)\b",
            r"\bas (?:told|revealed|corrected|informed|instructed|requested|pointed out)\b",
            rf"\b(?:i|we) (?:was|were|am|are|have been|'ve been|had been) {_TOLD}\b",
            rf"\b{_KNOWN} (?:geographic |geographical |gps )?(?:coordinates?|location|answer|latitude|longitude)\b",
            rf"\b{_KNOWN} (?:position|place|country|city) (?:is|was|of the (?:photo|image|picture))\b",
            r"\b(?:given|based on|using|from|with|according to|considering|knowing|per) (?:the|these|those|your|this) "
            r"(?:geographic |gps )?(?:coordinates?|hint|correction|feedback|revelation)\b",
            rf"\b(?:my|our|the) (?:previous|earlier|prior|original|initial|first) {_MINE}\b",
            r"\b(?:i|we) (?:was|were|had been) (?:wrong|mistaken|incorrect|misled)\b",
            rf"\b{_MINE} (?:was|were|proved|turned out) (?:to be )?(?:wrong|mistaken|incorrect|inaccurate|off)\b",
            r"\b(?:i|we) (?:had )?(?:previously |initially |first |earlier )?"
            r"(?:overlooked|missed|misread|mistook|misidentified|misjudged|misinterpreted)\b",
            r"\b(?:previously|initially|earlier) (?:overlooked|missed|misread|mistaken|assumed|thought|guessed)\b",
            rf"\b(?:upon|on|after|in|by) (?:a |closer |further |careful )*{_AGAIN}\b",
            rf"\b(?:corrected|revised|updated|amended) (?:{_MINE}|coordinates?|location)\b",
            r"\b(?:now that|since|because|as) (?:i|we) (?:now |already )?know (?:the|that|it|where)\b",
            r"\b(?:knowing|now that it is known) (?:that )?(?:the|this) (?:photo|image|picture|place|truth|answer)\b",
            r"\bapologi[sz]e\b|\bsorry\b|\bmy mistake\b|\bthank(?:s| you) for\b|\bi stand corrected\b",
            rf"\b(?:the|this|these|that) (?:coordinates?|hint|correction) (?:you|{_TOLD}|say|tell|show|confirm)",
        )
    )
)
"""Searched in small letters with single blanks."""


@register("check", "not_told")
def not_told(case: Case) -> CheckResult:
    """No answer of a dialog speaks of being told, corrected or asked again.

    Args:
        case: The sample with its dialog.

    Every reasoning and answer that would be released is read, of introspected dialogs and of others. Fails as
    `speaks_of_being_told`; the score is how many texts do, its threshold 0. Abstains as `no_answer` without a dialog,
    and as `unreadable`, which nobody accepts, where the answers are not English. Coordinates in the text, file names
    and instructions are for `no_leak`.
    """
    told = told_dialog(case)
    if told is None:
        return CheckResult(check="not_told", outcome="abstain", reason="no_answer", threshold=0.0)
    texts = [
        " ".join(unicodedata.normalize("NFKC", text).replace("’", "'").lower().split()) for text in told.last.answers
    ]
    found = [match.group() for text in texts if (match := _TRACES.search(text)) is not None]
    if found:
        return CheckResult(
            check="not_told",
            outcome="fail",
            reason="speaks_of_being_told",
            score=float(len(found)),
            threshold=0.0,
            detail=f"{told.found.answered.teacher} writes “{found[0][:80]}”",
        )
    if not is_english(" ".join(texts)):
        detail = "its answers are not English"
        return CheckResult(check="not_told", outcome="abstain", reason=UNREADABLE, threshold=0.0, detail=detail)
    return CheckResult(check="not_told", outcome="pass", reason="own_words", score=0.0, threshold=0.0)
