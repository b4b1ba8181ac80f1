"""Engines run a function over specs and yield its reports. Importing the package registers them."""

from __future__ import annotations

from factory.engines import local as local
from factory.errors import RecipeError
from factory.plugins.contracts import Engine
from factory.plugins.registry import UnknownPlugin, plugin

__all__ = ["open_engine"]


def open_engine(name: str) -> Engine:
    """The engine of that name. Raises RecipeError with the nearest known name."""
    try:
        engine: Engine = plugin("engine", name).function
    except UnknownPlugin as unknown:
        raise RecipeError(f"--engine: {unknown}") from None
    return engine
