"""What holds of an annotation that cannot count: it takes back what its person said before, and its marks of what is
private stand. Nobody is harmed by a blur too many; where a mark cannot be read, the picture waits."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from annotation.annotations import MOST_RESULTS, Refused, changed_at, read_box
from annotation.controls import BOX, FLAG
from annotation.words import REFUSED, UNREAD_MARK
from factory.store.annotations import TIME
from schemas import arrow
from schemas.plain_json import MAX_VALUES, not_deep, refuse_many

Row = dict[str, Any]
_NO_MARKS: Final = ("choices", "number", "rating", "relation", "textarea")
"""Kinds of parts that are no region of a picture; any other may be one."""
_UNNUMBERED: Final = 2**62
"""Above it are numbers of annotations to which the server gave none, by their tasks'."""


def refused_word(refused: Mapping[str, Any], task: Mapping[str, Any], users: Mapping[int, str]) -> Row:
    """A row of `schemas.arrow.ANNOTATIONS` without a verdict, with the flag `REFUSED`.

    Args:
        refused: its row of refused.parquet.
        task: that of its task, of tasks.parquet.
        users: names of the server's accounts by number.
    """
    raw = _read(refused["raw"])
    boxes, flags = private_marks(raw.get("result"))
    nothing: Row = dict.fromkeys(arrow.ANNOTATIONS.names)
    number = refused["annotation"]
    return {
        **nothing,
        "annotation": _UNNUMBERED + refused["task"] if number is None else number,
        **{name: task[name] for name in ("task", "project", "external", "id", "slot", "kind", "images", "keys")},
        "reviewer": refused["reviewer"] or account_of(raw.get("completed_by"), users),
        "flags": [REFUSED, *flags],
        **{"clues": [], "boxes": boxes, "skipped": False, "deleted": False, "raw": refused["raw"]},
        "updated_at": refused["updated_at"] or _made_at(raw),
    }


def private_marks(results: Any) -> tuple[list[dict[str, Any]], list[str]]:
    """Boxes to blur, and flags, of the parts of an annotation that may hold other parts which cannot be read.

    A rectangle that is not plainly evidence is private; `UNREAD_MARK` stands for what may be a mark and is no rectangle
    of the picture.
    """
    if not isinstance(results, list) or len(results) > MOST_RESULTS:
        return [], [UNREAD_MARK]
    boxes, flags = [], set[str]()
    for part in results:
        value = part.get("value") if isinstance(part, Mapping) else None
        if isinstance(part, Mapping) and part.get("type") == "relation":
            continue
        if not isinstance(value, Mapping):
            flags.add(UNREAD_MARK)
        elif part.get("from_name") == FLAG:
            flags |= _flags(value.get("choices"))
        elif (part.get("from_name") == BOX or part.get("type") not in _NO_MARKS) and not _is_evidence(value):
            try:
                boxes.append(read_box(BOX, part.get("type"), {**value, "rectanglelabels": ["privacy"]}))
            except Refused:
                flags.add(UNREAD_MARK)
    return boxes, sorted(flags)


def _flags(chosen: Any) -> set[str]:
    if not isinstance(chosen, list) or not all(isinstance(word, str) for word in chosen):
        return {UNREAD_MARK}
    return {"privacy"} & {*chosen}


def _is_evidence(value: Mapping[str, Any]) -> bool:
    labels = [value[name] for name in value if name.endswith("labels")]
    return labels == [["evidence"]]


def _read(text: str) -> Mapping[str, Any]:
    """The server's JSON; nothing where it is none. Numbers beyond JSON's are read, as the client reads them."""
    try:
        refuse_many(text.encode(), MAX_VALUES)
        raw = not_deep(json.loads(text))
    except (ValueError, RecursionError):
        return {}
    return raw if isinstance(raw, dict) else {}


def account_of(by: Any, users: Mapping[int, str]) -> str:
    """Who made it, as far as the server tells: an account that is not listed has a name of its own."""
    number = by.get("id") if isinstance(by, Mapping) else by
    if isinstance(number, bool) or not isinstance(number, int):
        return "an unknown account"
    return users.get(number) or f"account {number:d}"[:40]


def _made_at(raw: Mapping[str, Any]) -> str:
    """When it was made, where the server does not tell when it was changed; now where it tells neither."""
    try:
        return changed_at({"updated_at": raw.get("created_at")})
    except Refused:
        return datetime.now(UTC).strftime(TIME)
