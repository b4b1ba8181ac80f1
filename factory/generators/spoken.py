"""What was said in a round, as words, and where in it a quote stands.

A recogniser writes fillers and repetitions, and whoever quotes drops some of them: neither counts when a quote is
looked for ("that's, uh, that's Dutch" holds "that's Dutch").
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Final, NamedTuple

FILLERS: Final = frozenset(["um", "uh", "uhm", "erm", "er", "ah", "eh", "hm", "hmm", "mm", "mhm", "uhh", "umm"])
"""Sounds of thinking, which no sentence is about."""
WORD_PATTERN: Final = re.compile(r"[^\W_]+(?:'[^\W\d_]+)*")
"""A word, in the form of `plain`."""


class Word(NamedTuple):
    """One word that was said: as it is compared, and the line of the transcript in which it stands, from 0."""

    text: str
    line: int


def words_said(lines: Sequence[str]) -> tuple[Word, ...]:
    """The words of a transcript in small letters, without fillers and without what is said twice in a row."""
    found: list[Word] = []
    for number, line in enumerate(lines):
        for word in written_words(line):
            if word not in FILLERS and not (found and found[-1].text == word):
                found.append(Word(word, number))
    return tuple(found)


def written_words(text: str) -> list[str]:
    """Words in small letters, in the form of `plain`."""
    return WORD_PATTERN.findall(plain(text).casefold())


def plain(text: str) -> str:
    """Full-width letters as plain ones, digits of every script as 0 to 9, composed letters, one kind of apostrophe."""
    text = unicodedata.normalize("NFKC", text).replace("’", "'")
    return "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in text)


def places_of(quote: str, said: Sequence[Word]) -> tuple[range, ...]:
    """Every place where the words of a quote stand in a row; none of a quote without words."""
    sought = [word.text for word in words_said([quote])]
    if not sought:
        return ()
    texts = [word.text for word in said]
    starts = (at for at, text in enumerate(texts) if text == sought[0] and texts[at : at + len(sought)] == sought)
    return tuple(range(at, at + len(sought)) for at in starts)
