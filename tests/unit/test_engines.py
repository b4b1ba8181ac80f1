"""Engines by name, and what they promise."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from factory.engines import open_engine
from factory.errors import PluginFault, RecipeError
from factory.plugins import registry
from factory.plugins.contracts import Task
from factory.plugins.registry import UnknownPlugin, register


def test_a_misspelt_engine_is_named_with_the_nearest_name() -> None:
    with pytest.raises(RecipeError, match=r"--engine: .*loca.*local"):
        open_engine("loca")


def double(spec: int, staff: None) -> int:
    return 2 * spec


def staff(spec: int) -> AbstractContextManager[None]:
    return nullcontext()


TASK = Task(double, staff)


def test_a_task_brings_its_plugins_into_any_process(tmp_path: Path) -> None:
    """Whatever started the process: an engine of somebody's own knows nothing of plug-ins."""
    (tmp_path / "brought.py").write_text(
        "from factory.plugins.registry import register\n"
        "@register('engine', 'brought')\n"
        "def brought(task: object, specs: object, *, workers: int) -> object: ...\n"
    )
    shared = str(Path(__file__).parents[2])
    work = "from tests.unit.test_engines import TASK\nimport pickle, sys\n"
    sends = work + "import brought\nsys.stdout.buffer.write(pickle.dumps(TASK))"
    gets = "import pickle, sys\npickle.loads(sys.stdin.buffer.read())\nfrom factory.plugins.registry import plugin\n"
    there = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{shared}"}
    sent = subprocess.run([sys.executable, "-c", sends], env=there, capture_output=True, check=True)
    plug = [sys.executable, "-c", f"{gets}print(plugin('engine', 'brought').function.__name__)"]
    assert subprocess.run(plug, env=there, input=sent.stdout, capture_output=True, check=True).stdout == b"brought\n"


def test_what_an_unknown_plugin_is_called_comes_out_of_another_process() -> None:
    found = pickle.loads(pickle.dumps(UnknownPlugin("check", "loca", ["local"])))
    assert str(found) == "unknown check `loca` (did you mean `local`?); known: local"


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
