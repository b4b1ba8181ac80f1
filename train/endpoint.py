"""A connection to a model's server that is told the key that a run names, and nothing else that lies about here."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any, Final

from factory.errors import EnvironmentFault, RecipeError
from schemas.settings import endpoint_url

NO_KEY: Final = "none"
"""Sent where there is no key: servers that need none want the header all the same."""
SENT: Final = {"host", "accept", "accept-encoding", "connection", "content-length", "content-type", "user-agent"}
"""Headers that any endpoint gets, beside the key."""
MAX_BODY: Final = 16 * 2**20
"""Bytes of a reply; a chat completion of 32k tokens has about 0.2 MB."""


def address(url: str, whose: str) -> str:
    """An endpoint's address as it is asked. Raises RecipeError, which does not show it: it may hold a password."""
    try:
        return endpoint_url(url)
    except ValueError as error:
        raise RecipeError(f"the address of {whose}: {error}") from None


def named_key(variable: str | None) -> str:
    """The key that an environment variable holds; `NO_KEY` for none. Raises EnvironmentFault where it is not set."""
    key = NO_KEY if variable is None else os.environ.get(variable, "").strip()
    if not key:
        raise EnvironmentFault(f"the environment variable {variable} is not set; it should hold the server's key")
    if not key.isascii() or not key.isprintable():
        raise EnvironmentFault(f"the environment variable {variable} holds characters that no API key has")
    return key


def connected(base_url: str, key: str, *, tries: int, timeout_s: float) -> Any:
    """A client with OpenAI's interface. It follows no redirect, and takes off each request what the client adds of its
    own: organisation, project, further headers and an administrator's key of the environment. A reply that is packed,
    or has more than `MAX_BODY` bytes, raises ValueError.

    Args:
        tries: of each request that gets no answer, or a server's error.
    """
    import openai

    def ours(request: Any) -> None:
        for name in set(request.headers) - SENT:
            del request.headers[name]
        request.headers["Authorization"] = f"Bearer {key}"
        request.headers["Accept-Encoding"] = "identity"

    hooks: dict[str, list[Callable[[Any], None]]] = {"request": [ours], "response": [_bound]}
    transport = openai.DefaultHttpxClient(follow_redirects=False, event_hooks=hooks, timeout=timeout_s)
    return openai.OpenAI(
        base_url=base_url, api_key=key, max_retries=tries - 1, timeout=timeout_s, http_client=transport
    )


def kind_of(error: Exception) -> str:
    """What a request failed of, `InternalServerError 500`: never a server's own words, which may repeat the key."""
    status = getattr(error, "status_code", None)
    return f"{type(error).__name__}{f' {status}' if status else ''}"


def _bound(response: Any) -> None:
    """Bounds what a reply may send, before somebody reads it into memory. Raises ValueError, as its stream does."""
    import httpx2

    if response.headers.get("content-encoding", "identity").lower() != "identity":
        if response.status_code == 200:
            raise ValueError("a packed body, which was not asked for")
        del response.headers["content-encoding"]  # so that a refusal stays packed, and is one by its status
    stream = response.stream

    class Bounded(httpx2.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            size = 0
            for chunk in stream:
                size += len(chunk)
                if size > MAX_BODY:
                    raise ValueError(f"a body of more than {MAX_BODY} bytes")
                yield chunk

        def close(self) -> None:
            stream.close()

    response.stream = Bounded()
