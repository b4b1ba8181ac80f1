from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.plugins.contracts import CallFailed
from factory.teachers.replies import MAX_REPLY, read_reply
from schemas import Reply

KEYS = st.sampled_from(
    ("choices", "message", "content", "error", "code", "type", "usage", "tool_calls", "function", "arguments")
)
JSON = st.none() | st.booleans() | st.integers(-1, 600) | st.floats(allow_nan=False) | st.text(max_size=5) | KEYS
CHANNELS = st.sampled_from(("content", "reasoning", "reasoning_details", "tool_calls", "type", "thinking", "text"))


def body(message: Any, finish_reason: Any = "stop", **top: Any) -> bytes:
    return orjson.dumps({"choices": [{"message": message, "finish_reason": finish_reason}], **top})


def failure_of(content: bytes) -> CallFailed:
    with pytest.raises(CallFailed) as caught:
        read_reply(content)
    return caught.value


def test_reads_text_reason_model_and_usage() -> None:
    usage = {"prompt_tokens": 9, "completion_tokens": 4}
    reply = read_reply(body({"content": "hello"}, "length", model="m", usage=usage))
    assert reply == Reply(text="hello", finish_reason="length", model="m", prompt_tokens=9, completion_tokens=4)


@pytest.mark.parametrize("key", ["reasoning_content", "reasoning"])
def test_a_reasoning_channel_stands_before_the_answer(key: str) -> None:
    assert read_reply(body({"content": "{}", key: "look"})).text == "<think>look</think>\n{}"


def test_a_refusal_in_its_own_field_is_the_text() -> None:
    reply = read_reply(body({"content": None, "refusal": "No."}))
    assert (reply.text, reply.finish_reason) == ("No.", "refusal")


def test_content_in_parts_is_joined() -> None:
    assert read_reply(body({"content": [{"type": "text", "text": "a"}, {"text": "b"}, 3]})).text == "ab"


@pytest.mark.parametrize("usage", [None, [], {"prompt_tokens": -1, "completion_tokens": "4"}, {"prompt_tokens": 2**60}])
def test_impossible_usage_is_unknown(usage: Any) -> None:
    reply = read_reply(body({"content": "x"}, usage=usage))
    assert (reply.prompt_tokens, reply.completion_tokens) == (None, None)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"choices": []}',
        b'{"choices": [1]}',
        b'{"choices": [{"message": null}]}',
        b"\xff",
    ],
)
def test_a_body_that_is_no_completion_is_asked_again(content: bytes) -> None:
    failure = failure_of(content)
    assert (failure.kind, failure.retryable) == ("bad_body", True)


@pytest.mark.parametrize(
    ("code", "kind", "retryable"),
    [
        (503, "http_503", True),
        ("429", "rate_limited", True),
        (400, "http_400", False),
        (None, "http_500", True),
        ("rate_limit_exceeded", "rate_limited", True),
        ("insufficient_quota", "quota", False),
        ("server_overloaded", "http_529", True),
    ],
)
def test_an_error_object_in_a_200_counts_by_its_code(code: Any, kind: str, retryable: bool) -> None:
    error = {"message": "x", "code": code}
    in_choice = {"error": error, "message": {"role": "assistant", "content": ""}, "finish_reason": "error"}
    for content in ({"error": error}, {"choices": [in_choice]}, {"choices": [], "error": error}):
        failure = failure_of(orjson.dumps(content))
        assert (failure.kind, failure.retryable) == (kind, retryable)
        assert failure.detail.endswith("x")


@pytest.mark.parametrize(
    "message",
    [
        {"content": None, "tool_calls": [{"type": "function", "function": {"name": "answer", "arguments": "{}"}}]},
        {"content": "", "tool_calls": [{"function": {"arguments": {}}}]},
        {"content": "", "function_call": {"name": "answer", "arguments": "{}"}},
    ],
    ids=["as text", "as an object", "the old field"],
)
def test_the_arguments_of_a_tool_call_are_words(message: dict[str, Any]) -> None:
    assert read_reply(body(message, "tool_calls")).text == "{}"


@pytest.mark.parametrize(
    "message",
    [
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "look"}]}, {"text": "{}"}]},
        {"content": [{"type": "reasoning", "text": "look"}, {"type": "text", "text": "{}"}]},
        {"content": "{}", "reasoning_details": [{"type": "reasoning.text", "text": "look"}, {"data": "x"}]},
        {"content": "{}", "reasoning_content": "</think>look[/THINK]"},
    ],
    ids=["Mistral", "parts", "OpenRouter", "tags in it"],
)
def test_thinking_is_kept_apart_wherever_it_stands(message: dict[str, Any]) -> None:
    assert read_reply(body(message)).text == "<think>look</think>\n{}"


@pytest.mark.parametrize(
    ("usage", "kind"),
    [
        ({"prompt_tokens": 900, "completion_tokens": 0}, "no_output"),
        (None, "bad_body"),
        ({"completion_tokens": None}, "bad_body"),
    ],
)
def test_no_word_and_no_token_is_no_answer(usage: Any, kind: str) -> None:
    """Where nobody says that it took no token, it may be on the bill."""
    failure = failure_of(body({"content": ""}, usage=usage))
    assert (failure.kind, failure.retryable) == (kind, True)


def test_no_word_that_was_paid_or_refused_is_an_answer() -> None:
    assert read_reply(body({"content": ""}, usage={"completion_tokens": 5})).text == ""
    assert read_reply(body({"content": ""}, "content_filter")).finish_reason == "content_filter"
    assert read_reply(body({"content": ""}, "length")).finish_reason == "length"


def test_a_reply_that_broke_off_with_an_error_is_none() -> None:
    assert failure_of(body({"content": "It is in Fr"}, "error")).kind == "bad_body"


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + body({"content": "hello"}),
        body({"content": "hello"}).decode().encode("utf-16"),
        body({"content": "hello"})[:-1] + b', "score": -Infinity, "other": NaN}',
        body({"content": "hello"}).replace(b"hello", b"hel\x01lo"),
    ],
    ids=["byte order mark", "UTF-16", "infinity", "control character"],
)
def test_what_pythons_own_json_reads_is_read(content: bytes) -> None:
    assert read_reply(content).text.replace("\x01", "") == "hello"


def test_a_lone_surrogate_costs_one_letter_and_not_the_answer() -> None:
    content = body({"content": "hello"}).replace(b"hello", b"he\\ud800llo")
    assert read_reply(content).text == "he\ud800llo"


@given(
    st.recursive(JSON, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | CHANNELS, inner, max_size=5))
)
def test_no_shape_of_a_body_breaks_the_reading(content: Any) -> None:
    try:
        assert read_reply(orjson.dumps(content))
    except CallFailed as failure:
        assert failure.kind


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reading(content: bytes) -> None:
    try:
        assert read_reply(content)
    except CallFailed as failure:
        assert failure.kind


@pytest.mark.parametrize("field", ["content", "reasoning_content"])
def test_a_reply_that_is_longer_than_any_answer_is_asked_for_again(field: str) -> None:
    assert len(read_reply(body({"content": "a", field: "x" * (MAX_REPLY - 1)})).text) >= MAX_REPLY - 1
    failure = failure_of(body({"content": "a", field: "x" * (MAX_REPLY + 1)}))
    assert (failure.kind, failure.retryable) == ("bad_body", True)
    assert "at most 600,000 are kept" in failure.detail


def test_names_that_are_no_names_are_none() -> None:
    reply = read_reply(body({"content": "a"}, "s" * 5_000, model="m" * 5_000))
    assert (reply.model, reply.finish_reason) == ("", None)
