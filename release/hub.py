"""The Hub as `huggingface_hub` speaks to it, with bounds of ours: time, size, patience, and errors that say what to do.

Xet is off unless the environment says `HF_HUB_DISABLE_XET=0`: files then go by LFS over HTTP, which is the path that is
tested; the one with Xet is not.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar

from factory.errors import EnvironmentFault, FactoryError, RecipeError
from factory.redact import Redactor
from factory.retry_after import MAX_WAIT_S, asked_s

if TYPE_CHECKING:
    import httpx2
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

CONNECT_S: Final = 30.0
SILENT_S: Final = 300.0
"""Longest pause within an answer or an upload: a commit of thousands of files takes the Hub minutes."""
MAX_ANSWER: Final = 64_000_000
"""Bytes of an answer that is no file: a page of a tree has 1,000 entries."""
TRIES: Final = 5
_AGAIN: Final = frozenset((408, 429, 500, 502, 503, 504))
_OURS: Final = {
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_UPDATE_CHECK": "1",
    "HF_HUB_DISABLE_XET": "1",
}
"""What the client reads when it is imported, unless the user's environment says otherwise."""
KIND: Final = "dataset"
_T = TypeVar("_T")


class Stale(Exception):
    """The branch moved, or an answer to a commit was lost: look again at what lies there."""


@dataclass
class Hub:
    """One dataset repository, and who asks."""

    repo: str
    """`org/name`"""
    say: Callable[[str], None]
    """Told what holds it up."""
    sent: Callable[[int], None]
    """Told how many bytes of files went out, from any thread."""
    api: HfApi = field(init=False)
    signed_in: bool = field(init=False)
    _redact: Redactor = field(init=False)
    _mine: threading.local = field(default_factory=threading.local)

    def __post_init__(self) -> None:
        client = _client_library()
        from huggingface_hub import HfApi, get_token, set_client_factory
        from huggingface_hub.errors import HFValidationError
        from huggingface_hub.utils._validators import validate_repo_id
        from huggingface_hub.utils.logging import set_verbosity

        try:
            validate_repo_id(self.repo)
        except HFValidationError as error:
            raise RecipeError(f"--repo: {error}") from None
        if self.repo.count("/") != 1:
            raise RecipeError(f"--repo: {self.repo!r:.100} is no org/name")
        set_verbosity(logging.ERROR)  # its own words quote signed addresses
        token = get_token()
        self._redact = Redactor((token,) if token else ())
        self.signed_in = token is not None
        set_client_factory(self._session)
        endpoint = os.environ.get("HF_ENDPOINT") or client.constants.ENDPOINT  # the constant is as old as the import
        self.api = HfApi(token=token or False, endpoint=endpoint.rstrip("/"))

    @property
    def url(self) -> str:
        return f"{self.api.endpoint}/datasets/{self.repo}"

    def _count(self, size: int) -> None:
        self._mine.sent = self.counted + size
        self.sent(size)

    @property
    def counted(self) -> int:
        """Bytes of files that this thread sent so far."""
        return int(getattr(self._mine, "sent", 0))

    def asked(self, what: str, call: Callable[[], _T]) -> _T:
        """What a call that may be repeated answers. Raises EnvironmentFault after `TRIES`, or at once where it is of no
        use to ask again."""
        for number in range(1, TRIES + 1):
            try:
                return self.once(what, call)
            except _Passing as passing:
                if number == TRIES:
                    raise EnvironmentFault(*passing.said) from None
                wait = max(passing.wait_s or 0.0, min(8.0, 2.0 ** (number - 1)))
                self.say(f"{passing.said[0]}; once more in {wait:.0f} s")
                time.sleep(wait)
        raise AssertionError("unreachable")

    def once(self, what: str, call: Callable[[], _T]) -> _T:
        """What a call answers. Raises `_Passing` for what may pass, EnvironmentFault for what will not."""
        try:
            return call()
        except FactoryError:
            raise
        except Exception as error:  # the client wraps what failed, and reads a stranger's JSON without looking
            raise self._told(what, error) from None

    def committed(self, call: Callable[[], _T]) -> _T:
        """The answer to a commit, which may not simply be repeated. Raises `Stale` where it has to be looked again."""
        try:
            return self.once("commit", call)
        except _Passing as passing:
            self.say(f"{passing.said[0]}; looking whether it arrived")
            time.sleep(1.0 if passing.wait_s is None else passing.wait_s)
            raise Stale(*passing.said) from None

    def missing(self, call: Callable[[], _T]) -> _T | None:
        """What a call answers, None where the Hub knows no such repository or revision."""
        from huggingface_hub.errors import RemoteEntryNotFoundError, RepositoryNotFoundError, RevisionNotFoundError

        def asked() -> _T | None:
            try:
                return call()
            except (RepositoryNotFoundError, RevisionNotFoundError, RemoteEntryNotFoundError) as error:
                if (
                    error.response.status_code == 401
                    and self.signed_in
                    and "RepoNotFound" not in str(error.response.headers.get("X-Error-Code"))
                ):
                    raise
                return None

        return self.asked("repository", asked)

    def _told(self, what: str, error: Exception) -> Exception:
        import httpx2
        from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

        found: BaseException | None = error
        while found is not None:
            if isinstance(found, FactoryError):
                return found
            if isinstance(found, HfHubHTTPError):
                return self._refused(what, found)
            if isinstance(found, OfflineModeIsEnabled):
                return EnvironmentFault("HF_HUB_OFFLINE is set: nothing can be sent; unset it")
            if isinstance(found, httpx2.TransportError):
                why = self._redact.brief(str(found) or type(found).__name__, 200)
                return _Passing(
                    f"{self.api.endpoint}: the connection failed at the {what} ({why})", _GOES_ON, wait_s=None
                )
            if isinstance(found, OSError) and found.filename is not None:
                return found
            found = found.__cause__
        why = self._redact.brief(f"{error}" or type(error).__name__, 300)
        return EnvironmentFault(f"{self.url}: the {what} failed ({why})")

    def _refused(self, what: str, error: HfHubHTTPError) -> Exception:
        response = error.response
        code = response.status_code
        words = self._redact.brief(error.server_message or "", 300)
        head = f"{self.url}: the Hub answers {code} to the {what}" + (f": {words}" if words else "")
        if code in _AGAIN:
            return _Passing(head, _GOES_ON, wait_s=wait_of(response.headers))
        if code in (409, 412):
            return _Passing(head, "somebody else changes this repository; the same command goes on", wait_s=0.0)
        return EnvironmentFault(head, _REMEDIES.get(code, "nothing was committed"))

    def _session(self) -> httpx2.Client:
        import httpx2

        def before(request: httpx2.Request) -> None:
            if request.method == "PUT" and isinstance(request.stream, httpx2.SyncByteStream):
                request.stream = _watched(request.stream, self._count)

        def after(response: httpx2.Response) -> None:
            wait = wait_of(response.headers) if response.status_code in _AGAIN else None
            if wait is not None and wait > MAX_WAIT_S:
                raise EnvironmentFault(
                    f"{self.api.endpoint}: the Hub answers {response.status_code} and asks to wait {wait:,.0f} s",
                    _GOES_ON,
                )
            if wait:
                self.say(f"the Hub answers {response.status_code} and asks to wait {wait:.0f} s")
            if isinstance(response.stream, httpx2.SyncByteStream):
                response.stream = _watched(response.stream, _refuse_more_than(MAX_ANSWER))

        return httpx2.Client(
            event_hooks={"request": [before], "response": [after]},
            follow_redirects=True,  # the client drops the token where one leads to another host
            timeout=httpx2.Timeout(SILENT_S, connect=CONNECT_S),
            headers={"Accept-Encoding": "identity"},
        )


