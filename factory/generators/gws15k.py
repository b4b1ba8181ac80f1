"""GWS15k (Clark et al. 2023, drawn again by GaGA): photos to be located, for evaluation; nobody is asked.

The source `gws15k` draws the photos and tells of each draw in the text `draw`.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated, Final

import polars as pl
from pydantic import Field

from factory.generators.asked import said_in
from factory.generators.mg_geo_meta import with_places
from factory.plugins.contracts import Generator, Needs
from factory.plugins.registry import register
from schemas.rows.gws15k import ROW

QUESTION: Final = (
    "Where was this photo taken? Answer with one JSON object of the keys country, region, city, lat and lon."
)
"""Ours: the papers print no prompt of their evaluation."""

_DRAW: Final = pl.Struct(
    {"algorithm": pl.String, "seed": pl.Int64, "draw": pl.Int64, "country": pl.String, "city": pl.String}
    | dict.fromkeys(("city_lat", "city_lon", "km", "wanted"), pl.Float64)
    | dict.fromkeys(("available", "given"), pl.Int64)
)
_COLUMNS: Final = {
    "algorithm": "algorithm",
    "seed": "seed",
    "draw": "draw",
    "drawn_country": "country",
    "drawn_city": "city",
    "drawn_city_lat": "city_lat",
    "drawn_city_lon": "city_lon",
    "drawn_city_km": "km",
    "country_wanted": "wanted",
    "country_available": "available",
    "country_given": "given",
}
"""Columns of the row, and what the text calls them."""
_NEEDED: Final = frozenset(theirs for ours, theirs in _COLUMNS.items() if ours not in ROW.nullable)


@register("generator", "gws15k")
def gws15k(*, decimals: Annotated[int, Field(ge=0, le=7)] = 5, pictures: bool = True) -> Generator:
    """Photos of the source `gws15k` with the truth and the draw that led to them; all rows of a shard at once.

    Args:
        decimals: of the coordinates in the answer; 5 are 1.1 m.
        pictures: release the photos with the rows. False makes rows that are joined by id with photos one has.
    """
    return Generator(
        name="gws15k",
        version="1",
        row=ROW,
        needs=Needs(images=("photo",) if pictures else (), texts=("draw",), calls=(0, 0)),
        records=partial(records, decimals=decimals, pictures=pictures),
    )


def records(frame: pl.DataFrame, *, decimals: int, pictures: bool) -> pl.DataFrame:
    """The rows of a table of samples; none of a sample whose country, region or city is not known, nor of one whose
    text is no draw.

    Args:
        frame: columns of `schemas.arrow.PLAN`, with the text `draw` of the source `gws15k`.
        decimals, pictures: see `gws15k`.
    """
    told = with_places(frame, (QUESTION,), strings=False, decimals=decimals, pictures=pictures)
    drawn = said_in(told, "draw", _DRAW, _NEEDED).with_columns(
        pl.col("_said").struct.field(name).alias(ours) for ours, name in _COLUMNS.items()
    )
    return drawn.select(ROW.own)
