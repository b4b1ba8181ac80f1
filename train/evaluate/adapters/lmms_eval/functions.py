"""What lmms-eval calls for the task beside this file. Answers are read and measured by our evaluator."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from train.conversation import plain_messages
from train.evaluate.adapters.single import numbers, target, truth_of
from train.evaluate.evaluation import rules_of

PRESET = "globe"
NAMES = {
    "within_1_km": "within 1 km",
    "within_25_km": "within 25 km",
    "within_200_km": "within 200 km",
    "within_750_km": "within 750 km",
    "within_2500_km": "within 2500 km",
    "geoscore": "geoscore",
    "median_error_km": "median error",
    "country": "country DIRE",
    "recall": "recall",
}
"""Metrics of the task by the names of our table."""


def doc_to_visual(doc: Mapping[str, Any]) -> list[Any]:
    """The photos, decoded by `datasets`."""
    return [image.convert("RGB") for image in doc["images"]]


def doc_to_text(doc: Mapping[str, Any], lmms_eval_specific_kwargs: Mapping[str, Any] | None = None) -> str:
    """The words before the last answer, which is the one that is measured, the system's too; where others were given
    before it, each turn with who speaks."""
    turns = plain_messages(doc)[:-1]
    told = any(turn["role"] == "assistant" for turn in turns)
    texts: list[str] = []
    for turn in turns:
        said = [part["text"] for part in turn["content"] if part["type"] == "text"]
        texts += [f"{turn['role']}: {words}" for words in said] if told else said
    more = lmms_eval_specific_kwargs or {}
    words = "\n\n".join(texts)
    return f"{more.get('pre_prompt', '')}{words}{more.get('post_prompt', '')}"


def doc_to_target(doc: Mapping[str, Any]) -> str:
    """The last answer of the row."""
    return target(doc)


def process_results(doc: Mapping[str, Any], results: Sequence[str]) -> dict[str, Any]:
    """The answer beside its truth, for every metric: what they are is known of all answers together."""
    pair = {"truth": truth_of(doc), "text": results[0]}
    return dict.fromkeys(NAMES, pair)


def _aggregated(name: str) -> Callable[[Sequence[Mapping[str, Any]]], float]:
    def aggregate(results: Sequence[Mapping[str, Any]]) -> float:
        found = numbers([(result["truth"], result["text"]) for result in results], rules_of(PRESET))
        return found.get(NAMES[name], float("nan"))

    return aggregate


within_1_km = _aggregated("within_1_km")
within_25_km = _aggregated("within_25_km")
within_200_km = _aggregated("within_200_km")
within_750_km = _aggregated("within_750_km")
within_2500_km = _aggregated("within_2500_km")
geoscore = _aggregated("geoscore")
median_error_km = _aggregated("median_error_km")
country = _aggregated("country")
recall = _aggregated("recall")
