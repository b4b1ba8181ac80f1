"""The released row of CVG-Text: a street view, the same place from above, and a description by which it is found."""

from __future__ import annotations

from typing import Final

import pyarrow as pa

from schemas.rows.schema import ANSWERS, CHECK, RowSchema

TEXT: Final = pa.string()
REAL: Final = pa.float64()

NAME: Final = pa.struct([pa.field("name", TEXT), pa.field("seen_on", TEXT)])
VIEW: Final = pa.struct(
    [pa.field("role", TEXT), *(pa.field(name, REAL) for name in ("lat", "lon", "metres_per_pixel", "metres_away"))]
)

ROW: Final = RowSchema.of(
    "cvg_text",
    1,
    {
        "description": (TEXT, "the place in a teacher's words, by which it is to be found from above"),
        "names": (
            pa.list_(NAME),
            "names that it uses, and on which picture each is legible: photo or map",
        ),
        "view": (TEXT, "panorama or single, as the source tells"),
        "published_caption": (TEXT, "what the source itself says of the place"),
        "country_code": (TEXT, "ISO 3166-1 alpha-2"),
        "region": (TEXT, "in English"),
        "city": (TEXT, "in English"),
        "lat": (REAL, "where the camera stood, WGS84 degrees"),
        "lon": (REAL, "where the camera stood, WGS84 degrees"),
        "uncertainty_km": (REAL, "how far off `lat`, `lon` may be"),
        "pictures": (
            pa.list_(VIEW),
            "of each picture, in order: ground, satellite or map; its own place (of a tile its middle), metres a "
            "pixel, and metres from the camera, where they are known",
        ),
        "teacher": (TEXT, "who described"),
        "model": (TEXT, "its model"),
        "answers": ANSWERS,
        "checks": (pa.list_(CHECK), "each check's outcome, score, threshold and reason"),
        "licence": (TEXT, "the pictures', as their source states it"),
        "author": (TEXT, "likewise"),
        "source_url": (TEXT, "likewise"),
        "captured_at": (TEXT, "likewise"),
        "requests": (pa.list_(TEXT), "ledger keys of the teacher's calls"),
        "source_row": (pa.int64(), "position in the source's annotations"),
    },
    nullable=frozenset(
        (
            *("view", "published_caption", "country_code", "region", "city"),
            *("licence", "author", "source_url", "captured_at"),
        )
    ),
    summary="street views with the same place from above and a description that leads from one to the other",
    about=(
        "The first picture is taken from the ground; the satellite picture and the map that follow show the same place "
        "from above, north up. The teacher saw the ground picture, and the map where there is one, and not the "
        "satellite picture: the description is a query for it."
    ),
    made=(
        "A teacher described each place by CVG-Text's rules: what lasts and can be seen from above, no coordinates, "
        "names only where a picture shows them. A row was kept only if the checks found no coordinates, file names or "
        "instructions in the words and no name of a map that the teacher was not shown."
    ),
)
