"""The trainers by the name that a run's file has them by; each is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from train.folder import RunFolder
from train.settings import LoadedRun

Trainer = Callable[[LoadedRun, Path, Callable[[str], None]], RunFolder]
"""Takes a run, the folder that holds runs and who is told; returns the run's folder."""


def trainer_of(run: LoadedRun) -> Trainer:
    """What trains a run."""
    if run.run.trainer == "sft":
        from train.sft import train_sft

        return train_sft
    if run.run.trainer == "grpo":
        from train.grpo import train_grpo

        return train_grpo
    if run.run.trainer == "retriever":
        from train.retriever import train_retriever

        return train_retriever
    raise AssertionError(f"{run.run.trainer} is in RUNS and has no trainer")
