"""The released row: one definition for both formats, Parquet and WebDataset.

The first keys are those GLOBE's published loader reads (`response`, `__#solution`, `images`, `entities`); the rest says
the same, and where it came from, in explicit fields. Parquet holds unknown values as null. JSON inside WebDataset tars
holds unknown text as "": `datasets` guesses the types from the first five samples and refuses a text that comes after
nulls. A column's name, order or type changes only with RELEASE_SCHEMA_VERSION.
"""

from __future__ import annotations

from typing import Any, Final

import pyarrow as pa

RELEASE_SCHEMA_VERSION: Final = 1

IMAGE: Final = pa.struct([pa.field("bytes", pa.binary()), pa.field("path", pa.string())])
"""`datasets.Image` as it is stored: the encoded file and a name."""

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

CHECK: Final = pa.struct(
    [
        pa.field("check", pa.string()),
        pa.field("outcome", pa.string()),
        pa.field("score", pa.float64()),
        pa.field("threshold", pa.float64()),
        pa.field("reason", pa.string()),
    ]
)

ROW: Final = pa.schema(
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
        pa.field("scene", pa.string()),
        pa.field("clues", pa.list_(CLUE)),
        pa.field("answer", ANSWER),
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
        pa.field("split", pa.string()),
    ]
)
"""One released row. `country`, `region`, `city`, `lat`, `lon` are the truth's; `image_sha256` is of the source file,
`image_phash` 16 hexadecimal digits; `requests` are ledger keys, one a teacher."""

NULLABLE: Final = frozenset(
    {"country", "country_code", "region", "city", "scene", "licence", "author", "source_url", "captured_at"}
)
"""Columns that may be unknown. The Arrow schema itself calls every column nullable: `datasets` shows the images of a
file only when its schema equals the one of its features, which know nothing else."""

JSON_KEYS: Final = tuple(name for name in ROW.names if name != "images")
"""Keys of a WebDataset sample's JSON, in order; its picture is the `jpg` member."""

COLUMN_NOTES: Final[dict[str, str]] = {
    "id": "the source's id of the photo",
    "images": "one JPEG (in WebDataset: the `jpg` member)",
    "response": "the reasoning text alone, without tags",
    "__#solution": "`<country>…</country><city>…</city>` of the truth",
    "entities": "what is seen: the texts of the clues, once each",
    "country, country_code, region, city": "where the photo was taken, in English; ISO 3166-1 alpha-2",
    "lat, lon, uncertainty_km": "where the camera stood, WGS84 degrees, and how far off that may be",
    "scene": "indoor, natural or urban, where the source tells",
    "clues": "kind, text and what it supports, as the teacher of `response` listed them",
    "answer": "that teacher's answer: place, coordinates, confidence, distance to the truth in km",
    "teachers": "every teacher that answered",
    "checks": "each check's outcome, score, threshold and reason",
    "licence, author, source_url, captured_at": "the photo's, as its source states them",
    "image_sha256, image_phash, width, height": "of the source file's bytes; perceptual hash; pixels as released",
    "requests": "ledger keys of the teacher calls",
    "source_row": "position in the source's table",
    "split": "train, validation or test",
}
"""What each column holds, for the dataset card."""


def hub_features(schema: pa.Schema) -> dict[str, Any]:
    """The schema as `datasets` writes it into Parquet metadata, so that images are shown and decoded.

    Lists are written in the form that both old (2.x, 3.x) and new (4.x, 5.x) `datasets` read.
    """
    return {field.name: _feature(field.type) for field in schema}


def _feature(kind: pa.DataType) -> Any:
    if kind.equals(IMAGE):
        return {"_type": "Image"}
    if pa.types.is_list(kind):
        return [_feature(kind.value_type)]
    if pa.types.is_struct(kind):
        return {kind.field(i).name: _feature(kind.field(i).type) for i in range(kind.num_fields)}
    return {"dtype": _dtype(kind), "_type": "Value"}


def card_features(schema: pa.Schema) -> list[dict[str, Any]]:
    """The schema as `dataset_info.features` of a dataset card."""
    return [{"name": field.name, **_card_type(field.type)} for field in schema]


def _card_type(kind: pa.DataType) -> dict[str, Any]:
    if pa.types.is_list(kind):
        inner = _card_type(kind.value_type)
        return {"list": inner.get("dtype") or inner["struct"]}
    if kind.equals(IMAGE):
        return {"dtype": "image"}
    if pa.types.is_struct(kind):
        fields = [kind.field(i) for i in range(kind.num_fields)]
        return {"struct": [{"name": field.name, **_card_type(field.type)} for field in fields]}
    return {"dtype": _dtype(kind)}


def _dtype(kind: pa.DataType) -> str:
    return {"double": "float64"}.get(str(kind), str(kind))
