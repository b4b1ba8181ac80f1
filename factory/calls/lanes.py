"""Which endpoint gets the next call: the one with most free room among those that are up and answer.

An endpoint that refuses connections, says 503 or reports a dead engine is down. Then one call at a time probes it, at
growing intervals, while the others wait or go elsewhere; the first reply opens it again. So a server that restarts
costs a pause, not one failed call for each sample, and this works on servers without a health page.

An endpoint that is up and fails most of its calls would win the load, because whoever fails at once is always free. So
while another one answers it gets a call now and then, to see whether it is well again, and no more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from factory.calls.limiter import Limiter
from factory.errors import EnvironmentFault
from factory.plugins.contracts import REFUSED_CONNECTION, SCHEMA_REFUSED, Backend, CallFailed

FIRST_PROBE_S = 0.25
PROBE_EVERY_S = 5.0
PROBE_LOST_EVERY_S = 60.0
"""Between two looks at an endpoint that was given up while others answer."""
LOOK_EVERY_S = 0.25
"""How soon a waiting call notices that the endpoint is back."""
FIRST_CONTACT_S = 15.0
"""Patience with an endpoint where nothing ever listened: more likely a wrong address than a restart."""
TROUBLED = 0.5
"""Share of its latest calls that failed from which an endpoint is avoided: three failures in a row, from none."""
MEMORY = 0.25
"""Weight of the latest call in that share: an endpoint is judged by its last handful."""
FIRST_LOOK_S, LOOK_LEAST_EVERY_S = 1.0, 60.0
"""Between two calls to an endpoint that is avoided; the time doubles while they fail."""


@dataclass(slots=True, eq=False)
class Lane:
    """One endpoint with its limiter and what is known of its health."""

    backend: Backend
    limiter: Limiter
    answered: bool = False
    """Somebody is there: it sent a response, be it a failure."""
    replied_at: float | None = None
    trouble: float = 0.0
    """Share of the latest calls that failed, the last ones counting most."""
    look_at: float = 0.0
    looks: int = 0
    down_since: float | None = None
    probe_at: float = 0.0
    probes: int = 0
    lost: bool = False
    """Given up while others answer: looked at once a minute until it is back."""
    last_failure: str = ""
    paused_since: float | None = None
    """Since when it asks for patience and serves nobody: a rate limit, an overload."""
    heading: int = 0
    """Calls that chose this lane and wait for a slot or hold one."""

    @property
    def room(self) -> int:
        """Free slots, negative when calls wait for them."""
        return self.limiter.limit - self.heading

    def rank(self, now: float, tried: Collection[Lane]) -> tuple[bool, bool, bool, float]:
        """The smallest gets the next call: first those that answer, where the question did not fail, that are not
        pausing; among them the one with most room, less where calls fail."""
        room = self.room - self.trouble * self.limiter.limit
        return self.avoided(now), self in tried, self.limiter.is_closed, -room

    def replied(self) -> None:
        """The endpoint works."""
        self.answered, self.down_since, self.probes, self.lost, self.paused_since = True, None, 0, False, None
        self.replied_at = asyncio.get_running_loop().time()
        self.trouble *= 1 - MEMORY
        if self.trouble <= TROUBLED:
            self.looks = 0

    def failed(self, failure: CallFailed, now: float, *, probing: bool) -> None:
        """Notes an outage, and how often calls fail; a rate limit says nothing about the endpoint's health."""
        self.answered |= failure.kind != REFUSED_CONNECTION
        if not failure.waits and failure.kind != SCHEMA_REFUSED:
            self.trouble += (1 - self.trouble) * MEMORY
            if self.trouble > TROUBLED and self.looks == 0:
                self._put_off(now)
        if not failure.down:
            if failure.waits:
                self.last_failure = str(failure)
                self.paused_since = now if self.paused_since is None else self.paused_since
            return
        self.last_failure = str(failure)
        first = self.down_since is None
        if first:
            self.down_since = now
        if first or probing:
            soon = min(FIRST_PROBE_S * 2**self.probes, PROBE_EVERY_S)
            self.probe_at = now + (PROBE_LOST_EVERY_S if self.lost else soon)
            self.probes += 1

    def avoided(self, now: float) -> bool:
        """Whether calls go elsewhere while they can."""
        return self.trouble > TROUBLED and now < self.look_at

    def is_look(self, now: float) -> bool:
        """Whether a call that goes there only sees whether it is well again; the next one goes there later."""
        if self.trouble <= TROUBLED or now < self.look_at:
            return False
        self._put_off(now)
        return True

    def _put_off(self, now: float) -> None:
        self.look_at = now + min(FIRST_LOOK_S * 2.0 ** min(self.looks, 32), LOOK_LEAST_EVERY_S)
        self.looks += 1

    def given_up(self, now: float, recovery_s: float) -> bool:
        """Whether it has been down for longer than one waits."""
        return self.down_since is not None and now - self.down_since >= self.patience_s(recovery_s)

    def patience_s(self, recovery_s: float) -> float:
        """How long one waits for it."""
        return recovery_s if self.answered else min(recovery_s, FIRST_CONTACT_S)


async def choose_lane(lanes: Sequence[Lane], recovery_s: float, tried: Collection[Lane] = ()) -> tuple[Lane, bool]:
    """(lane, whether this call probes one that is down or fails). Waits while every endpoint is down.

    Args:
        lanes: all endpoints of the teacher.
        recovery_s: how long one that is down is waited for.
        tried: where this question failed already: it goes elsewhere first.

    Raises EnvironmentFault when all of them stayed down for `recovery_s`.
    """
    loop = asyncio.get_running_loop()
    while True:
        now = loop.time()
        due = [lane for lane in lanes if lane.down_since is not None and lane.probe_at <= now]
        hoped = [lane for lane in due if not lane.given_up(now, recovery_s)]
        if hoped:
            hoped[0].probe_at = now + PROBE_EVERY_S
            return hoped[0], True
        up = [lane for lane in lanes if lane.down_since is None]
        if up:
            if due:  # given up, while others work: it may be back by now, and a look costs one call a minute
                due[0].lost, due[0].probe_at = True, now + PROBE_LOST_EVERY_S
                return due[0], True
            best = min(up, key=lambda lane: lane.rank(now, tried))
            return best, best.is_look(now)
        if all(lane.given_up(now, recovery_s) for lane in lanes):
            said = "; ".join(f"{lane.backend.name} ({lane.last_failure})" for lane in lanes)
            raise EnvironmentFault(
                f"no endpoint answers: {said}. Start it, or correct base_urls, and run the same command again: "
                "every answer so far is kept"
            )
        wake = min(lane.probe_at for lane in lanes if not lane.given_up(now, recovery_s))
        await asyncio.sleep(min(max(wake - now, 0.01), LOOK_EVERY_S))


def better_elsewhere(lane: Lane, lanes: Sequence[Lane]) -> bool:
    """Whether a call that waited for this endpoint should choose again."""
    if lane.down_since is not None:
        return True
    now = asyncio.get_running_loop().time()
    return lane.avoided(now) and any(other.down_since is None and not other.avoided(now) for other in lanes)
