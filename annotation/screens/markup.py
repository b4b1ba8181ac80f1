"""Foreign text in HTML: the one place where it becomes so.

Only the map beside the photo is HTML; everything else on a screen is shown by controls that take plain text.
"""

from __future__ import annotations

import html
from typing import Final

from factory.text import tidy

_BRACES: Final = str.maketrans({"{": "&#123;", "}": "&#125;", "$": "&#36;", "`": "&#96;"})
"""What templates of any kind begin with."""


def escaped(text: str, limit: int = 200) -> str:
    """One line of foreign text as HTML that shows it and does nothing, also as an attribute's value in quotes.

    Longer text ends with an ellipsis at `limit` characters. `{{ }}` and `$name` become entities, so that a server that
    puts values into templates finds none.
    """
    line = tidy(text, limit + 1)
    line = line if len(line) <= limit else f"{line[: limit - 1]}…"
    return html.escape(line).translate(_BRACES)
