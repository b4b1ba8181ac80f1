"""How many processes share a phase's work."""

from __future__ import annotations

import os
from typing import Any

import pytest

from factory.phases.run import Run


def run(workers: int | None) -> Run:
    given: Any = None
    return Run.of(given, given, given, given, engine="local", workers=workers, listener=given)


def test_few_samples_are_not_worth_the_start_of_another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    assert [run(None).processes(samples, worth=100) for samples in (0, 99, 100, 250, 10_000)] == [1, 1, 2, 3, 8]


def test_a_number_that_is_given_holds() -> None:
    assert run(3).processes(1, worth=100) == 3
