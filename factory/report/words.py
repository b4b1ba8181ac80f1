"""What the page says in words: where a sample went, what people decided, foreign text made safe to look at.

Reasons are spelled as everywhere, `near_truth:too_far`: what the console prints is found by the page's search.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from factory.store.reviews import decided_by
from schemas.plain_json import read_json

MAX_TEXT = 3000
"""Characters of one text on a card, about a page and a half; a card is looked at, the build holds the whole text."""
MAX_VALUES = 1200
"""Characters of an answer's values on a card: some thirty lines, more than which nobody reads beside a picture."""
MAX_VALUE = 240
"""Characters of one value among them, so that one long text leaves room for its neighbours."""
MAX_ITEMS = 12
"""Entries of one list or object among them, for the same reason."""
MAX_DEPTH = 4
"""Levels of nesting shown: deeper ones are indented off the card."""

VERBS = {"accept": "accepted", "review": "waits for review", "reject": "rejected", "quarantine": "quarantined"}


def went(row: Mapping[str, Any]) -> str:
    """Where a sample ended: its split, the rule that removed it, review, or why it was refused."""
    decision, verdict = row["decision"], row.get("verdict")
    if decision == "accept":
        if row["kept"]:
            return f"released in {row['split'] or 'no split'}"
        if row["removed_by"]:
            detail = f" ({row['detail']})" if row["detail"] else ""
            return f"removed by {row['removed_by']}:{row['reason'] or 'no_reason'}{detail}"
        return "accepted, not yet selected"
    if decision == "reject" and verdict == "accept":
        return "rejected by people"
    if decision == "answered":
        return "answered, not verified yet"
    verb = VERBS.get(decision, decision)
    reasons = ", ".join(row["reasons"] or ())
    return f"{verb}: {reasons}" if reasons else str(verb)


def people_said(row: Mapping[str, Any]) -> str:
    """A person's decision in a line: who, when, against what, and the note; nothing where nobody decided."""
    person, verdict = row.get("person"), row.get("verdict")
    if person is None:
        return ""
    who = f" by {', '.join(row['by'])}" if row["by"] else ""
    day = f" on {row['at'][:10]}" if row["at"] else ""
    against = ""
    if verdict is not None and decided_by(verdict, person, row.get("unreleasable")) != person:
        why = f" ({row['unreleasable']})" if row.get("unreleasable") else ""
        against = f", which cannot count{why}: the checks said {verdict}"
    elif verdict is not None and verdict != person:
        reasons = ", ".join(row["reasons"] or ())
        against = f", where the checks said {verdict}" + (f" ({reasons})" if reasons else "")
    note = f": {row['note']}" if row["note"] else ""
    return f"{VERBS.get(person, person)}{who}{day}{against}{note}"


def shorten(text: str | None, limit: int = MAX_TEXT) -> str:
    """Text for display: control and direction-changing characters made visible, length bounded."""
    if not text:
        return ""
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    return "".join(f"\N{WHITE SQUARE}{ord(c):X}" if _hides(c) else c for c in cut)


def readable(values: str | None) -> str:
    """The JSON of an answer's values, indented and cut to what a card can show; text that is no JSON as it is."""
    if not values:
        return ""
    try:
        plain = _cut(read_json(values.encode()), MAX_DEPTH)
    except ValueError:
        return shorten(values, MAX_VALUES)
    text = orjson.dumps(plain, option=orjson.OPT_INDENT_2).decode()
    return text if len(text) <= MAX_VALUES else text[: MAX_VALUES - 1] + "…"


def described(values: str | None) -> str:
    """The description among an answer's values, whole: a text that a row takes as it stands."""
    try:
        found = read_json((values or "").encode())
    except ValueError:
        return ""
    text = found.get("description") if isinstance(found, dict) else None
    return shorten(text) if isinstance(text, str) else ""


def _cut(value: Any, depth: int) -> Any:
    """A JSON value with its long texts, long lists and deep parts shortened."""
    if isinstance(value, str):
        return shorten(value, MAX_VALUE)
    if not isinstance(value, list | dict):
        return value
    if not depth:
        return "…"
    left_out = len(value) - MAX_ITEMS
    if isinstance(value, list):
        shown = [_cut(item, depth - 1) for item in value[:MAX_ITEMS]]
        return [*shown, f"… {left_out} more"] if left_out > 0 else shown
    items = list(value.items())[:MAX_ITEMS]
    entries = {shorten(key, MAX_VALUE): _cut(item, depth - 1) for key, item in items}
    return entries | {"…": f"{left_out} more"} if left_out > 0 else entries


def _hides(char: str) -> bool:
    """Control characters and bidirectional overrides, which can make a page show other text than it holds."""
    code = ord(char)
    return (
        (code < 32 and char not in "\n\t")
        or 0x7F <= code < 0xA0
        or 0x202A <= code <= 0x202E
        or 0x2066 <= code <= 0x2069
    )
