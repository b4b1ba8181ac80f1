"""Training runs on tiny models, as a user would write them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.training.tiny import COLOURS
from train.folder import RunFolder
from train.merge import open_model
from train.predict import predictions
from train.settings import LoadedRun, load_run
from train.trainers import trainer_of

RUN = """\
name: tiny
trainer: sft
model: {{path: {model}, dtype: float32}}
data: {{releases: [{{path: {release}}}], evaluate: null}}
optim: {{steps: 6, batch_size: 4, learning_rate: 3.0e-3, schedule: constant, precision: fp32, checkpointing: false}}
keep: {{save_steps: 3, log_steps: 3}}
"""

FULL = (
    "tune={method: full, parts: [projector, language]}",
    "optim.steps=45",
    "optim.batch_size=8",
    "keep={save_steps: 30, evaluate_steps: 15}",
    "data.evaluate=validation",
)
"""Forty-five steps after which a model knows the four colours, and thirty after which it half knows them."""


def loaded(folder: Path, model: Path, release: Path, *overrides: str) -> LoadedRun:
    """A run of six steps over a release, with a checkpoint after three."""
    path = folder / "run.yaml"
    path.write_text(RUN.format(model=model, release=release))
    return load_run(path, overrides=overrides)


def ran(folder: Path, model: Path, release: Path, *overrides: str) -> RunFolder:
    """The folder of such a run once it is finished."""
    run = loaded(folder, model, release, *overrides)
    return trainer_of(run)(run, folder / "runs", lambda line: None)


def weights(folder: Path | None) -> dict[str, Any]:
    """All tensors of a model's or an adapter's folder, by name."""
    from safetensors.torch import load_file

    assert folder is not None
    return {name: tensor for file in sorted(folder.glob("*.safetensors")) for name, tensor in load_file(file).items()}


def share_right(model: Path, release: Path) -> float:
    """How many of the held-out rows a model answers rightly."""
    said = list(predictions(model, release, "validation", max_new_tokens=6))
    countries = list(COLOURS)
    return sum(row["text"] == countries[number % len(countries)] for number, row in enumerate(said)) / len(said)


def logits(*models: Path) -> list[Any]:
    """What each model says of every token after the same thirty-five."""
    import torch

    inputs = {"input_ids": torch.arange(5, 40)[None], "attention_mask": torch.ones(1, 35, dtype=torch.long)}
    with torch.inference_mode():
        return [open_model(path)[0](**inputs).logits for path in models]


def assert_learnt_in_4_bits(run: RunFolder, model: Path, merged: Path) -> None:
    """Adapters alone learnt, and merged into the weights as published they change the language model's layers alone."""
    import torch

    assert run.done is not None
    learns = {line["part"]: line["learns"] for line in run.done["trained"]}
    assert learns["language"] == learns["vision"] == learns["projector"] == 0 < learns["adapters of language"]
    before, after = weights(model), weights(merged)
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed and all("language_model" in name and ".layers." in name for name in changed)
