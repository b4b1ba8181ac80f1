"""JSON of strangers, bounded: how many values are made of a text, and how deep they lie.

A megabyte of `[[],[],...` is 350,000 objects of Python, and a few hundred brackets are deeper than any function that
walks through what was read. So values are counted before one is made, and what is deep is refused when it is read.
"""

from __future__ import annotations

from typing import Any, Final

import orjson

MAX_VALUES: Final = 1_000_000
"""Of one text, keys left out: about 200 MB of Python objects. 64 vectors of 4,096 numbers have 262,208."""
MAX_DEPTH: Final = 64
"""Lists and objects within each other. Answers have 4, the report of a build 5."""


def read_json(data: bytes, *, most: int = MAX_VALUES) -> Any:
    """The value of a JSON text. Raises ValueError for none, more than `most` values or more than MAX_DEPTH levels."""
    refuse_many(data, most)
    return not_deep(orjson.loads(data))


def refuse_many(data: bytes, most: int = MAX_VALUES) -> None:
    """Raises ValueError for a text of more than `most` values, by the marks that part and open them; those inside texts
    count, too."""
    if len(data) > most and data.count(b",") + data.count(b"[") + data.count(b"{") > most:
        raise ValueError(f"more than {most:,} values")


def not_deep(value: Any) -> Any:
    """The value itself. Raises ValueError for one with more than MAX_DEPTH lists and objects within each other."""
    level, depth = [value], 0
    while level := [inner for outer in level for inner in _within(outer) if isinstance(inner, _NESTS)]:
        depth += 1
        if depth >= MAX_DEPTH:
            raise ValueError(f"more than {MAX_DEPTH} lists and objects within each other")
    return value


def _within(value: Any) -> Any:
    return value.values() if isinstance(value, dict) else value if isinstance(value, _NESTS) else ()


_NESTS: Final = (dict, list, tuple)
