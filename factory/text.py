"""Foreign text made plain: one line, no invisible characters, a bounded length."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable

INVISIBLE = "\u200b\u202a-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f"
"""Bidirectional embeddings, overrides and isolates, zero-width joiners of nothing, BOM, invisible tag characters: what
stands between the brackets of a pattern."""
_INVISIBLE = re.compile(f"[{INVISIBLE}]")

THINK_TAG = re.compile(
    r"</?(?:seed:)?(?:think|thinking|thought|reasoning)>|\[/?THINK\]|\u25c1/?think\u25b7", re.IGNORECASE
)
"""What models put around their thinking: DeepSeek and Qwen, Seed-OSS, Mistral, Kimi. A closing tag has a slash."""


def tidy(text: str, limit: int, *, lines: bool = False) -> str:
    """Text without control characters, invisible characters and surrogates, at most `limit` characters long.

    `lines` keeps line breaks and tabs; otherwise every run of white space is one blank.
    """
    text = _INVISIBLE.sub("", text)
    keep = "\n\t" if lines else ""
    if not text.isprintable():
        text = text if lines else " ".join(text.split())
        text = "".join(c for c in text if c in keep or unicodedata.category(c) not in ("Cc", "Cs"))
    if not lines:
        text = " ".join(text.split())
    return text.strip()[:limit].strip()


def escaped(text: str) -> str:
    """Text with an escape (`\\u202f`) for each character that a terminal may not show as itself."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)


def did_you_mean(written: str, names: Iterable[str]) -> str:
    """` (did you mean `name`?)` with the name most like what was written, or nothing."""
    close = difflib.get_close_matches(written, list(names), n=1)
    return f" (did you mean `{close[0]}`?)" if close else ""


def counted(number: int, noun: str) -> str:
    """`1 row`, `2 rows`, `1,000 rows`: for nouns whose plural ends with s."""
    return f"{number:,} {noun}{'s' * (number != 1)}"
