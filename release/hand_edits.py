"""What people write into a card by hand stays when the release is written again.

It stands between two marks at the card's end; everything else of the card is the factory's. The old card is read where
the new release takes its place, as text: nothing in it is run, and nothing outside of the marks is kept.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

BEGIN: Final = "<!-- Yours: what stands between these two marks stays when this release is written again. -->"
END: Final = "<!-- End of yours. -->"
MAX_BYTES: Final = 1_000_000
_BETWEEN: Final = re.compile(re.escape(BEGIN) + r"\n(.*?)\n?" + re.escape(END), re.DOTALL)


def kept_text(card: Path) -> str:
    """What people wrote between the marks of a card; empty where there is no card, no mark or nothing between."""
    try:
        if card.is_symlink() or card.stat().st_size > MAX_BYTES:
            return ""
        text = card.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
    found = _BETWEEN.search(text)
    return found[1].strip("\n") if found else ""


def with_kept(card: str, kept: str) -> str:
    """The card with its marks at the end and the text between them."""
    inside = f"{kept}\n" if kept else ""
    return f"{card.rstrip()}\n\n{BEGIN}\n{inside}{END}\n"
