"""What a failing OpenAI-compatible server means, by its status and its words. Pure; the rules of who is asked again.

Three scopes: what is the sample's own is kept for good; what the account or the server must mend first stops the build
and names it; everything else passes, or is asked again by the next run.

| server | kind | then |
|---|---|---|
| 401, 403; 404; 3xx | credentials, model_unknown, redirected | fatal: no sample can succeed |
| 402, words of a spent quota or an empty account | quota | fatal |
| words of a model without eyes, "At most 0 image(s)" | pictures_refused | fatal |
| words that refuse a parameter that was sent | parameter_refused | fatal, names the key to drop |
| 429 | rate_limited | waits for it: the endpoint closes for all, no attempt is used up |
| 503, 529 | http_NNN | waits for it: it is away, starting or overloaded |
| a dead vLLM engine | http_NNN | away, and an attempt: its picture may have felled it |
| 408, 409, 425, other 5xx | http_NNN | again |
| 4xx with words of moderation | permanent_error | never again: that is about the sample |
| other 4xx (413 of a proxy, a context that is too short) | http_NNN | at another endpoint, else by the next run |

The words are those of vLLM, llama.cpp, Ollama, LM Studio, OpenAI, Anthropic, Groq, DeepSeek, OpenRouter and LiteLLM.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from typing import Any, Final

import orjson

from factory.plugins.contracts import CallFailed
from factory.redact import REDACTED, Redactor
from factory.retry_after import bounded_s
from schemas.plain_json import not_deep, refuse_many

MAX_DETAIL = 300
MAX_SAID = 4_000
"""Characters of an error body that are looked at."""
NO_SECRETS: Final = Redactor()

_SECRETS = re.compile(r"(?i)\bbearer\s+\S+|\b(?:sk|pk|hf|gsk|xai|key|api[-_]?key)[-_][A-Za-z0-9*_-]{6,}")
_POLICY = re.compile(r"(?i)moderat|flagged|\bpolic(?:y|ies)\b|safety|content.?filter|inappropriate content|inspection")
_QUOTA = re.compile(
    r"(?i)insufficient[_ ](?:quota|balance|credit|funds)|credit balance|not enough (?:credits?|balance|funds)|"
    r"out of credits?|exceeded your current quota|billing.{0,20}limit|spend(?:ing)? limit|payment required|"
    r"account.{0,40}(?:suspended|deactivated|disabled|overdue|in arrears)"
)
_NO_PICTURES = re.compile(
    r"(?i)at most 0 (?:image|picture)|not a multi-?modal model|image input is not supported|\bmmproj\b|"
    r"(?:does not|doesn't|not) support (?:image|vision|multi-?modal)|support image input|"
    r"unsupported content (?:part )?type.{0,20}image|unknown variant.{0,4}image_url|"
    r"image_url.{0,60}(?:not supported|unsupported|only supported by)"
)
_REFUSED = re.compile(
    r"(?i)unsupported|not supported|n't supported|not support|unrecognized|unknown|unexpected|extra_forbidden|"
    r"(?:not|are not) (?:permitted|allowed)"
)
_FORM = re.compile(
    r"(?i)response_format|json[_ ]schema|structured[ _-]?outputs?|structured generation|guided_|\bgrammar\b|"
    r"requested parameters"
)
_ENGINE = re.compile(r"EngineCore|EngineDead")
_WAIT = re.compile(
    r"(?i)(?:(?:try|retry)[^.]{0,20}?\b(?:in|after)\b|retrydelay\W{1,6})\s*"
    r"(?:(\d{1,6})\s?h)?(?:(\d{1,6})\s?m(?!s))?\s?(?:(\d{1,9}(?:\.\d{1,12})?)\s?(ms|milliseconds|s\b|sec|seconds))?"
)
_CREDENTIALS, _PAYMENT, _FORBIDDEN, _UNKNOWN = 401, 402, 403, 404
_AGAIN = frozenset((408, 409, 425))
_FULL = frozenset((503, 529))
_OVERLOADED = frozenset((408, 502, 504)) | _FULL
_FORM_STATUSES = frozenset((400, 404, 405, 415, 422, 500, 501))
_NOT_IMPLEMENTED = 501


def http_failure(status: int, body: bytes, wait_s: float | None = None, redact: Redactor = NO_SECRETS) -> CallFailed:
    """The failure that a status and an error body stand for.

    Args:
        status: of the response, or the code of an error inside a 200.
        body: as it came.
        wait_s: seconds that the headers ask to wait; without, what the words ask for.
        redact: takes the key out of what is kept of the body.
    """
    said = body[:MAX_SAID].decode("utf-8", "replace")
    detail, wait = f"{status} {clean(body, redact)}", wait_asked_s(said) if wait_s is None else wait_s
    spent = status == _PAYMENT or _QUOTA.search(said)
    if spent and not (status == 429 and wait and "insufficient" not in said):  # Gemini calls a minute's limit a quota
        return CallFailed(kind="quota", detail=detail, fatal=True)
    if status == 429:
        return CallFailed(
            kind="rate_limited", detail=detail, retryable=True, waits=True, presses=True, retry_after_s=wait
        )
    if _NO_PICTURES.search(said):
        remedy = "the model takes no pictures: serve one that does, or raise the limit of its server"
        return CallFailed(kind="pictures_refused", detail=f"{detail} ({remedy})", fatal=True)
    if status >= 500 or status in _AGAIN:
        dead = bool(_ENGINE.search(said))
        return CallFailed(
            kind=f"http_{status}",
            detail=detail,
            retryable=True,
            down=status == 503 or dead,
            waits=status in _FULL and not dead,
            presses=dead or status in _OVERLOADED,
            retry_after_s=wait,
        )
    if status in (_CREDENTIALS, _UNKNOWN) or (status == _FORBIDDEN and not _POLICY.search(said)):
        return CallFailed(kind="model_unknown" if status == _UNKNOWN else "credentials", detail=detail, fatal=True)
    if 300 <= status < 400:
        return CallFailed(kind="redirected", detail=f"{detail}; give the final address in base_urls", fatal=True)
    if _POLICY.search(said):
        return CallFailed(kind="permanent_error", detail=detail)
    return CallFailed(kind=f"http_{status}", detail=detail, mendable=True)


def may_refuse_form(status: int, body: bytes) -> bool:
    """Whether a server that was sent a `response_format` may mean that it cannot serve it. Only a reply to the same
    question without one proves it."""
    words = _FORM.search(body[:MAX_SAID].decode("utf-8", "replace"))
    return status in _FORM_STATUSES and (status == _NOT_IMPLEMENTED or words is not None)


def refused_parameter(status: int, body: bytes, sent: Collection[str]) -> str | None:
    """Which of the request fields that were sent a server refuses, or None."""
    said = body[:MAX_SAID].decode("utf-8", "replace")
    if not (400 <= status < 500 or status == _NOT_IMPLEMENTED) or not _REFUSED.search(said):
        return None
    error = _error_of(body)
    named = error.get("param") if isinstance(error, Mapping) else None
    if isinstance(named, str) and named in sent:
        return named
    found = ((said.find(name), name) for name in sent if re.search(rf"(?<![\w.]){re.escape(name)}(?!\w)", said))
    return min(found, default=(0, None))[1]


def wait_asked_s(said: str) -> float | None:
    """Seconds that an error's words ask to wait ("try again in 1m7.5s", "retry after 350 ms"), at most MAX_WAIT_S."""
    for match in _WAIT.finditer(said):
        hours, minutes, amount, unit = match.groups()
        if hours or minutes or amount:
            seconds = float(amount or 0) / (1000 if (unit or "").lower().startswith("m") else 1)
            return bounded_s(3600 * int(hours or 0) + 60 * int(minutes or 0) + seconds)
    return None


