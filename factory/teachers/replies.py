"""What an OpenAI-compatible server said: a reply, or which kind of failure. Pure; the rules of who is asked again.

| server | kind | then |
|---|---|---|
| 200 with a choice | a reply | |
| 200 with an error object | by the code inside | as below |
| 200 with anything else | bad_body | again |
| 408, 409, 425, 5xx | http_NNN | again; 503 and a dead vLLM engine also mean `down` |
| 429 | rate_limited | again, later; a spent quota is fatal |
| 401, 402, 403, 404, 3xx | credentials, quota, model_unknown, redirected | fatal: no sample can succeed |
| other 4xx | permanent_error | never again |
"""

from __future__ import annotations

import email.utils
import math
import re
import time
from collections.abc import Mapping
from typing import Any

import orjson

from factory.plugins.contracts import CallFailed
from factory.teachers.usage import stated_usage
from factory.text import tidy
from schemas import Reply

MAX_DETAIL = 300
MAX_RETRY_AFTER_S = 120.0

_SECRETS = re.compile(r"(?i)\bbearer\s+\S+|\b(?:sk|pk|hf|gsk|xai|key|api[-_]?key)[-_][A-Za-z0-9*_-]{6,}")
_NO_SCHEMA = re.compile(r"(?i)response_format|json_schema|structured|guided|grammar|schema")
_POLICY = re.compile(r"(?i)moderat|flagged|policy|safety")
_CREDENTIALS, _PAYMENT, _FORBIDDEN, _UNKNOWN = 401, 402, 403, 404
_AGAIN = frozenset((408, 409, 425))
_OVERLOADED = frozenset((408, 502, 503, 504, 529))


def read_reply(body: bytes, retry_after: str | None = None, *, latency_s: float = 0.0) -> Reply:
    """The first choice of a chat completion. Raises CallFailed when there is none."""
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise CallFailed(kind="bad_body", detail=f"not JSON: {_clean(body)}", retryable=True) from None
    choices = data.get("choices") if isinstance(data, dict) else None
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        error = data.get("error") if isinstance(data, dict) else None
        if error:
            raise http_failure(_code(error), body, retry_after)
        raise CallFailed(kind="bad_body", detail=f"no choices: {_clean(body)}", retryable=True)
    message = choices[0].get("message")
    if not isinstance(message, dict):
        raise CallFailed(kind="bad_body", detail=f"no message: {_clean(body)}", retryable=True)
    text, finish_reason = _text(message.get("content")), choices[0].get("finish_reason")
    if not text and isinstance(message.get("refusal"), str) and message["refusal"]:
        text, finish_reason = message["refusal"], "refusal"
    thought = message.get("reasoning_content") or message.get("reasoning")
    if isinstance(thought, str) and thought.strip():
        text = f"<think>{thought}</think>\n{text}"
    usage = stated_usage(data.get("usage"), says_something=bool(text))
    return Reply(
        text=text,
        finish_reason=finish_reason if isinstance(finish_reason, str) else None,
        model=data["model"] if isinstance(data.get("model"), str) else "",
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        latency_s=latency_s,
    )


def http_failure(status: int, body: bytes, retry_after: str | None = None) -> CallFailed:
    """The failure that a status and an error body stand for."""
    detail, wait = f"{status} {_clean(body)}", retry_after_s(retry_after)
    said = body[:4000].decode("utf-8", "replace")
    if status == 429:
        spent = "insufficient_quota" in said
        return CallFailed(
            kind="quota" if spent else "rate_limited",
            detail=detail,
            retryable=not spent,
            presses=not spent,
            fatal=spent,
            retry_after_s=wait,
        )
    if status >= 500 or status in _AGAIN:
        down = status == 503 or "EngineCore" in said or "EngineDead" in said
        presses = down or status in _OVERLOADED
        return CallFailed(
            kind=f"http_{status}", detail=detail, retryable=True, down=down, presses=presses, retry_after_s=wait
        )
    if status in (_CREDENTIALS, _PAYMENT, _UNKNOWN) or (status == _FORBIDDEN and not _POLICY.search(said)):
        kind = {_PAYMENT: "quota", _UNKNOWN: "model_unknown"}.get(status, "credentials")
        return CallFailed(kind=kind, detail=detail, fatal=True)
    if 300 <= status < 400:
        return CallFailed(kind="redirected", detail=f"{detail}; give the final address in base_urls", fatal=True)
    return CallFailed(kind="permanent_error", detail=detail)


def refuses_schema(status: int, body: bytes) -> bool:
    """Whether a server that was sent a `response_format` says that it cannot serve it."""
    return status in (400, 422) and bool(_NO_SCHEMA.search(body[:4000].decode("utf-8", "replace")))


def retry_after_s(value: str | None) -> float | None:
    """Seconds from a Retry-After header (a number or a date), at most MAX_RETRY_AFTER_S; None when unreadable."""
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - time.time()
        except (ValueError, TypeError, OverflowError):
            return None
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_S) if math.isfinite(seconds) else None


def redact(text: str, secret: str) -> str:
    """Text without the key that was sent, nor anything that looks like one."""
    if len(secret) >= 4:
        text = text.replace(secret, "[redacted]")
    return _SECRETS.sub("[redacted]", text)


def _clean(body: bytes) -> str:
    """An error body as one short line; the message alone where there is one."""
    said: Any = body[:4000].decode("utf-8", "replace")
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError:
        data = None
    if isinstance(data, dict):
        error = data.get("error", data)
        message = error.get("message") if isinstance(error, Mapping) else error
        said = message if isinstance(message, str) else said
    return tidy(said, MAX_DETAIL) or "(empty body)"


def _code(error: Any) -> int:
    code = error.get("code", error.get("status")) if isinstance(error, Mapping) else None
    number = code if isinstance(code, int) else int(code) if isinstance(code, str) and code.isdecimal() else 0
    return number if 400 <= number < 600 else 500


def _text(content: Any) -> str:
    """Message content, which some servers give as a list of parts."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        parts = (part.get("text") for part in content if isinstance(part, Mapping))
        return "".join(part for part in parts if isinstance(part, str))
    return ""


def count_of(value: Any) -> int:
    """A count of tokens as a server or a recording states it; 0 for anything that is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**40 else 0
