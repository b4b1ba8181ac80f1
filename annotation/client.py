"""HTTP with Label Studio: one connection, behind guards.

A server is not trusted: a deadline for every call, a bound on what it may send, no redirects, no proxies that stand in
the environment by chance, and no key in any message. What may be asked twice is asked again a few times; what makes
something is never sent again by itself: `Unsure` says that it may have been done, and whoever sent it looks first.

The official client is not used: it repeats imports by itself, uploads no files, gives objects where the raw JSON is to
be kept, and wants an older numpy (through OpenCV) than the factory is checked with.
"""

from __future__ import annotations

import base64
import binascii
import json
import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Literal, Self

import orjson

from annotation.connection import Login
from annotation.replies import ShapeT, shaped
from annotation.transport import OutOfBounds, guarded
from factory.errors import EnvironmentFault
from factory.redact import LEAST_TELLING, MOST_CUT, Redactor
from factory.retry_after import headers_wait_s
from schemas.plain_json import read_json

if TYPE_CHECKING:
    import httpx2

CALL_S: Final = 300.0
"""Deadline of a call: an import of some hundred tasks takes seconds, on a busy shared machine tens of them."""
ATTEMPTS: Final = 5
"""Of what may be asked twice."""
FIRST_WAIT_S: Final = 0.5
LONGEST_WAIT_S: Final = 30.0
"""Also where the server asks for more (`Retry-After`)."""
SHOWN: Final = 300
"""Characters of a server's own words in a message."""
MOST_CAUSE: Final = 100
"""Characters of what the system, or the client below, says of a failed connection: it may quote the server."""

Method = Literal["GET", "POST", "PATCH", "DELETE"]
Files = Sequence[tuple[str, tuple[str, bytes, str]]]
"""Parts of an upload: field, (file name, bytes, media type)."""


class Unsure(Exception):
    """A call that makes something has no answer: it may have been done, or be done later."""

    def __init__(self, said: str, wait_s: float | None = None) -> None:
        super().__init__(said)
        self.wait_s = wait_s
        """What the server asks for."""


class TooLarge(Exception):
    """The server, or a proxy before it, takes no body of this size (413)."""


class Unusable(EnvironmentFault):
    """It answers, and will answer the same again: it is no Label Studio, or not one that does what is asked."""


class KeyRefused(Unusable):
    """It is one, and takes no key like this."""


