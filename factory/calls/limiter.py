"""How many requests may be in flight at one (endpoint, model): additive increase, multiplicative decrease.

It starts low, grows with every success until the endpoint first pushes back, and by small steps after that. The cap
really caps: nobody is admitted while as many slots are out as the current limit says. Waiters are served in order.

Trade-off: the limit follows what the endpoint says (429, 503, timeouts), not its latency; an endpoint that queues
without end and never refuses is held by `max_in_flight` alone.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Protocol


class Clock(Protocol):
    """The part of an event loop that tells time: monotonic seconds, and a call later."""

    def time(self) -> float: ...

    def call_later(self, delay: float, callback: Callable[[], object]) -> asyncio.TimerHandle: ...


@dataclass(frozen=True, slots=True)
class LimiterSettings:
    """Of one (endpoint, model). The step sizes are those of NeMo DataDesigner's request admission."""

    max_in_flight: int = 64
    """Never more than this many requests at once."""
    start: int = 16
    """Limit before anything is known of the endpoint; at most `max_in_flight`."""
    decrease: float = 0.75
    """Factor on the limit when the endpoint pushes back."""
    cooldown_s: float = 2.0
    """Push-backs within this time of a decrease belong to the same event."""
    increase_after: int = 25
    """Successes for one more slot, once the endpoint has pushed back; before that every success is worth one."""
    min_in_flight: int = 1
    max_retry_after_s: float = 120.0
    """A longer `Retry-After` is cut to this."""
    first_pause_s: float = 0.5
    """Pause for all when the endpoint wants one and does not say how long; it doubles until a request is served."""
    max_pause_s: float = 30.0

    def __post_init__(self) -> None:
        if not 1 <= self.min_in_flight <= self.max_in_flight or self.start < 1 or self.increase_after < 1:
            raise ValueError(
                f"limiter: needs 1 <= min_in_flight <= max_in_flight, start and increase_after >= 1: {self}"
            )
        if not 0.0 < self.decrease < 1.0 or self.cooldown_s < 0.0 or self.max_retry_after_s < 0.0:
            raise ValueError(f"limiter: needs 0 < decrease < 1 and times that are not negative: {self}")


class Limiter:
    """Admission to one (endpoint, model). For one event loop; every request of the process goes through the same one.

    async with limiter.slot():
        reply = await ask(...)
    limiter.succeeded()     # or limiter.pressed(retry_after_s)
    """

    def __init__(self, settings: LimiterSettings | None = None, *, clock: Clock | None = None) -> None:
        """`clock` defaults to the running event loop, whose time is monotonic."""
        self.settings = settings or LimiterSettings()
        self._clock = clock
        self._limit = max(self.settings.min_in_flight, min(self.settings.start, self.settings.max_in_flight))
        self._allowed = self.settings.max_in_flight
        self._in_flight = 0
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._successes_since_change = 0
        self._pressed = False
        self._last_decrease = -math.inf
        self._closed_until = -math.inf
        self._pauses = 0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def limit(self) -> int:
        """Slots that may be out now."""
        return min(self._limit, self._allowed)

    @property
    def allowed(self) -> int:
        """What others leave to this process, who ask at the same endpoint: `allow`."""
        return self._allowed

    @property
    def in_flight(self) -> int:
        """Slots that are out now; above `limit` for a while after a decrease."""
        return self._in_flight

    @property
    def is_closed(self) -> bool:
        """Whether nobody is admitted now, because the endpoint asked for a pause."""
        return self._closed_for() > 0.0

    @property
    def waiting(self) -> int:
        """Requests that wait for a slot."""
        return sum(not waiter.done() for waiter in self._waiters)

    def allow(self, most: int) -> None:
        """From now on at most so many slots, whatever the endpoint would serve; those that are out are given back when
        their calls end. From any thread: `wake` in the loop lets in who waits."""
        self._allowed = most

    def wake(self) -> None:
        """Lets in who waits, after `allow`; in the event loop."""
        self._admit()

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Waits for a slot, in order of arrival, and holds it. Cancelling a waiter leaks nothing."""
        await self._acquire()
        try:
            yield
        finally:
            self._release()

    def succeeded(self) -> None:
        """The endpoint served a request (its answer may still be unusable)."""
        self._successes_since_change += 1
        self._pauses = 0
        needed = self.settings.increase_after if self._pressed else 1
        if self._successes_since_change >= needed:
            self._successes_since_change = 0
            self._limit = min(self._limit + 1, self.settings.max_in_flight)
            self._admit()

    def pressed(self, retry_after_s: float | None = None, *, closes: bool = False) -> None:
        """The endpoint pushed back: 429, 503, a timeout, a dropped connection.

        Args:
            retry_after_s: what its `Retry-After` asks for; nobody new is admitted until then.
            closes: it wants a pause. Where it does not say how long, each one is twice as long as the last, until a
                request is served; push-backs that arrive during a pause belong to it.
        """
        now = self._time().time()
        self._successes_since_change = 0
        if now - self._last_decrease >= self.settings.cooldown_s:
            self._last_decrease = now
            self._pressed = True
            self._limit = max(self.settings.min_in_flight, math.floor(self._limit * self.settings.decrease))
        if retry_after_s is not None and retry_after_s > 0.0:  # NaN is not
            self._closed_until = max(self._closed_until, now + min(retry_after_s, self.settings.max_retry_after_s))
        elif closes and now >= self._closed_until:
            pause = self.settings.first_pause_s * 2.0 ** min(self._pauses, 32)
            self._closed_until = now + min(pause, self.settings.max_pause_s)
            self._pauses += 1

    async def _acquire(self) -> None:
        if not self._waiters and self._in_flight < self.limit and not self._closed_for():
            self._in_flight += 1
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        self._admit()
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():  # admitted and cancelled in the same turn of the loop
                self._release()
            else:
                with suppress(ValueError):  # `_admit` may have passed it over already
                    self._waiters.remove(waiter)
            raise

    def _release(self) -> None:
        self._in_flight -= 1
        self._admit()

    def _admit(self) -> None:
        """Lets in as many waiters as the limit allows, now or when the endpoint's pause is over."""
        if not self._waiters or self._in_flight >= self.limit:
            return
        pause = self._closed_for()
        if pause:
            if self._timer is None:
                self._timer = self._time().call_later(pause, self._pause_over)
            return
        while self._waiters and self._in_flight < self.limit:
            waiter = self._waiters.popleft()
            if not waiter.done():
                self._in_flight += 1
                waiter.set_result(None)

    def _pause_over(self) -> None:
        self._timer = None
        self._admit()

    def _closed_for(self) -> float:
        """Seconds until the endpoint wants new requests; 0.0 for now."""
        if self._closed_until == -math.inf:
            return 0.0
        return max(0.0, self._closed_until - self._time().time())

    def _time(self) -> Clock:
        return self._clock or asyncio.get_running_loop()
