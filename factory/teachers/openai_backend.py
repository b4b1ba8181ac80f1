"""Any OpenAI-compatible endpoint: vLLM, Ollama, llama.cpp, hosted models. The official client on its aiohttp transport.

Requests are serialised with orjson and replies read from the raw response: building the client's typed objects costs
more than the ledger does. Retries, backoff and limits are not here (`factory.calls`): one call is one HTTP
request. A server that refuses `response_format` is remembered and asked without it from then on.

An endpoint is not trusted: a deadline for the whole call, a bound on the body, no redirects, no compressed bodies, and
no secret in any message.
"""

from __future__ import annotations

import base64
import os
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Self
from urllib.parse import urlsplit

import orjson
from pydantic import Field

from factory.errors import EnvironmentFault, RecipeError
from factory.plugins.contracts import REFUSED_CONNECTION, SCHEMA_REFUSED, Backend, Backends, CallFailed, Question
from factory.plugins.registry import register
from factory.teachers.replies import http_failure, read_reply, redact, refuses_schema
from schemas import Picture, Reply, Request, Turn
from schemas.settings import BaseUrl, ExtraFields, TeacherSettings

if TYPE_CHECKING:
    import httpx2
    import openai

MAX_BODY = 8 * 2**20
"""Bytes of a response; a chat completion of 32k tokens has about 0.2 MB."""
KEEPALIVE_S = 4.0
"""Below the 5 s after which uvicorn (vLLM) closes an idle connection: a request must not meet a closing one."""
_HOSTED = "api.openai.com"
_OPTIONS: Final[openai.RequestOptions] = {
    "security": {"bearer_auth": True},  # else an administrator's key found in the environment would be sent, too
    "idempotency_key": "unused",  # never sent to these endpoints; without it the client draws one for every call
}


@register("teacher", "openai")
def openai_teacher(
    settings: TeacherSettings,
    root: Path,
    *,
    base_urls: Annotated[tuple[BaseUrl, ...], Field(min_length=1)],
    api_key_env: str = "OPENAI_API_KEY",
    image_detail: Literal["auto", "low", "high"] | None = None,
    extra_body: ExtraFields = {},  # noqa: B006
) -> Backends:
    """A model behind one or several OpenAI-compatible endpoints; several share the work."""
    if not settings.model:
        raise RecipeError(f"teacher {settings.name}: `model` is missing; it is the name the endpoint knows it by")
    fields = {**settings.sampling.extra, **extra_body}
    endpoints: list[Backend] = []
    for url in dict.fromkeys(base_urls):
        key = api_key(url, api_key_env)
        endpoints.append(OpenAIBackend(url, key, api_key_env, settings, image_detail, fields))
    identity = {
        "structured_output": settings.structured_output,
        "image_detail": image_detail,
        "extra_body": dict(extra_body),
    }
    sent = settings.sampling.model_dump(include={"max_tokens"}) | fields
    return Backends(tuple(endpoints), identity, answer_tokens=most_answer_tokens(sent))


ANSWER_LIMITS: Final = ("max_tokens", "max_completion_tokens", "max_output_tokens", "n_predict", "num_predict")
"""What servers call the most tokens of an answer."""


def most_answer_tokens(fields: Mapping[str, Any]) -> int | None:
    """The largest limit that a request states for its answer, whichever of them the server keeps; None without one."""
    limits = [fields.get(name) for name in ANSWER_LIMITS]
    return max((limit for limit in limits if type(limit) is int and limit > 0), default=None)


def api_key(url: str, variable: str) -> str:
    """The key for an endpoint, from the environment. Raises EnvironmentFault when one is needed and missing.

    Only OpenAI itself, or a variable other than the default, makes a key necessary: local servers take any.
    """
    key = os.environ.get(variable, "").strip()
    if not key and (urlsplit(url).hostname == _HOSTED or variable != "OPENAI_API_KEY"):
        raise EnvironmentFault(f"{url} needs an API key: set the environment variable {variable}")
    if not key.isascii() or not key.isprintable():
        raise EnvironmentFault(f"the environment variable {variable} holds characters that no API key has")
    return key or "EMPTY"


