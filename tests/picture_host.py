"""A host of pictures on this machine: what each path answers is the test's, and every request is noted."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.http_server import listening


class Pictures:
    """What the host answers, by path, and what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, Callable[[BaseHTTPRequestHandler], None]] = {}
        self.asked: list[str] = []
        self.heads: list[dict[str, str]] = []
        """Of each request, in small letters."""
        self.most = self.now = 0
        self.lock = threading.Lock()
        self.url = ""

    def give(self, path: str, data: bytes, status: int = 200, **headers: str) -> None:
        def answer(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(status)
            given = {name.replace("_", "-"): value for name, value in headers.items()}
            for name, value in {"Content-Length": str(len(data)), **given}.items():
                handler.send_header(name, value)
            handler.end_headers()
            handler.wfile.write(data)

        self.answers[path] = answer

    def give_parts(self, path: str, data: bytes, *, stops_at: int | None = None, **headers: str) -> None:
        """A file that can be gone on with; the first answer ends where it stops, with the connection."""
        left = [stops_at]

        def answer(handler: BaseHTTPRequestHandler) -> None:
            start = 0
            asked = handler.headers.get("Range")
            if asked and handler.headers.get("If-Range") == headers.get("ETag"):
                start = int(asked.removeprefix("bytes=").rstrip("-"))
            handler.send_response(206 if start else 200)
            if start:
                handler.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
            handler.send_header("Content-Length", str(len(data) - start))
            for name, value in headers.items():
                handler.send_header(name.replace("_", "-"), value)
            handler.end_headers()
            stop, left[0] = left[0], None
            handler.wfile.write(data[start:stop])

        self.answers[path] = answer

    def endless(self, path: str) -> None:
        def answer(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(200)
            handler.end_headers()
            with contextlib.suppress(OSError):
                for _ in range(100):
                    handler.wfile.write(bytes(1 << 20))

        self.answers[path] = answer


@contextmanager
def picture_host() -> Iterator[Pictures]:
    pictures = Pictures()

    class Handler(BaseHTTPRequestHandler):
        wbufsize = -1

        def do_GET(self) -> None:
            with pictures.lock:
                pictures.asked.append(self.path)
                pictures.heads.append({name.lower(): value for name, value in self.headers.items()})
                pictures.now += 1
                pictures.most = max(pictures.most, pictures.now)
            try:
                if answer := pictures.answers.get(self.path):
                    answer(self)
                else:
                    self.send_error(404)
            finally:
                with pictures.lock:
                    pictures.now -= 1

        def log_message(self, *_: Any) -> None: ...

    with listening(Handler) as pictures.url:
        yield pictures
