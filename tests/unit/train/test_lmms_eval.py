"""What lmms-eval asks and what it measures belong to the same answer, the last one of a row."""

from __future__ import annotations

from typing import Any

from train.evaluate.adapters.lmms_eval.functions import doc_to_target, doc_to_text
from train.evaluate.adapters.single import question


def row(*turns: tuple[str, str]) -> dict[str, Any]:
    messages = [{"role": role, "content": [{"type": "text", "text": text}]} for role, text in turns]
    messages[0]["content"].append({"type": "image", "text": None})  # type: ignore[attr-defined]
    return {"id": "a", "images": [{"bytes": b"x"}], "messages": messages}


def test_one_question_is_asked_as_it_stands() -> None:
    doc = row(("user", "Where is it?"), ("assistant", "Peru."))
    assert doc_to_text(doc, {"pre_prompt": "Hi. ", "post_prompt": " Be short."}) == "Hi. Where is it? Be short."
    assert doc_to_target(doc) == "Peru."


def test_of_several_questions_the_last_is_asked_with_all_that_was_said_before() -> None:
    doc = row(("user", "Which country?"), ("assistant", "Peru."), ("user", "Which city?"), ("assistant", "Lima."))
    text = doc_to_text(doc)
    assert text == "user: Which country?\n\nassistant: Peru.\n\nuser: Which city?"
    assert doc_to_target(doc) == "Lima." and "Lima" not in text
    asked = [part["text"] for turn in question(doc) for part in turn["content"] if part["type"] == "text"]
    assert all(words in text for words in asked) and len(asked) == 3
