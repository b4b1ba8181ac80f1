"""Clues of a guidebook that fit what is seen, by their words (BM25). NAVIG compares pictures with CLIP instead.

The repository is `factory.generators.clue_book`'s: the one that ships with the recipes, NAVIG's own made such by
`recipes/clues/from_guidebook.py`, or any other.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from factory.generators.clue_book import GeoClue, clue_book
from factory.geo.names import country_name
from factory.geo.normalise import fold

K1, B = 1.2, 0.75
"""Of BM25, as Robertson and Zaragoza recommend."""
_WORD: Final = re.compile(r"[^\W\d_]{3,}")


@dataclass(frozen=True)
class Guidebook:
    """Clues with an index of their words."""

    clues: Sequence[GeoClue]
    _counts: list[Counter[str]] = field(default_factory=list)
    _spread: Counter[str] = field(default_factory=Counter)
    _length: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        for clue in self.clues:
            counts = Counter(words_of(clue.text))
            self._counts.append(counts)
            self._length.append(counts.total())
            self._spread.update(counts.keys())

    def near(self, text: str, most: int) -> list[GeoClue]:
        """The clues nearest to a text, at most so many, equals in the file's order; none that shares no word."""
        asked = set(words_of(text))
        mean = sum(self._length) / max(1, len(self._length))
        scored = []
        for at, counts in enumerate(self._counts):
            norm = K1 * (1 - B + B * self._length[at] / max(1.0, mean))
            score = sum(
                self._weight(word) * counts[word] * (K1 + 1) / (counts[word] + norm) for word in asked & counts.keys()
            )
            if score > 0:
                scored.append((-score, at))
        return [self.clues[at] for _, at in sorted(scored)[:most]]

    def _weight(self, word: str) -> float:
        there = self._spread[word]
        return math.log(1 + (len(self.clues) - there + 0.5) / (there + 0.5))


def open_guidebook(path: Path) -> Guidebook:
    """The guidebook in a file of clues. Raises RecipeError as `clue_book` does."""
    return Guidebook(tuple(clue_book(path).clues.values()))


def words_of(text: str) -> list[str]:
    """Words of three letters and more, in any script, without case and accents."""
    return _WORD.findall(fold(text))


def told(clues: Sequence[GeoClue]) -> str:
    """Clues as the guesser reads them."""
    return "\n".join(f"- {country_name(clue.country)}: {clue.text}" for clue in clues)
