"""Fetches what a stranger's table names: public addresses, bounded size and time, gentle to each host."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar

from factory.errors import FactoryError
from factory.fetch.body import Body, InMemory
from factory.fetch.public import Refused, fetchable, resolver
from factory.retry_after import headers_wait_s
from factory.text import tidy
from factory.version import __version__

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import aiohttp
    from yarl import URL

ItemT = TypeVar("ItemT")

TRIES: Final = 4
REDIRECTS: Final = 5
WHOLE_S: Final = 120.0
_PASSING: Final = frozenset((408, 425, 429, 500, 502, 503, 504))
_REASONS: Final = {401: "refused", 402: "refused", 403: "refused", 404: "not_found", 410: "not_found", 451: "refused"}


@dataclass(frozen=True, slots=True)
class Missing:
    """Why there is no picture: a slug, and the figures behind it."""

    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """How addresses are asked."""

    allowed: frozenset[str] = frozenset()
    """Hosts that need not be public: a mirror of one's own."""
    keys: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What is said as `Authorization`, by origin (`https://host`); no other origin hears it, nor does a redirect's."""
    per_host: int = 2
    """Requests under way at one host."""
    pause_s: float = 0.1
    """Between the beginnings of two requests at one host."""
    most_bytes: int = 64_000_000
    """Of a file."""
    tries: int = TRIES
    """While a host answers 429, 5xx or nothing, each after a longer pause or the one it asks for."""
    whole_s: float = WHOLE_S
    """Longest time of a try, from looking its host up to its last byte."""


@dataclass(slots=True)
class Lane:
    """The requests at one host."""

    gate: asyncio.Semaphore
    free_at: float = 0.0

    def pause(self, now: float, between_s: float) -> float:
        """Seconds until the next request may begin, which then has begun."""
        begins = max(now, self.free_at)
        self.free_at = begins + between_s
        return begins - now

    def hold(self, until: float) -> None:
        """Nothing begins before: the host asked for it."""
        self.free_at = max(self.free_at, until)


@dataclass(slots=True)
class Fetcher:
    """Opened by `fetching`."""

    session: aiohttp.ClientSession
    manners: Manners
    _lanes: dict[str, Lane] = field(default_factory=dict)

    async def fetch(self, address: str) -> bytes | Missing:
        """What lies at an address, or why it does not; never raises for what a server does."""
        body = InMemory()
        missing = await self.fetch_into(address, body)
        return bytes(body.data) if missing is None else missing

    async def fetch_into(self, address: str, body: Body) -> Missing | None:
        """The same into a body, which is whole when nothing is missing. Raises OSError and CorruptBuild for what it is
        written to."""
        pause_s, found = 1.0, Missing("unreachable")
        for number in range(1, self.manners.tries + 1):
            outcome = await self._followed(address, body)
            if not isinstance(outcome, _Later):
                return outcome
            found = outcome.missing
            wait_s = pause_s if outcome.wait_s is None else outcome.wait_s
            if number < self.manners.tries:
                if outcome.host:
                    self._lane(outcome.host).hold(time.monotonic() + wait_s)
                await asyncio.sleep(wait_s)
                pause_s *= 2
        return found

    async def _followed(self, address: str, body: Body) -> Missing | _Later | None:
        """Through redirects, each judged as the first address is."""
        host, clock = "", _Clock(self.manners.whole_s)
        try:
            for _ in range(REDIRECTS + 1):
                url = fetchable(address, self.manners.allowed)
                host = url.host or ""
                answer = await self._asked(url, body, clock)
                if not isinstance(answer, _Moved):
                    return answer
                address = answer.to
            return Missing("redirects", f"more than {REDIRECTS}")
        except TimeoutError:
            return _Later(Missing("timeout", f"more than {self.manners.whole_s:g} s"), None, host)
        except _Unwritten as error:
            raise error.fault from None
        except Exception as error:  # a server's head, a look-up, TLS: the client raises many types
            return _told(error, host)

    async def _asked(self, url: URL, body: Body, clock: _Clock) -> Missing | _Later | _Moved | None:
        lane = self._lane(url.host or "")
        async with lane.gate:
            if (pause := lane.pause(time.monotonic(), self.manners.pause_s)) > 0:
                await asyncio.sleep(pause)
            url = url.with_fragment(None)  # it is not sent
            with _writing():
                asks = body.asks(str(url))
            key = self.manners.keys.get(str(url.origin()))
            said = {**asks, "Authorization": key} if key else asks
            async with clock.running(), self.session.get(url, headers=said, allow_redirects=False) as answer:
                if answer.status in (301, 302, 303, 307, 308):
                    to = answer.headers.get("Location")
                    return _Moved(str(url.join(_address(to)))) if to else Missing("redirects", "to nowhere")
                if answer.status in _PASSING:
                    return _Later(Missing("server_error", str(answer.status)), headers_wait_s(answer.headers), url.host)
                if answer.status == 416 and asks:
                    with _writing():
                        body.drop()
                    return _Later(Missing("server_error", "416"), 0.0, url.host)
                if answer.status != 200 and not (answer.status == 206 and asks):
                    return Missing(_REASONS.get(answer.status, "refused"), str(answer.status))
                if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
                    return Missing("packed", "a packed body, which was not asked for")
                return await self._body(answer, body)

    async def _body(self, answer: aiohttp.ClientResponse, body: Body) -> Missing | _Later | None:
        most = self.manners.most_bytes
        too_large = Missing("too_large", f"more than {most:,} bytes")
        with _writing():
            if not body.begin(str(answer.url), answer.status, answer.headers):
                body.drop()
                return _Later(Missing("server_error", "another part than was asked for"), 0.0, answer.url.host)
            if body.size + (answer.content_length or 0) > most:
                body.drop()
                return too_large
        async for piece in answer.content.iter_any():
            with _writing():
                body.add(piece)
                if body.size > most:
                    body.drop()
                    return too_large
        return None

    def _lane(self, host: str) -> Lane:
        if host not in self._lanes:
            self._lanes[host] = Lane(asyncio.Semaphore(self.manners.per_host))
        return self._lanes[host]


