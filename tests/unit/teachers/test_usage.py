from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.plugins.shared import Usage
from factory.teachers.openai_backend import most_answer_tokens
from factory.teachers.usage import MOST, stated_usage


@pytest.mark.parametrize(
    ("usage", "prompt", "completion"),
    [
        ({"prompt_tokens": 900, "completion_tokens": 50, "total_tokens": 950}, 900, 50),
        ({"prompt_tokens": 900, "completion_tokens": 50}, 900, 50),
        ({"prompt_tokens": 900.0, "completion_tokens": 49.2}, 900, 50),
        ({"input_tokens": 900, "output_tokens": 50}, 900, 50),
        ({"prompt_tokens": 900, "completion_tokens": 50, "total_tokens": 3_950}, 900, 3_050),
        ({"prompt_tokens": 900, "total_tokens": 950}, 900, 50),
        ({"completion_tokens": 50, "total_tokens": 950}, 900, 50),
        ({"total_tokens": 950}, 0, 950),
        ({"prompt_tokens": 900, "completion_tokens": 50, "total_tokens": 0}, 900, 50),
        ({"prompt_tokens": 9, "completion_tokens": 5, "completion_tokens_details": {"reasoning_tokens": 70}}, 9, 75),
        ({"prompt_tokens": 9, "completion_tokens": 5, "reasoning_tokens": 70}, 9, 75),
        ({"prompt_tokens": 9, "completion_tokens": 75, "completion_tokens_details": {"reasoning_tokens": 70}}, 9, 75),
    ],
)
def test_usage_is_read_in_the_shapes_that_servers_give_it(usage: Any, prompt: int, completion: int) -> None:
    read = stated_usage(usage, says_something=True)
    assert read == Usage(prompt_tokens=prompt, completion_tokens=completion)


@pytest.mark.parametrize(
    "usage",
    [None, [], "900", {}, {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}, {"prompt_tokens": "900"}]
    + [{"prompt_tokens": bad, "completion_tokens": bad} for bad in (-1, True, MOST, float("nan"), float("inf"), None)],
)
def test_usage_that_says_nothing_is_unknown_and_never_zero(usage: Any) -> None:
    assert stated_usage(usage, says_something=True) == Usage()


def test_an_answer_of_some_text_took_some_token() -> None:
    usage = {"prompt_tokens": 900, "completion_tokens": 0}
    assert stated_usage(usage, says_something=True) == Usage(prompt_tokens=900)
    assert stated_usage(usage, says_something=False) == Usage(prompt_tokens=900, completion_tokens=0)


COUNT = st.one_of(st.none(), st.booleans(), st.integers(-5, 5_000), st.floats(), st.text(max_size=3))


@given(usage=st.dictionaries(st.sampled_from(["prompt_tokens", "completion_tokens", "total_tokens"]), COUNT))
def test_no_usage_is_read_as_less_than_it_states(usage: dict[str, Any]) -> None:
    read = stated_usage(usage, says_something=True)
    stated = [value for value in usage.values() if type(value) is int and value > 0]
    if read.prompt_tokens is not None and read.completion_tokens is not None:
        assert read.prompt_tokens + read.completion_tokens >= max(stated, default=1)


@pytest.mark.parametrize(
    ("fields", "most"),
    [
        ({"max_tokens": 1024}, 1024),
        ({"max_tokens": 1024, "max_completion_tokens": 16_000}, 16_000),
        ({"max_tokens": 200}, 200),
        ({"max_tokens": None}, None),
        ({"max_tokens": "many", "n_predict": -1}, None),
    ],
)
def test_the_longest_answer_a_request_asks_for_is_known_to_the_budget(fields: Any, most: int | None) -> None:
    assert most_answer_tokens(fields) == most
