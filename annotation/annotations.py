"""What a person said, read from Label Studio's JSON. The server checks none of it, so all of it is checked here.

`read_annotation` gives a row of annotations.parquet, or says in words why it cannot count. Nothing is guessed: an
annotation with one part that cannot be read is refused whole, and its raw text kept.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from annotation.controls import (
    BOX,
    BOXES,
    CLUE,
    COMMENT,
    CRITERIA,
    FLAG,
    FLAGS,
    JUDGEMENTS,
    LAT,
    LON,
    MOST_PLACE,
    MOST_REASONING,
    MOST_SECONDS,
    MOST_WORDS,
    PLACE,
    REASONING,
    SIDES,
    VERDICT,
    VERDICTS,
)
from factory.store.annotations import TIME
from factory.text import did_you_mean, tidy

MOST_RESULTS: Final = 1_000
"""Parts of one annotation; a person draws tens of boxes."""
_BEYOND: Final = 0.5
"""Per cent that a rectangle may lie outside of its picture: what a mouse at the edge gives. It is cut there."""
_CLUE: Final = re.compile(rf"{re.escape(CLUE)}(0|[1-9][0-9]{{0,2}})")
"""A control of a clue as the screen spells it: `clue_01` is none, or a clue could be judged twice by two names."""


Reader = Callable[[str, Any, Mapping[str, Any]], Any]
"""What a control says, from its name, the part's kind and its value. Raises Refused."""


class Refused(Exception):
    """An annotation cannot count; the message says why, in words for who made it."""


def read_annotation(
    raw: Mapping[str, Any], task: Mapping[str, Any], users: Mapping[int, str], *, edits: bool
) -> dict[str, Any]:
    """A row of `schemas.arrow.ANNOTATIONS`.

    Args:
        raw: the annotation as the server gives it.
        task: its row of tasks.parquet.
        users: names of the server's accounts by number.
        edits: whether the screen has a text to edit.

    Raises Refused.
    """
    number, skipped = _whole(raw.get("id"), "id"), raw.get("was_cancelled") is True
    said = _said(raw.get("result"), len(task["clues"]), _CONTROLS if edits else _WITHOUT_TEXT)
    if not skipped and said.get(VERDICT) is None:
        raise Refused("no verdict was chosen")
    lat, lon = said.get(LAT), said.get(LON)
    if (lat is None) != (lon is None):
        raise Refused("only one of latitude and longitude is given")
    reasoning = said.get(REASONING)
    shown = None if task["reasoning"] is None else tidy(task["reasoning"], MOST_REASONING, lines=True)
    return {
        "annotation": number,
        "task": task["task"],
        "project": task["project"],
        **{name: task[name] for name in ("external", "id", "slot", "kind", "images", "keys")},
        "reviewer": reviewer_of(raw, users),
        "verdict": said.get(VERDICT),
        "flags": said.get(FLAG, []),
        "clues": [{"index": index, "judgement": word} for index, word in sorted(said.get(CLUE, {}).items())],
        "boxes": said.get(BOX, []),
        "reasoning": None if reasoning == shown else reasoning,
        "lat": lat,
        "lon": lon,
        "place": said.get(PLACE),
        "comment": said.get(COMMENT),
        "seconds": _seconds(raw.get("lead_time")),
        "updated_at": changed_at(raw),
        "skipped": skipped,
        "deleted": False,
        "raw": raw_text(raw),
        "taken_from": None,
    }


def read_rating(raw: Mapping[str, Any], task: Mapping[str, Any], users: Mapping[int, str]) -> dict[str, Any]:
    """A row of `schemas.pairs.RATINGS`, with the side that is better on each criterion: left, equal or right.

    Args:
        raw: the annotation as the server gives it.
        task: its row of the pairs' tasks.parquet.
        users: names of the server's accounts by number.

    Raises Refused.
    """
    number, skipped = _whole(raw.get("id"), "id"), raw.get("was_cancelled") is True
    said: dict[str, Any] = {}
    for name, kind, value in _parts(raw.get("result")):
        _put(said, name, kind, value, _PAIR_CONTROLS)
    if not skipped and (missing := [name for name in CRITERIA if name not in said]):
        raise Refused(f"{missing[0]}: nothing was chosen")
    return {
        "annotation": number,
        **{name: task[name] for name in ("task", "project", "external", "id", "slot")},
        "reviewer": reviewer_of(raw, users),
        **{name: said.get(name) for name in (*CRITERIA, COMMENT)},
        "seconds": _seconds(raw.get("lead_time")),
        "updated_at": changed_at(raw),
        "skipped": skipped,
        "raw": raw_text(raw),
    }


