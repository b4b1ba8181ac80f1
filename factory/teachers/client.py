"""The connection to an OpenAI-compatible endpoint: the official client on its aiohttp transport.

An endpoint is not trusted: a deadline for the whole call, a bound on the body, no redirects, no compressed answers (a
compressed error is unpacked up to a bound, because its words say what to do), and no secret in any message.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import AsyncIterator, Awaitable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlsplit

from factory.errors import EnvironmentFault
from factory.plugins.contracts import REFUSED_CONNECTION, CallFailed
from factory.redact import Redactor
from factory.retry_after import headers_wait_s
from factory.teachers.failures import MAX_SAID
from schemas.settings import TeacherSettings

if TYPE_CHECKING:
    import httpx2
    import openai

MAX_BODY = 8 * 2**20
"""Bytes of a response; a chat completion of 32k tokens has about 0.2 MB."""
KEEPALIVE_S = 4.0
"""Below the 5 s after which uvicorn (vLLM) closes an idle connection: a request must not meet a closing one."""
NO_KEY: Final = "EMPTY"
"""Sent where there is no key: servers that need none want the header all the same."""
_HOSTED: Final = "api.openai.com"
_KEY: Final = "OPENAI_API_KEY"
_SENT: Final = {"host", "accept", "accept-encoding", "connection", "content-length", "content-type", "user-agent"}
"""Headers that any endpoint gets, beside the key."""
_PACKED = "x-factory-packed"
"""Header that stands for `content-encoding` of a response whose body is left as it came."""
_ANY_ZLIB = 47  # gzip or zlib, told by the header: see Python's zlib.decompress, wbits
_OPTIONS: Final[openai.RequestOptions] = {
    "security": {"bearer_auth": True},  # else an administrator's key found in the environment would be sent, too
    "idempotency_key": "unused",  # never sent to these endpoints; without it the client draws one for every call
}


def key_variable(url: str, named: str | None) -> str | None:
    """The environment variable with the key for an endpoint: the one that the recipe names, `OPENAI_API_KEY` for OpenAI
    itself, none for any other. A key that only lies about is nothing to send to whoever listens on a port."""
    return named or (_KEY if _is_hosted(url) else None)


def api_key(url: str, named: str | None) -> str:
    """The key for an endpoint, from the environment; `NO_KEY` for one that gets none.

    Args:
        url: the endpoint.
        named: the variable that the recipe names; None where it names none.

    Raises EnvironmentFault when a key is needed and missing.
    """
    variable = key_variable(url, named)
    if variable is None:
        return NO_KEY
    key = os.environ.get(variable, "").strip()
    if not key:
        raise EnvironmentFault(f"{url} needs an API key: set the environment variable {variable}")
    if not key.isascii() or not key.isprintable():
        raise EnvironmentFault(f"the environment variable {variable} holds characters that no API key has")
    return key


def redactor_of(key: str) -> Redactor:
    """Takes the key of `api_key` out of what is said to whom it was sent."""
    return Redactor(() if key == NO_KEY else (key,))


def _is_hosted(url: str) -> bool:
    """Whether it is OpenAI itself, over TLS: the one endpoint that the client's variables are meant for."""
    parts = urlsplit(url)
    return parts.scheme == "https" and parts.hostname == _HOSTED


def only_our_headers(url: str, key: str, request: httpx2.Request) -> None:
    """Takes off a request what the client adds of its own: organisation, project and further headers from the
    environment, an administrator's key, facts of this machine. OpenAI itself is sent them, but for another key."""
    if not _is_hosted(url):
        for name in set(request.headers) - _SENT:
            del request.headers[name]
    request.headers["Authorization"] = f"Bearer {key}"


class OpenAIClient:
    """The connection to one endpoint and one HTTP call through it. Use as an async context manager."""

    paid = True

    def __init__(self, url: str, key: str, settings: TeacherSettings) -> None:
        self.name = url
        self.key, self.settings = key, settings
        self.redact = redactor_of(key)
        self._client: openai.AsyncOpenAI | None = None

    async def __aenter__(self) -> Self:
        import httpx2
        import openai

        slots = self.settings.max_in_flight + 8

        async def ours(request: httpx2.Request) -> None:
            only_our_headers(self.name, self.key, request)

        transport = openai.DefaultAioHttpClient(
            timeout=None,  # `factory.calls.call` bounds the whole call
            limits=httpx2.Limits(max_connections=slots, max_keepalive_connections=slots, keepalive_expiry=KEEPALIVE_S),
            follow_redirects=False,
            event_hooks={"request": [ours], "response": [guard_body]},
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

    async def post(self, path: str, body: bytes) -> tuple[int, bytes, float | None]:
        """Status, body and the seconds its headers ask to wait, of one HTTP call. Raises CallFailed when no whole
        response arrived."""
        import httpx2

        where = f"{self.name}{path}"  # whole: the client would parse and join its base URL every time
        return await _whole(self._open.post(where, cast_to=httpx2.Response, content=body, options=_OPTIONS))

    async def get(self, path: str) -> tuple[int, bytes, float | None]:
        """As `post`, without a body."""
        import httpx2

        return await _whole(self._open.get(f"{self.name}{path}", cast_to=httpx2.Response, options=_OPTIONS))

    @property
    def _open(self) -> openai.AsyncOpenAI:
        assert self._client is not None, "open the backend with `async with` first"
        return self._client


async def _whole(call: Awaitable[httpx2.Response]) -> tuple[int, bytes, float | None]:
    import aiohttp
    import httpx2
    import openai

    try:
        response = await call
    except openai.APIStatusError as error:
        response = error.response
    except (openai.APIConnectionError, aiohttp.ClientError, httpx2.HTTPError, OSError) as error:
        raise connection_failure(error) from None
    except (ValueError, LookupError) as error:  # libraries trip so over a head that is no text
        detail = f"a response that cannot be read: {type(error).__name__}"
        raise CallFailed(kind="bad_body", detail=detail, retryable=True) from None
    packed = response.headers.get(_PACKED)
    content = _unpacked(response.content, packed) if packed else response.content
    return response.status_code, content, headers_wait_s(response.headers)


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
        return CallFailed(kind=REFUSED_CONNECTION, detail=detail, retryable=True, down=True, waits=True, presses=True)
    return CallFailed(kind="dropped", detail=detail, retryable=True, presses=True)


async def guard_body(response: httpx2.Response) -> None:
    """Bounds what any response may send, error bodies included, before somebody reads it into memory."""
    packed = response.headers.get("content-encoding", "identity").lower()
    if packed != "identity":
        if response.status_code == 200:
            raise CallFailed(kind="bad_body", detail="a compressed body, which was not asked for", retryable=True)
        del response.headers["content-encoding"]  # so that the client leaves it packed
        response.headers[_PACKED] = packed
    if int(response.headers.get("content-length") or 0) > MAX_BODY:
        raise CallFailed(kind="bad_body", detail=f"a body of more than {MAX_BODY} bytes", retryable=True)
    if "content-length" not in response.headers:
        response.stream = _bounded(response.stream)


def _unpacked(body: bytes, packed: str) -> bytes:
    """The beginning of a compressed error body, enough for its words; nothing where it cannot be unpacked."""
    if packed not in ("gzip", "x-gzip", "deflate"):
        return b""
    try:
        return zlib.decompressobj(_ANY_ZLIB).decompress(body, MAX_SAID)
    except zlib.error:
        return b""


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
