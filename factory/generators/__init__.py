"""Generators: one module a dataset family. Importing the package registers them."""

from __future__ import annotations

from pathlib import Path

from factory.generators import cvg_text as cvg_text
from factory.generators import geotext as geotext
from factory.generators import gws15k as gws15k
from factory.generators import localizability as localizability
from factory.generators import mg_geo_clue as mg_geo_clue
from factory.generators import mg_geo_dialog as mg_geo_dialog
from factory.generators import mg_geo_meta as mg_geo_meta
from factory.generators import mp16_reason as mp16_reason
from factory.generators import naviclues as naviclues
from factory.generators import vigor_pairs as vigor_pairs
from factory.plugins.blocks import Call, settings_at
from factory.plugins.contracts import Generator, Needs
from factory.plugins.promises import opened

__all__ = ["needs_of", "open_generator"]


def open_generator(call: Call, root: Path | None = None) -> Generator:
    """The generator that a recipe names, with the recipe's settings. Raises PluginFault when it is none.

    Args:
        call: its name and settings.
        root: the recipe's folder, for whoever asks or verifies: files that the settings name are found from there.
            Without it the generator tells what it needs and makes rows, and reads no file.
    """
    settings = call.settings if root is None else settings_at(call.settings, root)
    return opened("generator", call.name, Generator, **dict(settings))


def needs_of(call: Call) -> Needs:
    """What the family that a recipe names takes of a sample and how often it asks."""
    return open_generator(call).needs
