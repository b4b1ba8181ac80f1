"""What a source is: a table of raw rows for the plan, and a reader of images for the decoder.

A source judges nothing. Rows with impossible coordinates or a broken neighbour stay in its table, and the plan drops
them with a reason, so that every row of the user's file can be explained.
"""

from __future__ import annotations

from typing import Final, Literal

import polars as pl

Field = Literal[
    "id",
    "image",
    "lat",
    "lon",
    "uncertainty_km",
    "scene",
    "author",
    "licence",
    "captured_at",
    "source_url",
    "country",
    "region",
    "city",
]
"""The columns a recipe may map."""

TEXT_FIELDS: Final[tuple[Field, ...]] = (
    "id",
    "image",
    "scene",
    "author",
    "licence",
    "captured_at",
    "source_url",
    "country",
    "region",
    "city",
)

ALIASES: Final[dict[Field, tuple[str, ...]]] = {
    "id": ("id", "image_id", "img_id", "key"),
    "image": ("image", "file", "path", "filename", "file_name", "image_path", "img_path"),
    "lat": ("lat", "latitude"),
    "lon": ("lon", "lng", "long", "longitude"),
    "uncertainty_km": ("uncertainty_km", "coord_uncertainty_km"),
    "scene": ("scene",),
    "author": ("author", "creator"),
    "licence": ("licence", "license"),
    "captured_at": ("captured_at", "date_taken"),
    "source_url": ("source_url", "url", "original_page"),
    "country": ("country", "country_code"),
    "region": ("region", "admin1"),
    "city": ("city",),
}
"""Names looked for, without case, when a recipe maps nothing."""

PROBLEM: Final = "problem"
"""Column of the raw table: a slug when the source itself found a row unusable (no_json, outside_root, ...)."""


def raw_columns(frame: pl.DataFrame) -> pl.DataFrame:
    """A frame with exactly the columns of a raw table, missing ones as null, blank text as null."""
    missing = [name for name in (*ALIASES, PROBLEM) if name not in frame.columns]
    frame = frame.with_columns(pl.lit(None, dtype=pl.String).alias(name) for name in missing)
    clean = (pl.col(name).cast(pl.String).str.strip_chars().alias(name) for name in (*TEXT_FIELDS, PROBLEM))
    return frame.with_columns(clean).select(
        pl.col("source_row").cast(pl.Int64),
        *(pl.when(pl.col(name) != "").then(pl.col(name)) if name in TEXT_FIELDS else pl.col(name) for name in ALIASES),
        pl.col(PROBLEM),
    )
