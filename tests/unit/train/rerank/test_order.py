"""Sorting by a comparison: the order is right, and no comparison is made that is not needed."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.planted_model import BY_WORTH, WORTHS
from train.rerank.order import by_score, merge_sorted, tournament


class Counted:
    """Prefers what is worth more, and counts."""

    def __init__(self, worths: tuple[int, ...]) -> None:
        self.worths, self.made = worths, list[tuple[int, int]]()

    async def __call__(self, first: int, second: int) -> float:
        self.made.append((first, second))
        return float(self.worths[first] - self.worths[second])


async def nobody_knows(_first: int, _second: int) -> float:
    return 0.0


async def test_twenty_are_sorted_by_at_most_69_comparisons_and_by_40_where_they_come_sorted() -> None:
    shuffled, came_sorted = Counted(WORTHS), Counted(tuple(range(20, 0, -1)))
    assert await merge_sorted(range(20), shuffled) == BY_WORTH
    assert 40 <= len(shuffled.made) <= 69
    assert await merge_sorted(range(20), came_sorted) == list(range(20))
    assert len(came_sorted.made) == 40


async def test_a_tournament_of_twenty_finds_the_first_by_19_matches_and_five_by_few_more() -> None:
    one, five = Counted(WORTHS), Counted(WORTHS)
    assert (await tournament(range(20), one, places=1))[0] == BY_WORTH[0]
    assert len(one.made) == 19
    assert (await tournament(range(20), five))[:5] == BY_WORTH[:5]
    assert len(five.made) <= 19 + 4 * 5


async def test_behind_the_places_of_a_tournament_the_given_order_stays() -> None:
    found = await tournament(range(20), Counted(WORTHS), places=3)
    assert found[3:] == [at for at in range(20) if at not in BY_WORTH[:3]]


@pytest.mark.parametrize("sort", [merge_sorted, tournament])
async def test_where_nobody_knows_the_given_order_stays(sort: object) -> None:
    assert await sort(range(7), nobody_knows) == list(range(7))  # type: ignore[operator]


@settings(deadline=None)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=24))
def test_any_list_is_sorted_with_equals_as_they_came_and_no_pair_asked_twice(worths: list[int]) -> None:
    wanted = sorted(range(len(worths)), key=lambda at: -worths[at])
    for sort, upto in ((merge_sorted, len(worths)), (tournament, 5)):
        counted = Counted(tuple(worths))
        found = asyncio.run(sort(range(len(worths)), counted))  # type: ignore[operator]
        assert found[:upto] == wanted[:upto] and sorted(found) == list(range(len(worths)))
        assert len({frozenset(pair) for pair in counted.made}) == len(counted.made)


def test_a_candidate_without_a_score_keeps_its_place() -> None:
    assert by_score([0.1, None, 0.9, 0.9, None, 0.5]) == [2, 1, 3, 5, 4, 0]
    assert by_score([None, None]) == [0, 1]
