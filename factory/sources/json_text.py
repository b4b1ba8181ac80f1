"""JSON of foreign tables and tars, as lenient as Python's own reader and as exact as the text.

Fast where it can be: orjson reads, and Python's `json` only what orjson refuses (`NaN`, half a surrogate pair, UTF-16)
or would round (integers beyond 64 bits, numbers of seventeen characters and more), which then keep their text.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

import orjson

from schemas.plain_json import not_deep, refuse_many

_LONG_NUMBER: Final = re.compile(rb"[0-9.]{17}")
_NOT_A_NUMBER: Final = {"NaN": None}
"""What pandas writes for a missing value. Infinities keep their name."""


def read_json(data: bytes) -> Any:
    """The value of a JSON text with or without a byte-order mark. Raises ValueError for what is none, and for what
    `schemas.plain_json` refuses."""
    data = data.removeprefix(b"\xef\xbb\xbf")
    refuse_many(data)
    if _LONG_NUMBER.search(data) is None:
        try:
            return not_deep(orjson.loads(data))
        except orjson.JSONDecodeError:
            pass
    try:
        found = json.loads(
            data, parse_int=str, parse_float=str, parse_constant=lambda name: _NOT_A_NUMBER.get(name, name)
        )
        return not_deep(found)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def scalar_text(value: Any) -> str | None:
    """A JSON scalar as text, a number in its shortest exact form; None for null, lists and objects.

    Half a surrogate pair, which no table can hold, is written as its escape.
    """
    if value is None or isinstance(value, list | dict):
        return None
    text = value if isinstance(value, str) else repr(value) if isinstance(value, float) else str(value)
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()
