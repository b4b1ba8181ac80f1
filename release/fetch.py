"""Fetches pictures that a stranger's table names: public addresses, bounded size and time, gentle to each host."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from factory.retry_after import headers_wait_s
from factory.text import tidy
from factory.version import __version__
from release.public import Refused, fetchable, resolver

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import aiohttp
    from yarl import URL

TRIES: Final = 4
REDIRECTS: Final = 5
WHOLE_S: Final = 120.0
"""Longest time of a picture, from looking its host up to its last byte."""
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
    per_host: int = 2
    """Requests under way at one host."""
    pause_s: float = 0.1
    """Between the beginnings of two requests at one host."""
    most_bytes: int = 64_000_000
    """Of a file."""
    tries: int = TRIES
    """While a host answers 429, 5xx or nothing, each after a longer pause or the one it asks for."""


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
        pause_s, found = 1.0, Missing("unreachable")
        for number in range(1, self.manners.tries + 1):
            outcome = await self._followed(address)
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

    async def _followed(self, address: str) -> bytes | Missing | _Later:
        """Through redirects, each judged as the first address is."""
        host = ""
        try:
            async with asyncio.timeout(WHOLE_S):
                for _ in range(REDIRECTS + 1):
                    url = fetchable(address, self.manners.allowed)
                    host = url.host or ""
                    answer = await self._asked(url)
                    if not isinstance(answer, _Moved):
                        return answer
                    address = answer.to
            return Missing("redirects", f"more than {REDIRECTS}")
        except TimeoutError:
            return _Later(Missing("timeout", f"more than {WHOLE_S:.0f} s"), None, host)
        except Exception as error:  # a server's head, a look-up, TLS: the client raises many types
            return _told(error, host)

    async def _asked(self, url: URL) -> bytes | Missing | _Later | _Moved:
        lane = self._lane(url.host or "")
        async with lane.gate:
            if (pause := lane.pause(time.monotonic(), self.manners.pause_s)) > 0:
                await asyncio.sleep(pause)
            async with self.session.get(url, allow_redirects=False) as answer:
                if answer.status in (301, 302, 303, 307, 308):
                    to = answer.headers.get("Location")
                    return _Moved(str(url.join(_address(to)))) if to else Missing("redirects", "to nowhere")
                if answer.status in _PASSING:
                    return _Later(Missing("server_error", str(answer.status)), headers_wait_s(answer.headers), url.host)
                if answer.status != 200:
                    return Missing(_REASONS.get(answer.status, "refused"), str(answer.status))
                if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
                    return Missing("packed", "a packed body, which was not asked for")
                return await self._body(answer)

    async def _body(self, answer: aiohttp.ClientResponse) -> bytes | Missing:
        most = self.manners.most_bytes
        data = bytearray()
        async for piece in answer.content.iter_any():
            data += piece
            if len(data) > most:
                return Missing("too_large", f"more than {most:,} bytes")
        return bytes(data)

    def _lane(self, host: str) -> Lane:
        if host not in self._lanes:
            self._lanes[host] = Lane(asyncio.Semaphore(self.manners.per_host))
        return self._lanes[host]


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
        timeout=aiohttp.ClientTimeout(total=WHOLE_S, sock_connect=20.0, sock_read=30.0),
        headers={"User-Agent": f"geo-reasoning-factory/{__version__}", "Accept-Encoding": "identity"},
    ) as session:
        yield Fetcher(session, manners)


def hosts(written: Collection[str]) -> frozenset[str]:
    """Names of hosts as a person writes them, as they are compared."""
    return frozenset(host.strip().strip("[]").lower() for host in written)
