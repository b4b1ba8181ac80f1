"""Vectors of clue texts from an OpenAI-compatible embeddings endpoint, so that teachers agree when they mean the same.

One call a sample, for all its clues, through the same ledger, limiter and budget as any teacher's. A sample without
its vectors would be judged by another rule than its neighbours, so a call that fails for good stops the build: calls
under way finish and are recorded, and the next run asks only what is missing.
"""

from __future__ import annotations

import base64
import math
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson

from factory.aside import aside
from factory.plugins.contracts import Ask, Backends, CallFailed, ParseFailure, Question, Witness
from factory.plugins.registry import register
from factory.teachers.client import OpenAIClient, api_key
from factory.teachers.failures import http_failure, read_json
from factory.teachers.usage import stated_usage
from schemas import Answered, Evidence, Reply, Request, Seen, Turn
from schemas.settings import BaseUrl, BudgetLimits, Prices, TeacherSettings

MAX_DIMENSIONS: Final = 8192
"""Numbers of one vector; the largest published text model gives 4,096."""


@register("witness", "embeddings")
def embeddings(
    root: Path,
    *,
    model: str,
    base_url: BaseUrl,
    api_key_env: str | None = None,
    max_in_flight: int = 16,
    timeout_s: float = 60.0,
    attempts: int = 6,
    recovery_s: float = 180.0,
    budget: BudgetLimits = BudgetLimits(),  # noqa: B008 - frozen
    prices: Prices = Prices(),  # noqa: B008 - frozen
) -> Witness:
    """Vectors of all clues of a sample that at least two teachers described; checks compare clues by them.

    Args:
        root: the recipe's folder; not used.
        model: as the endpoint knows it.
        base_url: the endpoint, up to and with `/v1`.
        api_key_env: the environment variable that holds its key; without, only OpenAI itself gets `OPENAI_API_KEY`.
        max_in_flight: hard cap of calls under way.
        timeout_s: deadline of one call from connecting to the last byte.
        attempts: calls for one sample while the endpoint answers 429, 5xx, nothing or nonsense.
        recovery_s: how long to wait for an endpoint that is down.
        budget: what may be spent on it.
        prices: what it charges.
    """
    settings = TeacherSettings(
        name="embeddings",
        backend="embeddings",
        role="embeddings",
        model=model,
        max_in_flight=max_in_flight,
        timeout_s=timeout_s,
        attempts=attempts,
        recovery_s=recovery_s,
        budget=budget,
        prices=prices,
    )
    backend = EmbeddingsBackend(base_url, api_key(base_url, api_key_env), settings)
    return Witness(
        name="embeddings",
        when="after",
        look=partial(_look, model),
        settings=settings,
        backends=Backends((backend,), answer_tokens=0),
    )


async def _look(
    model: str, _seen: Seen, _images: Mapping[str, bytes], answers: Sequence[Answered], ask: Ask
) -> Evidence | None:
    texts = clue_texts(answers)
    if not texts:
        return None
    request = Request("witness:embeddings", (Turn("user", texts),))
    return Evidence(source=model, vectors=await ask(request, read=partial(_vectors, texts)))


def clue_texts(answers: Sequence[Answered]) -> tuple[str, ...]:
    """The texts of all clues, each once; none where fewer than two teachers can be compared."""
    said = [answered for answered in answers if answered.place is not None and not answered.combined]
    if len({answered.teacher for answered in said}) < 2:
        return ()
    places = [answered.place for answered in said if answered.place is not None]
    return tuple(dict.fromkeys(clue.text for place in places for clue in place.clues))


def _vectors(texts: Sequence[str], reply: Reply) -> dict[str, tuple[float, ...]] | ParseFailure:
    try:
        packed = read_json(reply.text.encode())  # of a foreign ledger, perhaps
        vectors = [tuple(np.frombuffer(base64.b64decode(text), "<f4").tolist()) for text in packed]
        return dict(zip(texts, vectors, strict=True))
    except (ValueError, TypeError) as error:
        return ParseFailure("bad_schema", f"not {len(texts)} vectors ({error})")


class EmbeddingsBackend(OpenAIClient):
    """One embeddings endpoint. The texts of the request's only turn are its inputs; the reply is JSON of their vectors
    as base64 float32."""

    def inputs(self, question: Question) -> Mapping[str, Any]:
        """Nothing but the texts and the model decides the vectors."""
        return {}

    async def complete(self, question: Question, images: Mapping[str, bytes]) -> Reply:
        """The vectors, by one HTTP request. Raises CallFailed."""
        (turn,) = question.request.turns
        body = orjson.dumps({"model": self.settings.model, "input": list(turn.parts), "encoding_format": "float"})
        started = time.perf_counter()
        try:
            status, content, wait_s = await self.post("/embeddings", body)
            if status != 200:
                raise await aside(len(content), lambda: http_failure(status, content, wait_s, self.redact))
            text, tokens = await aside(len(content), lambda: read_vectors(content, len(turn.parts)))
        except CallFailed as failure:
            if not failure.retryable:
                # Kept as permanent it would never be asked again, and every later build would stop at this sample.
                failure.fatal = True
                failure.detail += "; a sample without its vectors would be judged by another rule. Answers are kept"
            raise
        return Reply(text=text, prompt_tokens=tokens, completion_tokens=0, latency_s=time.perf_counter() - started)


def read_vectors(body: bytes, count: int) -> tuple[str, int | None]:
    """The vectors of an embeddings reply in the order of their texts, as JSON of base64 float32, and its prompt tokens,
    None where it does not state them.

    Raises CallFailed for anything but `count` vectors of one length, of finite numbers.
    """
    try:
        data = read_json(body)
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
    usage = stated_usage(data.get("usage"), says_something=False)
    tokens = None if usage.prompt_tokens is None else usage.prompt_tokens + (usage.completion_tokens or 0)
    packed = [base64.b64encode(vector.tobytes()).decode() for vector in vectors]
    return orjson.dumps(packed).decode(), tokens


def _is_vector(array: np.ndarray[Any, Any]) -> bool:
    return array.ndim == 1 and 0 < len(array) <= MAX_DIMENSIONS
