"""Engines run a function over specs and yield its reports. Importing the package registers them."""

from __future__ import annotations

from factory.engines import local as local
from factory.plugins.contracts import Engine
from factory.plugins.registry import plugin

__all__ = ["open_engine"]


def open_engine(name: str) -> Engine:
    """The engine of that name. Raises UnknownPlugin with the nearest known name."""
    engine: Engine = plugin("engine", name).function
    return engine
