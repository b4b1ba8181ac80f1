"""Whether a text is English: rules that read English words may not pass what they cannot read."""

from __future__ import annotations

import re
from typing import Final

_WORD: Final = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_FUNCTION: Final = frozenset(
    """the and of to that this with which what would does how where could your you it its from are be for by is in
    these those they their has have can not but than into""".split()  # noqa: SIM905
)
"""Words of every English text and of hardly another language's."""
LEAST: Final = 0.15
"""Share of such words that makes a text English. Ours: about a third of English prose, a word or two of others'."""


def is_english(text: str) -> bool:
    """Whether at least LEAST of the words are English function words. False for a text without words."""
    words = _WORD.findall(text.casefold())
    return bool(words) and sum(word in _FUNCTION for word in words) >= LEAST * len(words)
