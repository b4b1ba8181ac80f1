from __future__ import annotations

import email.utils
import time
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.plugins.contracts import CallFailed
from factory.teachers.replies import MAX_DETAIL, http_failure, read_reply, redact, refuses_schema, retry_after_s
from schemas import Reply


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
    [(503, "http_503", True), ("429", "rate_limited", True), (400, "permanent_error", False), (None, "http_500", True)],
)
def test_an_error_object_in_a_200_counts_by_its_code(code: Any, kind: str, retryable: bool) -> None:
    failure = failure_of(orjson.dumps({"error": {"message": "x", "code": code}}))
    assert (failure.kind, failure.retryable) == (kind, retryable)


@pytest.mark.parametrize(
    ("status", "message", "kind", "flags"),
    [
        (400, "cannot identify image", "permanent_error", ""),
        (413, "too large", "permanent_error", ""),
        (422, "bad", "permanent_error", ""),
        (401, "bad key", "credentials", "fatal"),
        (403, "no access to this model", "credentials", "fatal"),
        (403, "flagged by moderation", "permanent_error", ""),
        (402, "pay", "quota", "fatal"),
        (404, "no such model", "model_unknown", "fatal"),
        (307, "", "redirected", "fatal"),
        (408, "", "http_408", "retryable presses"),
        (429, "slow down", "rate_limited", "retryable presses"),
        (429, "insufficient_quota", "quota", "fatal"),
        (500, "oops", "http_500", "retryable"),
        (500, "EngineCore encountered an issue", "http_500", "retryable down presses"),
        (502, "", "http_502", "retryable presses"),
        (503, "", "http_503", "retryable down presses"),
    ],
)
def test_statuses_mean_what_the_table_says(status: int, message: str, kind: str, flags: str) -> None:
    failure = http_failure(status, orjson.dumps({"error": {"message": message}}))
    shown = " ".join(flag for flag in ("retryable", "down", "presses", "fatal") if getattr(failure, flag))
    assert (failure.kind, shown) == (kind, flags)


def test_details_are_one_short_clean_line() -> None:
    failure = http_failure(400, orjson.dumps({"error": {"message": "a\nb\x1b[2J\u202e" + "x" * 10_000}}))
    assert "\n" not in failure.detail and "\x1b" not in failure.detail and "\u202e" not in failure.detail
    assert len(failure.detail) <= MAX_DETAIL + 10


def test_a_server_without_structured_output_is_recognised() -> None:
    assert refuses_schema(400, b'{"error": "response_format json_schema not supported"}')
    assert not refuses_schema(400, b'{"error": "cannot identify image file"}')
    assert not refuses_schema(500, b"json_schema")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0.5", 0.5),
        ("7", 7.0),
        ("-3", 0.0),
        ("1e9", 120.0),
        ("nan", None),
        ("inf", None),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_seconds_within_reason(value: str | None, expected: float | None) -> None:
    assert retry_after_s(value) == expected


def test_retry_after_may_be_a_date() -> None:
    seconds = retry_after_s(email.utils.formatdate(time.time() + 30, usegmt=True))
    assert seconds is not None and 25 < seconds <= 30


@pytest.mark.parametrize(
    "text",
    [
        "Incorrect key: top-secret-value",
        "Authorization: Bearer abc.def",
        "sk-abcdef123456",
        "hf_abcdefghijk",
        "api_key-123456",
    ],
)
def test_nothing_that_looks_like_a_key_is_shown(text: str) -> None:
    shown = redact(text, "top-secret-value")
    assert "[redacted]" in shown
    assert not any(secret in shown for secret in ("top-secret", "abc.def", "abcdef", "123456"))


@given(st.binary(max_size=200), st.integers(300, 599), st.one_of(st.none(), st.text(max_size=20)))
def test_no_body_status_or_header_breaks_the_reading(content: bytes, status: int, header: str | None) -> None:
    assert http_failure(status, content, header).kind
    try:
        assert read_reply(content, header)
    except CallFailed as failure:
        assert failure.kind
