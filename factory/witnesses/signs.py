"""Lines of text in a picture, compared with what an answer quotes and with the towns near the place it names."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final

from factory.geo.near import named_near
from schemas import Finding, GeoAnswer

MAX_QUOTES: Final = 24
"""Of one answer that are looked for."""
MAX_NAMES: Final = 400
"""Runs of words of a picture's lines that are looked up."""
MOST_WORDS: Final = 4
"""Of a town's name: Saint-Jean-de-Luz."""
LEAST_LETTERS: Final = 4
"""Of a town's name in an alphabet, and of a quote: shorter ones are on signs by chance."""
LEAST_SIGNS: Final = 2
"""Of a name in a script of syllables or words."""
READ: Final = 0.8
"""Likeness from which a quote counts as read: one letter in five may be misread."""

_QUOTED = re.compile(
    r"\"([^\"]{2,100})\"|“([^”“]{2,100})[”“]|„([^“”„]{2,100})[“”]|«([^«»]{2,100})»|「([^「」]{1,100})」|"
    r"(?<![\w])'([^']{2,100})'(?![\w])|‘([^’‘]{2,100})’"
)
_WORD = re.compile(r"[^\W_]+")
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text in a picture."""

    text: str
    score: float
    """How sure its reader is, 0 to 1."""
    box: tuple[float, float, float, float]
    """Left, top, right, bottom in pixels of the prepared picture."""


@dataclass(frozen=True, slots=True)
class Quote:
    """What an answer says is written in the picture."""

    text: str
    likeness: float
    """To the most similar line, 0 to 1."""
    line: Line | None
    """That line, where it is like enough."""


def letters(text: str) -> str:
    """A text as letters and digits alone, without case and marks: what readers of signs get right."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    return "".join(character for character in plain if character.isalnum())


def quotes(place: GeoAnswer) -> tuple[str, ...]:
    """What an answer quotes in its clues and its reasoning, each once, at most `MAX_QUOTES`."""
    found: dict[str, str] = {}
    for text in (*(clue.text for clue in place.clues), place.reasoning):
        for groups in _QUOTED.findall(text[:8_000]):
            quoted = "".join(groups).strip()
            key = letters(quoted)
            if _long_enough(key):
                found.setdefault(key, quoted)
    return tuple(found.values())[:MAX_QUOTES]


def looked_for(said: Sequence[str], lines: Sequence[Line]) -> tuple[Quote, ...]:
    """Each quote with the line that is most like it: a line that holds it, a line that it holds, or a similar one."""
    read = [(line, letters(line.text)) for line in lines]
    together = "".join(key for _, key in read)
    found = []
    for text in said:
        wanted = letters(text)
        likeness, line = max(((_likeness(wanted, key), line) for line, key in read), key=_first, default=(0.0, None))
        if likeness < READ and len(wanted) > LEAST_LETTERS and wanted in together:  # over several lines
            likeness, line = 1.0, next(line for line, key in read if key and (key in wanted or wanted[:4] in key))
        found.append(Quote(text, likeness, line if likeness >= READ else None))
    return tuple(found)


def _first(pair: tuple[float, Line | None]) -> float:
    return pair[0]


def _likeness(wanted: str, line: str) -> float:
    if not line or not wanted:
        return 0.0
    if wanted in line:
        return 1.0
    block = SequenceMatcher(None, wanted, line, autojunk=False).find_longest_match()
    start = max(0, block.b - block.a)  # where the line would hold it
    return SequenceMatcher(None, wanted, line[start : start + len(wanted)], autojunk=False).ratio()


def _long_enough(key: str) -> bool:
    return len(key) >= (LEAST_SIGNS if _UNSPACED.search(key) else LEAST_LETTERS)


def towns(lines: Sequence[Line], lat: float, lon: float, *, km: float) -> tuple[Finding, ...]:
    """Towns and quarters within `km` of a point whose names stand in the lines, each once, with its box."""
    where: dict[str, Line] = {}
    for line in lines:
        for run in _runs(line.text):
            where.setdefault(run, line)
    names = list(where)[:MAX_NAMES]
    return tuple(
        Finding(kind="place", text=near.name, lat=near.lat, lon=near.lon, score=where[near.name].score,
                box=where[near.name].box)
        for near in named_near(names, lat, lon, km=km)
    )  # fmt: skip


def _runs(text: str) -> Iterator[str]:
    """Runs of words that may be a name, the longest first."""
    words = [found.span() for found in _WORD.finditer(text)]
    for length in range(min(MOST_WORDS, len(words)), 0, -1):
        for start in range(len(words) - length + 1):
            run = text[words[start][0] : words[start + length - 1][1]]
            if _long_enough(letters(run)) and not letters(run).isdigit():
                yield run