async def each(items: Iterable[ItemT], work: Callable[[ItemT], Awaitable[None]], *, at_once: int) -> None:
    """Does the work on every item, on so many at once. Raises the first fault as it is, and not a group of them."""
    left = iter(items)

    async def some() -> None:
        for item in left:
            await work(item)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(some())
    except BaseExceptionGroup as faults:
        raise faults.exceptions[0] from None


class _Clock:
    """How long a server may still take for one try, its redirects together; waiting for one's turn is not counted."""

    def __init__(self, seconds: float) -> None:
        self._left = seconds

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Counts while it lasts. Raises TimeoutError when nothing is left."""
        started = time.monotonic()
        try:
            async with asyncio.timeout(max(0.0, self._left)):
                yield
        finally:
            self._left -= time.monotonic() - started


class _Unwritten(Exception):
    """What is fetched could not be written: a fault of ours, and no server's."""

    def __init__(self, fault: OSError | FactoryError) -> None:
        super().__init__(str(fault))
        self.fault = fault


@contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except (OSError, FactoryError) as error:
        raise _Unwritten(error) from None


@dataclass(frozen=True, slots=True)
class _Later:
    missing: Missing
    wait_s: float | None
    host: str | None


@dataclass(frozen=True, slots=True)
class _Moved:
    to: str


def _address(written: str) -> Any:
    from yarl import URL

    try:
        return URL(written)
    except ValueError:
        raise Refused("no_address", "leads on to what is no address") from None


def _told(error: BaseException, host: str) -> Missing | _Later:
    for one in _causes(error):
        if isinstance(one, Refused):
            return Missing(one.reason, one.detail)
    return _Later(Missing("unreachable", tidy(f"{type(error).__name__}: {error}", 200)), None, host)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        inner = getattr(error, "os_error", None)
        error = inner if isinstance(inner, BaseException) and inner is not error else error.__cause__


@asynccontextmanager
async def fetching(manners: Manners, *, at_once: int) -> AsyncIterator[Fetcher]:
    """A fetcher with its connections: no cookie, no key, no proxy, nothing of the user's."""
    import aiohttp

    connector = aiohttp.TCPConnector(resolver=resolver(manners.allowed), limit=at_once, ttl_dns_cache=300)
    async with aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
        timeout=aiohttp.ClientTimeout(total=manners.whole_s, sock_connect=20.0, sock_read=30.0),
        headers={"User-Agent": f"geo-reasoning-factory/{__version__}", "Accept-Encoding": "identity"},
    ) as session:
        yield Fetcher(session, manners)
