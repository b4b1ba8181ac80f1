"""What GLOBE's reward model for localizability learns, by its slides and its reward function, and nothing of ours.

    row_faults(row)                    -> what is wrong with a row, a line each
    p_yes(answers, truth, radius_km)   -> the share of recorded answers that call a photo localizable and are near it

The reward is P(yes) / (P(yes) + P(no) + 1e-19) of the first token after a question with the photo, where yes, Yes and
YES are one word, and so are no, No and NO.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

WORDS = {"yes", "no"}


def reward(yes: float, no: float) -> float:
    return yes / (yes + no + 1e-19)


def row_faults(row: Mapping[str, Any]) -> Iterator[str]:
    """What a row lacks: one question with the photo, a first token that is read, a target that the reward takes."""
    turns = row["messages"]
    if [turn["role"] for turn in turns] != ["user", "assistant"]:
        yield "no question and answer"
        return
    if [part["type"] for part in turns[0]["content"]] != ["image", "text"] or len(row["images"]) != 1:
        yield "a question without its photo"
    answer = turns[1]["content"][0]["text"]
    if answer.lower() not in WORDS or answer != row["answer"]:
        yield f"an answer {answer!r}"
    target = row["p_yes"]
    if not 0 <= target <= 1 or not math.isclose(reward(target, 1 - target), target, abs_tol=1e-12):
        yield f"a target of {target}"
    if (answer == "yes") != (target > 0.5):
        yield f"the answer {answer} beside P(yes) {target}"
    if not 0 <= row["answers_yes"] <= min(row["answers_localizable"], row["answers_near"]) <= row["answers"]:
        yield "counts that contradict each other"


def p_yes(answers: Sequence[Any], truth: tuple[float, float], radius_km: float) -> float | None:
    """None where an answer is not plain enough to be judged without a parser."""
    found = []
    for said in answers:
        try:
            said = json.loads(said) if isinstance(said, str) else said
        except ValueError:
            return None
        if not isinstance(said, Mapping) or not isinstance(said.get("localizable"), bool):
            return None
        lat, lon = (said.get(name, said.get(long)) for name, long in (("lat", "latitude"), ("lon", "longitude")))
        if said["localizable"] and not (isinstance(lat, int | float) and isinstance(lon, int | float)):
            return None
        found.append(said["localizable"] and _km((lat, lon), truth) <= radius_km)
    return sum(found) / len(found) if found else None


def _km(a: tuple[Any, Any], b: tuple[float, float]) -> float:
    lat_a, lon_a, lat_b, lon_b = (math.radians(value) for value in (*a, *b))
    half = math.sin((lat_b - lat_a) / 2) ** 2 + math.cos(lat_a) * math.cos(lat_b) * math.sin((lon_b - lon_a) / 2) ** 2
    return 2 * 6371 * math.asin(math.sqrt(half))
