"""What a failing server says, by its status and in its words, and what follows from it."""

from __future__ import annotations

import email.utils
import gzip
import time
import zlib
from typing import Any

import httpx2
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.plugins.contracts import CallFailed
from factory.redact import Redactor
from factory.retry_after import headers_wait_s, retry_after_s
from factory.teachers.client import _PACKED, _unpacked, guard_body
from factory.teachers.failures import (
    MAX_DETAIL,
    MAX_SAID,
    http_failure,
    may_refuse_form,
    read_json,
    refused_parameter,
    wait_asked_s,
)

FLAGS = ("retryable", "down", "waits", "presses", "mendable", "fatal")


def flags(failure: CallFailed) -> str:
    return " ".join(flag for flag in FLAGS if getattr(failure, flag))


def error(message: str, **more: Any) -> bytes:
    return orjson.dumps({"error": {"message": message, **more}})


@pytest.mark.parametrize(
    ("status", "message", "kind", "expected"),
    [
        (400, "cannot identify image", "http_400", "mendable"),
        (400, "This model's maximum context length is 4096 tokens", "http_400", "mendable"),
        (413, "<html>413 Request Entity Too Large", "http_413", "mendable"),
        (422, "bad", "http_422", "mendable"),
        (401, "bad key", "credentials", "fatal"),
        (403, "no access to this model", "credentials", "fatal"),
        (403, "flagged by moderation", "permanent_error", ""),
        (400, "rejected by the content_filter", "permanent_error", ""),
        (402, "pay", "quota", "fatal"),
        (404, "no such model", "model_unknown", "fatal"),
        (307, "", "redirected", "fatal"),
        (408, "", "http_408", "retryable presses"),
        (429, "slow down", "rate_limited", "retryable waits presses"),
        (429, "insufficient_quota", "quota", "fatal"),
        (500, "oops", "http_500", "retryable"),
        (500, "EngineCore encountered an issue", "http_500", "retryable down presses"),
        (502, "", "http_502", "retryable presses"),
        (503, "", "http_503", "retryable down waits presses"),
        (503, "Loading model", "http_503", "retryable down waits presses"),
        (503, "EngineCore encountered an issue", "http_503", "retryable down presses"),
        (529, "Overloaded", "http_529", "retryable waits presses"),
    ],
)
def test_statuses_mean_what_the_table_says(status: int, message: str, kind: str, expected: str) -> None:
    failure = http_failure(status, error(message))
    assert (failure.kind, flags(failure)) == (kind, expected)


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (400, "Your credit balance is too low to access the API"),  # Anthropic and proxies before it
        (429, "You exceeded your current quota, please check your plan"),  # OpenAI
        (403, "insufficient_balance"),
        (400, "This account has been suspended"),
        (500, "upstream said: 402 insufficient credits"),
    ],
)
def test_an_empty_account_stops_the_build_whatever_the_status(status: int, message: str) -> None:
    failure = http_failure(status, error(message))
    assert (failure.kind, flags(failure)) == ("quota", "fatal")


def test_a_minutes_quota_that_says_when_it_is_over_is_a_rate_limit() -> None:
    failure = http_failure(429, error("You exceeded your current quota. Please retry in 32.5s."))
    assert (failure.kind, failure.retry_after_s) == ("rate_limited", 32.5)


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (400, orjson.dumps({"object": "error", "message": "At most 0 image(s) may be provided", "code": 400})),  # vLLM
        (400, error("Qwen/Qwen3-8B is not a multimodal model")),
        (500, error("image input is not supported - you may need to provide the mmproj")),  # llama.cpp
        (500, error('Unsupported content part type: "image_url"')),
        (400, error("this model does not support image input")),  # Ollama
        (404, error("No endpoints found that support image input")),  # OpenRouter
        (422, error("messages[1]: unknown variant `image_url`, expected `text`")),  # DeepSeek
    ],
)
def test_a_model_without_eyes_stops_the_build(status: int, content: bytes) -> None:
    failure = http_failure(status, content)
    assert (failure.kind, flags(failure)) == ("pictures_refused", "fatal")


def test_too_many_pictures_of_one_sample_are_its_own() -> None:
    failure = http_failure(400, error("At most 4 image(s) may be provided in one prompt. (parameter=image)"))
    assert (failure.kind, flags(failure)) == ("http_400", "mendable")


SENT = ("temperature", "max_tokens", "top_k", "seed")


