"""Released rows as questions, and answers to them as numbers: what every harness needs of us."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Mapping
from typing import Any, Final

import polars as pl

from train.conversation import plain_messages
from train.evaluate.predictions import predictions_of
from train.evaluate.presets import Rules
from train.evaluate.scores import measure, metrics
from train.evaluate.truth import SCHEMA

TRUTH: Final = ("id", "lat", "lon", "country", "region", "city")
"""Of a released row, what an answer is measured by."""


def question(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The turns before a row's last answer, as most harnesses write them: `role`, and `content` of texts and images,
    these as data: URIs of the released bytes.

    Raises UnlearnableRow for a row whose messages are no conversation.
    """
    uris = iter("data:image/jpeg;base64," + base64.b64encode(one["bytes"]).decode() for one in row["images"] or ())

    def part(each: Mapping[str, Any]) -> dict[str, Any]:
        return {"type": "image", "image": next(uris)} if each["type"] == "image" else dict(each)

    turns = plain_messages(row)[:-1]
    return [{"role": turn["role"], "content": [part(each) for each in turn["content"]]} for turn in turns]


def target(row: Mapping[str, Any]) -> str:
    """A row's last answer, as it is learnt."""
    return "".join(part["text"] or "" for part in row["messages"][-1]["content"])


def truth_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """What an answer to a row is measured by, as plain values."""
    return {name: row.get(name) for name in TRUTH}


def numbers(answers: Iterable[tuple[Mapping[str, Any], str]], rules: Rules) -> dict[str, float]:
    """The table's values over (truth, text of the answer), NaN where nothing counts; the same as `factory eval` prints.

    Raises SourceError where no truth has coordinates.
    """
    pairs = list(answers)
    truth = pl.DataFrame([dict(one) for one, _ in pairs], schema=SCHEMA)
    said = predictions_of({"id": one["id"], "text": text} for one, text in pairs)
    return {metric.name: metric.value for metric in metrics(measure(truth, said, rules), rules)}


def measured_alone(truth: Mapping[str, Any], text: str, rules: Rules) -> dict[str, float]:
    """What one answer adds to the means that are over all rows: nearness, score, validity; 0 where it failed."""
    found = numbers([(truth, text)], rules)
    names = [name for name in found if name.startswith("within ") or name in ("geoscore", "recall")]
    return {name: 0.0 if math.isnan(found[name]) else found[name] for name in names}