def raw_text(raw: Mapping[str, Any]) -> str:
    """The server's JSON as text that any file takes: letters beyond ASCII are escaped, halves of them too."""
    return json.dumps(raw)


def changed_at(raw: Mapping[str, Any]) -> str:
    """When it was last changed, in UTC to the microsecond, so that texts order as times. Raises Refused."""
    value = raw.get("updated_at")
    try:
        at = datetime.fromisoformat(str(value))
    except ValueError:
        raise Refused(f"updated_at: {value!r:.40} is no time") from None
    if at.tzinfo is None:
        raise Refused(f"updated_at: {value!r:.40} has no time zone")
    return at.astimezone(UTC).strftime(TIME)


def reviewer_of(raw: Mapping[str, Any], users: Mapping[int, str]) -> str:
    """Who made it. Raises Refused for an account that the server does not list."""
    by = raw.get("completed_by")
    number = by.get("id") if isinstance(by, Mapping) else by
    if raw.get("updated_by") not in (None, number):
        raise Refused(f"it was changed by another account ({raw['updated_by']!r:.40}) than made it: whose is it?")
    name = users.get(number) if isinstance(number, int) and not isinstance(number, bool) else None
    if name is None:
        raise Refused(f"it is by the account {number!r:.40}, which the server does not list")
    return name


def _parts(results: Any) -> Iterator[tuple[str, Any, Mapping[str, Any]]]:
    """Control, kind and value of each part of an annotation."""
    if not isinstance(results, list) or len(results) > MOST_RESULTS:
        raise Refused(f"its result is no list of at most {MOST_RESULTS:,} parts")
    for result in results:
        if not isinstance(result, Mapping) or not isinstance(result.get("value"), Mapping):
            raise Refused("a part of its result is no object with a value")
        name = result.get("from_name")
        if not isinstance(name, str):
            raise Refused(f"{name!r:.40} is no control of the screen")
        yield name, result.get("type"), result["value"]


def _said(results: Any, clues: int, known: Mapping[str, Reader]) -> dict[str, Any]:
    """The parts of an annotation by control."""
    said: dict[str, Any] = {}
    for name, kind, value in _parts(results):
        if clue := _CLUE.fullmatch(name):
            judged, index = said.setdefault(CLUE, {}), int(clue[1])
            if index >= clues:
                raise Refused(f"{name}: the task shows {clues} clues")
            if index in judged:
                raise Refused(f"{name}: is given twice")
            judged[index] = _one(name, kind, value, JUDGEMENTS)
        elif name == BOX:
            said.setdefault(BOX, []).append(read_box(name, kind, value))
        else:
            _put(said, name, kind, value, known)
    return said


def _put(said: dict[str, Any], name: str, kind: Any, value: Mapping[str, Any], known: Mapping[str, Reader]) -> None:
    """Takes in what a control says that is given once."""
    if name not in known:
        raise Refused(f"{name!r:.40} is no control of the screen{did_you_mean(name, (*known, BOX))}")
    if name in said:
        raise Refused(f"{name}: is given twice")
    said[name] = known[name](name, kind, value)


def _choices(name: str, kind: Any, value: Mapping[str, Any], words: Sequence[str]) -> list[str]:
    chosen = value.get("choices")
    if kind != "choices" or not isinstance(chosen, list) or not all(isinstance(word, str) for word in chosen):
        raise Refused(f"{name}: is no choice")
    if strange := [word for word in chosen if word not in words]:
        raise Refused(f"{name}: {strange[0]!r:.40} is none of {', '.join(words)}{did_you_mean(strange[0], words)}")
    return list(dict.fromkeys(chosen))