class _Passing(EnvironmentFault):
    """A fault that may pass by itself."""

    def __init__(self, *said: str, wait_s: float | None) -> None:
        super().__init__(*said)
        self.said, self.wait_s = said, wait_s


_GOES_ON: Final = "the same command goes on where it stopped"
_REMEDIES: Final[Mapping[int, str]] = {
    401: "sign in: `hf auth login`, or a token that may write in the environment variable HF_TOKEN",
    402: "the plan of this account does not allow it",
    403: "the token may not do this: it needs the right to write to this repository, and room within its quota",
    404: "no such repository or revision for this token: look at --repo and --branch, and at the token's rights",
    413: "the commit is too large for the Hub: make larger shards (`release: {shard_size}`)",
}


_LONGEST_S: Final = 366 * 86_400.0


def wait_of(headers: Mapping[str, str]) -> float | None:
    """Seconds that an answer asks to wait, up to a year; None where it does not say. The Hub says it in `RateLimit`,
    and others in `Retry-After`."""
    from huggingface_hub.utils._http import parse_ratelimit_headers

    limit = parse_ratelimit_headers(headers)
    if limit is not None and limit.remaining == 0:
        return float(limit.reset_in_seconds)
    asked = asked_s(headers.get("retry-after"))
    return None if asked is None else min(max(asked, 0.0), _LONGEST_S)


def _watched(stream: httpx2.SyncByteStream, seen: Callable[[int], None]) -> httpx2.SyncByteStream:
    """The stream; `seen` is told how many bytes each piece of it has, before it is handed on."""
    import httpx2

    class Watched(httpx2.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            for piece in stream:
                seen(len(piece))
                yield piece

        def close(self) -> None:
            stream.close()

    return Watched()


def _refuse_more_than(most: int) -> Callable[[int], None]:
    left = most

    def seen(size: int) -> None:
        nonlocal left
        left -= size
        if left < 0:
            raise EnvironmentFault(f"the Hub's answer has more than {most // 10**6} MB")

    return seen


def _client_library() -> Any:
    """`huggingface_hub`, set up. Raises EnvironmentFault where it is not installed."""
    for name, value in _OURS.items():
        os.environ.setdefault(name, value)
    try:
        import huggingface_hub
        from huggingface_hub import constants
    except ImportError:
        raise EnvironmentFault(
            "sending to the Hub needs the package huggingface_hub: pip install 'geo-reasoning-factory[hub]'"
        ) from None
    if os.environ["HF_HUB_DISABLE_XET"].strip().upper() in ("1", "ON", "YES", "TRUE"):
        constants.HF_HUB_DISABLE_XET = True  # where somebody imported it before us
    return huggingface_hub


@contextmanager
def closing() -> Iterator[None]:
    """Gives the client its own connections back."""
    from huggingface_hub import close_session

    try:
        yield
    finally:
        close_session()
