"""A row's WebDataset JSON, read and held against its schema at once.

Compiled by pydantic's core: a row has some hundred values, and each is a call of a function where Python looks at them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
from pydantic_core import CoreSchema, SchemaValidator, core_schema

from schemas.plain_json import refuse_many


def json_reader(columns: pa.Schema) -> Callable[[bytes], dict[str, Any]]:
    """What reads a row's JSON: an object of exactly these columns, of their types at every depth.

    Text is never unknown (it is "" then), everything else may be. The reader raises ValueError for anything else, and
    for more values than `schemas.plain_json` allows; how deep it goes the types say.
    """
    validator = SchemaValidator(_object(columns))

    def read(data: bytes) -> dict[str, Any]:
        refuse_many(data)
        values: dict[str, Any] = validator.validate_json(data, strict=True)
        return values

    return read


def _object(fields: pa.Schema | pa.StructType) -> CoreSchema:
    known = [fields.field(number) for number in range(len(fields.names))]
    return core_schema.typed_dict_schema(
        {field.name: core_schema.typed_dict_field(_value(field.type)) for field in known}, extra_behavior="forbid"
    )


def _value(kind: pa.DataType) -> CoreSchema:
    if pa.types.is_string(kind):
        return core_schema.str_schema()
    if pa.types.is_list(kind):
        found: CoreSchema = core_schema.list_schema(_value(kind.value_type))
    elif pa.types.is_struct(kind):
        found = _object(kind)
    elif pa.types.is_boolean(kind):
        found = core_schema.bool_schema()
    elif pa.types.is_integer(kind):
        found = core_schema.int_schema(ge=-(2**63), le=2**64 - 1)
    else:
        found = core_schema.float_schema(allow_inf_nan=False)
    return core_schema.nullable_schema(found)
