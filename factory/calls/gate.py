"""One cap of calls in flight, divided among processes on several machines so that their sum never exceeds it.

A process says a few times a second what it may have in flight (`allowed`), what it has, and what it wants, and is told
what it may have from then on. A slot that is taken from one goes to another only when the first has said twice that it
goes by the smaller number: a call that began between two of its words is counted. Pure: no clock, no I/O.

Trade-off: whoever says nothing keeps its slots until it is given up (`gone`).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class _Holder:
    granted: int = 0
    """What it was told last."""
    bounds: tuple[int, int] = (0, 0)
    """The most that it may have in flight, by its last two words."""
    wants: int = 1

    @property
    def most(self) -> int:
        return max(self.granted, *self.bounds)


class Gate:
    """The slots of one endpoint."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._holders: dict[str, _Holder] = {}

    @property
    def out(self) -> int:
        """The most that all processes together may have in flight now."""
        return sum(holder.most for holder in self._holders.values())

    def exchange(self, process: str, *, allowed: int, in_flight: int, wants: int) -> int:
        """What a process may have in flight from now on.

        Args:
            allowed: by what it goes now; read before `in_flight`.
            wants: calls that are under way or wait.
        """
        holder = self._holders.setdefault(process, _Holder())
        holder.bounds, holder.wants = (holder.bounds[1], max(allowed, in_flight)), max(1, wants)
        free = self.most - self.out + holder.most
        target = self._shares()[process]
        holder.granted = min(target, max(0, free))
        return holder.granted

    def gone(self, process: str) -> None:
        """A process has ended, and its calls with it."""
        self._holders.pop(process, None)

    def _shares(self) -> dict[str, int]:
        """An even division of the cap, except that nobody gets more than it wants while others want more; what nobody
        wants is divided evenly, too."""
        shares = dict.fromkeys(self._holders, 0)
        left, hungry = self.most, sorted(self._holders, key=lambda name: (self._holders[name].wants, name))
        while hungry:
            name = hungry.pop(0)
            shares[name] = min(self._holders[name].wants, -(-left // (len(hungry) + 1)))
            left -= shares[name]
        for position, name in enumerate(sorted(shares)):
            shares[name] += left // len(shares) + (position < left % len(shares))
        return shares
