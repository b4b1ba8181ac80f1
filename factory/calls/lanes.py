"""Which endpoint gets the next call: the one with most free room among those that are up.

An endpoint that refuses connections, says 503 or reports a dead engine is down. Then one call at a time probes it, at
growing intervals, while the others wait or go elsewhere; the first reply opens it again. So a server that restarts
costs a pause, not one failed call for each sample, and this works on servers without a health page.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from factory.calls.limiter import Limiter
from factory.errors import EnvironmentFault
from factory.plugins.contracts import Backend, CallFailed

FIRST_PROBE_S = 0.25
PROBE_EVERY_S = 5.0
PROBE_LOST_EVERY_S = 60.0
"""Between two looks at an endpoint that was given up while others answer."""
LOOK_EVERY_S = 0.25
"""How soon a waiting call notices that the endpoint is back."""
FIRST_CONTACT_S = 15.0
"""Patience with an endpoint that has never answered: more likely a wrong address than a restart."""


@dataclass(slots=True, eq=False)
class Lane:
    """One endpoint with its limiter and what is known of its health."""

    backend: Backend
    limiter: Limiter
    answered: bool = False
    down_since: float | None = None
    probe_at: float = 0.0
    probes: int = 0
    lost: bool = False
    """Given up while others answer: looked at once a minute until it is back."""
    last_failure: str = ""
    heading: int = 0
    """Calls that chose this lane and wait for a slot or hold one."""

    @property
    def room(self) -> int:
        """Free slots, negative when calls wait for them."""
        return self.limiter.limit - self.heading

    def replied(self) -> None:
        """The endpoint works."""
        self.answered, self.down_since, self.probes, self.lost = True, None, 0, False

    def failed(self, failure: CallFailed, now: float, *, probing: bool) -> None:
        """Notes an outage; other failures say nothing about the endpoint's health."""
        if not failure.down:
            return
        self.last_failure = str(failure)
        first = self.down_since is None
        if first:
            self.down_since = now
        if first or probing:
            soon = min(FIRST_PROBE_S * 2**self.probes, PROBE_EVERY_S)
            self.probe_at = now + (PROBE_LOST_EVERY_S if self.lost else soon)
            self.probes += 1

    def given_up(self, now: float, recovery_s: float) -> bool:
        """Whether it has been down for longer than one waits."""
        return self.down_since is not None and now - self.down_since >= self.patience_s(recovery_s)

    def patience_s(self, recovery_s: float) -> float:
        """How long one waits for it."""
        return recovery_s if self.answered else min(recovery_s, FIRST_CONTACT_S)


async def choose_lane(lanes: Sequence[Lane], recovery_s: float) -> tuple[Lane, bool]:
    """(lane, whether this call probes it). Waits while every endpoint is down.

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
            return max(up, key=lambda lane: lane.room), False
        if all(lane.given_up(now, recovery_s) for lane in lanes):
            said = "; ".join(f"{lane.backend.name} ({lane.last_failure})" for lane in lanes)
            raise EnvironmentFault(
                f"no endpoint answers: {said}. Start it, or correct base_urls, and run the same command again: "
                "every answer so far is kept"
            )
        wake = min(lane.probe_at for lane in lanes if not lane.given_up(now, recovery_s))
        await asyncio.sleep(min(max(wake - now, 0.01), LOOK_EVERY_S))
