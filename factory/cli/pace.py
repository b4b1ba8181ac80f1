"""What a progress line says: how much, how fast, how long still, and what holds it up. Pure; time is given."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from factory.phases.run import UnderWay

WINDOW_S: Final = 60.0
"""The rate is that of the last minute: what an earlier run did, or an hour ago, says little of the time left."""


class Paced(Protocol):
    """What a display asks for its lines."""

    def line(self, now: UnderWay, at: float) -> str: ...

    def end(self, now: UnderWay, at: float) -> str: ...


class _Rate:
    """How fast a count grows, in units a second."""

    def __init__(self, first: int, at: float) -> None:
        self.first, self._begun = first, at
        self._looks: deque[tuple[float, int]] = deque([(at, first)])

    def now(self, count: int, at: float) -> float:
        """In the last `WINDOW_S`."""
        self._looks.append((at, count))
        while len(self._looks) > 2 and at - self._looks[1][0] >= WINDOW_S:
            self._looks.popleft()
        since, before = self._looks[0]
        return (count - before) / max(at - since, 1e-9)

    def whole(self, count: int, at: float) -> float:
        """Since the first look."""
        return max(0, count - self.first) / max(at - self._begun, 1e-9)


class Pace:
    """Follows one phase from its first look on."""

    def __init__(self, total: int, first: UnderWay, at: float) -> None:
        """`at` is in seconds of any steady clock."""
        self._total, self._last = total, _asked(first)
        self._rate = _Rate(self._last, at)

    def line(self, now: UnderWay, at: float) -> str:
        """The line for one look."""
        self._last = max(self._last, _asked(now))
        rate = self._rate.now(self._last, at)
        parts = [f"{now.done:,}/{self._total:,}"]
        if now.refused:
            parts.append(f"{now.refused:,} without a usable picture")
        parts.append(f"{rate:,.1f} samples/s")
        if not now.notes:
            parts.append(f"{(self._total - now.done) / rate:,.0f} s left" if rate else "no answer yet")
        return " · ".join([*parts, *now.notes])

    def end(self, now: UnderWay, at: float) -> str:
        """The line when the phase is over."""
        return f"{now.done:,}/{self._total:,} · {self._rate.whole(_asked(now), at):,.0f} samples/s"


class BytesPace:
    """Likewise for bytes on their way; what is sent once more counts once more, up to the total."""

    def __init__(self, total: int, first: UnderWay, at: float) -> None:
        """`at` is in seconds of any steady clock."""
        self._total, self._rate = total, _Rate(first.done, at)

    def line(self, now: UnderWay, at: float) -> str:
        """The line for one look."""
        rate = self._rate.now(now.done, at)
        left = max(0, self._total - (now.done - self._rate.first))
        ends = f"{left / rate:,.0f} s left" if rate else "nothing on its way"
        return f"{self._sent(now)} · {rate / 1e6:,.1f} MB/s · {ends}"

    def end(self, now: UnderWay, at: float) -> str:
        """The line when all is sent."""
        return f"{self._sent(now)} · {self._rate.whole(now.done, at) / 1e6:,.1f} MB/s"

    def _sent(self, now: UnderWay) -> str:
        sent = min(now.done - self._rate.first, self._total)
        return f"{sent / 1e6:,.1f}/{self._total / 1e6:,.1f} MB"


def _asked(look: UnderWay) -> int:
    return look.done - look.refused
