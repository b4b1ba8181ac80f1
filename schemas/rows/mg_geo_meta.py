"""The released row of MG-Geo Meta (GaGA): a street photo, a question about its place, and the place as JSON."""

from __future__ import annotations

from typing import Final

import pyarrow as pa

from schemas.rows.schema import RowSchema

TEXT: Final = pa.string()

ROW: Final = RowSchema.of(
    "mg_geo_meta",
    2,
    {
        "question": (TEXT, "one of the family's questions, drawn by the photo's id"),
        "answer": (TEXT, "the place as the paper prints it: JSON with country, region, city, lat, lon"),
        "country": (TEXT, "in English, as in `answer`"),
        "country_code": (TEXT, "ISO 3166-1 alpha-2"),
        "region": (TEXT, "as the source names it"),
        "city": (TEXT, "as the source names it"),
        "lat": (pa.float64(), "where the camera stood, WGS84 degrees"),
        "lon": (pa.float64(), "where the camera stood, WGS84 degrees"),
        "licence": (TEXT, "the photo's, as its source states it"),
        "author": (TEXT, "the photo's, as its source states it"),
        "captured_at": (TEXT, "when it was taken, as its source states it"),
        "source_row": (pa.int64(), "position in the source's table"),
    },
    nullable=frozenset({"licence", "author", "captured_at"}),
    summary="photos with a question about their place and the place as JSON",
    about=(
        "`answer` has the form that GaGA's paper prints for MG-Geo Meta. No teacher was asked and nothing is reasoned: "
        "the answer is the source's own annotation."
    ),
    made=(
        "Nobody was asked. What the source or the plan left out and what the selectors took out is counted by reason; "
        "where `truth_in_country` is among them, coordinates that lie in another country than stated are, too."
    ),
    part="meta",
)
