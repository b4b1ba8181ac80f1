"""The key of a teacher call: equal exactly when the requests are."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.calls.ledger import request_key

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
    "generator": "mp16_reason",
    "prompt_version": "1",
    "prompt_sha256": "aa",
    "model": "qwen",
    "sampling": {"temperature": 1.0, "max_tokens": 700},
    "image": "bb",
    "inputs": {"language": "en"},
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
        ("generator", "naviclues"),
        ("prompt_version", "2"),
        ("prompt_sha256", "ab"),
        ("model", "qwen2"),
        ("sampling", {"temperature": True, "max_tokens": 700}),
        ("image", "bc"),
        ("inputs", {}),
        ("attempt", 1),
    ],
)
def test_any_change_of_the_request_changes_its_key(field: str, value: object) -> None:
    assert request_key(**REQUEST | {field: value}) != request_key(**REQUEST)


def test_a_key_is_the_same_in_every_release() -> None:
    assert request_key(**REQUEST) == "8be89f6254db628c700b78a9306c532d983c9795607082634681e23e9bb2a0e4"


@pytest.mark.parametrize("value", [float("nan"), {1, 2}, {1: "a"}, 2**70, "\ud800"])
def test_a_value_that_is_not_json_has_no_key(value: object) -> None:
    with pytest.raises(ValueError, match=r"sampling|keyed"):
        request_key(**REQUEST | {"sampling": {"x": value}})
