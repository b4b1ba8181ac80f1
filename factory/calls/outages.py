"""Which endpoints are away, as their lanes know it, for people who wait."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from factory.calls.lanes import Lane
from factory.calls.teacher import Teacher
from factory.plugins.contracts import REFUSED_CONNECTION
from factory.store.progress import Outage


def outages(teachers: Iterable[Teacher], now: float) -> Iterator[Outage]:
    """The endpoints that are away, or that ask for patience and serve nobody. `now` is the event loop's time."""
    for teacher in teachers:
        for lane in teacher.lanes:
            since = _since(lane)
            if since is None:
                continue
            others = any(_since(other) is None for other in teacher.lanes)
            yield Outage(
                endpoint=lane.backend.name,
                says=_says(lane),
                since=round(time.time() - (now - since)),
                patience_s=0.0 if others else lane.patience_s(teacher.settings.recovery_s),
            )


def _since(lane: Lane) -> float | None:
    return lane.paused_since if lane.down_since is None else lane.down_since


def _says(lane: Lane) -> str:
    kind = lane.last_failure.partition(":")[0]
    if kind == REFUSED_CONNECTION:
        return "refuses connections"
    if kind == "rate_limited":
        return "limits the rate"
    return f"answers HTTP {kind.removeprefix('http_')}" if kind.startswith("http_") else f"is away ({kind})"
