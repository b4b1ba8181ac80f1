"""Orders by a comparison that a model has to be asked for: merge sort and a tournament, with much of it at once.

A comparison tells how much the first one is preferred: above 0 it is, below 0 the second one is, and at 0 nobody knows,
and the order that the list came in stays. Nothing here knows of models.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final

from train.asking import gathered

Prefer = Callable[[int, int], Coroutine[Any, Any, float]]
PLACES: Final = 5
"""First places that a tournament decides: what R@5 looks at."""


async def merge_sorted(items: Sequence[int], prefer: Prefer) -> list[int]:
    """The items, best first, by merge sort: 69 comparisons of 20 at most, 40 where they come sorted."""
    if len(items) < 2:
        return list(items)
    middle = len(items) // 2
    left, right = await gathered(merge_sorted(half, prefer) for half in (items[:middle], items[middle:]))
    merged: list[int] = []
    while left and right:
        side = left if await prefer(left[0], right[0]) >= 0 else right
        merged.append(side.pop(0))
    return merged + left + right


async def tournament(items: Sequence[int], prefer: Prefer, *, places: int = PLACES) -> list[int]:
    """The first `places` by matches, winners against winners; the others behind them in the order they came in.

    The winner of n takes n - 1 matches. For each further place the matches of the one that left are played again and no
    other: at most the logarithm of n.
    """
    played: dict[tuple[int, int], float] = {}

    async def match(first: int | None, second: int | None) -> int | None:
        if first is None or second is None:
            return second if first is None else first
        if (first, second) not in played:
            played[first, second] = await prefer(first, second)
        return first if played[first, second] >= 0 else second

    field: list[int | None] = list(items)
    won: list[int] = []
    while len(won) < min(places, len(items)):
        winners = field
        while len(winners) > 1:
            pairs = [(winners[n], winners[n + 1]) for n in range(0, len(winners) - 1, 2)]
            odd = winners[len(pairs) * 2 :]
            winners = [*await gathered(match(*pair) for pair in pairs), *odd]
        (best,) = winners
        assert best is not None, "somebody is left"
        won.append(best)
        field[field.index(best)] = None
    return won + [item for item in items if item not in won]


def by_score(scores: Sequence[float | None]) -> list[int]:
    """Positions, the highest score first, equals as they came; one without a score keeps its place."""
    known = [at for at, score in enumerate(scores) if score is not None]
    ranked = iter(sorted(known, key=lambda at: -(scores[at] or 0.0)))
    return [at if score is None else next(ranked) for at, score in enumerate(scores)]
