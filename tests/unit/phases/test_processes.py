"""How many processes share a piece of work."""

from __future__ import annotations

import os
from typing import Any

import pytest

from factory.phases.run import Run
from factory.processes import usable_cores


def run(workers: int | None) -> Run:
    given: Any = None
    return Run.of(given, given, given, given, engine="local", workers=workers, listener=given)


def test_few_samples_are_not_worth_the_start_of_another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("factory.phases.run.usable_cores", lambda: 8)
    assert [run(None).processes(samples, worth=100) for samples in (0, 99, 100, 250, 10_000)] == [1, 1, 2, 3, 8]


def test_a_number_that_is_given_holds() -> None:
    assert run(3).processes(1, worth=100) == 3


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system gives no process some of its cores")
def test_who_was_given_one_core_has_one() -> None:
    given = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(given)})
    try:
        assert usable_cores() == 1 == run(None).processes(10_000, worth=100)
    finally:
        os.sched_setaffinity(0, given)
    assert usable_cores() == len(given)
