"""The released row of GeoText: a picture from above, a caption, and sentences that each belong to a box."""

from __future__ import annotations

from typing import Final

import pyarrow as pa

from schemas.rows.schema import ANSWERS, CHECK, RowSchema

TEXT: Final = pa.string()
REAL: Final = pa.float64()
REGION: Final = pa.struct([pa.field("sentence", TEXT), *(pa.field(name, REAL) for name in ("cx", "cy", "w", "h"))])

ROW: Final = RowSchema.of(
    "geotext",
    1,
    {
        "description": (TEXT, "the whole picture in a teacher's words"),
        "regions": (pa.list_(REGION), "sentences, each with its box: middle, width and height, shares of the sides"),
        "building": (TEXT, "the building's number in its set"),
        "published_caption": (TEXT, "what the source itself says of the picture"),
        "country_code": (TEXT, "ISO 3166-1 alpha-2"),
        "lat": (REAL, "where the building stands, WGS84 degrees"),
        "lon": (REAL, "where the building stands, WGS84 degrees"),
        "uncertainty_km": (REAL, "how far off `lat`, `lon` may be"),
        "teacher": (TEXT, "who described"),
        "model": (TEXT, "its model"),
        "answers": ANSWERS,
        "checks": (pa.list_(CHECK), "each check's outcome, score, threshold and reason"),
        "licence": (TEXT, "the picture's, as its source states it"),
        "author": (TEXT, "likewise"),
        "source_url": (TEXT, "likewise"),
        "requests": (pa.list_(TEXT), "ledger keys of the teacher's calls"),
        "source_row": (pa.int64(), "position in the source's annotation"),
    },
    nullable=frozenset({"building", "published_caption", "country_code", "licence", "author", "source_url"}),
    summary="pictures from above with a caption and sentences that each belong to a box",
    about="Boxes are GeoText-1652's: cx, cy, w, h, counted from the upper left corner, as shares of width and height.",
    made=(
        "A teacher described each picture and its regions. A row was kept only if every box lies in the picture, no "
        "two are the same, and no text quotes coordinates, file names or instructions. Whether a box shows what its "
        "sentence says, people see."
    ),
)
