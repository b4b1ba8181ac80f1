"""A connection whose every wait ends with the call that it is for.

The client's own time limits begin anew with every read, and a server that announces answers without
end (`100 Continue`) never meets one.

Imported by `transport` when a connection is opened: the client takes a while to load.
"""

from __future__ import annotations

import ssl
import time
from typing import Any, Final

import httpcore2

MAX_HEAD: Final = 2**20
"""Bytes before an answer's body begins, announcements among them, of which there may be any number; one head is held to
100 kB by the client itself."""
_PIECE: Final = 2**16
"""Bytes that are sent at a time: each has what is left of the call's time."""


class TooMuchHead(Exception):
    """More bytes than MAX_HEAD came before an answer began."""


class Call:
    """The call that a client makes now, one at a time."""

    def __init__(self) -> None:
        self.deadline, self._head, self._in_head = 0.0, 0, False

    def begins(self, call_s: float) -> None:
        self.deadline, self._head, self._in_head = time.monotonic() + call_s, 0, True

    def has_its_head(self) -> None:
        self._in_head = False

    def left(self, late: type[Exception], timeout: float | None) -> float:
        """Seconds for the next wait; raises `late` when none are left."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise late("the whole call takes too long")
        return left if timeout is None else min(left, timeout)

    def came(self, count: int) -> None:
        """Raises TooMuchHead."""
        self._head += count if self._in_head else 0
        if self._head > MAX_HEAD:
            raise TooMuchHead


class Watched(httpcore2.NetworkStream):
    """A connection of a client that makes calls."""

    def __init__(self, stream: httpcore2.NetworkStream, call: Call) -> None:
        self._stream, self._call = stream, call

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data = self._stream.read(max_bytes, self._call.left(httpcore2.ReadTimeout, timeout))
        self._call.came(len(data))
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for at in range(0, len(buffer), _PIECE):
            self._stream.write(buffer[at : at + _PIECE], self._call.left(httpcore2.WriteTimeout, timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        left = self._call.left(httpcore2.ConnectTimeout, timeout)
        return Watched(self._stream.start_tls(ssl_context, server_hostname, left), self._call)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class Watching(httpcore2.NetworkBackend):
    """Opens connections that are watched."""

    def __init__(self, below: httpcore2.NetworkBackend, call: Call) -> None:
        self._below, self._call = below, call

    def connect_tcp(self, *arguments: Any, **named: Any) -> httpcore2.NetworkStream:
        return Watched(self._below.connect_tcp(*arguments, **named), self._call)
