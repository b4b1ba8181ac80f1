"""Generators: one module a dataset family. Importing the package registers them."""

from __future__ import annotations

from factory.generators import mp16_reason as mp16_reason
from factory.plugins.blocks import Call
from factory.plugins.contracts import Generator, Needs
from factory.plugins.registry import plugin

__all__ = ["needs_of", "open_generator"]


def open_generator(call: Call) -> Generator:
    """The generator that a recipe names, with the recipe's settings."""
    generator = plugin("generator", call.name).function(**dict(call.settings))
    assert isinstance(generator, Generator)
    return generator


def needs_of(call: Call) -> Needs:
    """What the family that a recipe names takes of a sample and how often it asks."""
    return open_generator(call).needs
