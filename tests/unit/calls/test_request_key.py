"""The key of a teacher call: equal exactly when the requests are."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.calls.row import request_key
from schemas import Picture, Request, Turn

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
REQUEST: dict[str, Any] = {
    "request_sha256": "aa",
    "pictures": ["bb", "cc"],
    "model": "qwen",
    "sampling": {"temperature": 1.0, "max_tokens": 700},
    "inputs": {"language": "en"},
    "draw": 0,
    "attempt": 0,
}


def shuffled(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: shuffled(value[key]) for key in reversed(list(value))}
    if isinstance(value, list):
        return tuple(shuffled(item) for item in value)
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def spelled(value: Any) -> str:
    """The value as the key should see it: numbers by value, booleans apart from them, mappings without order."""
    if isinstance(value, dict):
        return "{" + ",".join(sorted(f"{key!r}:{spelled(item)}" for key, item in value.items())) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(spelled, value)) + "]"
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**63:
        return repr(int(value))
    return repr(value)


@given(sampling=st.dictionaries(st.text(), JSON, max_size=4))
def test_a_key_does_not_depend_on_order_or_on_how_a_number_is_written(sampling: dict[str, Any]) -> None:
    assert request_key(**REQUEST | {"sampling": sampling}) == request_key(**REQUEST | {"sampling": shuffled(sampling)})


@given(one=st.dictionaries(st.text(), JSON, max_size=3), other=st.dictionaries(st.text(), JSON, max_size=3))
def test_keys_are_equal_exactly_when_the_requests_are(one: dict[str, Any], other: dict[str, Any]) -> None:
    same = request_key(**REQUEST | {"inputs": one}) == request_key(**REQUEST | {"inputs": other})
    assert same == (spelled(one) == spelled(other))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("request_sha256", "ab"),
        ("model", "qwen2"),
        ("sampling", {"temperature": True, "max_tokens": 700}),
        ("pictures", ["bb"]),
        ("pictures", ["cc", "bb"]),
        ("pictures", ["bb", "cd"]),
        ("inputs", {}),
        ("draw", 1),
        ("attempt", 1),
    ],
)
def test_any_change_of_the_request_changes_its_key(field: str, value: object) -> None:
    assert request_key(**REQUEST | {field: value}) != request_key(**REQUEST)


ASK = Request(
    "answer",
    (
        Turn("system", ("You look.",)),
        Turn("user", ("Where?", Picture("ground"), Picture("satellite"))),
        Turn("assistant", ("Chad.",)),
        Turn("user", ("Sure?",)),
    ),
    {"type": "object"},
)


def said(*turns: Turn, schema: dict[str, Any] | None = None) -> str:
    return Request("answer", turns, schema or {"type": "object"}).sha256


@pytest.mark.parametrize("changed", range(4))
def test_every_turn_of_a_conversation_counts(changed: int) -> None:
    other = list(ASK.turns)
    other[changed] = Turn(other[changed].who, ("else", *other[changed].parts[1:]))
    assert said(*other) != ASK.sha256
    assert said(*ASK.turns[:changed], *ASK.turns[changed + 1 :]) != ASK.sha256


def test_the_form_of_the_answer_and_who_speaks_count() -> None:
    assert said(*ASK.turns, schema={"type": "array"}) != ASK.sha256
    assert said(Turn("user", ("You look.",)), *ASK.turns[1:]) != ASK.sha256
    assert said(Turn("user", ("ab", "c"))) != said(Turn("user", ("a", "bc")))


def test_where_a_picture_stands_counts_and_what_it_is_called_does_not() -> None:
    def asked(*parts: str | Picture) -> Request:
        return Request("answer", (Turn("user", parts),))

    one, other = Picture("photo"), Picture("map")
    assert asked("a", one, "b", other).sha256 == asked("a", Picture("x"), "b", Picture("y")).sha256
    assert asked("a", one, "b", other).sha256 != asked("a", one, other, "b").sha256
    assert asked(one, other, one).sha256 != asked(one, other, other).sha256
    assert asked(other, one).pictures == ("map", "photo")


def test_what_a_question_is_for_does_not_count() -> None:
    assert replace(ASK, purpose="judge").sha256 == ASK.sha256


def test_no_text_can_pass_for_a_picture() -> None:
    assert said(Turn("user", ('{"picture":0}',))) != said(Turn("user", (Picture(),)))


def test_a_key_is_the_same_in_every_release() -> None:
    assert request_key(**REQUEST) == "58ce2739fbed3e66a7afe061c21254125d2006917581329329958b9d1f85731d"
    assert ASK.sha256 == "792a0c0fd36328a48fb1d2ad86c6b77be1bb1da2ccc0834c07514b18bfc7d71e"


@pytest.mark.parametrize("value", [float("nan"), {1, 2}, {1: "a"}, 2**70, "\ud800"])
def test_a_value_that_is_not_json_has_no_key(value: object) -> None:
    with pytest.raises(ValueError, match=r"sampling|keyed"):
        request_key(**REQUEST | {"sampling": {"x": value}})
