"""The guards of a connection: to one host alone, a deadline for the whole call, bounds on its head and its body."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import httpx2

MAX_BODY: Final = 128 * 2**20
"""Bytes of an answer; a page of 250 tasks has about 1 MB, one in which every text is of 100 kB about 60."""


class OutOfBounds(Exception):
    """An answer is larger than any that we ask for, or packed; or a call would go to another host."""


def guarded(url: str, *, call_s: float) -> httpx2.Client:
    """A client that talks to the host of `url` and nobody else."""
    import httpx2

    from annotation.waits import MAX_HEAD, Call, TooMuchHead, Watching

    base = httpx2.URL(url)
    home = (base.scheme, base.host, base.port)

    class Bounded(httpx2.SyncByteStream):
        def __init__(self, stream: Any, deadline: float) -> None:
            self._stream, self._deadline = stream, deadline

        def __iter__(self) -> Iterator[bytes]:
            size = 0
            for chunk in self._stream:
                size += len(chunk)
                if size > MAX_BODY:
                    raise OutOfBounds(f"sends more than {MAX_BODY // 2**20} MB")
                if time.monotonic() > self._deadline:
                    raise httpx2.ReadTimeout("the whole answer takes too long")
                yield chunk

        def close(self) -> None:
            self._stream.close()

    class Guarded(httpx2.HTTPTransport):
        def handle_request(self, request: httpx2.Request) -> httpx2.Response:
            if (request.url.scheme, request.url.host, request.url.port) != home:
                raise OutOfBounds("would go to another host")
            now.begins(call_s)
            try:
                answer = super().handle_request(request)
            except TooMuchHead:
                raise OutOfBounds(f"sends more than {MAX_HEAD // 2**20} MB before an answer begins") from None
            now.has_its_head()
            if answer.headers.get("content-encoding", "identity").lower() != "identity":
                answer.close()
                raise OutOfBounds("sends a packed body, which was not asked for")
            answer.stream = Bounded(answer.stream, now.deadline)
            return answer

    now, guard = Call(), Guarded()
    pool = guard._pool  # httpx2 hands on no backend of ours; the tests of endless heads hold that this one is asked
    pool._network_backend = Watching(pool._network_backend, now)
    return httpx2.Client(
        transport=guard,  # given one, the client asks the environment for no proxy
        trust_env=False,
        follow_redirects=False,
        timeout=httpx2.Timeout(call_s, connect=min(call_s, 30.0)),
        headers={"Accept-Encoding": "identity", "User-Agent": "geo-reasoning-factory"},
    )