@pytest.mark.parametrize(
    ("status", "content", "name"),
    [
        (400, error("Unsupported parameter: 'max_tokens' is not supported", param="max_tokens"), "max_tokens"),
        (400, error("Unsupported value: 'temperature' does not support 0.6", code="unsupported_value"), "temperature"),
        (400, error("Unrecognized request argument supplied: top_k"), "top_k"),
        (422, orjson.dumps({"detail": [{"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "no"}]}), "seed"),
        (501, error("seed is not supported"), "seed"),
        (400, error("Unsupported image"), None),
        (400, error("Unknown model; max_tokens_per_image is fine"), None),
        (400, error("max_tokens is too large: the context has 4096 tokens"), None),
        (429, b"", None),
        (500, error("unexpected failure while temperature was read"), None),
    ],
)
def test_the_parameter_that_a_server_refuses_is_told(status: int, content: bytes, name: str | None) -> None:
    assert refused_parameter(status, content, SENT) == name


def test_details_are_one_short_clean_line() -> None:
    failure = http_failure(400, orjson.dumps({"error": {"message": "a\nb\x1b[2J\u202e" + "x" * 10_000}}))
    assert "\n" not in failure.detail and "\x1b" not in failure.detail and "\u202e" not in failure.detail
    assert len(failure.detail) <= MAX_DETAIL + 10


@pytest.mark.parametrize(
    ("status", "message", "expected"),
    [
        (400, "response_format json_schema not supported", True),
        (400, "This response_format type is unavailable now", True),  # DeepSeek
        (500, 'response_format type must be "text", but got: json_schema', True),  # ik_llama.cpp
        (404, "No endpoints found that can handle the requested parameters", True),  # OpenRouter
        (405, "structured outputs are not served for this model", True),
        (501, "Not Implemented", True),
        (400, "the picture's schema is odd", False),
        (400, "cannot identify image file", False),
        (404, "no such model", False),
        (500, "internal error", False),
        (503, "json_schema", False),
    ],
)
def test_a_server_that_may_not_serve_the_form_is_recognised(status: int, message: str, expected: bool) -> None:
    assert may_refuse_form(status, error(message)) is expected


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
    shown = http_failure(400, error(text), redact=Redactor(["top-secret-value"])).detail
    assert "[redacted]" in shown
    assert not any(secret in shown for secret in ("top-secret", "abc.def", "abcdef", "123456"))


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("Please try again in 7.5s. Visit the page", 7.5),
        ("Please try again in 1m47.5854s.", 107.5854),
        ("Please try again in 9m38.016s", 120.0),
        ("try again in 350ms", 0.35),
        ("Please retry after 26 seconds.", 26.0),
        ("try again in 2 minutes", 120.0),
        ('"retryDelay": "34s"', 34.0),
        ("Please try again in a while", None),
        ("Too many requests: 20 in 1m", None),
    ],
)
def test_a_pause_may_be_asked_for_in_words(said: str, expected: float | None) -> None:
    assert wait_asked_s(said) == (None if expected is None else pytest.approx(expected))
    assert http_failure(429, error(said)).retry_after_s == wait_asked_s(said)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"retry-after-ms": "350", "retry-after": "1"}, 0.35),
        ({"retry-after-ms": "soon", "retry-after": "2"}, 2.0),
        ({"retry-after-ms": "inf"}, None),
        ({"retry-after-ms": "-5"}, 0.0),
        ({}, None),
    ],
)
def test_a_pause_may_be_asked_for_in_milliseconds(headers: dict[str, str], expected: float | None) -> None:
    assert headers_wait_s(headers) == expected


def test_the_headers_pause_goes_before_that_of_the_words() -> None:
    assert http_failure(429, error("try again in 7.5s"), 2.0).retry_after_s == 2.0


@pytest.mark.parametrize("packed", ["gzip", "deflate", "br"])
async def test_a_compressed_error_keeps_its_status_and_where_it_can_its_words(packed: str) -> None:
    said = error("Incorrect API key")
    body = {"gzip": gzip.compress, "deflate": zlib.compress, "br": lambda body: body}[packed](said)
    response = httpx2.Response(401, headers={"content-encoding": packed}, stream=httpx2.ByteStream(body))
    await guard_body(response)
    content = _unpacked(await response.aread(), response.headers[_PACKED])
    failure = http_failure(response.status_code, content)
    assert failure.kind == "credentials"
    assert failure.detail == ("401 (empty body)" if packed == "br" else "401 Incorrect API key")


def test_a_compressed_bomb_is_unpacked_no_further_than_it_is_read() -> None:
    assert len(_unpacked(gzip.compress(b" " * 10**7), "gzip")) == MAX_SAID
    assert _unpacked(b"no gzip", "gzip") == b""


@given(st.binary(max_size=200), st.integers(300, 599), st.dictionaries(st.sampled_from(["retry-after"]), st.text()))
def test_no_body_status_or_header_breaks_the_reading(content: bytes, status: int, headers: dict[str, str]) -> None:
    assert http_failure(status, content, headers_wait_s(headers)).kind
    assert isinstance(may_refuse_form(status, content), bool)
    assert refused_parameter(status, content, SENT) in (None, *SENT)


@given(st.text(alphabet="try again in after 0123456789.msh :", max_size=80))
def test_whatever_pause_is_asked_for_is_bounded(said: str) -> None:
    wait = wait_asked_s(said)
    assert wait is None or 0.0 <= wait <= 120.0


@pytest.mark.parametrize(
    "body",
    [b"[" * 300 + b"]" * 300, b"[NaN," + b"[" * 300 + b"]" * 301, b"[[]," + b"[]," * 10**6],
    ids=["deep", "deep with NaN", "many"],
)
def test_a_body_that_is_deeper_or_larger_than_any_answer_is_no_json(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"more than 64 lists|more than 1,000,000 values"):
        read_json(body)
