"""An endpoint that gives back the key it was sent, in every place and writing that a reply has."""

from __future__ import annotations

import base64
import gzip
import json
import re
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.fake_endpoint import completion, image_sha256, plausible_answer
from tests.http_server import served

CANARY = "Canary/Xy7+Qq2wEr5tYu8iOp1aSd4fGh7jK="
"""36 characters, of all kinds that keys have, and of no shape that is known for a key."""


def escaped(key: str) -> str:
    """A key as JSON escapes of all its characters."""
    return "".join(f"\\u{ord(letter):04x}" for letter in key)


def in_reasoning(image: str, said: str, **more: Any) -> bytes:
    """An answer that says something in its reasoning and in a clue."""
    answer = plausible_answer(image)
    answer["reasoning"] += f" You sent {said}"
    answer["clues"][0]["text"] += f" beside {said}"
    return completion(json.dumps(answer), **more)


def two_parts(image: str, key: str) -> bytes:
    text = json.dumps({**plausible_answer(image), "reasoning": f"You sent {key} to me."})
    cut = text.index(key.replace('"', '\\"')) + 9
    return completion([{"type": "text", "text": text[:cut]}, {"type": "text", "text": text[cut:]}])  # type: ignore[arg-type]


REPLIES = {
    "plain": lambda image, key: in_reasoning(image, key),
    "model and finish reason": lambda image, key: in_reasoning(image, "", model=f"m {key}", finish_reason=key),
    "escapes in the answer": lambda image, key: completion(
        json.dumps({**plausible_answer(image), "reasoning": "KEY"}).replace("KEY", escaped(key))
    ),
    "escapes in the body": lambda image, key: in_reasoning(image, "KEY").replace(b"KEY", escaped(key).encode()),
    "escaped slashes": lambda image, key: completion(
        json.dumps({**plausible_answer(image), "reasoning": "KEY"}).replace("KEY", key.replace("/", "\\/"))
    ),
    "invisible letters": lambda image, key: in_reasoning(image, "\u200b".join(key)),
    "control characters": lambda image, key: in_reasoning(image, f"{key[:9]}\x01\x7f{key[9:]}"),
    "an address": lambda image, key: in_reasoning(image, f"/?key={urllib.parse.quote(key, safe='')}"),
    "base64": lambda image, key: in_reasoning(image, base64.b64encode(f"me:{key}".encode()).decode()),
    "two parts": two_parts,
    "a tool call": lambda image, key: completion(
        "", tool_calls=[{"function": {"arguments": json.dumps({**plausible_answer(image), "reasoning": key})}}]
    ),
    "a thought cut in two": lambda image, key: completion(
        json.dumps(plausible_answer(image)), reasoning_content=f"{key[:9]}<think>{key[9:]}"
    ),
    "no answer": lambda _image, key: completion(f"It looks nice here. {'x' * 160} {key}"),
    "names of values": lambda _image, key: completion(json.dumps({f"{'y' * 25}{key}": 1})),
    "not a word": lambda _image, key: completion("", finish_reason=f"{'z' * 45}{key}"),
    "no JSON": lambda _image, key: f"<html>{'w' * 270} {key}".encode(),
    "an error inside": lambda _image, key: json.dumps(
        {"error": {"message": f"{'v' * 280} {key}", "code": key, "type": key}}
    ).encode(),
}
"""Bodies of a 200, by what they do."""

ERRORS = {
    "across the cut": lambda key: (400, f'{{"error": {{"message": "moderation {"u" * 275} {key}"}}}}'.encode()),
    "behind blanks": lambda key: (400, b"moderation " + b" " * 3968 + key.encode() * 2),
    "escapes": lambda key: (400, f'{{"error": {{"message": "moderation {escaped(key)}"}}}}'.encode()),
    "packed": lambda key: (400, gzip.compress(b"moderation " + b" " * 3968 + key.encode() * 2)),
    "for good": lambda key: (500, f"{'t' * 280} {key}".encode()),
}
"""Status and body of a refusal, by what they do."""


class Evil(BaseHTTPRequestHandler):
    """Deals the cases out by image, in the order in which images come."""

    protocol_version = "HTTP/1.1"
    cases: dict[str, str]
    lock: threading.Lock
    plan: dict[str, Any]

    def do_GET(self) -> None:
        key = self._key()
        self._send(200, json.dumps({"object": "list", "data": [{"id": f"served {key}", "object": "model"}]}).encode())

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        key, image = self._key(), image_sha256(body)
        if "refuse" in self.plan:
            self._send(self.plan["refuse"], json.dumps({"error": {"message": f"Incorrect key: {key}"}}).encode())
            return
        with self.lock:
            names = [*REPLIES, *ERRORS]
            case = self.cases.setdefault(image, names[len(self.cases) % len(names)])
        if case in ERRORS:
            status, said = ERRORS[case](key)
            self._send(status, said, packed=case == "packed")
        else:
            self._send(200, REPLIES[case](image, key))

    def _key(self) -> str:
        return re.sub("^Bearer ", "", self.headers["Authorization"])

    def _send(self, status: int, body: bytes, *, packed: bool = False) -> None:
        key = self._key()
        self.send_response(status, f"because {key}")
        for name in ("X-Request-Id", "Set-Cookie", "Retry-After", "Server", "WWW-Authenticate", "Location"):
            self.send_header(name, f"key={key}")
        if packed:
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@contextmanager
def running_evil() -> Iterator[tuple[str, type[Evil]]]:
    """The endpoint's address, and what it has done: `cases` by image, `plan` to be changed."""
    handler = type("Handler", (Evil,), {"cases": {}, "lock": threading.Lock(), "plan": {}})
    with served(handler) as url:
        yield url, handler
