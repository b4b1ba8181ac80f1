"""The released row of GWS15k: a photo to be located, the truth, and how the draw came to it."""

from __future__ import annotations

from typing import Final

import pyarrow as pa

from schemas.rows.schema import RowSchema

TEXT: Final = pa.string()
REAL: Final = pa.float64()

ROW: Final = RowSchema.of(
    "gws15k",
    2,
    {
        "question": (TEXT, "the same for every row, so that models are compared by one"),
        "answer": (TEXT, "the truth as JSON with country, region, city, lat, lon"),
        "country": (TEXT, "in English"),
        "country_code": (TEXT, "ISO 3166-1 alpha-2"),
        "region": (TEXT, "as the source names it, else of the nearest city"),
        "city": (TEXT, "as the source names it, else the nearest city"),
        "lat": (REAL, "where the camera stood, WGS84 degrees"),
        "lon": (REAL, "where the camera stood, WGS84 degrees"),
        "uncertainty_km": (REAL, "how far off `lat`, `lon` may be, where the source says so"),
        "algorithm": (TEXT, "published or repaired"),
        "seed": (pa.int64(), "of the draw"),
        "draw": (pa.int64(), "which draw of the published loop took the photo, from 1; unknown where repaired"),
        "drawn_country": (TEXT, "the country that was drawn, ISO 3166-1 alpha-2; near borders it may be another one"),
        "drawn_city": (TEXT, "the city near which the photo was taken"),
        "drawn_city_lat": (REAL, "WGS84 degrees"),
        "drawn_city_lon": (REAL, "WGS84 degrees"),
        "drawn_city_km": (REAL, "from the city to the photo, at most 5"),
        "country_wanted": (REAL, "photos that the drawn country should give: n times its probability"),
        "country_available": (pa.int64(), "different places near its cities in the pool"),
        "country_given": (pa.int64(), "photos that were drawn of it"),
        "licence": (TEXT, "the photo's, as its source states it"),
        "author": (TEXT, "the photo's, as its source states it"),
        "captured_at": (TEXT, "when it was taken, as its source states it"),
        "source_row": (pa.int64(), "position in the pool's table"),
    },
    nullable=frozenset({"draw", "drawn_city", "licence", "author", "captured_at"}),
    summary="photos to be located, spread over countries by area and over their cities, with the truth",
    about=(
        "An evaluation set: keep it out of what is trained on. The last turn of `messages` is the truth, by which "
        "answers are measured. `country_wanted` beside `country_given` says where the pool was too small; a mean that "
        "weighs each row by their ratio stands for the Earth that the algorithm describes, not for the pool."
    ),
    made=(
        "Nobody was asked. Photos within 5 km of a city were drawn by country and city alone, before any was opened. "
        "What was not drawn, and which countries the pool could not give their share of, is counted by reason."
    ),
)
