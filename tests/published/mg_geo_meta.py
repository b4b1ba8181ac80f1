"""MG-Geo's Meta rows as GaGA's paper describes them (section IV-A), and nothing of ours.

faults(row) -> what is wrong with it, a line each
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

KEYS = ("country", "region", "city", "lat", "lon")
"""The printed example's, in its order; its coordinates are strings."""


def faults(row: Mapping[str, Any]) -> Iterator[str]:
    """What a row lacks of the paper's form. `row` has `id`, `messages` and the number of its `pictures`."""
    turns = row["messages"]
    if [turn["role"] for turn in turns] != ["user", "assistant"]:
        yield f"turns of {[turn['role'] for turn in turns]}"
        return
    kinds = [part["type"] for part in turns[0]["content"]]
    if kinds.count("image") != row["pictures"] or kinds.count("text") != 1:
        yield f"a question of {kinds} about {row['pictures']} pictures"
    try:
        place = json.loads(turns[1]["content"][0]["text"])
    except ValueError:
        yield "an answer that is no JSON"
        return
    if tuple(place) != KEYS:
        yield f"keys {', '.join(place)}"
        return
    if empty := [name for name in KEYS if not str(place[name]).strip() or place[name] == "NaN"]:
        yield f"an incomplete annotation: {', '.join(empty)}"
    for name, most in (("lat", 90), ("lon", 180)):
        if not re.fullmatch(r"-?\d{1,3}(\.\d+)?", place[name]) or abs(float(place[name])) > most:
            yield f"{name} {place[name]!r}"
