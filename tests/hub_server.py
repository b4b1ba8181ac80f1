"""A dataset Hub on this machine, as far as `huggingface_hub` asks one: what a push meets, with faults on request.

Repositories live in memory. Every request is noted, so that a test can say what was sent, and may be answered by a
fault of the test's own: a status, a dropped connection, or the end of whoever asked.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

from tests.http_server import listening

TOKEN: Final = "hf_canaryCanaryCanary0123456789"
LFS: Final = (".parquet", ".tar", ".jpg")
START: Final = "c0" * 20


@dataclass(frozen=True)
class Refusal:
    """An answer in place of the right one."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = "{}"


DROP: Final = "drop"
"""The connection ends where an answer was due, and nothing was done."""
DROP_LATE: Final = "drop late"
"""The request is served, and its answer lost."""
DROP_MIDDLE: Final = "drop middle"
"""The connection ends in the middle of the request's body."""
Fault = Refusal | str | None


@dataclass(frozen=True)
class Asked:
    """A request, as a test looks at it."""

    method: str
    path: str
    size: int

    @property
    def uploads(self) -> bool:
        return self.method == "PUT"


@dataclass
class Repository:
    private: bool
    trees: dict[str, dict[str, bytes]] = field(default_factory=lambda: {START: {".gitattributes": b"*.tar lfs\n"}})
    messages: dict[str, tuple[str, str]] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=lambda: {"main": START})
    tags: dict[str, str] = field(default_factory=dict)
    requests: list[tuple[int, str]] = field(default_factory=list)

    def tree(self, revision: str) -> dict[str, bytes] | None:
        commit = self.commit(revision)
        return None if commit is None else self.trees[commit]

    def commit(self, revision: str) -> str | None:
        if revision in self.trees:
            return revision
        return self.refs.get(revision) or self.tags.get(revision.removeprefix("refs/tags/"))


class Hub:
    """The state, and what happened."""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.objects: dict[str, bytes] = {}
        self.parts: dict[tuple[str, int], bytes] = {}
        self.asked: list[Asked] = []
        self.fault: Callable[[int, Asked], Fault] = lambda number, asked: None
        """Of the n-th request, counted from 1."""
        self.chunk: int | None = None
        """Bytes of a part, for objects that are larger."""
        self.page = 5
        """Entries of a page of a tree: few, so that the client has to turn it."""
        self.lock = threading.RLock()
        self.url = ""

    @property
    def uploads(self) -> list[str]:
        """Objects whose bytes arrived whole, once for each time."""
        return [one.path.rpartition("/")[2] for one in self.asked if one.uploads and one.size]

    def commits(self, repo: str) -> int:
        return len(self.repositories[repo].trees) - 1


