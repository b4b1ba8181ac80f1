"""What a progress line says: how many samples, how fast, how long still, and what holds it up. Pure; time is given."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from factory.phases.run import UnderWay

WINDOW_S: Final = 60.0
"""The rate is that of the last minute: what an earlier run did, or an hour ago, says little of the time left."""


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


def _asked(look: UnderWay) -> int:
    return look.done - look.refused
