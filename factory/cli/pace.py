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


class Pace:
    """Follows one phase from its first look on."""

    def __init__(self, total: int, first: UnderWay, at: float) -> None:
        """`at` is in seconds of any steady clock."""
        self._total = total
        self._first = self._last = _asked(first)
        self._begun = at
        self._looks: deque[tuple[float, int]] = deque([(at, self._first)])

    def line(self, now: UnderWay, at: float) -> str:
        """The line for one look."""
        asked = self._last = max(self._last, _asked(now))
        self._looks.append((at, asked))
        while len(self._looks) > 2 and at - self._looks[1][0] >= WINDOW_S:
            self._looks.popleft()
        since, before = self._looks[0]
        rate = (asked - before) / max(at - since, 1e-9)
        parts = [f"{now.done:,}/{self._total:,}"]
        if now.refused:
            parts.append(f"{now.refused:,} without a usable picture")
        parts.append(f"{rate:,.1f} samples/s")
        if not now.notes:
            parts.append(f"{(self._total - now.done) / rate:,.0f} s left" if rate else "no answer yet")
        return " · ".join([*parts, *now.notes])

    def end(self, now: UnderWay, at: float) -> str:
        """The line when the phase is over."""
        rate = max(0, _asked(now) - self._first) / max(at - self._begun, 1e-9)
        return f"{now.done:,}/{self._total:,} · {rate:,.0f} samples/s"


class BytesPace:
    """Likewise for bytes on their way; what is sent once more counts once more, up to the total."""

    def __init__(self, total: int, first: UnderWay, at: float) -> None:
        """`at` is in seconds of any steady clock."""
        self._total, self._first, self._begun = total, first.done, at
        self._looks: deque[tuple[float, int]] = deque([(at, first.done)])

    def line(self, now: UnderWay, at: float) -> str:
        """The line for one look."""
        self._looks.append((at, now.done))
        while len(self._looks) > 2 and at - self._looks[1][0] >= WINDOW_S:
            self._looks.popleft()
        since, before = self._looks[0]
        rate = (now.done - before) / max(at - since, 1e-9)
        left = max(0, self._total - (now.done - self._first))
        ends = f"{left / rate:,.0f} s left" if rate else "nothing on its way"
        return f"{self._sent(now)} · {rate / 1e6:,.1f} MB/s · {ends}"

    def end(self, now: UnderWay, at: float) -> str:
        """The line when all is sent."""
        rate = (now.done - self._first) / max(at - self._begun, 1e-9)
        return f"{self._sent(now)} · {rate / 1e6:,.1f} MB/s"

    def _sent(self, now: UnderWay) -> str:
        sent = min(now.done - self._first, self._total)
        return f"{sent / 1e6:,.1f}/{self._total / 1e6:,.1f} MB"


def _asked(look: UnderWay) -> int:
    return look.done - look.refused