class Client:
    """A server of Label Studio. Use as a context manager.

    Every method raises EnvironmentFault, in words a person can act on, where the server cannot be used.
    """

    def __init__(
        self,
        login: Login,
        *,
        secrets: Iterable[str] = (),
        call_s: float = CALL_S,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`secrets` are taken out of what the server says, as its own key is: reviewers may have written them. Of fewer
        than 8 characters they are left: those stand there by chance."""
        self.url = login.url
        self._login, self._call_s, self._sleep = login, call_s, sleep
        self._secrets = (login.key, *(secret for secret in secrets if len(secret) >= LEAST_TELLING))
        self._redact = Redactor(self._secrets)
        self._access = ""
        self._http: httpx2.Client | None = None

    def __enter__(self) -> Self:
        self._http = guarded(self.url, call_s=self._call_s)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        http, self._http = self._http, None
        if http is not None:
            http.close()

    def get(self, path: str, shape: type[ShapeT], params: Mapping[str, str | int] | None = None) -> ShapeT:
        """What lies at a path; asked again where it may help."""
        return shaped(shape, self._json(self._again("GET", path, params=params), path), f"{self.url}{path}")

    def get_bytes(self, path: str) -> bytes:
        """A file of the server."""
        return self._again("GET", path).content

    def set(self, path: str, body: Mapping[str, Any]) -> None:
        """Sets values of something that has a number; does no harm when it is done twice."""
        self._again("PATCH", path, content=orjson.dumps(body))

    def delete(self, path: str) -> None:
        """Deletes something by its number; that it is gone already is fine."""
        self._again("DELETE", path, gone=True)

    def make(
        self,
        path: str,
        shape: type[ShapeT],
        body: Any = None,
        *,
        files: Files = (),
        params: Mapping[str, str | int] | None = None,
    ) -> ShapeT:
        """The answer of a call that makes something. Raises Unsure, and TooLarge."""
        content = None if files else orjson.dumps(body)
        try:
            answer = self._send("POST", path, params=params, content=content, files=files)
        except _Away as away:
            raise Unsure(str(away)) from None
        if answer.status_code >= 500 or answer.status_code in (408, 409, 429):
            raise Unsure(self._told(answer), headers_wait_s(answer.headers))
        return shaped(shape, self._json(self._fine(answer, path), path), f"{self.url}{path}")

    def wait(self, attempt: int, asked_s: float | None = None) -> None:
        """Some seconds, more at each attempt (from 0), or as long as the server asks and a little longer; at most
        LONGEST_WAIT_S."""
        seconds = FIRST_WAIT_S * 2**attempt if asked_s is None else asked_s
        self._sleep(min(seconds * random.uniform(1.0, 1.2), LONGEST_WAIT_S))  # noqa: S311 - spreads calls

    def _again(
        self,
        method: Method,
        path: str,
        *,
        params: Mapping[str, str | int] | None = None,
        content: bytes | None = None,
        gone: bool = False,
    ) -> httpx2.Response:
        """The answer to what may be asked twice."""
        said, asked_s = "", None
        for attempt in range(ATTEMPTS):
            if attempt:
                self.wait(attempt - 1, asked_s)
            try:
                answer = self._send(method, path, params=params, content=content)
            except _Away as away:
                said, asked_s = str(away), None
                continue
            if gone and answer.status_code == 404:
                return answer
            if answer.status_code < 500 and answer.status_code not in (408, 429):
                return self._fine(answer, path)
            said, asked_s = self._told(answer), headers_wait_s(answer.headers)
        raise EnvironmentFault(
            f"{self.url}: {said}, {ATTEMPTS} times; what was sent is kept, and the same command goes on when it answers"
        )

    def _send(
        self,
        method: Method,
        path: str,
        *,
        params: Mapping[str, str | int] | None = None,
        content: bytes | None = None,
        files: Files = (),
        renewed: bool = False,
    ) -> httpx2.Response:
        """One call. Raises _Away where no whole answer came."""
        headers = {"Authorization": self._authorization(), "Accept": "application/json"}
        if content is not None:
            headers["Content-Type"] = "application/json"
        answer = self._call(method, path, params=params, content=content, files=list(files) or None, headers=headers)
        if answer.status_code == 401 and self._access and not renewed:  # it has expired meanwhile
            self._access = ""
            return self._send(method, path, params=params, content=content, files=files, renewed=True)
        return answer

    def _call(self, method: str, path: str, **call: Any) -> httpx2.Response:
        import httpx2

        assert self._http is not None, "open the client with `with` first"
        try:
            return self._http.request(method, f"{self.url}{path}", **call)
        except OutOfBounds as error:
            raise EnvironmentFault(f"{self.url}{path}: {error}") from None
        except httpx2.TimeoutException:
            raise _Away(f"does not answer within {self._call_s:.0f} s") from None
        except httpx2.TransportError as error:
            raise _Away(f"cannot be reached ({self._redact.brief(_cause(error), MOST_CAUSE)})") from None

    def _authorization(self) -> str:
        """A personal access token opens nothing itself: it is exchanged for one that holds some minutes."""
        if not _is_personal(self._login.key):
            return f"Token {self._login.key}"
        if not self._access:
            body = orjson.dumps({"refresh": self._login.key})
            headers = {"Content-Type": "application/json", "Accept": "application/json"}
            answer = self._call("POST", "/api/token/refresh/", content=body, headers=headers)
            given = self._json(self._fine(answer, "/api/token/refresh/"), "/api/token/refresh/")
            access = given.get("access") if isinstance(given, dict) else None
            if not isinstance(access, str) or not access.isascii() or not access.isprintable():
                raise EnvironmentFault(f"{self.url}: gives no access for the personal token of {self._login.source}")
            self._access, self._redact = access, Redactor((*self._secrets, access))
        return f"Bearer {self._access}"

    def _fine(self, answer: httpx2.Response, path: str) -> httpx2.Response:
        status = answer.status_code
        if 200 <= status < 300:
            return answer
        if status == 413:
            raise TooLarge
        if status in (401, 403):
            raise KeyRefused(
                f"{self.url}: refuses the key of {self._login.source} ({self._told(answer)}); {self._login.renewed_by}"
            )
        if 300 <= status < 400:
            raise Unusable(
                f"{self.url}{path}: sends us elsewhere (HTTP {status}), where the key does not go; give the address at "
                "which it answers itself, with https where it is"
            )
        raise Unusable(f"{self.url}{path}: {self._told(answer)}")

    def _json(self, answer: httpx2.Response, path: str) -> Any:
        """What the server says, without keys: it, or who writes on it, may give one back."""
        try:
            found, words = read_json(answer.content), answer.content.decode("utf-8", "replace")
            return self._redact.values(found) if self._redact.holds(words) else found
        except ValueError as error:
            raise Unusable(f"{self.url}{path}: is no JSON of Label Studio ({error}); is this its address?") from None

    def _told(self, answer: httpx2.Response) -> str:
        """The status and the server's words, without keys: of a body that is too long to be searched for them, none."""
        body = answer.content
        if len(body) > MOST_CUT:
            return f"HTTP {answer.status_code} with {len(body):,} bytes"
        words = body.decode("utf-8", "replace")
        try:
            said = read_json(body)
            detail = (said.get("validation_errors") or said.get("detail") or said) if isinstance(said, dict) else said
            words = detail if isinstance(detail, str) else json.dumps(detail, ensure_ascii=False)
        except ValueError:
            words = "" if "<html" in words.lower() else words
        words = self._redact.brief(words, SHOWN)
        return f"HTTP {answer.status_code}{': ' * bool(words)}{words}"


class _Away(Exception):
    """No whole answer came."""


def _is_personal(key: str) -> bool:
    """Whether a key is a JWT: three parts of base64, the first of them JSON."""
    parts = key.split(".")
    if len(parts) != 3:
        return False
    try:
        return isinstance(read_json(base64.urlsafe_b64decode(parts[0] + "=" * (-len(parts[0]) % 4))), dict)
    except (ValueError, binascii.Error):
        return False


def _cause(error: BaseException) -> str:
    """What lies at the bottom of a failure of the connection, in the system's words."""
    deepest = error
    while (below := deepest.__cause__ or deepest.__context__) is not None:
        deepest = below
    if isinstance(deepest, OSError) and deepest.strerror:
        return deepest.strerror
    return str(error).strip() or type(error).__name__
