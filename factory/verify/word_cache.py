"""What a function says of a word, remembered in a plain dict.

Texts differ, their words repeat. A dict lookup inside `map` costs a third of an `lru_cache` call, which matters at some
hundred words a photo; the price is that a full memory is emptied rather than aged.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

Found = TypeVar("Found")

MAX_WORDS = 65_536
LONGEST_WORD = 40
"""In characters. What is longer is computed each time: hostile text must not fill the memory."""


class Remembered(dict[str, Found], Generic[Found]):
    """A dict that computes what it does not hold; bounded in number and length of its keys."""

    def __init__(self, function: Callable[[str], Found]) -> None:
        super().__init__()
        self._function = function

    def __missing__(self, word: str) -> Found:
        found = self._function(word)
        if len(word) <= LONGEST_WORD:
            if len(self) >= MAX_WORDS:
                self.clear()
            self[word] = found
        return found
