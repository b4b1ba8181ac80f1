"""Almost-JSON as JSON, the last resort: single quotes, bare keys, stray quotes. Bounded in text, depth and work.

json_repair looks ahead again and again, and within brackets from every bracket: 32 kB of `{{{{` took it 27 s. What it
may do is therefore counted, in characters it looks at, and not timed: the same reply comes to the same end on every
machine, however busy.
"""

from __future__ import annotations

import re
from typing import Any, Final

from schemas.plain_json import MAX_DEPTH, not_deep

MAX_TEXT: Final = 32_000
"""Characters of an object; an answer has about 2,000, its reasoning at most 20,000."""
LOOKS: Final = 16
"""Times that each character may be looked at in the mean: objects that people or models mistype take 3, a run of quotes
14, brackets within brackets hundreds."""

_BRACKET: Final = re.compile(r"[\[{(]|([\]})])")


def repaired(text: str) -> dict[str, Any] | None:
    """What json_repair makes of an object that is mistyped; None for what it cannot read within these bounds."""
    if len(text) > MAX_TEXT or _is_deep(text):
        return None
    import json_repair

    try:
        value = not_deep(json_repair.loads(_Watched(text, [LOOKS * len(text)]), skip_json_loads=True))
    except Exception:  # foreign code on hostile text: whatever it raises, the text is no answer
        return None
    return value if isinstance(value, dict) else None


def _is_deep(text: str) -> bool:
    """Whether more than MAX_DEPTH brackets are open somewhere, those inside texts and of all kinds counted alike."""
    depth = 0
    for bracket in _BRACKET.finditer(text):
        depth = max(0, depth - 1) if bracket[1] else depth + 1
        if depth > MAX_DEPTH:
            return True
    return False


class _Watched(str):
    """A text that can be looked at so often. What is cut from it or added to it shares the count."""

    _left: list[int]
    """Characters that may still be looked at: one number for all of them."""

    def __new__(cls, text: str, left: list[int]) -> _Watched:
        watched = super().__new__(cls, text)
        watched._left = left
        return watched

    def __getitem__(self, place: Any) -> str:
        found = super().__getitem__(place)
        self._left[0] -= len(found)
        if self._left[0] < 0:
            raise ValueError("looked at too often")
        return _Watched(found, self._left) if isinstance(place, slice) else found

    def __add__(self, other: str) -> str:
        return _Watched(super().__add__(other), self._left)

    def __radd__(self, other: str) -> str:
        return _Watched(other + str(self), self._left)
