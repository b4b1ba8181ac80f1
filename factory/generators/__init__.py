"""Generators: one module a dataset family. Importing the package registers them."""

from __future__ import annotations

from factory.generators import mp16_reason as mp16_reason
from factory.plugins.blocks import Call
from factory.plugins.contracts import Generator, Needs
from factory.plugins.promises import opened

__all__ = ["needs_of", "open_generator"]


def open_generator(call: Call) -> Generator:
    """The generator that a recipe names, with the recipe's settings. Raises PluginFault when it is none."""
    return opened("generator", call.name, Generator, **dict(call.settings))


def needs_of(call: Call) -> Needs:
    """What the family that a recipe names takes of a sample and how often it asks."""
    return open_generator(call).needs
