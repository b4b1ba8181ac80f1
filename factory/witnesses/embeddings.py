"""Vectors of clue texts from an OpenAI-compatible embeddings endpoint, kept in the ledger like any other answer.

With them, teachers agree when they mean the same, not when they use the same words. One call a sample, for all its
clues; without an `embeddings` block in the recipe nothing is asked and clues are compared by their words.

A sample without its vectors would be judged by another rule than its neighbours, so a call that fails for good stops
the build instead of leaving a gap: calls under way finish and are recorded, and the next run asks only what is missing.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import math
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import orjson

from factory.calls.ask import backoff_s
from factory.calls.ledger import Ledger
from factory.calls.row import LedgerRow, request_key
from factory.errors import CorruptBuild, EnvironmentFault, FactoryError
from factory.plugins.contracts import CallFailed
from factory.teachers.openai_backend import api_key, connection_failure, guard_body
from factory.teachers.replies import http_failure, redact
from schemas import Answered, Evidence

if TYPE_CHECKING:
    import openai

TEACHER = "embeddings"
"""The name under which these calls stand in the ledger."""
IN_FLIGHT = 16
RETRIES = 5
"""Further calls for one sample while the endpoint answers 429, 5xx, nothing or nonsense."""
TIMEOUT_S = 60.0
"""Deadline of one call from connecting to the last byte."""
MAX_DIMENSIONS = 8192


class Endpoint(Protocol):
    """The recipe's `verify.embeddings` block."""

    @property
    def model(self) -> str: ...
    @property
    def base_url(self) -> str: ...
    @property
    def api_key_env(self) -> str: ...


@dataclass(frozen=True, slots=True)
class _Request:
    """One call: the clue texts of a sample, under their ledger key."""

    key: str
    sample_id: str
    texts: tuple[str, ...]


async def clue_vectors(
    ids: Sequence[str], answers: Sequence[Sequence[Answered]], endpoint: Endpoint, ledger: Ledger
) -> list[tuple[Evidence, ...]]:
    """Evidence with the vectors of each sample's clue texts; none for a sample with fewer than two answers.

    Raises EnvironmentFault when the endpoint cannot be used; vectors bought until then are in the ledger.
    """
    requests = [
        _request(endpoint.model, sample_id, _clue_texts(given)) for sample_id, given in zip(ids, answers, strict=True)
    ]
    missing: dict[str, _Request] = {}
    for request in requests:
        row = ledger.get(request.key) if request.texts else None
        if row is not None and row.status == "ok":
            if not ledger.owns(request.key):
                await ledger.adopt(row)
        elif request.texts:
            missing.setdefault(request.key, request)
    if missing:
        await _buy(list(missing.values()), endpoint, ledger)
    return [_evidence(endpoint.model, request, ledger) for request in requests]


def _clue_texts(given: Sequence[Answered]) -> tuple[str, ...]:
    answers = [answered.answer for answered in given if answered.answer is not None]
    if len(answers) < 2:
        return ()
    return tuple(dict.fromkeys(clue.text for answer in answers for clue in answer.clues))


def _request(model: str, sample_id: str, texts: tuple[str, ...]) -> _Request:
    key = request_key(
        generator=TEACHER,
        prompt_version="1",
        prompt_sha256=hashlib.sha256(orjson.dumps(texts)).hexdigest(),
        model=model,
        sampling={},
        image="",
        inputs={},
        attempt=0,
    )
    return _Request(key, sample_id, texts)


def _evidence(model: str, request: _Request, ledger: Ledger) -> tuple[Evidence, ...]:
    if not request.texts:
        return ()
    row = ledger.get(request.key)
    packed = orjson.loads(row.response or "[]") if row is not None else []
    if len(packed) != len(request.texts):
        raise CorruptBuild(
            f"{ledger.path}: row {request.key[:12]}: {len(packed)} vectors, {len(request.texts)} expected"
        )
    vectors = [tuple(np.frombuffer(base64.b64decode(text), "<f4").tolist()) for text in packed]
    return (Evidence(source=model, vectors=dict(zip(request.texts, vectors, strict=True))),)


