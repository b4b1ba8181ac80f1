"""A server of OpenAI's Batch API in this process: files, batches, a list of them, and faults on request.

Answers follow from the picture in each request, as those of `tests.fake_endpoint`. A batch is worked on when it is
looked at for the `looks`-th time; every row of a batch that was made is on the bill.
"""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

import orjson

from tests.fake_endpoint import completion, image_sha256, plausible_answer
from tests.http_server import listening

Row = dict[str, Any]


def answered(custom_id: str, body: bytes) -> Row:
    """An output row with a reply."""
    text = orjson.dumps(plausible_answer(image_sha256(body))).decode()
    response = {"status_code": 200, "request_id": "r", "body": orjson.loads(completion(text))}
    return {"id": f"row_{custom_id[:8]}", "custom_id": custom_id, "response": response, "error": None}


def failed(custom_id: str, status: int, message: str) -> Row:
    """A row of a request that failed, as OpenAI writes it."""
    response = {"status_code": status, "request_id": "r", "body": {"error": {"message": message, "code": None}}}
    return {"id": "row", "custom_id": custom_id, "response": response, "error": None}


def unanswered(custom_id: str, code: str) -> Row:
    """A row of a request that was never made."""
    return {"id": "row", "custom_id": custom_id, "response": None, "error": {"code": code, "message": f"it {code}"}}


def plain(batch: Batch) -> None:
    """Every row is answered."""
    batch.output = [answered(key, body) for key, body in batch.rows]


@dataclass
class Batch:
    """One batch as the server keeps it."""

    id: str
    metadata: dict[str, str]
    rows: list[tuple[str, bytes]]
    status: str = "in_progress"
    output: list[Row] = field(default_factory=list)
    errors: list[Row] = field(default_factory=list)
    why: list[dict[str, Any]] = field(default_factory=list)
    looked: int = 0


class BatchServer:
    """What it was sent, and what it does with it."""

    def __init__(self) -> None:
        self.work: Callable[[Batch], None] = plain
        self.looks = 1
        self.lose: set[str] = set()
        """Paths whose next POST is done, and not answered."""
        self.refuse: dict[str, tuple[int, str]] = {}
        """Status and words of the next POST to a path."""
        self.cut_files = 0
        """Downloads that end in the middle."""
        self.files: dict[str, bytes] = {}
        self.batches: dict[str, Batch] = {}
        self.posts: Counter[str] = Counter()
        self.keys: set[str] = set()
        self.lock = threading.Lock()
        self.url = ""

    @property
    def paid(self) -> Counter[str]:
        """How often each question is on the bill: batches that were refused or never begun are not."""
        return Counter(key for one in self.batches.values() if one.status != "failed" for key, _ in one.rows)

    def make_file(self, content: bytes) -> str:
        name = f"file-{len(self.files)}"
        self.files[name] = content
        return name

    def make_batch(self, asked: dict[str, Any]) -> Batch:
        lines = self.files[asked["input_file_id"]].splitlines()
        rows = []
        for line in lines:
            row = json.loads(line)
            assert row["method"] == "POST" and row["url"] == asked["endpoint"] == "/v1/chat/completions", row
            rows.append((row["custom_id"], orjson.dumps(row["body"])))
        one = Batch(f"batch_{len(self.batches)}", asked["metadata"], rows)
        self.batches[one.id] = one
        return one

    def looked_at(self, one: Batch) -> dict[str, Any]:
        one.looked += 1
        if one.status == "in_progress" and one.looked >= self.looks:
            one.status = "completed"
            self.work(one)
        shown: dict[str, Any] = {"id": one.id, "object": "batch", "status": one.status, "metadata": one.metadata}
        if one.status != "in_progress":
            for name, rows in (("output_file_id", one.output), ("error_file_id", one.errors)):
                shown[name] = self.make_file(b"\n".join(map(orjson.dumps, rows))) if rows else None
        if one.why:
            shown["errors"] = {"object": "list", "data": one.why}
        return shown

    def listed(self, after: str | None) -> dict[str, Any]:
        newest = list(reversed(self.batches.values()))
        start = next((at + 1 for at, one in enumerate(newest) if one.id == after), 0)
        page = newest[start : start + 2]
        data = [{"id": one.id, "metadata": one.metadata, "status": one.status} for one in page]
        return {"object": "list", "data": data, "has_more": start + 2 < len(newest)}


@contextmanager
def batch_server() -> Iterator[BatchServer]:
    """A server that listens while it lasts; `url` is its base URL."""
    served = BatchServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            path = self.path.removeprefix("/v1")
            with served.lock:
                served.posts[path] += 1
                served.keys.add(str(self.headers.get("Authorization")))
                if path in served.refuse:
                    status, words = served.refuse.pop(path)
                    self.send(status, orjson.dumps({"error": {"message": words}}))
                    return
                found = {"id": served.make_file(file_in(body))} if path == "/files" else None
                if path == "/batches":
                    found = {"id": served.make_batch(orjson.loads(body)).id}
                if path in served.lose:
                    served.lose.discard(path)
                    self.close_connection = True
                    self.connection.close()
                    return
            self.send(404 if found is None else 200, orjson.dumps(found or {"error": {"message": "no such page"}}))

        def do_GET(self) -> None:
            path, _, query = self.path.removeprefix("/v1").partition("?")
            after = re.search(r"after=([\w-]+)", query)
            with served.lock:
                if path == "/batches":
                    self.send(200, orjson.dumps(served.listed(after[1] if after else None)))
                elif path.startswith("/batches/"):
                    self.send(200, orjson.dumps(served.looked_at(served.batches[path.removeprefix("/batches/")])))
                else:
                    content = served.files[path.removeprefix("/files/").removesuffix("/content")]
                    cut = served.cut_files > 0
                    served.cut_files -= cut
                    self.send(200, content, cut=cut)

        def send(self, status: int, data: bytes, *, cut: bool = False) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data[: len(data) // 2] if cut else data)
            if cut:
                self.close_connection = True

        def log_message(self, *_: Any) -> None:
            return None

    with listening(Handler, quiet=True) as url:
        served.url = f"{url}/v1"
        yield served


def file_in(body: bytes) -> bytes:
    """The file of a multipart form."""
    boundary = body[: body.index(b"\r\n")]
    part = next(part for part in body.split(boundary) if b'name="file"' in part)
    return part.split(b"\r\n\r\n", 1)[1].removesuffix(b"\r\n")
