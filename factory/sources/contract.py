"""What a source is: a table of raw rows for the plan, and a reader of images for the decoder.

A source judges nothing. Rows with impossible coordinates or a broken neighbour stay in its table, and the plan drops
them with a reason, so that every row of the user's file can be explained.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal

import polars as pl
from pydantic import Field as Field_

from schemas import arrow

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

NUMBER_FIELDS: Final[frozenset[Field]] = frozenset(("lat", "lon", "uncertainty_km"))
TEXT_FIELDS: Final[tuple[Field, ...]] = tuple(name for name in ALIASES if name not in NUMBER_FIELDS)

PROBLEM: Final = "problem"
"""Column of the raw table: a slug when the source itself found a row unusable (no_json, too_many_fields, ...)."""
DETAIL: Final = "problem_detail"
"""Column of the raw table: what a person needs to find and mend it (`line 17: 6 fields, the header has 4`)."""


RoleName = Annotated[str, Field_(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
TextName = Annotated[str, Field_(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
LISTS: Final = {name: pl.Schema(arrow.PLAN)[name] for name in ("images", "texts")}
"""Further columns of a raw table, where a sample has several pictures or texts: the lists of plan.parquet."""


def image_list(columns: Mapping[str, str], *, strip: bool = True) -> pl.Expr:
    """The column `images` from columns with locators, by role; blank cells are left out.

    `strip` takes the blanks around a cell away, as a table's; a file's own name keeps them.
    """
    none, embed = pl.lit(None, pl.Float64), pl.lit(True)
    found = [
        pl.struct(
            role=pl.lit(role),
            locator=_filled(column, strip=strip),
            lat=none,
            lon=none,
            metres_per_pixel=none,
            embed=embed,
        )
        for role, column in columns.items()
    ]
    return _present(found, "locator", LISTS["images"]).alias("images")


def text_list(columns: Mapping[str, str]) -> pl.Expr:
    """The column `texts` from columns with texts, by name; blank cells are left out."""
    found = [pl.struct(name=pl.lit(name), text=_filled(column, strip=True)) for name, column in columns.items()]
    return _present(found, "text", LISTS["texts"]).alias("texts")


def even_sample(values: pl.Series, most: int = 4096) -> pl.Series:
    """All values of a small column, at most so many of a large one, evenly spread."""
    return values.gather_every(max(1, -(-len(values) // most)))


def _filled(column: str, *, strip: bool) -> pl.Expr:
    text = pl.col(column).cast(pl.String)
    bare = text.str.strip_chars()
    return pl.when(bare != "").then(bare if strip else text)


def _present(structs: list[pl.Expr], field: str, kind: pl.DataType) -> pl.Expr:
    given = pl.element().filter(pl.element().struct.field(field).is_not_null())
    return pl.concat_list(structs).list.eval(given).cast(kind)


def raw_columns(frame: pl.DataFrame) -> pl.DataFrame:
    """A frame with exactly the columns of a raw table, missing ones as null, blank text as null. Text loses the blanks
    around it, but for `id` and `image`: a file may be called so. The lists `images` and `texts` stay where they are."""
    missing = [name for name in (*ALIASES, PROBLEM, DETAIL) if name not in frame.columns]
    frame = frame.with_columns(pl.lit(None, dtype=pl.String).alias(name) for name in missing)
    texts = [name for name in ALIASES if name in TEXT_FIELDS or frame.schema[name] == pl.String]
    given = (pl.col(name).cast(pl.String) for name in (*texts, PROBLEM, DETAIL))
    bare = {name: pl.col(name).str.strip_chars() for name in texts}
    kept = {name: pl.col(name) if name in ("id", "image") else bare[name] for name in texts}
    return frame.with_columns(given).select(
        pl.col("source_row").cast(pl.Int64),
        *(pl.when(bare[name] != "").then(kept[name]).alias(name) if name in texts else name for name in ALIASES),
        pl.col(PROBLEM, DETAIL),
        *(pl.col(name).cast(kind) for name, kind in LISTS.items() if name in frame.columns),
    )
