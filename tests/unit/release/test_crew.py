"""Processes that look at parts: started once, for whatever comes, and not needed for any of it."""

from __future__ import annotations

import math
import os

import pytest

from release.crew import Crew


@pytest.mark.parametrize("processes", [1, 2])
def test_what_is_found_stands_in_the_order_of_the_parts(processes: int) -> None:
    with Crew(processes) as crew:
        assert not crew.started
        assert crew.looked(math.factorial, range(9), chunk=2) == [math.factorial(number) for number in range(9)]
        assert crew.started is (processes > 1)


def test_the_same_processes_look_at_what_comes_next() -> None:
    with Crew(2) as crew:
        crew.looked(math.sqrt, [1, 4])
        before = crew._pool
        assert crew.looked(abs, [-1, -2]) == [1, 2] and crew._pool is before
    assert not crew.started


def test_one_part_starts_nobody() -> None:
    with Crew(2) as crew:
        assert crew.looked(abs, [-1], alone=str) == ["-1"] and not crew.started


def test_where_a_process_dies_this_one_looks_alone() -> None:
    """As the system's out-of-memory killer would end it."""
    with Crew(2) as crew:
        assert crew.looked(os._exit, [3, 4], alone=str) == ["3", "4"]
        assert not crew.started and crew.looked(str, [5, 6]) == ["5", "6"] and not crew.started
