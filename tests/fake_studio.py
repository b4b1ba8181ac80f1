"""A stand-in for Label Studio's server: what `annotation` asks of it, in memory, with faults at will.

Its answers have the shape of those recorded from a real server (`tests/golden/label_studio.json`); the live tests hold
both equal where it counts: nothing is de-duplicated, no result is looked at, an import is made whole or not at all.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from tests.http_server import listening

TOKEN = "fake0123456789fake0123456789fake01234567"
Fault = str
"""`before`: 503 and nothing done; `after`: done, and 500; `dropped`: done, and the connection closed; `late`: the
connection closed, and done a moment later; `slow`: done after longer than anybody waits; `stuck`: done, and never
answered."""


@dataclass
class Studio:
    """State of the server."""

    projects: dict[int, dict[str, Any]] = field(default_factory=dict)
    tasks: dict[int, dict[str, Any]] = field(default_factory=dict)
    annotations: dict[int, dict[str, Any]] = field(default_factory=dict)
    uploads: dict[int, tuple[int, str, bytes]] = field(default_factory=dict)
    users: list[dict[str, Any]] = field(default_factory=lambda: [{"id": 1, "email": "lead@example.com"}])
    token: str = TOKEN
    most_bytes: int = 10**9
    """Larger bodies are answered with 413."""
    fault: Callable[[int, str, str], Fault | None] = lambda number, method, path: None
    """By the number of the request, from 1, its method and its path."""
    mangle: Callable[[bytes], bytes] = lambda content: content
    """What becomes of every answer on its way."""
    seen: list[tuple[str, str]] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)
    _clock: int = 0

    def now(self) -> str:
        """A time that only goes forward."""
        self._clock += 1
        return f"2026-11-30T09:{self._clock // 60 % 60:02d}:{self._clock % 60:02d}.000001Z"

    def names(self) -> list[str]:
        """The names of all tasks, sorted, as often as they are there."""
        return sorted(task["data"]["ext_id"] for task in self.tasks.values())

    def answer(self, task: int, result: list[dict[str, Any]], by: int = 1, **more: Any) -> int:
        """An annotator submits; the number of the annotation."""
        at = self.now()
        number = max(self.annotations, default=0) + 1
        made = {"id": number, "task": task, "result": result, "completed_by": by, "updated_by": by, "lead_time": 9.5}
        self.annotations[number] = {**made, "was_cancelled": False, "created_at": at, "updated_at": at, **more}
        self.tasks[task]["updated_at"] = at
        return number

    def change(self, number: int, **values: Any) -> None:
        """An annotator changes an annotation."""
        at = self.now()
        self.annotations[number] |= {"updated_at": at, **values}
        self.tasks[self.annotations[number]["task"]]["updated_at"] = at

    def remove(self, number: int) -> None:
        """An annotator deletes one."""
        self.tasks[self.annotations.pop(number)["task"]]["updated_at"] = self.now()

    def add(self, project: int, **data: Any) -> int:
        """Somebody makes a task by hand; its number."""
        number, at = max(self.tasks, default=0) + 1, self.now()
        self.tasks[number] = {"data": data, "id": number, "project": project, "created_at": at, "updated_at": at}
        return number

    def drop(self, task: int) -> None:
        """Somebody deletes a task, with all that was said of it."""
        self.annotations = {n: one for n, one in self.annotations.items() if one["task"] != task}
        del self.tasks[task]

    def do(self, method: str, path: str, query: dict[str, str], body: bytes, kind: str) -> tuple[int, Any]:
        """Status and JSON, or bytes, of a request."""
        for (wanted, pattern), act in _ROUTES.items():
            if wanted == method and (match := re.fullmatch(pattern, path)):
                return act(self, match, query, body, kind)
        return 404, {"detail": f"{method} {path}"}


def _project_list(studio: Studio, _match: Any, query: dict[str, str], _body: bytes, _kind: str) -> tuple[int, Any]:
    wanted = {int(number) for number in query.get("ids", "").split(",") if number}
    found = [project for project in studio.projects.values() if not wanted or project["id"] in wanted]
    return 200, {"count": len(found), "next": None, "results": [_counted(studio, one) for one in found]}


def _counted(studio: Studio, project: dict[str, Any]) -> dict[str, Any]:
    return {**project, "task_number": sum(task["project"] == project["id"] for task in studio.tasks.values())}


def _make_project(studio: Studio, _match: Any, _query: Any, body: bytes, _kind: str) -> tuple[int, Any]:
    number = max(studio.projects, default=0) + 1
    studio.projects[number] = {**json.loads(body), "id": number, "created_at": studio.now(), "task_number": None}
    return 201, studio.projects[number]


def _get_project(studio: Studio, match: Any, _query: Any, _body: bytes, _kind: str) -> tuple[int, Any]:
    found = studio.projects.get(int(match[1]))
    return (200, _counted(studio, found)) if found else (404, {"detail": "Not found."})


def _set_project(studio: Studio, match: Any, _query: Any, body: bytes, _kind: str) -> tuple[int, Any]:
    studio.projects[int(match[1])] |= json.loads(body)
    return 200, studio.projects[int(match[1])]


def _import(studio: Studio, match: Any, _query: Any, body: bytes, kind: str) -> tuple[int, Any]:
    project = int(match[1])
    if kind.startswith("multipart/"):
        made = []
        for part in message_from_bytes(f"content-type: {kind}\r\n\r\n".encode() + body, policy=HTTP).iter_parts():
            number = len(studio.uploads) + 1
            data = part.get_payload(decode=True)
            studio.uploads[number] = (project, f"upload/{project}/{number:08x}-{part.get_filename()}", data)
            made.append(number)
        return 201, {"task_count": len(made), "annotation_count": None, "file_upload_ids": made}
    numbers = []
    for task in json.loads(body):
        number, at = max(studio.tasks, default=0) + 1, studio.now()
        studio.tasks[number] = {**task, "id": number, "project": project, "created_at": at, "updated_at": at}
        numbers.append(number)
    return 201, {"task_count": len(numbers), "task_ids": numbers, "file_upload_ids": []}


def _uploads(studio: Studio, match: Any, query: dict[str, str], _body: bytes, _kind: str) -> tuple[int, Any]:
    wanted = None if query.get("all") else set(json.loads(query.get("ids", "[]")))
    mine = ((number, file) for number, (project, file, _) in studio.uploads.items() if project == int(match[1]))
    return 200, [{"id": number, "file": file, "size": 1} for number, file in mine if wanted is None or number in wanted]


def _file(studio: Studio, match: Any, _query: Any, _body: bytes, _kind: str) -> tuple[int, Any]:
    found = [data for _, file, data in studio.uploads.values() if file == match[1]]
    return (200, found[0]) if found else (404, {})


def _task_list(studio: Studio, _match: Any, query: dict[str, str], _body: bytes, _kind: str) -> tuple[int, Any]:
    items = json.loads(query["query"])["filters"]["items"]
    found = [task for _, task in sorted(studio.tasks.items()) if task["project"] == int(query["project"])]
    for item in items:
        name = item["filter"].removeprefix("filter:tasks:")
        found = [task for task in found if task[name] > item["value"]]
    page = [_shown(studio, task, query["include"].split(",")) for task in found[: int(query["page_size"])]]
    return 200, {"tasks": page, "total": len(found), "total_annotations": 0, "total_predictions": 0}


def _shown(studio: Studio, task: dict[str, Any], include: list[str]) -> dict[str, Any]:
    said = [one for one in studio.annotations.values() if one["task"] == task["id"]]
    counts = {
        "total_annotations": sum(not one["was_cancelled"] for one in said),
        "cancelled_annotations": sum(one["was_cancelled"] for one in said),
    }
    kept = [{name: value for name, value in one.items() if name in include} for one in said]
    whole = {**task, **counts, "annotations": kept}
    return {name: value for name, value in whole.items() if name in include}


def _set_task(studio: Studio, match: Any, _query: Any, body: bytes, _kind: str) -> tuple[int, Any]:
    if (found := studio.tasks.get(int(match[1]))) is None:
        return 404, {"detail": "Not found."}
    found |= {**json.loads(body), "updated_at": studio.now()}
    return 200, found


def _delete_task(studio: Studio, match: Any, _query: Any, _body: bytes, _kind: str) -> tuple[int, Any]:
    return (204, b"") if studio.tasks.pop(int(match[1]), None) else (404, {"detail": "Not found."})


def _delete_project(studio: Studio, match: Any, _query: Any, _body: bytes, _kind: str) -> tuple[int, Any]:
    return (204, b"") if studio.projects.pop(int(match[1]), None) else (404, {"detail": "Not found."})


_ROUTES: dict[tuple[str, str], Callable[..., tuple[int, Any]]] = {
    ("GET", "/api/projects"): _project_list,
    ("POST", "/api/projects"): _make_project,
    ("GET", r"/api/projects/(\d+)/"): _get_project,
    ("PATCH", r"/api/projects/(\d+)/"): _set_project,
    ("POST", r"/api/projects/(\d+)/import"): _import,
    ("GET", r"/api/projects/(\d+)/file-uploads"): _uploads,
    ("GET", r"/data/(upload/.+)"): _file,
    ("GET", "/api/tasks"): _task_list,
    ("DELETE", r"/api/projects/(\d+)/"): _delete_project,
    ("PATCH", r"/api/tasks/(\d+)/"): _set_task,
    ("DELETE", r"/api/tasks/(\d+)/"): _delete_task,
    ("GET", "/api/users"): lambda studio, *_: (200, studio.users),
}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 65_536
    studio: ClassVar[Studio]

    def _answer(self) -> None:
        studio = self.studio
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        with studio.lock:
            studio.seen.append((self.command, parts.path))
            fault = studio.fault(len(studio.seen), self.command, parts.path)
        asked = (self.command, parts.path, query, body, self.headers.get("content-type") or "")
        if self.headers.get("authorization") != f"Token {studio.token}":
            self._send(401, {"detail": "Invalid token."})
        elif len(body) > studio.most_bytes:
            self._send(413, b"<html>Request Entity Too Large</html>")
        elif fault == "before":
            self._send(503, {"detail": "away"})
        elif fault in ("late", "slow"):
            self.close_connection = True
            if fault == "late":
                self.connection.close()
            threading.Timer(0.2, self._do, asked).start()
            time.sleep(0.6 if fault == "slow" else 0)
        else:
            status, content = self._do(*asked)
            if fault == "stuck":
                time.sleep(3_600)
            elif fault == "dropped":
                self.close_connection = True
                self.connection.close()
            else:
                self._send(500 if fault == "after" else status, content)

    def _do(self, *asked: Any) -> tuple[int, Any]:
        with self.studio.lock:
            return self.studio.do(*asked)

    def _send(self, status: int, content: Any) -> None:
        data = self.studio.mangle(content if isinstance(content, bytes) else json.dumps(content).encode())
        self.send_response(status)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PATCH = do_DELETE = _answer  # noqa: N815

    def log_message(self, *_args: object) -> None:
        pass


@contextmanager
def running_studio() -> Iterator[tuple[Studio, str]]:
    """The server's state and its address."""
    studio = Studio()
    with listening(type("Handler", (_Handler,), {"studio": studio}), quiet=True) as url:
        yield studio, url
