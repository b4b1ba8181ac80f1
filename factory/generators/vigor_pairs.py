"""VIGOR pairs: a ground picture with the tile of its place, semi-positives, hard negatives; nobody is asked.

The source `vigor` tells of each pair in the text `pair`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any, Final

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from factory.generators.asked import drawn, text_of, turns
from factory.plugins.contracts import Generator, Needs
from factory.plugins.registry import register
from schemas.plain_json import read_json
from schemas.rows.vigor_pairs import OFFSETS, ROW

QUESTIONS: Final = (
    "The first picture was taken from the ground, the second shows the same place from above, north up. Where in the "
    "second did the camera stand? Answer in JSON with x and y, as shares of its width and height from the upper left.",
    "Match the street view with the aerial picture after it and mark the camera: x from the left edge, y from the "
    "upper one, both between 0 and 1, as JSON.",
    "Both pictures show one place, first from the street, then from above (north is up). Give the street camera's "
    "position in the aerial picture as JSON {x, y}, each a share of its side from the upper left corner.",
    "Find the point of the aerial picture from which the ground view was taken. Reply with one JSON object of x and y "
    "from 0 to 1, counted from the left and from the top.",
)
"""Ours: VIGOR's offsets as a question; the set itself asks nothing in words."""
FURTHER: Final = " More pictures from above follow that show the place, too: answer with a list, one object a picture."
SEMI_POSITIVES: Final = ("semi_1", "semi_2", "semi_3")
MOST: Final = 200
"""Negatives of one pair that are read."""

Text = Annotated[str, Field(min_length=1, max_length=400)]
Number = Annotated[float, Field(allow_inf_nan=False, ge=-1e9, le=1e9)]


class _Closed(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")


class _Tile(_Closed):
    tile: Text
    lat: Number
    lon: Number
    metres_per_pixel: Number
    north_px: Number
    east_px: Number
    row: Number
    column: Number
    distance_m: Number


class _Negative(_Closed):
    tile: Text
    distance_m: Number


class Pair(_Closed):
    """What the source says of a pair."""

    city: Text
    split: Text
    area: Text
    labels: Text
    panorama: Text
    tile_pixels: Annotated[int, Field(ge=1, le=1_000_000)]
    positive: _Tile
    semi_positives: Annotated[list[_Tile], Field(max_length=len(SEMI_POSITIVES))]
    negatives: Annotated[list[_Negative], Field(max_length=MOST)]


@register("generator", "vigor_pairs")
def vigor_pairs(
    *,
    semi_positives: bool = False,
    candidates: Annotated[int, Field(ge=0, le=MOST)] = 20,
    decimals: Annotated[int, Field(ge=1, le=6)] = 3,
) -> Generator:
    """Pairs of the source `vigor` with the camera's place in the tile; all rows of a shard at once.

    Args:
        semi_positives: show and release the three further tiles of each pair, too.
        candidates: tiles of a pair's list for reranking, the positive among them; the paper on VIGOR takes 20.
        decimals: of x and y in the answer; 3 are 7 cm of a tile of VIGOR.
    """
    further = SEMI_POSITIVES if semi_positives else ()
    return Generator(
        name="vigor_pairs",
        version="1",
        row=ROW,
        needs=Needs(images=("ground", "satellite", *further), texts=("pair",), calls=(0, 0)),
        records=partial(records, further=len(further), candidates=candidates, decimals=decimals),
    )


def records(frame: pl.DataFrame, *, further: int, candidates: int, decimals: int) -> pl.DataFrame:
    """The rows of a table of samples; none of one whose text is no pair.

    Args:
        frame: columns of `schemas.arrow.PLAN`, with the text `pair` of the source `vigor`.
        further: semi-positive tiles that a row shows.
        candidates, decimals: see `vigor_pairs`.
    """
    told = [_read(text) for text in frame.select(text_of("pair")).to_series()]
    kept = pl.Series([pair is not None and len(pair.semi_positives) >= further for pair in told], dtype=pl.Boolean)
    pairs = [pair for pair, keep in zip(told, kept, strict=True) if keep and pair is not None]
    rows = [_columns(pair, further, candidates, decimals) for pair in pairs]
    own = pl.from_arrow(ROW.columns.empty_table())
    assert isinstance(own, pl.DataFrame)
    schema = {name: own.schema[name] for name in _OWN}
    made = pl.DataFrame(rows, schema=schema, strict=False)
    samples = frame.filter(kept)
    questions = [drawn(QUESTIONS, name) + (FURTHER if further else "") for name in samples["id"]]
    whole = pl.concat([samples, made], how="horizontal").with_columns(
        pl.Series("question", questions, dtype=pl.String), saw_truth=pl.lit("none")
    )
    return whole.with_columns(messages=turns(pl.col("question"), pl.col("answer"), pictures=2 + further)).select(
        ROW.own
    )


_OWN: Final = (
    *("answer", "area_name", "panorama", "tile", "tile_lat", "tile_lon", "tile_pixels", *OFFSETS),
    *("semi_positives", "negatives", "candidates", "area", "official_split", "labels"),
)


def _read(text: str | None) -> Pair | None:
    try:
        return Pair.model_validate(read_json((text or "").encode()))
    except ValueError:  # no JSON, or no pair
        return None


def _columns(pair: Pair, further: int, candidates: int, decimals: int) -> dict[str, Any]:
    positive = pair.positive
    shown = (positive, *pair.semi_positives[:further])
    points = [
        {"x": round(tile.column / pair.tile_pixels, decimals), "y": round(tile.row / pair.tile_pixels, decimals)}
        for tile in shown
    ]
    return {
        "answer": json.dumps(points if further else points[0]),
        "area_name": pair.city,
        "panorama": pair.panorama,
        "tile": positive.tile,
        "tile_lat": positive.lat,
        "tile_lon": positive.lon,
        "tile_pixels": pair.tile_pixels,
        **{name: getattr(positive, name) for name in OFFSETS},
        "semi_positives": [tile.model_dump() for tile in pair.semi_positives],
        "negatives": [tile.model_dump() for tile in pair.negatives],
        "candidates": shuffled(pair.panorama, [positive.tile, *(one.tile for one in pair.negatives)][:candidates]),
        "area": pair.area,
        "official_split": pair.split,
        "labels": pair.labels,
    }


def shuffled(key: str, names: Sequence[str]) -> list[str]:
    """The names in an order that tells nothing of them, the same on every machine."""
    return sorted(names, key=lambda name: hashlib.sha256(f"{key} {name}".encode()).digest())
