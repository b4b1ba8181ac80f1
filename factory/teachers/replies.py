"""What an OpenAI-compatible server said in a 200: a reply, or the failure that stands in its place. Pure.

| body | then |
|---|---|
| a choice with words | a reply; what was thought stands before them inside `<think>` |
| the arguments of a tool call | words, too: some servers answer a schema so |
| an error object, at the top or in the choice | as its code says, see `factory.teachers.failures` |
| a choice without a word that took no tokens | no_output, asked again |
| more words than any answer has | bad_body, asked again |
| anything else | bad_body, asked again |
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from itertools import chain, islice
from typing import Any, Final

from factory.plugins.contracts import CallFailed
from factory.redact import Redactor
from factory.teachers.failures import NO_SECRETS, clean, code_of, http_failure, read_json
from factory.teachers.usage import stated_usage
from factory.text import THINK_TAG
from schemas import Reply
from schemas.request import ended_early

MAX_REPLY: Final = 600_000
"""Characters of a reply that is kept, with what was thought: every one of a shard lies in its ledger. 32k tokens have
130,000."""
_MAX_REASON: Final = 60
"""Characters of a finish reason; a longer one is none."""
_MAX_MODEL: Final = 200
"""Characters of a model's name; a longer one is none."""
MASKED: Final = -9999.0
"""vLLM's log probability of a token that may not be said; what is no finite number stands for the same."""
MAX_SCORES: Final = 64
"""Tokens whose log probabilities are kept; servers give at most 20."""
_MAX_TOKEN: Final = 64
"""Characters of a token; a longer one is none of those that anybody asks about."""
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
"""Half a character, which no ledger can hold."""
_THINKING: Final = ("thinking", "reasoning")
"""Types of the parts of a message that are no answer."""


def read_reply(
    body: bytes, wait_s: float | None = None, *, latency_s: float = 0.0, redact: Redactor = NO_SECRETS
) -> Reply:
    """The first choice of a chat completion. Raises CallFailed when there is none.

    Args:
        body: what came.
        wait_s: seconds that the response's headers ask to wait, for an error inside it.
        latency_s: how long it took, in seconds.
        redact: takes the key out of what a failure says; that of a reply is taken out where it enters the ledger.
    """
    try:
        data = read_json(body)
    except ValueError:
        raise CallFailed(kind="bad_body", detail=f"not JSON: {clean(body, redact)}", retryable=True) from None
    data = data if isinstance(data, dict) else {}
    choices = data.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else None
    if choice is None or choice.get("error"):
        if error := data.get("error") if choice is None else choice["error"]:
            raise http_failure(code_of(error), json.dumps({"error": error}).encode(), wait_s, redact)
        raise CallFailed(kind="bad_body", detail=f"no choices: {clean(body, redact)}", retryable=True)
    message, finish_reason = choice.get("message"), choice.get("finish_reason")
    if not isinstance(message, dict) or finish_reason == "error":
        raise CallFailed(kind="bad_body", detail=f"no message: {clean(body, redact)}", retryable=True)
    text, thought = _said(message), _thought(message)
    if not text and isinstance(message.get("refusal"), str) and message["refusal"]:
        text, finish_reason = message["refusal"], "refusal"
    usage = stated_usage(data.get("usage"), says_something=bool(text or thought))
    if not text.strip() and not thought and not usage.completion_tokens and not ended_early(finish_reason):
        if data.get("error"):
            raise http_failure(code_of(data["error"]), body, wait_s, redact)
        kind = "no_output" if usage.completion_tokens == 0 else "bad_body"  # the latter may be billed
        ended = redact.brief(str(finish_reason), _MAX_REASON)
        raise CallFailed(kind=kind, detail=f"not a word; finish_reason is {ended}", retryable=True)
    if (size := len(text) + len(thought)) > MAX_REPLY:
        detail = f"a reply of {size:,} characters; at most {MAX_REPLY:,} are kept"
        raise CallFailed(kind="bad_body", detail=detail, retryable=True)
    return Reply(
        text=f"<think>{thought}</think>\n{text}" if thought else text,
        finish_reason=_short(finish_reason, _MAX_REASON) or None,
        model=_short(data.get("model"), _MAX_MODEL),
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        latency_s=latency_s,
        scores=_scores(choice),
    )


def _scores(choice: Mapping[str, Any]) -> dict[str, float]:
    """Log probabilities at the first token that is no white space, where the request asked for them (`logprobs`)."""
    given = choice.get("logprobs")
    places = _mappings(given.get("content")) if isinstance(given, Mapping) else iter(())
    first = next((place for place in places if _text(place.get("token")).strip()), None)
    if first is None:
        return {}
    found: dict[str, float] = {}
    for one in islice(chain((first,), _mappings(first.get("top_logprobs"))), MAX_SCORES):
        token, score = one.get("token"), one.get("logprob")
        if isinstance(token, str) and len(token) <= _MAX_TOKEN and not _SURROGATE.search(token):
            number = float(score) if isinstance(score, int | float) and abs(score) < 1e6 else MASKED
            found.setdefault(token, number)
    return found


def _short(value: Any, most: int) -> str:
    return value if isinstance(value, str) and len(value) <= most else ""


def _said(message: Mapping[str, Any]) -> str:
    """What the model said: its content, else what it handed to a tool that nobody offered it."""
    called = (_arguments(call.get("function")) for call in _mappings(message.get("tool_calls")))
    given = [_text(message.get("content")), *called, _arguments(message.get("function_call"))]
    return "\n".join(text for text in given if text)


def _arguments(function: Any) -> str:
    """The arguments of a tool call: JSON as text, or an object (Ollama)."""
    arguments = function.get("arguments") if isinstance(function, Mapping) else None
    return json.dumps(arguments) if isinstance(arguments, dict) else _text(arguments)


def _thought(message: Mapping[str, Any]) -> str:
    """What the model thought, without tags: they would end the block that it is put into."""
    thought = _text(message.get("reasoning_content")) or _text(message.get("reasoning"))
    if not thought:
        details = [_text(detail.get("text")) for detail in _mappings(message.get("reasoning_details"))]
        parts = [part for part in _mappings(message.get("content")) if part.get("type") in _THINKING]
        thought = "".join([*details, *(_text(part.get("thinking") or part.get("text")) for part in parts)])
    return THINK_TAG.sub("", thought).strip()


def _mappings(value: Any) -> Iterator[Mapping[str, Any]]:
    return (item for item in value if isinstance(item, Mapping)) if isinstance(value, list) else iter(())


def _text(content: Any) -> str:
    """Message content, which some servers give as a list of parts."""
    if isinstance(content, str):
        return content
    if isinstance(content, dict):  # a server that parsed the answer
        return content["text"] if isinstance(content.get("text"), str) else json.dumps(content)
    if isinstance(content, list):
        parts = (part.get("text") for part in _mappings(content) if part.get("type") not in _THINKING)
        return "".join(part for part in parts if isinstance(part, str))
    return ""
