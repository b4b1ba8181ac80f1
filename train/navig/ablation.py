"""NAVIG with all its parts, without each of them, and with none, measured by one preset and compared row by row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from factory.images import ImageSettings
from factory.images.worker import DecodeWorkers
from train.asking import Model, open_desk
from train.evaluate.evaluation import Evaluation, evaluate
from train.evaluate.predictions import predictions_of
from train.evaluate.presets import Rules
from train.navig.run import PARTS, Part, Photo, Tools, answers

WHOLE, PLAIN = "all parts", "plain model"
Rows = list[dict[str, Any]]


def plans(parts: frozenset[Part]) -> dict[str, frozenset[Part]]:
    """The runs of an ablation of these parts, by name: all of them, without each, none."""
    without = {f"without {part}": parts - {part} for part in PARTS if part in parts}
    found = {WHOLE: parts, **(without if len(parts) > 1 else {})}
    return {**found, PLAIN: frozenset()} if parts else {PLAIN: frozenset()}


async def run(
    photos: Callable[[], Iterable[Photo]],
    wanted: Mapping[str, frozenset[Part]],
    models: Sequence[Model],
    folder: Path,
    tools: Tools,
    *,
    max_calls: int | None = None,
) -> dict[str, Rows]:
    """The answers of each run. They share a ledger: what two runs ask alike is asked once.

    Args:
        photos: gives the photos anew for each run.
        models: the guesser first, as `navig.run.answers` names them.
        folder: of the ledger.
        max_calls: of all runs and models together; None for no limit.

    Raises as `asking.ask_all` does.
    """
    with DecodeWorkers(1, ImageSettings()) as workers:
        async with open_desk(folder, *models, max_calls=max_calls) as desk:
            return {name: await answers(photos(), parts, desk, workers, tools) for name, parts in wanted.items()}


def measured(truth: pl.DataFrame, runs: Mapping[str, Rows], rules: Rules, *, seed: int = 0) -> dict[str, Evaluation]:
    """Each run's numbers under the rules; all but the first with their differences to the first. Raises SourceError."""
    first, *others = runs
    whole = predictions_of(runs[first], first)
    found = {first: evaluate(truth, whole, rules, seed=seed)}
    for name in others:
        found[name] = evaluate(truth, predictions_of(runs[name], name), rules, against=whole, seed=seed)
    return found
