"""Does a description use only names that it says a picture shows, and a map's only where there was a map?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from factory.plugins.registry import register
from factory.verify.english import is_english
from factory.verify.votes import Vote, combine, faulty, no_answer, quoted
from schemas import Case, CheckResult, LocatedAnswer
from schemas.record import UNREADABLE

_WORD: Final = re.compile(r"[^\W\d_][\w'’.-]*")
_QUOTED: Final = re.compile(r"[\"“”„«»]([^\"“”„«»]{2,200})[\"“”„«»]")
_SHAPED: Final = re.compile(r"[A-Z]-[a-z]+")
"""T-junction, L-shaped."""
_ENDS: Final = re.compile(r"[.!?:;]\s+|\n|[\"“”„«»(]\s*")
"""After these a capital is no sign of a name."""
_NO_NAMES: Final = frozenset(
    """a i an and the of in on at to by art deco baroque brutalist classical colonial edwardian english
    european georgian gothic italianate mediterranean modernist neo-gothic neoclassical nordic ottoman romanesque tudor
    victorian n e s w north south east west""".split()  # noqa: SIM905
)
"""Styles of buildings, directions and shapes that English writes with a capital."""


@register("check", "names_given")
def names_given(case: Case) -> CheckResult:
    """Every name of a description is in its list, every listed name in the description, and none of a map that was not
    shown.

    Args:
        case: the sample with its descriptions (`values`).

    Fails as `no_map` (a name is said to be on the map, and the teacher was shown none), `not_written` (a listed name is
    not in the description), or `unlisted_name` (words in quotation marks, or with a capital inside a sentence, that no
    listed name has); the score is the number of faults, its threshold 0. Abstains without an answer (`no_answer`), and
    as `unreadable`, which nobody accepts, where the description is not English: other languages have other capitals.
    Whether a name is legible in the photo it cannot see.
    """
    votes = [_vote(found) for found in case.voices]
    faults = [vote.score for vote in votes if vote.score is not None]
    score = sum(faults) if faults else None
    return combine(
        "names_given", votes, teachers="all", passed="given", nothing="no_answer", threshold=0.0, score=score
    )


def _vote(found: LocatedAnswer) -> Vote:
    teacher, values = found.answered.teacher, found.answered.values
    if found.answered.failure is not None:
        return no_answer(found)
    text, names = str(values.get("description", "")), values.get("names", ())
    faults = list(_faults(text, names, mapped=values.get("map_shown") is True))
    if faults:
        return faulty(teacher, faults)
    if not is_english(text):
        return Vote(teacher, "abstain", UNREADABLE, None, "does not write English")
    return Vote(teacher, "pass", "given", 0.0, f"uses {len(names)} names")


def _faults(text: str, names: Sequence[Mapping[str, Any]], *, mapped: bool) -> Iterator[tuple[str, str]]:
    plain = _plain(text)
    for item in names:
        if item["seen_on"] == "map" and not mapped:
            yield "no_map", f"{quoted(item['name'])} on a map that was not shown"
        if not _plain(item["name"]) or _plain(item["name"]) not in plain:
            yield "not_written", quoted(item["name"])
    known = {word for item in names for word in _words(item["name"])}
    for word in dict.fromkeys(_named(text)):
        if not set(_words(word)) <= known:
            yield "unlisted_name", quoted(word)


def _named(text: str) -> Iterator[str]:
    """What looks like a name: words in quotation marks, and words with a capital that do not begin a sentence."""
    for match in _QUOTED.finditer(text):
        yield match[1]
    for part in _ENDS.split(text):
        for match in list(_WORD.finditer(part))[1:]:
            word = match.group().strip(".-'’")
            if word[:1].isupper() and word.casefold() not in _NO_NAMES and not _SHAPED.fullmatch(word):
                yield word


def _words(text: str) -> list[str]:
    return [match.group().strip(".-'’").casefold() for match in _WORD.finditer(text)]


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
