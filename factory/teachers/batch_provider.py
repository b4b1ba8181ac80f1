"""The Batch API of OpenAI and of whoever speaks it: a file goes up, a batch is made of it, and its files come down.

A provider is not trusted: no redirects, bounded answers, no identifier of its own in an address that is not a plain
name, no secret in any message.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson

from factory.errors import EnvironmentFault
from factory.redact import Redactor
from factory.teachers.batch_course import Ended, Unsure
from factory.teachers.batch_lines import ENDPOINT
from factory.teachers.client import redactor_of
from factory.teachers.failures import clean, http_failure, read_json

if TYPE_CHECKING:
    import httpx2

TAG: Final = "factory_batch"
"""Name in a batch's metadata by which a batch is found whose id was never heard."""
CALL_S: Final = 120.0
"""Deadline of connecting and of each pause in an answer; a file of 200 MB takes minutes."""
MOST_PAGES: Final = 100
"""Of a list of batches, 100 to a page."""
_MAX_ANSWER: Final = 4 * 2**20
"""Bytes of an answer that is no file."""
_MAX_FILE: Final = 4 * 2**30
"""Bytes of an output file: 50,000 answers of 32k tokens have 10 GB at the most, of 2,000 tokens 0.6 GB."""
LOST_S: Final = 60.0
"""How long a batch whose making was not answered may take to appear in the provider's list."""
_PLAIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
_ENDED: Final = frozenset(("completed", "failed", "expired", "cancelled"))
_UNDER_WAY: Final = frozenset(("validating", "in_progress", "finalizing", "cancelling"))


