"""A server with OpenAI's interface that answers yes or no, until it has answered so often as it should."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from threading import Lock, Thread
from typing import Any

from tests.http_server import Listening

YES = (("yes", math.log(0.6)), ("No", math.log(0.2)), ("maybe", math.log(0.1)))


@dataclass
class Rewarding:
    """What a server was asked, and where it is."""

    url: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)


@contextmanager
def reward_server(
    first_token: tuple[tuple[str, float], ...] | None = YES, *, status: int = 200, dies_after: int | None = None
) -> Iterator[Rewarding]:
    """A server on a free port of this machine.

    Args:
        first_token: tokens with their logarithms; None sends a reply without logprobs.
        dies_after: so many answers; then connections are closed without one.
    """
    seen, lock = Rewarding(), Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                seen.asked.append(
                    {"body": body, "key": self.headers.get("Authorization"), "headers": dict(self.headers)}
                )
                dead = dies_after is not None and len(seen.asked) > dies_after
            if dead:
                self.close_connection = True
                self.connection.close()
                return
            tokens = [{"token": token, "logprob": value, "bytes": None} for token, value in first_token or ()]
            content = [{**tokens[0], "top_logprobs": tokens}] if tokens else []
            choice = {
                "index": 0,
                "finish_reason": "length",
                "message": {"role": "assistant", "content": "yes"},
                "logprobs": None if first_token is None else {"content": content},
            }
            reply = {"id": "1", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice]}
            data = json.dumps(reply).encode()
            self.send_response(status)
            if status // 100 == 3:
                self.send_header("Location", f"{self.path}/elsewhere")
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *args: object) -> None:
            """Says nothing."""

    server = Listening(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    seen.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    try:
        yield seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
