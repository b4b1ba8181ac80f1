"""What a sound conversation of a released row looks like, for whoever writes, checks or learns from rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

_ROLES: Final = ("system", "user", "assistant")


def message(role: str, *parts: str | None) -> dict[str, Any]:
    """One turn as `schemas.rows.schema.MESSAGE` holds it, from texts and, for each picture, None."""
    kinds = [{"type": "image" if part is None else "text", "text": part} for part in parts]
    return {"role": role, "content": kinds}


def message_faults(messages: Sequence[Mapping[str, Any]], images: int) -> Iterator[str]:
    """Every fault of a row's `messages`, none when they can be learnt from.

    Sound are: an optional system turn, then user and assistant by turns, the last an assistant's; every turn says
    something; user turns show each of the row's pictures once.

    Args:
        messages: values of `schemas.rows.schema.MESSAGE`.
        images: pictures the row has.
    """
    roles = [turn["role"] for turn in messages]
    turns = roles[1:] if roles[:1] == ["system"] else roles
    if not turns or turns != [_ROLES[1 + number % 2] for number in range(len(turns))] or turns[-1] != "assistant":
        yield f"has messages of {', '.join(map(str, roles)) or 'nobody'}, not of user and assistant by turns"
    shown = 0
    for number, turn in enumerate(messages):
        parts = turn["content"] or ()
        if not parts:
            yield f"has nothing in message {number}"
        for part in parts:
            kind, text = part["type"], part.get("text")
            if kind == "image":
                shown += 1
                if turn["role"] != "user" or text:
                    yield f"has a picture in message {number} that is no user's or carries text"
            elif kind != "text":
                yield f"has a part of type {kind!r} in message {number}"
            elif not (text or "").strip():
                yield f"has an empty text in message {number}"
    if shown != images:
        yield f"shows {shown} pictures in its messages and has {images}"


def pictures_shown(messages: Sequence[Mapping[str, Any]]) -> int:
    """How many pictures a row's messages show."""
    return sum(part["type"] == "image" for turn in messages for part in turn["content"] or ())


def text_before_answer(messages: Sequence[Mapping[str, Any]]) -> str:
    """All texts before the last assistant turn, one a line: what a student is given. All there are without one."""
    last = max((number for number, turn in enumerate(messages) if turn["role"] == "assistant"), default=len(messages))
    parts = (part for turn in messages[:last] for part in turn["content"] or ())
    return "\n".join(part.get("text") or "" for part in parts if part["type"] == "text")
