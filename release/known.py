"""What somebody named and is not there: told with the nearest name and with those that there are."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def not_there(kind: str, written: object, names: Iterable[str], place: object = None) -> str:
    """`no split 'trian' in FOLDER (did you mean 'train'?); there are train, test`.

    Args:
        kind: what it would be.
        place: where it was looked for; None where that is plain.
    """
    known = list(names)
    close = difflib.get_close_matches(str(written), known, n=1)
    near = f" (did you mean {close[0]!r}?)" if close else ""
    where = "" if place is None else f" in {place}"
    return f"no {kind} {written!r:.80}{where}{near}; there are {', '.join(known) or 'none'}"