def git_blob(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    hub: Hub

    def log_message(self, *_: Any) -> None: ...

    def _any(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        with self.hub.lock:
            asked = Asked(self.command, unquote(urlsplit(self.path).path), size)
            self.hub.asked.append(asked)
            fault = self.hub.fault(len(self.hub.asked), asked)
        if fault == DROP_MIDDLE:
            self.rfile.read(size // 2)
        if fault in (DROP, DROP_MIDDLE):
            self._drop()
            return
        body = self.rfile.read(size) if size else self._chunks()
        if isinstance(fault, Refusal):
            self._send(fault.status, fault.body.encode(), fault.headers)
            return
        with self.hub.lock:
            status, data, headers = self._answer(body)
        if fault == DROP_LATE:
            self._drop()
        else:
            self._send(status, data, headers)

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = _any  # noqa: N815

    def _chunks(self) -> bytes:
        if "chunked" not in (self.headers.get("Transfer-Encoding") or ""):
            return b""
        data = b""
        while size := int(self.rfile.readline(), 16):
            data += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        with self.hub.lock:
            self.hub.asked[-1] = Asked(self.command, self.hub.asked[-1].path, len(data))
        return data

    def _drop(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def _send(self, status: int, data: bytes, headers: Mapping[str, str]) -> None:
        try:
            self.send_response(status)
            for name, value in {
                "Content-Type": "application/json",
                "Content-Length": str(len(data)),
                **headers,
            }.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)
            self.wfile.flush()
        except OSError:  # whoever asked is gone
            self.close_connection = True

    def _answer(self, body: bytes) -> tuple[int, bytes, Mapping[str, str]]:
        path = urlsplit(self.path).path
        for method, pattern, answer in _ROUTES:
            if method == self.command and (found := re.fullmatch(pattern, path)):
                if self.headers.get("Authorization") != f"Bearer {TOKEN}" and answer not in _UNSIGNED:
                    return 401, b'{"error": "Invalid username or password."}', {}
                names = {name: unquote(value) for name, value in found.groupdict().items()}
                return answer(self, body, **names)
        return 404, b'{"error": "no such route"}', {}

    def _repository(self, repo: str) -> Repository | None:
        return self.hub.repositories.get(repo)

    def create(self, body: bytes) -> tuple[int, bytes, Mapping[str, str]]:
        asked = json.loads(body)
        repo = f"{asked['organization']}/{asked['name']}"
        url = json.dumps({"url": f"{self.hub.url}/datasets/{repo}"}).encode()
        if repo in self.hub.repositories:
            return 409, url, {}
        self.hub.repositories[repo] = Repository(asked.get("visibility") == "private")
        return 200, url, {}

    def validate(self, body: bytes) -> tuple[int, bytes, Mapping[str, str]]:
        assert json.loads(body)["repoType"] == "dataset"
        return 200, b"{}", {}

    def info(self, body: bytes, repo: str, revision: str = "main") -> tuple[int, bytes, Mapping[str, str]]:
        found = self._repository(repo)
        if found is None:
            return 401, b'{"error": "Repository not found"}', {"X-Error-Code": "RepoNotFound"}
        commit = found.commit(revision)
        if commit is None:
            return 404, b'{"error": "Invalid rev id"}', {"X-Error-Code": "RevisionNotFound"}
        siblings = [{"rfilename": path} for path in found.trees[commit]]
        return 200, _json({"id": repo, "sha": commit, "private": found.private, "siblings": siblings}), {}

    def refs(self, body: bytes, repo: str) -> tuple[int, bytes, Mapping[str, str]]:
        found = self.hub.repositories[repo]
        heads = [(name, commit) for name, commit in found.refs.items() if "/pr/" not in name]
        told = {
            "branches": [{"name": n, "ref": f"refs/heads/{n}", "targetCommit": c} for n, c in heads],
            "converts": [],
            "tags": [{"name": n, "ref": f"refs/tags/{n}", "targetCommit": c} for n, c in found.tags.items()],
        }
        return 200, _json(told), {}

    def branch(self, body: bytes, repo: str, branch: str) -> tuple[int, bytes, Mapping[str, str]]:
        found = self.hub.repositories[repo]
        if branch in found.refs:
            return 409, b'{"error": "Reference already exists"}', {}
        found.refs[branch] = found.refs["main"]
        return 200, b"{}", {}

    def tree(self, body: bytes, repo: str, revision: str) -> tuple[int, bytes, Mapping[str, str]]:
        tree = self.hub.repositories[repo].tree(revision)
        if tree is None:
            return 404, b'{"error": "Invalid rev id"}', {"X-Error-Code": "RevisionNotFound"}
        first = int(parse_qs(urlsplit(self.path).query).get("cursor", ["0"])[0])
        entries = [_entry(path, data) for path, data in sorted(tree.items())]
        folders = sorted({path.rpartition("/")[0] for path in tree if "/" in path})
        entries += [{"type": "directory", "path": folder, "size": 0, "oid": "d" * 40} for folder in folders]
        last = first + self.hub.page
        page = entries[first:last]
        base = f"{self.hub.url}{urlsplit(self.path).path}?recursive=true&expand=false&cursor={last}"
        more = {"Link": f'<{base}>; rel="next"'} if last < len(entries) else {}
        return 200, _json(page), more

    def preupload(self, body: bytes, repo: str, revision: str) -> tuple[int, bytes, Mapping[str, str]]:
        tree = self.hub.repositories[repo].tree(revision) or {}
        files = []
        for one in json.loads(body)["files"]:
            there = tree.get(one["path"])
            lfs = one["path"].endswith(LFS)
            told = {"path": one["path"], "uploadMode": "lfs" if lfs else "regular", "shouldIgnore": False}
            if there is not None:
                told["oid"] = hashlib.sha256(there).hexdigest() if lfs else git_blob(there)
            files.append(told)
        return 200, _json({"files": files}), {}

    def batch(self, body: bytes, repo: str) -> tuple[int, bytes, Mapping[str, str]]:
        asked = json.loads(body)
        assert asked["operation"] == "upload" and asked["hash_algo"] == "sha256"
        objects = []
        for one in asked["objects"]:
            oid, size = one["oid"], one["size"]
            told: dict[str, Any] = {"oid": oid, "size": size}
            if oid not in self.hub.objects:
                upload: dict[str, Any] = {"href": f"{self.hub.url}/lfs/{oid}"}
                if self.hub.chunk and size > self.hub.chunk:
                    parts = range(1, -(-size // self.hub.chunk) + 1)
                    urls = {str(part): f"{self.hub.url}/part/{part}/{oid}" for part in parts}
                    upload = {
                        "href": f"{self.hub.url}/whole/{oid}",
                        "header": {"chunk_size": str(self.hub.chunk), **urls},
                    }
                told["actions"] = {"upload": upload, "verify": {"href": f"{self.hub.url}/verify/{oid}"}}
            objects.append(told)
        return 200, _json({"objects": objects}), {}

    def put(self, body: bytes, oid: str) -> tuple[int, bytes, Mapping[str, str]]:
        assert "Authorization" not in self.headers, "a signed address gets no token"
        if hashlib.sha256(body).hexdigest() != oid:
            return 400, b'{"error": "other bytes than announced"}', {}
        self.hub.objects[oid] = body
        return 200, b"", {}

    def part(self, body: bytes, oid: str, part: str) -> tuple[int, bytes, Mapping[str, str]]:
        self.hub.parts[oid, int(part)] = body
        return 200, b"", {"ETag": f'"{part}"'}

    def whole(self, body: bytes, oid: str) -> tuple[int, bytes, Mapping[str, str]]:
        parts = json.loads(body)["parts"]
        data = b"".join(self.hub.parts[oid, part["partNumber"]] for part in parts)
        if hashlib.sha256(data).hexdigest() != oid:
            return 400, b'{"error": "other bytes than announced"}', {}
        self.hub.objects[oid] = data
        return 200, b"{}", {}

    def verify(self, body: bytes, oid: str) -> tuple[int, bytes, Mapping[str, str]]:
        asked = json.loads(body)
        sound = len(self.hub.objects.get(asked["oid"], b"")) == asked["size"]
        return (200 if sound else 404), b"{}", {}

    def commit(self, body: bytes, repo: str, revision: str) -> tuple[int, bytes, Mapping[str, str]]:
        found = self.hub.repositories[repo]
        head, *changes = [json.loads(line) for line in body.splitlines()]
        parent = found.commit(revision)
        if parent is None:
            return 404, b'{"error": "Invalid rev id"}', {"X-Error-Code": "RevisionNotFound"}
        if head["value"].get("parentCommit") not in (None, parent):
            return 412, b'{"error": "A commit has happened since. Please refresh and try again."}', {}
        tree = dict(found.trees[parent])
        for change in changes:
            value = change["value"]
            if change["key"] == "file":
                tree[value["path"]] = base64.b64decode(value["content"])
            elif change["key"] == "lfsFile":
                if value["oid"] not in self.hub.objects:
                    return 400, b'{"error": "LFS pointer pointed to a file that does not exist"}', {}
                tree[value["path"]] = self.hub.objects[value["oid"]]
            else:
                assert change["key"] == "deletedFile"
                del tree[value["path"]]
        oid = hashlib.sha1(body + parent.encode()).hexdigest()
        found.trees[oid] = tree
        found.messages[oid] = head["value"]["summary"], head["value"]["description"]
        told = {"commitUrl": f"{self.hub.url}/datasets/{repo}/commit/{oid}", "commitOid": oid}
        if "create_pr=1" in urlsplit(self.path).query:
            number = len(found.requests) + 1
            found.requests.append((number, head["value"]["summary"]))
            found.refs[f"refs/pr/{number}"] = oid
            told["pullRequestUrl"] = f"{self.hub.url}/datasets/{repo}/discussions/{number}"
        else:
            found.refs[revision] = oid
        return 200, _json(told), {}

    def discussions(self, body: bytes, repo: str) -> tuple[int, bytes, Mapping[str, str]]:
        shown = [
            {
                "num": number,
                "title": title,
                "status": "open",
                "isPullRequest": True,
                "author": {"name": "me"},
                "repo": {"name": repo, "type": "dataset"},
                "createdAt": "2026-11-30T00:00:00.000Z",
            }
            for number, title in self.hub.repositories[repo].requests
        ]
        return 200, _json({"discussions": shown, "count": len(shown), "start": 0}), {}

    def tag(self, body: bytes, repo: str, revision: str) -> tuple[int, bytes, Mapping[str, str]]:
        found, name = self.hub.repositories[repo], json.loads(body)["tag"]
        commit = found.commit(revision)
        if name in found.tags:
            return 409, b'{"error": "Tag reference exists already"}', {}
        assert commit is not None
        found.tags[name] = commit
        return 200, b"{}", {}

    def resolve(self, body: bytes, repo: str, revision: str, path: str) -> tuple[int, bytes, Mapping[str, str]]:
        found = self.hub.repositories[repo]
        data = (found.tree(revision) or {}).get(path)
        if data is None:
            return 404, b'{"error": "Entry not found"}', {"X-Error-Code": "EntryNotFound"}
        headers = {"X-Repo-Commit": found.commit(revision) or "", "ETag": f'"{git_blob(data)}"'}
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range") or "")
        if asked is None:
            return 200, data, headers
        start, stop = int(asked[1]), min(int(asked[2]) + 1, len(data))
        return 206, data[start:stop], {**headers, "Content-Range": f"bytes {start}-{stop - 1}/{len(data)}"}


def _entry(path: str, data: bytes) -> dict[str, Any]:
    entry: dict[str, Any] = {"type": "file", "path": path, "size": len(data), "oid": git_blob(data)}
    if path.endswith(LFS):
        oid = hashlib.sha256(data).hexdigest()
        entry |= {"oid": git_blob(oid.encode()), "lfs": {"oid": oid, "size": len(data), "pointerSize": 130}}
    return entry


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


_REPO: Final = r"/api/datasets/(?P<repo>[^/]+/[^/]+)"
_ROUTES: Final[tuple[tuple[str, str, Callable[..., Any]], ...]] = (
    ("POST", "/api/repos/create", _Handler.create),
    ("POST", "/api/validate-yaml", _Handler.validate),
    ("GET", _REPO, _Handler.info),
    ("GET", _REPO + r"/revision/(?P<revision>.+)", _Handler.info),
    ("GET", _REPO + "/refs", _Handler.refs),
    ("GET", _REPO + "/discussions", _Handler.discussions),
    ("POST", _REPO + "/branch/(?P<branch>.+)", _Handler.branch),
    ("POST", _REPO + "/tag/(?P<revision>.+)", _Handler.tag),
    ("GET", _REPO + r"/tree/(?P<revision>[^/?]+)", _Handler.tree),
    ("POST", _REPO + "/preupload/(?P<revision>.+)", _Handler.preupload),
    ("POST", _REPO + "/commit/(?P<revision>.+)", _Handler.commit),
    ("POST", r"/datasets/(?P<repo>.+)\.git/info/lfs/objects/batch", _Handler.batch),
    ("PUT", "/lfs/(?P<oid>.+)", _Handler.put),
    ("PUT", "/part/(?P<part>.+)/(?P<oid>.+)", _Handler.part),
    ("POST", "/whole/(?P<oid>.+)", _Handler.whole),
    ("POST", "/verify/(?P<oid>.+)", _Handler.verify),
    ("GET", r"/datasets/(?P<repo>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<path>.+)", _Handler.resolve),
    ("HEAD", r"/datasets/(?P<repo>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<path>.+)", _Handler.resolve),
)
_UNSIGNED: Final = (_Handler.put, _Handler.part, _Handler.whole)


@contextmanager
def hub_served() -> Iterator[Hub]:
    """A Hub on a port of its own."""
    hub = Hub()
    with listening(type("Handler", (_Handler,), {"hub": hub})) as hub.url:
        yield hub
