"""Sources: where geotagged images come from. Importing the package registers them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from factory.errors import SourceError
from factory.plugins.contracts import Source
from factory.sources import build as build
from factory.sources import commons as commons
from factory.sources import cvg_text as cvg_text
from factory.sources import folder as folder
from factory.sources import geotext1652 as geotext1652
from factory.sources import gws15k as gws15k
from factory.sources import hub as hub
from factory.sources import inaturalist as inaturalist
from factory.sources import landmarks as landmarks
from factory.sources import mp16 as mp16
from factory.sources import osv5m as osv5m
from factory.sources import panoramax as panoramax
from factory.sources import table as table
from factory.sources import transcripts as transcripts
from factory.sources import urls as urls
from factory.sources import vigor as vigor
from factory.sources import webdataset as webdataset
from factory.sources.contract import even_sample
from factory.sources.held import fetches, opened_source

if TYPE_CHECKING:
    from factory.plugins.blocks import Call

__all__ = ["Source", "fetches", "look_for_pictures", "open_source"]


def open_source(call: Call, root: Path) -> Source:
    """The source a recipe names. `root` is the folder from which its relative paths start.

    Raises SourceError when a path of the recipe cannot be resolved, PluginFault for a source that breaks its contract.
    """
    return opened_source(call.name, root, dict(call.settings))


def look_for_pictures(source: Source, images: pl.Series) -> None:
    """Raises SourceError when not one of the pictures is there: the folder is wrong, not each row. Of a source that
    fetches its pictures none need be.

    Args:
        source: whose pictures they are.
        images: locators, or lists of them as in `schemas.arrow.PLAN`.
    """
    if fetches(source):
        return
    if images.dtype.is_nested():
        images = images.explode().struct.field("locator")
    locators = images.drop_nulls()
    chosen = even_sample(locators)
    if chosen.is_empty() or any(source.stamp(locator) is not None for locator in chosen):
        return
    folder = getattr(source, "images", None)
    where = f"in {folder}; say in `source.images` where they lie" if folder else "there; were they moved?"
    raise SourceError(f"{source.name}: none of {len(chosen):,} pictures is {where} (the first: {chosen[0]!r})")
