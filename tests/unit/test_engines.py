"""Engines by name, and what they promise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest

from factory.engines import open_engine
from factory.errors import PluginFault, RecipeError
from factory.plugins import registry
from factory.plugins.contracts import Task
from factory.plugins.registry import register


def test_a_misspelt_engine_is_named_with_the_nearest_name() -> None:
    with pytest.raises(RecipeError, match=r"--engine: .*loca.*local"):
        open_engine("loca")


def double(spec: int, staff: None) -> int:
    return 2 * spec


def staff(spec: int) -> AbstractContextManager[None]:
    return nullcontext()


TASK = Task(double, staff)


@pytest.fixture
def forgetful() -> Iterator[str]:
    @register("engine", "forgetful")
    def engine(task: Task[Any, Any, Any], specs: Sequence[Any], *, workers: int) -> Iterator[Any]:
        """Runs as many specs as it has workers, whatever it is given."""
        return (task.function(specs[number % len(specs)], None) for number in range(workers))

    yield "forgetful"
    registry._PLUGINS.pop(("engine", "forgetful"))


def test_every_spec_has_its_report(forgetful: str) -> None:
    assert sorted(open_engine("local")(TASK, [1, 2, 3], workers=1)) == [2, 4, 6]
    assert list(open_engine(forgetful)(TASK, [1, 2, 3], workers=3)) == [2, 4, 6]


@pytest.mark.parametrize(("workers", "said"), [(2, "only 2 reports for 3 specs"), (4, "more reports for 3 specs")])
def test_an_engine_that_forgets_a_spec_or_runs_one_twice_is_named(forgetful: str, workers: int, said: str) -> None:
    with pytest.raises(PluginFault, match=f"engine `forgetful` gave {said}"):
        list(open_engine(forgetful)(TASK, [1, 2, 3], workers=workers))
