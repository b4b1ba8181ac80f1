"""MG-Geo's Dialog rows as GaGA's paper describes them (section IV-C), and nothing of ours: what a reader of the paper
would look for in a row, and in a conversation that is to be learnt with a LLaVA-like loader.

    faults(row) -> what is wrong with it, a line each
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

ATTRIBUTES = ("question_id", "source_dataset", "image_path", "geo_questions", "loc_question")
"""The paper's key attributes of a set of multi-turn QAs."""
INTROSPECTION_KM = 25
RESOLUTION = 336


def faults(row: Mapping[str, Any]) -> Iterator[str]:
    """What a row lacks of the paper's form. `row` is a decoded row with `images` as PIL pictures or their sizes."""
    for name in ATTRIBUTES:
        if not row.get(name):
            yield f"no {name}"
            return
    geo, loc = row["geo_questions"], row["loc_question"]
    if len(geo) != 3:
        yield f"{len(geo)} geo-questions, not three"
    for number, one in enumerate(geo, 1):
        for part in ("question", "reasoning", "answer"):
            if not (one.get(part) or "").strip():
                yield f"no {part} in Q{number}A{number}"
    if not (loc.get("question") and loc.get("answer")):
        yield "no Q4A4"
    yield from _turns(row)
    yield from _decision(row)
    for width, height in row["sizes"]:
        if max(width, height) > RESOLUTION:
            yield f"a picture of {width} x {height}"


def _turns(row: Mapping[str, Any]) -> Iterator[str]:
    turns = [(turn["role"], [(part["type"], part["text"]) for part in turn["content"]]) for turn in row["messages"]]
    if [who for who, _ in turns] != ["user", "assistant"] * 4:
        yield f"turns of {[who for who, _ in turns]}"
        return
    shown = [(number, kind) for number, (_, parts) in enumerate(turns) for kind, _ in parts if kind == "image"]
    if shown != [(0, "image")]:
        yield f"pictures in turns {shown}"
    said = ["".join(text or "" for kind, text in parts if kind == "text") for _, parts in turns]
    asked = [one["question"] for one in row["geo_questions"]] + [row["loc_question"]["question"]]
    if said[::2] != asked:
        yield "the questions of the turns are not those of the row"
    found = re.search(r"\{[^{}]*\}\s*$", said[-1])
    if found is None:
        yield "A4 ends without JSON"
        return
    stated = json.loads(found.group())
    lat, lon = stated["latitude"], stated["longitude"]
    if not (isinstance(lat, float | int) and isinstance(lon, float | int) and abs(lat) <= 90 and abs(lon) <= 180):
        yield f"A4 has {stated}, no decimal degrees"
    elif (lat, lon) != (row["loc_question"]["lat"], row["loc_question"]["lon"]):
        yield "A4 and loc_question differ"


def _decision(row: Mapping[str, Any]) -> Iterator[str]:
    """The paper's criterion: beyond 25 km the dialog is introspected, and then the correct coordinates stand in A4."""
    after = _haversine_km(row["lat"], row["lon"], row["loc_question"]["lat"], row["loc_question"]["lon"])
    if abs(after - row["distance_after_km"]) > 0.01:
        yield f"distance_after_km is {row['distance_after_km']}, the coordinates say {after:.3f}"
    if after > INTROSPECTION_KM:
        yield f"A4 is {after:.1f} km off"
    introspected = row["distance_before_km"] > INTROSPECTION_KM
    if introspected != (row["saw_truth"] == "place"):
        yield f"first {row['distance_before_km']} km off, and saw_truth is {row['saw_truth']}"
    if len(row["requests"]) != 1 + introspected:
        yield f"{len(row['requests'])} requests"


def _haversine_km(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    half = math.sin(math.radians(lat2 - lat1) / 2) ** 2
    half += math.cos(math.radians(lat1)) * math.cos(math.radians(lat2)) * math.sin(math.radians(lon2 - lon1) / 2) ** 2
    return 2 * 6371.0088 * math.asin(math.sqrt(half))
