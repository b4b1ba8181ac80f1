"""What is sent: the conversation turn by turn, the seed, the form of the answer."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

from factory.plugins.contracts import Question
from factory.teachers.openai_backend import OpenAIBackend, openai_teacher, request_body, seed_of
from schemas import Picture, Request, Turn
from schemas.settings import Sampling, TeacherSettings

TURNS = (
    Turn("system", ("You look.",)),
    Turn("user", (Picture("ground"), "Where?", Picture("satellite"))),
    Turn("assistant", ("Chad.",)),
    Turn("user", ("Sure?", Picture("ground"))),
)
JPEGS = {"ground": b"one", "satellite": b"two"}


def body(request: Request, images: Mapping[str, bytes] = JPEGS, **changes: Any) -> dict[str, Any]:
    given = {"seed": 7, "structured": True, "image_detail": None, **changes}
    sent = orjson.loads(request_body({"model": "m", "temperature": 0.5}, request, images, **given))
    assert isinstance(sent, dict)
    return sent


def url(jpeg: bytes, **more: str) -> dict[str, Any]:
    address = f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"
    return {"type": "image_url", "image_url": {"url": address, **more}}


def text(words: str) -> dict[str, str]:
    return {"type": "text", "text": words}


def test_every_turn_is_sent_with_its_parts_in_order() -> None:
    assert body(Request("answer", TURNS, {"type": "object"}))["messages"] == [
        {"role": "system", "content": "You look."},
        {"role": "user", "content": [url(b"one"), text("Where?"), url(b"two")]},
        {"role": "assistant", "content": "Chad."},
        {"role": "user", "content": [text("Sure?"), url(b"one")]},
    ]


def test_the_detail_of_pictures_is_sent_where_the_recipe_says_one() -> None:
    (message,) = body(Request("answer", (Turn("user", (Picture("ground"),)),)), image_detail="low")["messages"]
    assert message["content"] == [url(b"one", detail="low")]


def test_the_form_is_asked_for_under_one_name_that_tells_nothing_of_the_purpose() -> None:
    sent = body(Request("answer+saw_country:ocr", TURNS, {"type": "object"}))
    assert sent["response_format"]["json_schema"] == {
        "name": "answer",
        "strict": True,
        "schema": {"type": "object"},
    }
    assert "response_format" not in body(Request("answer", TURNS, {"type": "object"}), structured=False)


def backend_of(**sampling: Any) -> OpenAIBackend:
    settings = TeacherSettings.model_validate({"name": "t", "backend": "openai", "model": "m", "sampling": sampling})
    (endpoint,) = openai_teacher(settings, Path(), base_urls=("http://localhost:8000/v1",)).endpoints
    assert isinstance(endpoint, OpenAIBackend)
    return endpoint


def question(draw: int, attempt: int) -> Question:
    return Question(key="", request=Request("answer", TURNS), sample_id="s", draw=draw, attempt=attempt)


@pytest.mark.parametrize(("draw", "attempt", "seed"), [(0, 0, 5), (1, 0, 6), (99, 0, 104), (0, 1, 1005), (3, 2, 2008)])
def test_every_draw_and_every_repetition_has_another_seed(draw: int, attempt: int, seed: int) -> None:
    assert seed_of(Sampling(seed=5), question(draw, attempt)) == seed


def test_no_two_questions_of_a_teacher_share_a_seed() -> None:
    sampling = Sampling(draws=100, seed=0)
    seeds = [seed_of(sampling, question(draw, attempt)) for draw in range(100) for attempt in range(11)]
    assert len(set(seeds)) == len(seeds)


def test_no_seed_is_sent_unless_the_recipe_has_one() -> None:
    assert seed_of(Sampling(), question(3, 2)) is None
    assert "seed" not in body(Request("answer", TURNS), seed=None)


def test_how_often_is_asked_is_no_field_of_a_request() -> None:
    assert not {"draws", "extra", "seed"} & backend_of(draws=3, extra={"top_k": 5})._fields.keys()
    assert backend_of(draws=3, extra={"top_k": 5})._fields["top_k"] == 5
