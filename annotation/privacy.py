"""What people marked as private: all of it is blurred, and a picture whose marks are not known is withheld."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from annotation.words import LEAD, NOT_PRIVATE, UNREAD_MARK, Annotation
from schemas.plain_json import read_json


def private_boxes(ones: Sequence[Annotation]) -> list[dict[str, Any]]:
    """Everything that anybody wants blurred, once each."""
    boxes = [dict(box) for one in ones for box in one["boxes"] if box["kind"] == "privacy"]
    unique = {tuple(box.values()): box for box in boxes}
    return [unique[key] for key in sorted(unique)]


def marks(one: Annotation) -> bool:
    """Whether it says anything of what is private, a lead's word that nothing is among that."""
    return bool({"privacy", UNREAD_MARK, NOT_PRIVATE} & {*one["flags"]} or private_boxes([one]))


def withheld(ones: Sequence[Annotation]) -> str | None:
    """Why a picture may not be released as it is, in words; None where it may, once its boxes are blurred.

    A flag waits for a box of who flagged it, since somebody else's may be around something else, or for a later one of
    the lead's; a mark that cannot be read waits for whoever mends it. A lead's word that it is not private ends both,
    of what was said until then.
    """
    seen = {pair for one in ones if one["slot"] == LEAD and NOT_PRIVATE in one["flags"] for pair in _seen(one)}
    left = [one for one in ones if (one["reviewer"], one["updated_at"]) not in seen]
    if any(UNREAD_MARK in one["flags"] for one in left):
        return "something may be marked as private, and the mark cannot be read"
    drawing = [one for one in ones if private_boxes([one])]
    drew = {one["reviewer"] for one in drawing}
    by_lead = max((one["updated_at"] for one in drawing if one["slot"] == LEAD), default="")
    flagging = [one for one in left if "privacy" in one["flags"] and one["reviewer"] not in drew]
    if any(one["updated_at"] > by_lead for one in flagging):
        return "flagged for privacy by somebody who drew nothing to blur"
    return None


def seen_by_lead(ones: Sequence[Annotation]) -> dict[str, Any]:
    """What a lead's `NOT_PRIVATE` is about, to be kept as its raw JSON: what is said later it cannot take back."""
    return {"seen": sorted({(one["reviewer"], one["updated_at"]) for one in ones})}


def _seen(one: Annotation) -> set[tuple[str, str]]:
    """The annotations that a lead's word is about, by who and when; none where that cannot be read."""
    try:
        said = read_json(one["raw"].encode())
    except ValueError:
        return set()
    pairs = said.get("seen") if isinstance(said, dict) else None
    whole = [pair for pair in pairs if isinstance(pair, list) and len(pair) == 2] if isinstance(pairs, list) else []
    return {(who, at) for who, at in whole if isinstance(who, str) and isinstance(at, str)}
