"""Witnesses: evidence that is no teacher's answer. Importing the package registers them."""

from __future__ import annotations

from pathlib import Path

from factory.plugins.blocks import Call
from factory.plugins.contracts import Witness
from factory.plugins.promises import opened
from factory.witnesses import embeddings as embeddings
from factory.witnesses import facts as facts
from factory.witnesses import ocr as ocr
from factory.witnesses import sun as sun

__all__ = ["made_witnesses"]


def made_witnesses(calls: tuple[Call, ...], root: Path) -> tuple[Witness, ...]:
    """The recipe's witnesses with its settings; nothing is connected yet.

    Raises EnvironmentFault when an API key is not in the environment, PluginFault when one cannot be opened.
    """
    return tuple(opened("witness", call.name, Witness, root, **dict(call.settings)) for call in calls)
