"""A released split as a task of inspect_ai.

    inspect eval train/evaluate/adapters/inspect_release.py -T release=path/to/release -T preset=globe --model ...

Its scores are those numbers of the preset that are means over all rows. Names, intervals and comparisons are
`factory eval`'s, of the same answers.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import (
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageSystem,
    ChatMessageUser,
    ContentImage,
    ContentText,
)
from inspect_ai.scorer import Score, Scorer, Target, mean, scorer, stderr
from inspect_ai.solver import TaskState, generate

from train.evaluate.adapters.single import measured_alone, question, target, truth_of
from train.evaluate.evaluation import rules_of
from train.evaluate.truth import open_set

_WHO = {"system": ChatMessageSystem, "user": ChatMessageUser, "assistant": ChatMessageAssistant}


@task
def geolocation(release: str, split: str = "test", preset: str = "globe", limit: int | None = None) -> Task:
    """Where was each photo of a released split taken?

    Args:
        release: its folder, or its build's.
        split: of its rows.
        preset: whose rules measure.
        limit: the first so many rows; all by default.
    """
    rules_of(preset)
    rows = open_set(Path(release)).stream(split, shuffle=False)
    samples = [_sample(row) for row, _ in zip(rows, range(limit or 10**9), strict=False)]
    return Task(dataset=MemoryDataset(samples), solver=generate(), scorer=by_preset(preset))


@scorer(metrics={"*": [mean(), stderr()]})
def by_preset(preset: str = "globe") -> Scorer:
    """Nearness at each threshold, the score, and whether the answer was valid; a failed answer has 0 in each."""
    rules = rules_of(preset)

    async def score(state: TaskState, target: Target) -> Score:
        text = state.output.completion
        found = await asyncio.to_thread(measured_alone, state.metadata, text, rules)
        return Score(value={name.replace(" ", "_"): value for name, value in found.items()}, answer=text)

    return score


def _sample(row: Any) -> Sample:
    turns = [_message(turn) for turn in question(row)]
    return Sample(id=row["id"], input=turns, target=target(row), metadata=truth_of(row))


def _message(turn: dict[str, Any]) -> ChatMessage:
    parts = [
        ContentImage(image=part["image"]) if part["type"] == "image" else ContentText(text=part["text"])
        for part in turn["content"]
    ]
    return _WHO[turn["role"]](content=parts)
