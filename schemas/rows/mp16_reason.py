"""The released row of MP16-Reason.

The first columns are those GLOBE's published loader reads (`response`, `__#solution`, `images`, `entities`); the rest
says the same, and where it came from, in explicit columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pyarrow as pa

from schemas.rows.schema import ANSWERS, CHECK, IMAGE, MESSAGE, PEOPLE, SHARED, RowSchema

CLUE: Final = pa.struct([pa.field(name, pa.string()) for name in ("kind", "text", "supports")])


ANSWER: Final = pa.struct(
    [
        pa.field("country", pa.string()),
        pa.field("region", pa.string()),
        pa.field("city", pa.string()),
        pa.field("lat", pa.float64()),
        pa.field("lon", pa.float64()),
        pa.field("located_by", pa.string()),
        pa.field("confidence", pa.float64()),
        pa.field("teacher", pa.string()),
        pa.field("model", pa.string()),
        pa.field("distance_km", pa.float64()),
    ]
)
"""The teacher's answer behind `response`, in its words. `located_by` says whether lat, lon (degrees) and distance_km to
the truth are of the `coordinates` it gave or of the centre of the `place` it named."""


COLUMNS: Final = pa.schema(
    [
        pa.field("id", pa.string()),
        pa.field("images", pa.list_(IMAGE)),
        pa.field("response", pa.string()),
        pa.field("__#solution", pa.string()),
        pa.field("entities", pa.list_(pa.struct([pa.field("text", pa.string())]))),
        pa.field("country", pa.string()),
        pa.field("country_code", pa.string()),
        pa.field("region", pa.string()),
        pa.field("city", pa.string()),
        pa.field("lat", pa.float64()),
        pa.field("lon", pa.float64()),
        pa.field("uncertainty_km", pa.float64()),
        pa.field("placed_by", pa.string()),
        pa.field("label_probability", pa.float64()),
        pa.field("scene", pa.string()),
        pa.field("clues", pa.list_(CLUE)),
        pa.field("answer", ANSWER),
        pa.field("answers", ANSWERS[0]),
        pa.field("teachers", pa.list_(pa.string())),
        pa.field("checks", pa.list_(CHECK)),
        pa.field("licence", pa.string()),
        pa.field("author", pa.string()),
        pa.field("source_url", pa.string()),
        pa.field("captured_at", pa.string()),
        pa.field("image_sha256", pa.string()),
        pa.field("image_phash", pa.string()),
        pa.field("width", pa.int32()),
        pa.field("height", pa.int32()),
        pa.field("requests", pa.list_(pa.string())),
        pa.field("source_row", pa.int64()),
        pa.field("messages", pa.list_(MESSAGE)),
        pa.field("saw_truth", pa.string()),
        pa.field("people", PEOPLE[0]),
        pa.field("split", pa.string()),
    ]
)
"""One released row. `country`, `region`, `city`, `lat`, `lon` are the truth's, or a label's; `image_sha256` is of the
source file, `image_phash` 16 hexadecimal digits; `requests` are ledger keys, in the order of `teachers`."""


NULLABLE: Final = frozenset(
    {
        "country",
        "country_code",
        "region",
        "city",
        "label_probability",
        "scene",
        "licence",
        "author",
        "source_url",
        "captured_at",
    }
)

NOTES: Final[Mapping[str, str]] = {
    "id": "the source's id of the photo",
    "images": "one JPEG (in WebDataset: the `jpg` member)",
    "response": "the reasoning text alone, without tags",
    "__#solution": "`<country>…</country><city>…</city>` of the truth",
    "entities": "what is seen: the texts of the clues, once each",
    "country, country_code, region, city": "where the photo was taken, in English; ISO 3166-1 alpha-2",
    "lat, lon, uncertainty_km": "where the camera stood, or a label of that, WGS84 degrees, and how far off it may be",
    "placed_by": "`source`, whose coordinates these are, or `teachers`: a pseudo-label of a photo without coordinates",
    "label_probability": "of a pseudo-label: that it is right within `uncertainty_km`",
    "scene": "indoor, natural or urban, where the source tells",
    "clues": "kind, text and what it supports, as the teacher of `response` listed them",
    "answer": "that teacher's answer: place, coordinates, confidence, distance in km to the row's `lat`, `lon`",
    "answers": ANSWERS[1],
    "teachers": "every teacher that answered",
    "checks": "each check's outcome, score, threshold and reason",
    "licence, author, source_url, captured_at": "the photo's, as its source states them",
    "image_sha256, image_phash, width, height": "of the source file's bytes; perceptual hash; pixels as released",
    "requests": "ledger keys of the teacher calls",
    "source_row": "position in the source's table",
    "messages": SHARED["messages"][1],
    "saw_truth": SHARED["saw_truth"][1],
    "people": PEOPLE[1],
    "split": SHARED["split"][1],
}

SUMMARY: Final = (
    "photos with the place they show, reasoning that leads there from what is visible, and the record of how each "
    "label was verified"
)

ABOUT: Final = """\
`response`, `__#solution`, `images` and `entities` are what GLOBE's published preprocessor reads, which wants `images`
as a list of one; there is no second column `image`. `response` is the reasoning of the teacher that `answer` names."""

MADE: Final = """\
Each photo was shown to the teachers without its coordinates, file name or metadata. Their answers were parsed into
clues, reasoning, a place and a confidence, and every check below compared them with the truth and with each other."""

ROW: Final = RowSchema("mp16_reason", 5, COLUMNS, NOTES, NULLABLE, summary=SUMMARY, about=ABOUT, made=MADE)
"""Version 1 had no `messages` and no `saw_truth`, version 2 no pseudo-labels, version 3 no people,
version 4 the answer of one teacher alone."""
