"""Vectors of clue texts from an OpenAI-compatible embeddings endpoint, kept in the ledger like any other answer.

With them, teachers agree when they mean the same, not when they use the same words. One call a sample, for all its
clues; without an `embeddings` block in the recipe nothing is asked and clues are compared by their words.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

import numpy as np
import orjson

from factory.errors import CorruptBuild, EnvironmentFault
from factory.ledger import Ledger
from factory.ledger_row import LedgerRow, request_key
from factory.teachers.openai_backend import api_key
from schemas import Answered, Evidence

if TYPE_CHECKING:
    import openai

TEACHER = "embeddings"
"""The name under which these calls stand in the ledger."""
IN_FLIGHT = 16
RETRIES = 5
TIMEOUT_S = 60.0
MAX_DIMENSIONS = 8192


class Endpoint(Protocol):
    """The recipe's `verify.embeddings` block."""

    @property
    def model(self) -> str: ...
    @property
    def base_url(self) -> str: ...
    @property
    def api_key_env(self) -> str: ...


async def clue_vectors(
    ids: Sequence[str], answers: Sequence[Sequence[Answered]], endpoint: Endpoint, ledger: Ledger
) -> list[tuple[Evidence, ...]]:
    """Evidence with the vectors of each sample's clue texts; none for a sample with fewer than two answers.

    Raises EnvironmentFault when the endpoint cannot be used; vectors bought until then are in the ledger.
    """
    import openai

    gate = asyncio.Semaphore(IN_FLIGHT)
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(
            openai.AsyncOpenAI(
                base_url=endpoint.base_url,
                api_key=api_key(endpoint.base_url, endpoint.api_key_env),
                max_retries=RETRIES,
                timeout=TIMEOUT_S,
                http_client=openai.DefaultAioHttpClient(follow_redirects=False),
            )
        )

        async def evidence(sample_id: str, given: Sequence[Answered]) -> tuple[Evidence, ...]:
            texts = _clue_texts(given)
            if not texts:
                return ()
            async with gate:
                vectors = await _vectors(client, endpoint.model, sample_id, texts, ledger)
            return (Evidence(source=endpoint.model, vectors=dict(zip(texts, vectors, strict=True))),)

        try:
            return list(await asyncio.gather(*map(evidence, ids, answers)))
        except openai.OpenAIError as error:
            raise EnvironmentFault(
                f"embeddings of {endpoint.model} at {endpoint.base_url}: {type(error).__name__}; answers are kept, "
                "mend the endpoint and run the same command again"
            ) from None


def _clue_texts(given: Sequence[Answered]) -> list[str]:
    answers = [answered.answer for answered in given if answered.answer is not None]
    if len(answers) < 2:
        return []
    return list(dict.fromkeys(clue.text for answer in answers for clue in answer.clues))


async def _vectors(
    client: openai.AsyncOpenAI, model: str, sample_id: str, texts: Sequence[str], ledger: Ledger
) -> list[tuple[float, ...]]:
    key = request_key(
        generator=TEACHER,
        prompt_version="1",
        prompt_sha256=hashlib.sha256(orjson.dumps(list(texts))).hexdigest(),
        model=model,
        sampling={},
        image="",
        inputs={},
        attempt=0,
    )
    row = ledger.get(key)
    if row is None:
        row = await _ask(client, model, sample_id, key, texts)
        await ledger.record(row)
    elif not ledger.owns(key):
        await ledger.adopt(row)
    return _unpack(row, len(texts))


async def _ask(client: openai.AsyncOpenAI, model: str, sample_id: str, key: str, texts: Sequence[str]) -> LedgerRow:
    started = time.perf_counter()
    reply = await client.embeddings.create(model=model, input=list(texts), encoding_format="float")
    ordered = sorted(reply.data, key=lambda item: item.index)
    if len(ordered) != len(texts) or any(len(item.embedding) > MAX_DIMENSIONS for item in ordered):
        raise EnvironmentFault(f"embeddings of {model}: {len(ordered)} vectors came back for {len(texts)} texts")
    packed = [base64.b64encode(np.asarray(item.embedding, "<f4").tobytes()).decode() for item in ordered]
    return LedgerRow(
        key=key,
        sample_id=sample_id,
        teacher=TEACHER,
        model=model,
        attempt=0,
        origin="call",
        status="ok",
        response=orjson.dumps(packed).decode(),
        finish_reason=None,
        error_kind=None,
        error_detail=None,
        http_calls=1,
        prompt_tokens=reply.usage.prompt_tokens if reply.usage else 0,
        completion_tokens=0,
        cost=0.0,
        latency_s=round(time.perf_counter() - started, 6),
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _unpack(row: LedgerRow, count: int) -> list[tuple[float, ...]]:
    packed = orjson.loads(row.response or "[]")
    if len(packed) != count:
        raise CorruptBuild(f"ledger row {row.key[:12]}: {len(packed)} vectors, {count} expected")
    return [tuple(np.frombuffer(base64.b64decode(text), "<f4").tolist()) for text in packed]
