from __future__ import annotations

from typing import Any

import pytest

from schemas.rows.messages import message_faults, text_before_answer

IMAGE: dict[str, Any] = {"type": "image", "text": None}


def turn(role: str, *parts: str | dict[str, Any]) -> dict[str, Any]:
    content = [{"type": "text", "text": part} if isinstance(part, str) else part for part in parts]
    return {"role": role, "content": content}


SOUND = [
    turn("system", "You look."),
    turn("user", IMAGE, "Where?"),
    turn("assistant", "Here."),
    turn("user", "And this?", {"type": "image", "text": ""}),
    turn("assistant", "There."),
]


@pytest.mark.parametrize(("messages", "images"), [(SOUND, 2), (SOUND[1:3], 1), ([turn("user", "a"), SOUND[2]], 0)])
def test_a_sound_conversation_has_no_faults(messages: list[dict[str, Any]], images: int) -> None:
    assert list(message_faults(messages, images)) == []


@pytest.mark.parametrize(
    ("messages", "images", "said"),
    [
        ([], 0, "messages of nobody"),
        (SOUND[:1], 0, "messages of system, not"),
        (SOUND[:2], 1, "messages of system, user, not"),
        (SOUND[2:], 1, "not of user and assistant by turns"),
        ([SOUND[1], *SOUND[1:3]], 2, "messages of user, user, assistant"),
        ([*SOUND[1:3], SOUND[0], *SOUND[3:]], 2, "not of user and assistant by turns"),
        ([turn("tool", "x"), SOUND[2]], 0, "messages of tool, assistant"),
        (SOUND, 1, "shows 2 pictures in its messages and has 1"),
        ([turn("user"), SOUND[2]], 0, "has nothing in message 0"),
        ([turn("user", " \n"), SOUND[2]], 0, "has an empty text in message 0"),
        ([turn("user", "a", {"type": "text", "text": None}), SOUND[2]], 0, "has an empty text in message 0"),
        ([turn("user", {"type": "video", "text": "x"}), SOUND[2]], 0, "type 'video' in message 0"),
        ([turn("user", "a"), turn("assistant", IMAGE)], 1, "picture in message 1 that is no user's"),
        ([turn("user", {"type": "image", "text": "a"}), SOUND[2]], 1, "carries text"),
    ],
)
def test_each_fault_is_named(messages: list[dict[str, Any]], images: int, said: str) -> None:
    (fault,) = message_faults(messages, images)
    assert said in fault


def test_what_a_student_is_given_ends_before_the_last_answer() -> None:
    assert text_before_answer(SOUND) == "You look.\nWhere?\nHere.\nAnd this?"
    assert text_before_answer(SOUND[:2]) == "You look.\nWhere?"
