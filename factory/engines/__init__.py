"""Engines run a function over specs and yield its reports. Importing the package registers them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

from factory.engines import local as local
from factory.errors import PluginFault, RecipeError
from factory.plugins.contracts import Engine, Task
from factory.plugins.registry import UnknownPlugin, plugin

__all__ = ["open_engine"]

SpecT = TypeVar("SpecT")
StaffT = TypeVar("StaffT")
ReportT = TypeVar("ReportT")


def open_engine(name: str) -> Engine:
    """The engine of that name, held to one report a spec: a build whose shards were not all run must not go on as if
    they were.

    Raises RecipeError with the nearest known name; the engine raises PluginFault for another number of reports.
    """
    try:
        engine: Engine = plugin("engine", name).function
    except UnknownPlugin as unknown:
        raise RecipeError(f"--engine: {unknown}") from None

    def held(task: Task[SpecT, StaffT, ReportT], specs: Sequence[SpecT], *, workers: int) -> Iterator[ReportT]:
        given = 0
        for given, report in enumerate(engine(task, specs, workers=workers), start=1):
            if given > len(specs):
                break
            yield report
        if given != len(specs):
            raise PluginFault(
                f"engine `{name}` gave {'more' if given > len(specs) else f'only {given}'} reports for {len(specs)} "
                "specs, expected one each. This is a fault of the engine: mend it; what was answered is kept"
            )

    return held