async def _buy(requests: Sequence[_Request], endpoint: Endpoint, ledger: Ledger) -> None:
    """Asks for every request and records what comes. After the first failure none is begun or tried again; those
    under way finish before it is raised."""
    gate = asyncio.Semaphore(IN_FLIGHT)
    faults: list[FactoryError] = []

    async with _open_client(endpoint) as client:

        async def buy(request: _Request) -> None:
            async with gate:
                if faults:
                    return
                try:
                    await _ask(client, endpoint, request, ledger, faults)
                except FactoryError as error:
                    faults.append(error)

        outcomes = await asyncio.gather(*map(buy, requests), return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
    if faults:
        raise faults[0]


@asynccontextmanager
async def _open_client(endpoint: Endpoint) -> AsyncIterator[openai.AsyncOpenAI]:
    import httpx2
    import openai

    transport = openai.DefaultAioHttpClient(
        timeout=None,  # asyncio.timeout bounds the whole call
        limits=httpx2.Limits(max_connections=IN_FLIGHT, max_keepalive_connections=IN_FLIGHT),
        follow_redirects=False,
        event_hooks={"response": [guard_body]},
    )
    async with openai.AsyncOpenAI(
        base_url=endpoint.base_url,
        api_key=api_key(endpoint.base_url, endpoint.api_key_env),
        max_retries=0,
        timeout=None,
        http_client=transport,
        default_headers={"Accept-Encoding": "identity", "Content-Type": "application/json"},
    ) as client:
        yield client


async def _ask(
    client: openai.AsyncOpenAI, endpoint: Endpoint, request: _Request, ledger: Ledger, faults: Sequence[FactoryError]
) -> None:
    """Calls until vectors come, and records them; a request that stays without is recorded as `exhausted`, with the
    calls it took, and raised. With a fault of another request there is no point in trying again."""
    http_calls = 0
    while True:
        http_calls += 1
        started = time.perf_counter()
        try:
            response, tokens = await _call(client, endpoint.model, request.texts)
        except CallFailed as failure:
            if failure.retryable and http_calls <= RETRIES and not faults:
                await asyncio.sleep(backoff_s(http_calls, failure.retry_after_s))
                continue
            failure.detail = redact(failure.detail, client.api_key)
            await ledger.record(_row(endpoint.model, request, http_calls, failure=failure))
            raise EnvironmentFault(
                f"embeddings of {endpoint.model} at {endpoint.base_url}: {failure}; answers are kept, "
                "mend the endpoint and run the same command again"
            ) from None
        latency_s = round(time.perf_counter() - started, 6)
        await ledger.record(
            _row(endpoint.model, request, http_calls, response=response, tokens=tokens, latency_s=latency_s)
        )
        return


async def _call(client: openai.AsyncOpenAI, model: str, texts: Sequence[str]) -> tuple[str, int]:
    """One HTTP call: packed vectors and prompt tokens. Raises CallFailed."""
    import aiohttp
    import httpx2
    import openai

    body = orjson.dumps({"model": model, "input": list(texts), "encoding_format": "float"})
    try:
        async with asyncio.timeout(TIMEOUT_S):
            response = await client.post(
                "/embeddings",
                cast_to=httpx2.Response,
                content=body,
                options={"security": {"bearer_auth": True}},  # never an administrator's key from the environment
            )
    except openai.APIStatusError as error:
        response = error.response
    except TimeoutError:
        detail = f"no whole answer within {TIMEOUT_S:g} s"
        raise CallFailed(kind="timeout", detail=detail, retryable=True) from None
    except (openai.APIConnectionError, aiohttp.ClientError, httpx2.HTTPError, OSError) as error:
        raise connection_failure(error) from None
    if response.status_code != 200:
        raise http_failure(response.status_code, response.content, response.headers.get("retry-after"))
    return read_vectors(response.content, len(texts))


def read_vectors(body: bytes, count: int) -> tuple[str, int]:
    """The vectors of an embeddings reply in the order of their texts, as JSON of base64 float32, and its prompt tokens.

    Raises CallFailed for anything but `count` vectors of one length, of finite numbers.
    """
    try:
        data = orjson.loads(body)
        placed = {int(item["index"]): np.asarray(item["embedding"], "<f4") for item in data["data"]}
        vectors = [placed[index] for index in range(count)]
    except (ValueError, KeyError, TypeError, IndexError, OverflowError) as error:
        detail = f"not {count} vectors ({type(error).__name__})"
        raise CallFailed(kind="bad_body", detail=detail, retryable=True) from None
    shapes = {vector.shape for vector in vectors}
    if len(data["data"]) != count or len(shapes) != 1 or not _is_vector(vectors[0]):
        raise CallFailed(kind="bad_body", detail=f"not {count} vectors of one length", retryable=True)
    if not all(math.isfinite(float(np.abs(vector).max())) for vector in vectors):
        raise CallFailed(kind="bad_body", detail="a vector has numbers that are not finite", retryable=True)
    usage: Any = data.get("usage")
    tokens = usage.get("prompt_tokens") if isinstance(usage, Mapping) else 0
    packed = [base64.b64encode(vector.tobytes()).decode() for vector in vectors]
    return orjson.dumps(packed).decode(), tokens if isinstance(tokens, int) and 0 <= tokens < 2**40 else 0


def _is_vector(array: np.ndarray[Any, Any]) -> bool:
    return array.ndim == 1 and 0 < len(array) <= MAX_DIMENSIONS


def _row(
    model: str,
    request: _Request,
    http_calls: int,
    *,
    response: str | None = None,
    failure: CallFailed | None = None,
    tokens: int = 0,
    latency_s: float = 0.0,
) -> LedgerRow:
    return LedgerRow(
        key=request.key,
        sample_id=request.sample_id,
        teacher=TEACHER,
        model=model,
        attempt=0,
        origin="call",
        status="exhausted" if failure else "ok",
        response=response,
        finish_reason=None,
        error_kind=failure.kind if failure else None,
        error_detail=failure.detail if failure else None,
        http_calls=http_calls,
        prompt_tokens=tokens,
        completion_tokens=0,
        cost=0.0,
        latency_s=latency_s,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
