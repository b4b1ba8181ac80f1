"""Does a text of clues speak of the game, the recording or the player, which no picture shows?"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from factory.generators.naviclues import sentences_of, text_of
from factory.plugins.registry import register
from factory.verify.clue_known import of_all
from factory.verify.leak_rules import Leak
from factory.verify.no_leak import no_leak
from factory.verify.votes import Vote
from schemas import Case, CheckResult, GeoAnswer, LocatedAnswer

_GAME: Final = re.compile(
    "|".join(
        (
            r"\bgeo ?guess\w*|\byou ?tube\w*|\btwitch\b|\bsubscrib\w+|\bleaderboards?\b|\bplonk\w*|\bnmpz\b",
            r"\b(?:my|our|the|this|a|his|her|their|final|first|last|lucky|wild) guess(?:es)?\b",
            r"\bguess(?:ed|ing) here\b|\b(?:the|in) chat\b|\bpin on\b|\bthe (?:timer|world map)\b",
            r"\b[0-9][0-9,.]* ?(?:points|pts)\b|\b(?:five|four|three|[0-9]) ?k\b|\b(?:perfect|high) score\b",
            r"\b(?:this|that|next|last|previous|final|another) round(?= (?:is|was|of|we|i)\b|[.,;:!?]|$)",
            r"\bround (?:one|two|three|four|five|[0-9])\b|\bthe game\b(?! (?:reserve|park|drive|farm))",
            r"\bthe (?:player|streamer|speaker|narrator|commentator|opponent|viewers?|transcript|video|recording)\b",
            r"\b(?:street ?view|google) (?:car|camera|coverage|imagery)\b|\bgen(?:eration)? ?[0-9]\b",
            r"\bclick(?:ed|ing|s)? (?:on|in|around)\b|\bzoom(?:ed|ing)? (?:in|out)\b|\bno moving\b",
        )
    ),
    re.IGNORECASE,
)
"""Ways to speak of the game. Of the 1,120 released texts none matches; "points" alone stands in 203 ("points to")."""


@register("check", "no_game_talk")
def no_game_talk(case: Case, *, allow: tuple[Leak, ...] = ()) -> CheckResult:
    """The text speaks of what can be seen: of no score, round, guess, map, camera or player, and quotes no coordinates.

    Args:
        case: the round with its sentences (`values`).
        allow: kinds of leak that do not fail here, as of `no_leak`, whose rules are applied, too.

    Quotes are the player's words and are not searched. Fails as `speaks_of_the_game` or as `no_leak` does; the score is
    the number of texts that do or of leaks, its threshold 0. Abstains without an answer (`no_answer`) or a sentence
    (`no_text`).
    """
    votes = [_vote(found) for found in case.voices]
    if any(vote.outcome == "fail" for vote in votes):
        return of_all("no_game_talk", votes, passed="clean")
    read = replace(case, answers=tuple(map(_as_read, case.voices)), combined=None)
    return replace(no_leak(read, allow=allow), check="no_game_talk")


def _vote(found: LocatedAnswer) -> Vote:
    talk = _GAME.search(text_of(sentences_of(found) or ()))
    if talk is None:
        return Vote(found.answered.teacher, "pass", "clean")
    return Vote(found.answered.teacher, "fail", "speaks_of_the_game", 1.0, f"writes “{talk.group()}”")


def _as_read(found: LocatedAnswer) -> LocatedAnswer:
    """The answer with its text where `no_leak` reads it."""
    sentences = sentences_of(found)
    if sentences is None:
        return found
    said = GeoAnswer(localizable=False, reasoning=text_of(sentences))
    return replace(found, answered=replace(found.answered, place=said))