def _one(name: str, kind: Any, value: Mapping[str, Any], words: Sequence[str]) -> str:
    chosen = _choices(name, kind, value, words)
    if len(chosen) != 1:
        raise Refused(f"{name}: {len(chosen)} choices, expected one")
    return chosen[0]


def _degrees(most: float) -> Callable[[str, Any, Mapping[str, Any]], float]:
    def read(name: str, kind: Any, value: Mapping[str, Any]) -> float:
        found = _number(value.get("number")) if kind == "number" else None
        if found is None or abs(found) > most:
            raise Refused(f"{name}: {value.get('number')!r:.40} is no number of degrees from -{most:g} to {most:g}")
        return found

    return read


def _words(limit: int, *, lines: bool) -> Callable[[str, Any, Mapping[str, Any]], str | None]:
    def read(name: str, kind: Any, value: Mapping[str, Any]) -> str | None:
        texts = value.get("text")
        texts = [texts] if isinstance(texts, str) else texts
        if kind != "textarea" or not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise Refused(f"{name}: is no text")
        joined = "\n".join(texts)
        if len(joined) > limit:
            raise Refused(f"{name}: {len(joined):,} characters, at most {limit:,} are taken")
        return tidy(joined, limit, lines=lines) or None

    return read


def read_box(name: str, kind: Any, value: Mapping[str, Any]) -> dict[str, Any]:
    """A rectangle in shares of the picture; the server's are per cent. Raises Refused."""
    labels = value.get("rectanglelabels")
    if kind != "rectanglelabels" or not isinstance(labels, list) or len(labels) != 1 or labels[0] not in BOXES:
        raise Refused(f"{name}: a rectangle is none of {', '.join(BOXES)}")
    found = {side: _number(value.get(side)) for side in ("x", "y", "width", "height")}
    x, y, width, height = found.values()
    if x is None or y is None or width is None or height is None or width <= 0 or height <= 0:
        raise Refused(f"{name}: a rectangle has no position and size")
    if _number(value.get("rotation", 0)) != 0:
        raise Refused(f"{name}: a rectangle is turned")
    if min(x, y) < -_BEYOND or max(x + width, y + height) > 100 + _BEYOND:
        raise Refused(f"{name}: a rectangle lies outside of the picture")
    left, top = max(x, 0.0), max(y, 0.0)
    right, bottom = min(x + width, 100.0), min(y + height, 100.0)
    if right <= left or bottom <= top:
        raise Refused(f"{name}: a rectangle lies outside of the picture")
    return {
        "kind": labels[0],
        "x": left / 100,
        "y": top / 100,
        "width": (right - left) / 100,
        "height": (bottom - top) / 100,
    }


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def _whole(value: Any, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 2**63:
        raise Refused(f"{name}: {value!r:.40} is no number of an annotation")
    return value


def _seconds(value: Any) -> float | None:
    """How long it took; null where the server does not know, or says what no task takes."""
    found = _number(value)
    return found if found is not None and 0 <= found <= MOST_SECONDS else None


_CONTROLS: Final[Mapping[str, Reader]] = {
    VERDICT: lambda name, kind, value: _one(name, kind, value, VERDICTS),
    FLAG: lambda name, kind, value: _choices(name, kind, value, FLAGS),
    LAT: _degrees(90.0),
    LON: _degrees(180.0),
    REASONING: _words(MOST_REASONING, lines=True),
    COMMENT: _words(MOST_WORDS, lines=True),
    PLACE: _words(MOST_PLACE, lines=False),
}
"""How each control of the screen is read, by its name; `clue_0`, ... and `boxes` stand beside."""
_WITHOUT_TEXT: Final[Mapping[str, Reader]] = {name: read for name, read in _CONTROLS.items() if name != REASONING}
"""Likewise, of a screen on which no text is edited."""
_PAIR_CONTROLS: Final[Mapping[str, Reader]] = {
    **dict.fromkeys(CRITERIA, lambda name, kind, value: _one(name, kind, value, SIDES)),
    COMMENT: _words(MOST_WORDS, lines=True),
}
"""Likewise, of the screen of pairs."""