def read_json(body: bytes) -> Any:
    """What a body holds: also what only Python's own json reads (a byte order mark, NaN and infinities, lone
    surrogates, raw control characters). Raises ValueError, also for what `schemas.plain_json` refuses."""
    refuse_many(body)
    try:
        return not_deep(orjson.loads(body))
    except orjson.JSONDecodeError:
        pass
    try:
        return not_deep(json.loads(body.decode(json.detect_encoding(body), "replace"), strict=False))
    except RecursionError:
        raise ValueError("nested too deeply") from None


def clean(body: bytes, redact: Redactor = NO_SECRETS) -> str:
    """An error body as one short line; the message alone where there is one. Neither the key that was sent is in it nor
    anything that looks like one."""
    error = _error_of(body)
    message = error.get("message") if isinstance(error, Mapping) else error
    said = message if isinstance(message, str) else body[: 4 * MAX_SAID].decode("utf-8", "replace")
    return _SECRETS.sub(REDACTED, redact.brief(said[:MAX_SAID], MAX_SAID))[:MAX_DETAIL].strip() or "(empty body)"


def _error_of(body: bytes) -> Any:
    """The error in a body: an object, its text, or the whole body (vLLM); None for what is no JSON object."""
    try:
        data = read_json(body)
    except ValueError:
        return None
    return data.get("error", data) if isinstance(data, dict) else None


_CODES: Final = {"rate_limit": 429, "quota": 429, "overloaded": 529, "authentication": 401, "invalid_request": 400}
"""What an error without a number calls itself, in its `code` or `type`."""
_CODE: Final = re.compile(r"[0-9]{3}")
"""A status as text; of other numbers `int` refuses those of more than 4,300 digits."""


def code_of(error: Any) -> int:
    """The status that an error object inside a 200 stands for; 500 when it does not say."""
    code = error.get("code", error.get("status")) if isinstance(error, Mapping) else None
    number = code if isinstance(code, int) else int(code) if isinstance(code, str) and _CODE.fullmatch(code) else 0
    if 400 <= number < 600:
        return number
    named = f"{code} {error.get('type')}".lower() if isinstance(error, Mapping) else ""
    return next((status for word, status in _CODES.items() if word in named), 500)
