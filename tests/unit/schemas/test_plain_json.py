from __future__ import annotations

from typing import Any

import orjson
import pytest

from schemas.plain_json import MAX_DEPTH, MAX_VALUES, not_deep, read_json


def nested(depth: int, kind: type) -> Any:
    value: Any = kind()
    for _ in range(depth - 1):
        value = {"a": value} if kind is dict else kind([value])
    return value


@pytest.mark.parametrize("kind", [list, dict, tuple])
def test_what_lies_deeper_than_any_answer_is_refused_and_the_rest_given_back(kind: type) -> None:
    deepest = nested(MAX_DEPTH, kind)
    assert not_deep(deepest) is deepest
    with pytest.raises(ValueError, match=f"more than {MAX_DEPTH} lists and objects"):
        not_deep(nested(MAX_DEPTH + 1, kind))
    with pytest.raises(ValueError, match=f"more than {MAX_DEPTH} lists and objects"):
        not_deep([1, {"x": nested(MAX_DEPTH, kind)}])


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 300, 1_000, 100_000])
def test_deep_text_is_a_value_error_however_deep(depth: int) -> None:
    with pytest.raises(ValueError, match=r"within each other|depth limit"):
        read_json(b"[" * depth + b"]" * depth)


@pytest.mark.parametrize(
    "text",
    [b"[" + b"[]," * 600_000 + b"1]", b"[" + b"{}," * 600_000 + b"1]", b"1," * 1_100_000],
    ids=["lists", "objects", "numbers"],
)
def test_more_values_than_a_text_may_have_are_refused_before_one_is_made(text: bytes) -> None:
    with pytest.raises(ValueError, match=f"more than {MAX_VALUES:,} values"):
        read_json(text)


def test_64_vectors_of_4096_numbers_are_read() -> None:
    text = orjson.dumps([[0.123456789] * 4096] * 64)
    assert len(read_json(text)) == 64


def test_a_text_without_marks_may_be_longer_than_the_number_of_values() -> None:
    assert read_json(b'"' + b"a" * (2 * MAX_VALUES) + b'"') == "a" * (2 * MAX_VALUES)
