from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from factory.plugins.blocks import BlockError
from factory.recipe.model import TEACHER, teacher_settings
from schemas.settings import PlanSettings, Prices, ReviewSettings, Sampling, TeacherSettings

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
        {"sampling": {"draws": 0}},
        {"sampling": {"draws": 101}},
        {"sampling": {"draws": 2, "temperature": 0}},
        {"role": "Judge"},
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


def test_several_draws_of_a_model_that_always_says_the_same_are_refused_with_the_remedy() -> None:
    with pytest.raises(ValidationError, match="draws is 3, but at temperature 0 every draw is the same: raise one"):
        Sampling(draws=3, temperature=0)
    assert Sampling(draws=3, temperature=None).draws == 3
    assert Sampling(temperature=0).draws == 1


def test_how_often_is_asked_is_no_part_of_a_questions_identity() -> None:
    assert Sampling(draws=5).identity() == Sampling().identity()
    assert Sampling(seed=5).identity() != Sampling().identity()


def test_a_teacher_answers_unless_it_has_another_role() -> None:
    assert teacher_settings(TEACHER.validate(OPENAI)).role == "answer"
    assert teacher_settings(TEACHER.validate({**OPENAI, "role": "judge"})).role == "judge"


def test_nobody_waits_and_nobody_shows_bad_answers_unless_the_recipe_says_so() -> None:
    assert (ReviewSettings().wait, TeacherSettings(name="t", backend="replay").bad_answer.repair) == (False, False)


@pytest.mark.parametrize("block", [PlanSettings, ReviewSettings, Sampling])
def test_every_block_is_closed(block: type[Any]) -> None:
    with pytest.raises(ValidationError, match="odd"):
        block(odd=1)