class OpenAIClient:
    """The connection to one endpoint and one HTTP call through it. Use as an async context manager."""

    paid = True

    def __init__(self, url: str, key: str, settings: TeacherSettings) -> None:
        self.name = url
        self.key, self.settings = key, settings
        self._client: openai.AsyncOpenAI | None = None

    async def __aenter__(self) -> Self:
        import httpx2
        import openai

        slots = self.settings.max_in_flight + 8
        transport = openai.DefaultAioHttpClient(
            timeout=None,  # `factory.calls.call` bounds the whole call
            limits=httpx2.Limits(max_connections=slots, max_keepalive_connections=slots, keepalive_expiry=KEEPALIVE_S),
            follow_redirects=False,
            event_hooks={"response": [guard_body]},
        )
        self._client = openai.AsyncOpenAI(
            base_url=self.name,
            api_key=self.key,
            max_retries=0,
            timeout=None,
            http_client=transport,
            default_headers={"Accept-Encoding": "identity", "Content-Type": "application/json"},
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def post(self, path: str, body: bytes) -> tuple[int, bytes, str | None]:
        """Status, body and Retry-After of one HTTP call. Raises CallFailed when no whole response arrived."""
        import aiohttp
        import httpx2
        import openai

        assert self._client is not None, "open the backend with `async with` first"
        try:
            response = await self._client.post(
                f"{self.name}{path}",  # whole: the client would parse and join its base URL every time
                cast_to=httpx2.Response,
                content=body,
                options=_OPTIONS,
            )
        except openai.APIStatusError as error:
            response = error.response
        except (openai.APIConnectionError, aiohttp.ClientError, httpx2.HTTPError, OSError) as error:
            raise connection_failure(error) from None
        return response.status_code, response.content, response.headers.get("retry-after")


class OpenAIBackend(OpenAIClient):
    """Chat completions of one endpoint."""

    def __init__(
        self,
        url: str,
        key: str,
        key_variable: str,
        settings: TeacherSettings,
        image_detail: str | None,
        fields: Mapping[str, Any],
    ) -> None:
        super().__init__(url, key, settings)
        self._key_variable = key_variable
        self._image_detail = image_detail
        sampling = settings.sampling.model_dump(exclude={"seed", "draws", "extra"}, exclude_none=True)
        self._fields = {"model": settings.model, **sampling, **fields}
        self._structured = settings.structured_output

    def inputs(self, question: Question) -> Mapping[str, Any]:
        """Nothing but conversation, sampling and pictures decides the answer."""
        return {}

    async def complete(self, question: Question, images: Mapping[str, bytes]) -> Reply:
        """One answer, by one HTTP request. Raises CallFailed."""
        request = question.request
        structured = self._structured and request.schema is not None
        body = request_body(self._fields, request, images, self._seed(question), structured, self._image_detail)
        started = time.perf_counter()
        try:
            status, content, retry_after = await self.post("/chat/completions", body)
            if status == 200:
                return read_reply(content, retry_after, latency_s=time.perf_counter() - started)
            if structured and refuses_schema(status, content):
                self._structured = False
                raise CallFailed(kind=SCHEMA_REFUSED, detail="asked again without response_format", retryable=True)
            raise http_failure(status, content, retry_after)
        except CallFailed as failure:
            failure.detail = redact(failure.detail, self.key)
            if failure.kind == "credentials":
                failure.detail += f" (the key comes from the environment variable {self._key_variable})"
            if failure.kind == "model_unknown":
                failure.detail += f" (asked for `{self.settings.model}`; does the address need /v1?)"
            raise

    def _seed(self, question: Question) -> int | None:
        """Another one for every draw and every repetition: at most 100 draws (`Sampling.draws`) never meet."""
        seed = self.settings.sampling.seed
        return None if seed is None else seed + question.draw + 1000 * question.attempt


def request_body(
    fields: Mapping[str, Any],
    request: Request,
    images: Mapping[str, bytes],
    seed: int | None,
    structured: bool,
    image_detail: str | None,
) -> bytes:
    """The JSON of a chat completion, turn by turn in the order of the request."""
    detail = {"detail": image_detail} if image_detail else {}
    urls = {role: f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode('ascii')}" for role, jpeg in images.items()}
    messages = [{"role": turn.who, "content": _content(turn, urls, detail)} for turn in request.turns]
    body: dict[str, Any] = {**fields, "messages": messages}
    if seed is not None:
        body["seed"] = seed
    if structured:
        schema = {"name": "answer", "strict": True, "schema": request.schema}  # a purpose would tell what it saw
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    return orjson.dumps(body)


def _content(turn: Turn, urls: Mapping[str, str], detail: Mapping[str, str]) -> str | list[dict[str, Any]]:
    """A turn's parts; one text alone in a system or assistant turn as plain text, which every server takes."""
    if turn.who != "user" and len(turn.parts) == 1 and isinstance(turn.parts[0], str):
        return turn.parts[0]
    return [
        {"type": "image_url", "image_url": {"url": urls[part.role], **detail}}
        if isinstance(part, Picture)
        else {"type": "text", "text": part}
        for part in turn.parts
    ]


def connection_failure(error: BaseException) -> CallFailed:
    """A failure below HTTP. A refused connection or an unknown host means that the endpoint is down.

    The detail names no host: it is stored beside the sample, and the endpoint is no part of a dataset.
    """
    import aiohttp

    chain = [error]
    while chain[-1].__cause__ is not None:
        chain.append(chain[-1].__cause__)
    deepest = chain[-1]
    detail = type(deepest).__name__
    if isinstance(deepest, OSError) and deepest.errno is not None and deepest.errno > 0:
        detail = f"{detail}: {os.strerror(deepest.errno)}"
    if any(isinstance(link, aiohttp.ClientConnectorError) for link in chain):
        return CallFailed(kind=REFUSED_CONNECTION, detail=detail, retryable=True, down=True, presses=True)
    return CallFailed(kind="dropped", detail=detail, retryable=True, presses=True)


async def guard_body(response: httpx2.Response) -> None:
    """Bounds what any response may send, error bodies included, before somebody reads it into memory."""
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise CallFailed(kind="bad_body", detail="a compressed body, which was not asked for", retryable=True)
    if int(response.headers.get("content-length") or 0) > MAX_BODY:
        raise CallFailed(kind="bad_body", detail=f"a body of more than {MAX_BODY} bytes", retryable=True)
    if "content-length" not in response.headers:
        response.stream = _bounded(response.stream)


def _bounded(stream: Any) -> Any:
    import httpx2

    class Bounded(httpx2.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            size = 0
            async for chunk in stream:
                size += len(chunk)
                if size > MAX_BODY:
                    raise CallFailed(kind="bad_body", detail=f"a body of more than {MAX_BODY} bytes", retryable=True)
                yield chunk

        async def aclose(self) -> None:
            await stream.aclose()

    return Bounded()
