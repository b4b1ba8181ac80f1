"""GaGA's interactive mode: the same question directly, behind a guiding question, and behind one with its answer.

`conversation` makes what a model is asked in each mode of a row of MG-Geo Dialog; `modes` measures the answers of the
three runs beside each other, as GaGA's tables III and IX do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

import polars as pl

from train.evaluate.evaluation import Evaluation, evaluate
from train.evaluate.presets import Rules

Mode = Literal["direct", "+Q", "+QA"]
MODES: Final[tuple[Mode, ...]] = ("direct", "+Q", "+QA")
Said = tuple[Literal["user", "model"], str]
"""Who speaks, and what; an empty text of the model is its own turn to answer."""


def conversation(row: Mapping[str, Any], mode: Mode) -> tuple[Said, ...]:
    """The turns of a row of MG-Geo Dialog in a mode. The photo belongs to the first one.

    direct: where is it? +Q: the row's first guiding question, which the model answers for itself, then where is it?
    +QA: the guiding question with the row's answer to it, then where is it?

    Raises KeyError for a row of another family, ValueError for one without a guiding question where one is needed.
    """
    where: Said = ("user", str(row["loc_question"]["question"]))
    if mode == "direct":
        return where, ("model", "")
    guiding = next(iter(row["geo_questions"] or ()), None)
    if guiding is None:
        raise ValueError(f"row {row['id']!r} has no guiding question")
    told = "" if mode == "+Q" else str(guiding["answer"])
    return ("user", str(guiding["question"])), ("model", told), where, ("model", "")


def modes(
    truth: pl.DataFrame, runs: Mapping[Mode, pl.DataFrame], rules: Rules, *, seed: int = 0
) -> dict[Mode, Evaluation]:
    """Each mode's numbers; those behind a question with their differences to direct inquiry, row by row.

    Raises as `evaluation.evaluate` does; KeyError where the run `direct` is not among them.
    """
    direct = runs["direct"]
    return {
        mode: evaluate(truth, runs[mode], rules, against=None if mode == "direct" else direct, seed=seed)
        for mode in MODES
        if mode in runs
    }
