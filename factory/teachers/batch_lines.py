"""Rows of batch files, as OpenAI's Batch API and `vllm run-batch` write and read them. Pure.

| row of an output or error file | outcome |
|---|---|
| `response` with status 200 | the reply, read as that of a call |
| `response` with another status | what that status means for a call |
| `error` with the code `batch_expired`, `batch_cancelled` | asked again in another batch |
| no row at all | `batch_missing`: asked again in another batch |
| `error` with any other code | what its code or number means |
| a row without a readable `custom_id` | nobody's; counted and told |
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import orjson

from factory.plugins.contracts import CallFailed
from factory.redact import Redactor
from factory.teachers.failures import NO_SECRETS, clean, code_of, http_failure, read_json
from factory.teachers.replies import read_reply
from schemas import Reply

MAX_ROW: Final = 8 * 2**20
"""Bytes of one row of an output file; a chat completion of 32k tokens has about 0.2 MB."""
ENDPOINT: Final = "/v1/chat/completions"
_PASSING: Final = ("batch_expired", "batch_cancelled", "batch_missing")
"""What says nothing of the question: the batch ended before it was its turn."""
_OK: Final = 200


def question_line(key: str, body: bytes) -> bytes:
    """One row of an input file, without the end of its line. `body` is the JSON of a chat completion."""
    head = orjson.dumps({"custom_id": key, "method": "POST", "url": ENDPOINT})
    return head[:-1] + b',"body":' + body + b"}"


def output_rows(chunks: Iterable[bytes], redact: Redactor) -> Iterator[tuple[str | None, bool, bytes]]:
    """Each row of an output file: its key, whether it is an answer, and the row without secrets.

    A row that is longer than `MAX_ROW` or no JSON object has no key.
    """
    for row in _rows(chunks):
        try:
            data = read_json(row) if len(row) <= MAX_ROW else None
        except ValueError:
            data = None
        key = data.get("custom_id") if isinstance(data, dict) else None
        if not isinstance(data, dict) or not isinstance(key, str):
            yield None, False, b""
            continue
        if redact.holds(row.decode("utf-8", "replace")):
            data = redact.values(data)
        kept = orjson.dumps(_encodable({name: data.get(name) for name in ("response", "error")}))
        yield key, _is_answer(kept), kept


def _is_answer(said: bytes) -> bool:
    try:
        read_row(said, NO_SECRETS)
    except CallFailed:
        return False
    return True


def _encodable(value: Any) -> Any:
    """The same value with lone halves of characters replaced: JSON may hold them, no file of ours does."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_encodable(name): _encodable(inner) for name, inner in value.items()}
    return [_encodable(inner) for inner in value] if isinstance(value, list) else value


def _rows(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Lines; of one that is longer than `MAX_ROW` a little more than that."""
    held = bytearray()
    for chunk in chunks:
        *whole, rest = chunk.split(b"\n")
        for part in whole:
            held += part[: MAX_ROW + 1]
            if held.strip():
                yield bytes(held[: MAX_ROW + 1])
            held.clear()
        if len(held) <= MAX_ROW:
            held += rest[: MAX_ROW + 1]
    if held.strip():
        yield bytes(held[: MAX_ROW + 1])


def read_row(said: bytes, redact: Redactor, failure: Callable[[int, bytes], CallFailed] | None = None) -> Reply:
    """The reply in a row. Raises CallFailed, which says nothing of an endpoint: nobody is waited for.

    Args:
        said: a row as `output_rows` gives it.
        redact: takes the key out of what a failure says.
        failure: what a status and an error body mean where it is more than `http_failure` knows.
    """
    try:
        data = read_json(said)
        response, error = (data.get("response"), data.get("error")) if isinstance(data, dict) else (None, None)
        if isinstance(response, dict) and _status(data) == _OK:
            return read_reply(orjson.dumps(response.get("body")), redact=redact)
        code = error.get("code") if isinstance(error, dict) else None
        if code in _PASSING:
            raise CallFailed(kind=str(code), detail=clean(orjson.dumps({"error": error}), redact), retryable=True)
        body = response.get("body") if isinstance(response, dict) else None
        words = orjson.dumps(body if body else {"error": _innermost(error)})
        raise (failure or _failure)(_status(data) or code_of(_innermost(error)), words)
    except ValueError:
        raise CallFailed(kind="bad_body", detail="a row that cannot be read", retryable=True) from None
    except CallFailed as failed:
        failed.down = failed.waits = failed.presses = False
        failed.of_batch, failed.retry_after_s = True, None
        raise


def _failure(status: int, body: bytes) -> CallFailed:
    return http_failure(status, body)


def _innermost(error: Any) -> Any:
    """vLLM puts an error object into an error object."""
    inner = error.get("error") if isinstance(error, dict) else None
    return inner if isinstance(inner, dict) else error


def _status(data: dict[str, Any]) -> int:
    """The status that a row states for itself; 0 where it states none."""
    response = data.get("response")
    status = response.get("status_code") if isinstance(response, dict) else None
    return status if type(status) is int and 100 <= status < 600 else 0
