"""Engines run a function over specs and yield its reports. Importing the package registers them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TypeVar

from factory.engines import local as local
from factory.engines import ray as ray
from factory.errors import PluginFault, RecipeError
from factory.plugins.contracts import Engine, Task
from factory.plugins.registry import UnknownPlugin, plugin

refuse_within_script = local.refuse_within_script

__all__ = ["has_machines", "open_engine", "refuse_within_script"]

SpecT = TypeVar("SpecT")
StaffT = TypeVar("StaffT")
ReportT = TypeVar("ReportT")


def has_machines(name: str) -> bool:
    """Whether an engine, which is known, runs specs on other machines than this one: then it takes their address."""
    return "address" in plugin("engine", name).settings.model_fields


def open_engine(name: str, **settings: object) -> Engine:
    """The engine of that name with what the command line says of it (`address`), held to one report a spec: a build
    whose shards were not all run must not go on as if they were.

    Raises RecipeError with the nearest known name; the engine raises PluginFault for another number of reports.
    """
    try:
        found = plugin("engine", name)
    except UnknownPlugin as unknown:
        raise RecipeError(f"--engine: {unknown}") from None
    given = {key: value for key, value in settings.items() if value is not None}
    for key in given.keys() - found.settings.model_fields.keys():
        raise RecipeError(f"--{key}: the engine `{name}` takes none")
    engine: Engine = partial(found.function, **given)

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
