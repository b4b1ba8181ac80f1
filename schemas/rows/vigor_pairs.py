"""The released row of VIGOR pairs: a ground picture, the tile of its place, and where in it the camera stood."""

from __future__ import annotations

from typing import Final

import pyarrow as pa

from schemas.rows.schema import RowSchema

TEXT: Final = pa.string()
REAL: Final = pa.float64()

OFFSETS: Final = ("metres_per_pixel", "north_px", "east_px", "row", "column", "distance_m")
"""Numbers of a tile that shows the camera's place."""
TILE: Final = pa.struct(
    [pa.field("tile", TEXT), pa.field("lat", REAL), pa.field("lon", REAL), *(pa.field(name, REAL) for name in OFFSETS)]
)
NEGATIVE: Final = pa.struct([pa.field("tile", TEXT), pa.field("distance_m", REAL)])

ROW: Final = RowSchema.of(
    "vigor_pairs",
    1,
    {
        "question": (TEXT, "one of the family's questions, drawn by the pair's id"),
        "answer": (
            TEXT,
            "JSON with x and y: where in the tile the camera stood, as shares of its sides from the upper left; a list "
            "of them where semi-positives are shown",
        ),
        "area_name": (TEXT, "the city as the source calls it"),
        "country_code": (TEXT, "ISO 3166-1 alpha-2"),
        "lat": (REAL, "where the camera stood, WGS84 degrees"),
        "lon": (REAL, "where the camera stood, WGS84 degrees"),
        "panorama": (TEXT, "the ground picture's name in its set"),
        "tile": (TEXT, "the positive tile's name in its set"),
        "tile_lat": (REAL, "of the tile's middle, WGS84 degrees"),
        "tile_lon": (REAL, "of the tile's middle, WGS84 degrees"),
        "tile_pixels": (pa.int64(), "pixels a side of a tile in its set; the released picture may be smaller"),
        "metres_per_pixel": (REAL, "of the tile, at that size"),
        "north_px": (REAL, "from the camera to the tile's middle, at that size"),
        "east_px": (REAL, "likewise"),
        "row": (REAL, "the camera's pixel in the tile, from the upper edge"),
        "column": (REAL, "the camera's pixel in the tile, from the left edge"),
        "distance_m": (REAL, "from the camera to the tile's middle"),
        "semi_positives": (pa.list_(TILE), "three more tiles that show the place near their edge, likewise"),
        "negatives": (pa.list_(NEGATIVE), "hard negatives: the nearest tiles that do not show it, nearest first"),
        "candidates": (
            pa.list_(TEXT),
            "tiles of a list for reranking: the positive among the hardest negatives, in an order that tells nothing",
        ),
        "area": (TEXT, "same or cross: VIGOR's two ways to split"),
        "official_split": (TEXT, "VIGOR's own split of this pair"),
        "labels": (TEXT, "corrected (SliceMatch) or original; the latter's offsets were brought to the tiles' scale"),
        "licence": (TEXT, "the pictures', as their source states it"),
        "author": (TEXT, "likewise"),
        "source_row": (pa.int64(), "position in the source's lists"),
    },
    nullable=frozenset({"country_code", "licence", "author"}),
    summary="ground pictures with the tile of the same place from above, and where in it the camera stood",
    about=(
        "The first picture is taken from the ground, the second shows the same place from above, north up. Offsets are "
        "VIGOR's: from the camera to the tile's middle, so that the camera's row is half a side plus `north_px`, its "
        "column half a side minus `east_px`. `negatives` and `candidates` name tiles of the set and hold no pictures."
    ),
    made=(
        "Nobody was asked. Pairs are the source's; one whose offset differs from what the names of its pictures say is "
        "left out and counted. Negatives are the nearest tiles of the city that do not show the camera's place."
    ),
)
