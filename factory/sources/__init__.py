"""Sources: where geotagged images come from. Importing the package registers them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from factory.plugins.contracts import Source
from factory.plugins.registry import plugin
from factory.sources import folder as folder
from factory.sources import table as table
from factory.sources import webdataset as webdataset

if TYPE_CHECKING:
    from factory.plugins.blocks import Call

__all__ = ["Source", "open_source"]


def open_source(call: Call, root: Path) -> Source:
    """The source a recipe names. `root` is the folder from which its relative paths start.

    Raises SourceError when a path of the recipe cannot be resolved.
    """
    source: Source = plugin("source", call.name).function(root, **dict(call.settings))
    return source
