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


CHECK: Final = pa.struct(
    [
        pa.field("check", pa.string()),
        pa.field("outcome", pa.string()),
        pa.field("score", pa.float64()),
        pa.field("threshold", pa.float64()),
        pa.field("reason", pa.string()),
    ]
)


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
