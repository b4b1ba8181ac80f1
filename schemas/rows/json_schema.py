"""A family's rows as JSON Schema (draft 2020-12): what the JSON of a WebDataset sample holds, for any language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pyarrow as pa

from schemas.rows.schema import IMAGE, RowSchema

_ENUMS: Final[Mapping[str, tuple[str, ...]]] = {
    "split": ("train", "validation", "test"),
    "saw_truth": ("none", "country", "place"),
}


def row_json_schema(row: RowSchema) -> dict[str, Any]:
    """The schema of `RowSchema.json_row`: every key required and no other allowed, pictures left out.

    An unknown text is "" there, at every depth, and an unknown number, flag, list or struct null.
    """
    described = {name.strip(): note for names, note in row.notes.items() for name in names.split(",")}
    properties = {
        name: {**_type(row.columns.field(name).type, name in row.nullable), "description": described[name]}
        for name in row.json_keys
    }
    for name, words in _ENUMS.items():
        properties[name]["enum"] = list(words)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"{row.family}, version {row.version}",
        "description": row.summary,
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _type(kind: pa.DataType, nullable: bool = True) -> dict[str, Any]:
    if pa.types.is_string(kind):
        return {"type": "string"}
    if kind.equals(IMAGE):
        raise ValueError("a picture stands in no JSON")
    found: dict[str, Any]
    if pa.types.is_list(kind):
        found = {"type": "array", "items": _type(kind.value_type)}
    elif pa.types.is_struct(kind):
        inner = {kind.field(i).name: _type(kind.field(i).type) for i in range(kind.num_fields)}
        found = {"type": "object", "properties": inner, "required": list(inner), "additionalProperties": False}
    elif pa.types.is_boolean(kind):
        found = {"type": "boolean"}
    else:
        found = {"type": "integer" if pa.types.is_integer(kind) else "number"}
    return {**found, "type": [found["type"], "null"]} if nullable else found