class Provider:
    """One Batch API. Every method raises EnvironmentFault where it cannot be used."""

    lost_s, at_once = LOST_S, False

    def __init__(self, url: str, key: str, variable: str | None, completion_window: str) -> None:
        self.name = self.url = url
        self._key, self._variable, self._window = key, variable, completion_window
        self.redact: Redactor = redactor_of(key)

    def create(self, name: str, rows: Iterator[bytes], size: int, tag: str) -> str:
        """The id of a new batch over these rows. Raises Unsure where it may have been made.

        Args:
            name: of the file.
            rows: lines of the file.
            size: bytes of the lines together.
            tag: by which `find` finds it.
        """
        sent = self._upload(name, rows, size)
        body = {
            "input_file_id": sent,
            "endpoint": ENDPOINT,
            "completion_window": self._window,
            "metadata": {TAG: tag},
        }
        with self._talking() as http:
            try:
                answer = self._answer(http, "POST", "/batches", content=orjson.dumps(body), headers=_JSON)
            except _Away as away:
                raise Unsure(str(away)) from None
        if answer.status >= 500 or answer.status in (408, 409):
            raise Unsure(f"HTTP {answer.status} {clean(answer.body, self.redact)}")
        return self._id_of(self._fine(answer, "/batches"), "/batches")

    def find(self, tag: str) -> str | None:
        """The id of the batch with a tag, None where there is none: newest first, page by page."""
        after: str | None = None
        for _ in range(MOST_PAGES):
            page = self._get(f"/batches?limit=100{f'&after={after}' if after else ''}")
            listed = page.get("data")
            if not isinstance(listed, list):
                raise self._odd("/batches", "a list of batches")
            for one in listed:
                metadata = one.get("metadata") if isinstance(one, dict) else None
                if isinstance(metadata, dict) and metadata.get(TAG) == tag:
                    return self._id_of(one, "/batches")
            if not page.get("has_more") or not listed:
                return None
            after = self._id_of(listed[-1] if isinstance(listed[-1], dict) else {}, "/batches")
        raise EnvironmentFault(
            f"{self.url}: lists more than {100 * MOST_PAGES:,} batches, and the one that may have been sent is not "
            "among them; whether it is on its way is not known, and nothing is sent again"
        )

    def look(self, batch: str) -> Ended | None:
        """How a batch ended; None while it is under way."""
        found = self._get(f"/batches/{batch}")
        status = found.get("status")
        if status in _UNDER_WAY:
            return None
        if status not in _ENDED:
            raise self._odd(f"/batches/{batch}", "a batch with a status")
        named = [found.get(name) for name in ("output_file_id", "error_file_id")]
        files = tuple(self._plain(name, "/batches") for name in named if name)
        return Ended(str(status), files, self._words(found.get("errors")))

    def rows_of(self, ended: Ended) -> Iterator[bytes]:
        """The bytes of a batch's files, as they come; files end with a line's end."""
        for name in ended.files:
            with self._talking() as http:
                yield from self._content(http, f"/files/{name}/content")
            yield b"\n"

    def _upload(self, name: str, rows: Iterator[bytes], size: int) -> str:
        boundary = "factory-batch-file-0f2c6b7a9d"
        head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n--{boundary}\r\n'
            f'Content-Disposition: form-data; name="file"; filename="{name}"\r\n'
            "Content-Type: application/jsonl\r\n\r\n"
        ).encode()
        tail = f"\r\n--{boundary}--\r\n".encode()

        def parts() -> Iterator[bytes]:
            yield head
            yield from rows
            yield tail

        headers = {
            "Content-Type": f"multipart/form-data; boundary={boundary}",
            "Content-Length": str(len(head) + size + len(tail)),
        }
        with self._talking() as http:
            try:
                answer = self._answer(http, "POST", "/files", content=parts(), headers=headers)
            except _Away as away:
                raise self._away(away) from None
        return self._id_of(self._fine(answer, "/files"), "/files")

    def _get(self, path: str) -> dict[str, Any]:
        with self._talking() as http:
            try:
                return self._fine(self._answer(http, "GET", path), path)
            except _Away as away:
                raise self._away(away) from None

    @contextmanager
    def _talking(self) -> Iterator[httpx2.Client]:
        import httpx2

        headers = {
            "Authorization": f"Bearer {self._key}",
            "Accept-Encoding": "identity",
            "User-Agent": "geo-reasoning-factory",
        }
        timeout = httpx2.Timeout(CALL_S, connect=min(CALL_S, 30.0))
        with httpx2.Client(trust_env=False, follow_redirects=False, timeout=timeout, headers=headers) as http:
            yield http

    def _answer(self, http: httpx2.Client, method: str, path: str, **call: Any) -> _Answer:
        import httpx2

        try:
            with http.stream(method, f"{self.url}{path}", **call) as response:
                return _Answer(response.status_code, _bounded(response, _MAX_ANSWER))
        except httpx2.TransportError as error:
            raise _Away(f"cannot be reached ({type(error).__name__})") from None

    def _content(self, http: httpx2.Client, path: str) -> Iterator[bytes]:
        import httpx2

        try:
            with http.stream("GET", f"{self.url}{path}") as response:
                if response.status_code != 200:
                    self._fine(_Answer(response.status_code, _bounded(response, _MAX_ANSWER)), path)
                _require_plain(response)
                size = 0
                for chunk in response.iter_raw(1 << 16):
                    size += len(chunk)
                    if size > _MAX_FILE:
                        raise EnvironmentFault(f"{self.url}{path}: sends more than {_MAX_FILE // 2**30} GB")
                    yield chunk
        except httpx2.TransportError as error:
            raise self._away(_Away(f"ended in the middle of a file ({type(error).__name__})")) from None

    def _fine(self, answer: _Answer, path: str) -> dict[str, Any]:
        if not 200 <= answer.status < 300:
            failure = http_failure(answer.status, answer.body, redact=self.redact)
            key = f" (the key comes from the environment variable {self._variable})" if self._variable else ""
            raise EnvironmentFault(
                f"{self.url}{path}: {failure.kind}: {failure.detail}{key if failure.kind == 'credentials' else ''}; "
                "what was written and sent is kept, and the same command goes on"
            )
        try:
            found = read_json(answer.body)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise self._odd(path, "a JSON object")
        return found

    def _id_of(self, found: Mapping[str, Any], path: str) -> str:
        return self._plain(found.get("id"), path)

    def _plain(self, name: Any, path: str) -> str:
        """A name that the provider gave, which goes into addresses."""
        if not isinstance(name, str) or not _PLAIN.fullmatch(name) or self.redact.holds(name):
            raise self._odd(path, "an id of letters, digits, `_`, `-` and `.`")
        return name

    def _words(self, errors: Any) -> str:
        listed = errors.get("data") if isinstance(errors, dict) else None
        said = [one for one in listed[:3] if isinstance(one, dict)] if isinstance(listed, list) else []
        return "; ".join(
            f"{self.redact.brief(str(one.get('code')), 80)}: {clean(orjson.dumps({'error': one}), self.redact)}"
            + (f" (line {one['line']})" if type(one.get("line")) is int else "")
            for one in said
        )

    def _odd(self, path: str, expected: str) -> EnvironmentFault:
        return EnvironmentFault(f"{self.url}{path}: expected {expected}; is this the address of a Batch API?")

    def _away(self, away: Exception) -> EnvironmentFault:
        return EnvironmentFault(
            f"{self.url}: {away}; what was written and sent is kept, and the same command goes on when it answers"
        )


_JSON: Final = {"Content-Type": "application/json"}


class _Away(Exception):
    """No whole answer came."""


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    body: bytes


def _require_plain(response: httpx2.Response) -> None:
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise EnvironmentFault(f"{response.url.host}: sends a packed body, which was not asked for")


def _bounded(response: httpx2.Response, most: int) -> bytes:
    _require_plain(response)
    body = bytearray()
    for chunk in response.iter_raw(1 << 16):
        body += chunk
        if len(body) > most:
            raise EnvironmentFault(
                f"{response.url.host}: sends more than {most // 2**20} MB where no file was asked for"
            )
    return bytes(body)
