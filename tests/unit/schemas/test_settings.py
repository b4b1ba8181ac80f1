from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from factory.plugins.blocks import BlockError
from factory.recipe.model import TEACHER, teacher_settings
from schemas.settings import Prices, TeacherSettings

OPENAI: dict[str, Any] = {"name": "t", "backend": "openai", "model": "m", "base_urls": ["http://localhost:8000/v1"]}


def test_a_recipe_writes_common_and_own_keys_side_by_side() -> None:
    call = TEACHER.validate({**OPENAI, "max_in_flight": 8, "image_detail": "low"})
    assert teacher_settings(call).max_in_flight == 8
    assert dict(call.settings)["image_detail"] == "low"
    assert TEACHER.validate(TEACHER.dump(call)) == call


@pytest.mark.parametrize("key", ["temprature", "base_url", "path"])
def test_unknown_keys_are_refused(key: str) -> None:
    with pytest.raises(BlockError):
        TEACHER.validate({**OPENAI, key: 1})


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "ftp://host/v1", "localhost:8000", "http://", "http://me:secret@host/v1", "http://h/v1?k=1"],
)
def test_only_plain_http_addresses_are_taken(url: str) -> None:
    with pytest.raises(BlockError, match="base_urls"):
        TEACHER.validate({**OPENAI, "base_urls": [url]})


@pytest.mark.parametrize(
    "fields",
    [
        {"sampling": {"temperature": 3}},
        {"sampling": {"max_tokens": 0}},
        {"sampling": {"extra": {"model": "other"}}},
        {"sampling": {"extra": {"top_k": 10**30}}},
        {"sampling": {"extra": {"top_k": float("nan")}}},
        {"extra_body": {"messages": []}},
        {"prices": {"input_per_million": float("inf")}},
        {"max_in_flight": 0},
        {"timeout_s": -1},
        {"attempts": 0},
        {"bad_answer": {"kinds": ["rate_limited"]}},
        {"budget": {"calls": -1}},
        {"name": "../x"},
    ],
)
def test_impossible_values_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises((BlockError, ValidationError)):
        TEACHER.validate({**OPENAI, **fields})


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        TeacherSettings(name="t", backend="replay").name = "u"  # type: ignore[misc]


def test_a_call_costs_its_tokens_at_the_price_of_a_million() -> None:
    assert Prices(input_per_million=2.0, output_per_million=8.0).cost(1_000_000, 500_000) == pytest.approx(6.0)
