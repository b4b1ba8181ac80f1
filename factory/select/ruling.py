"""What a selector gives back: which rows leave and why, which rows belong together, which split they go to.

A selector is a function of the rows still kept, in plan order, registered as

    @register("selector", "quota")
    def quota(frame: pl.DataFrame, *, by: str, ...) -> Ruling

It never changes the frame: `factory.select.run_selection` applies what it says, so every removal keeps its reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import polars as pl

FRAME_SCHEMA: Final = pl.Schema(
    {
        "id": pl.String,
        "shard": pl.Int32,
        "position": pl.Int32,
        "lat": pl.Float64,
        "lon": pl.Float64,
        "country_code": pl.String,
        "region": pl.String,
        "city": pl.String,
        "scene": pl.String,
        "author": pl.String,
        "licence": pl.String,
        "captured_at": pl.String,
        "image_sha256": pl.String,
        "image_phash": pl.UInt64,
        "best_distance_km": pl.Float64,
    }
)
"""Columns a selector may read, one row an accepted sample in plan order. Coordinates are WGS84 degrees;
`best_distance_km` is the nearest answer's distance to the truth; all but id, shard, position may be null."""

SPLITS: Final = ("train", "validation", "test")
"""The splits that a release has, as people list them."""

Texts = Sequence[str] | pl.Series

_REMOVED: Final = pl.Schema({"id": pl.String, "reason": pl.String, "detail": pl.String})
_GROUPS: Final = pl.Schema({"id": pl.String, "group": pl.String})
_SPLITS: Final = pl.Schema({"id": pl.String, "split": pl.String})


@dataclass(frozen=True, slots=True)
class Ruling:
    """One selector's findings; rows it does not mention stay as they are."""

    removed: pl.DataFrame = field(default_factory=_REMOVED.to_frame)
    """id, reason (a slug, stable across releases), detail (one line for people)."""
    groups: pl.DataFrame = field(default_factory=_GROUPS.to_frame)
    """id, group: the smallest or kept id of the rows that belong together."""
    splits: pl.DataFrame = field(default_factory=_SPLITS.to_frame)
    """id, split."""


def removals(ids: Texts, reasons: Texts, details: Texts) -> pl.DataFrame:
    """The `removed` table of a Ruling from three lists of one length."""
    return pl.DataFrame({"id": ids, "reason": reasons, "detail": details}, schema=_REMOVED)


def groups_of(ids: Texts, groups: Texts) -> pl.DataFrame:
    """The `groups` table of a Ruling."""
    return pl.DataFrame({"id": ids, "group": groups}, schema=_GROUPS)


def splits_of(ids: Texts, splits: Texts) -> pl.DataFrame:
    """The `splits` table of a Ruling."""
    return pl.DataFrame({"id": ids, "split": splits}, schema=_SPLITS)
