"""No checkpoint is marked as whole, and no run as finished, whose loss or weights are no numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import TrainerControl, TrainerState, TrainingArguments

from factory.errors import EnvironmentFault
from train.blocks import KeepBlock
from train.course import callbacks, not_finite
from train.folder import RunFolder


@pytest.fixture
def beside(tmp_path: Path) -> Any:
    (tmp_path / "checkpoint-3").mkdir()
    return callbacks(KeepBlock(trackers=()), RunFolder(tmp_path), print, ("loss",), main=True)[0]


def model(value: float, *, learns: bool = True) -> Any:
    made = torch.nn.Linear(2, 2)
    with torch.no_grad():
        made.weight[1, 1] = value
    made.weight.requires_grad_(learns)
    return made


STATE = TrainerState(global_step=3, max_steps=6)


@pytest.mark.parametrize("name", ["loss", "eval_loss", "train_loss"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_is_told_whichever_it_is(beside: Any, name: str, value: float) -> None:
    with pytest.raises(EnvironmentFault, match=f"step 3: {name} is {value}, so nothing more is learnt"):
        beside.on_log(None, STATE, None, {name: value})


def test_the_loss_is_looked_at_before_each_checkpoint(beside: Any) -> None:
    for saves in (True, False):
        assert beside.on_step_end(None, STATE, TrainerControl(should_save=saves)).should_log is saves


def test_a_checkpoint_is_whole_only_where_the_weights_that_learn_are_numbers(beside: Any, tmp_path: Path) -> None:
    args = TrainingArguments(output_dir=str(tmp_path), use_cpu=True)
    with pytest.raises(EnvironmentFault, match="step 3: weight has values that are no numbers"):
        beside.on_save(args, STATE, None, model=model(float("nan")))
    assert RunFolder(tmp_path).checkpoint() is None
    beside.on_save(args, STATE, None, model=model(1.0))
    assert RunFolder(tmp_path).checkpoint() == (tmp_path / "checkpoint-3", 3)
    assert not_finite(model(float("inf"))) == "weight" and not_finite(model(float("inf"), learns=False)) is None
