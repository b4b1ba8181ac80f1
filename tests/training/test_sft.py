"""Supervised fine-tuning from released shards: what it learns, what it leaves as it was, and how it goes on.

The models are tiny and their weights random, so nothing here says how good a recipe is; what is held is that the
trainer does what it says.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
import torch

from factory.errors import EnvironmentFault, RecipeError
from tests.training.running import FULL, assert_learnt_in_4_bits, logits, ran, share_right, weights
from tests.training.tiny import make_llava, make_qwen, make_release
from train.folder import RunFolder
from train.merge import merge
from train.predict import predictions

LORA = ("tune={method: lora, parts: [language], lora: {rank: 8, alpha: 16, dropout: 0.1, whole: [projector]}}",)


def same(first: dict[str, Any], second: dict[str, Any], names: Sequence[str] | None = None) -> bool:
    """Whether tensors are equal bit by bit."""
    assert first.keys() == second.keys() and first
    return all(torch.equal(first[name], second[name]) for name in names or first)


def taken_up(run: RunFolder, folder: Path, step: int) -> Path:
    """What a run that was killed after a checkpoint leaves behind."""
    left = folder / "runs" / run.path.name
    left.mkdir(parents=True)
    shutil.copy(run.path / "run.json", left)
    shutil.copytree(run.path / f"checkpoint-{step}", left / f"checkpoint-{step}")
    return left


@pytest.fixture(scope="module")
def lora(llava: Path, release: Path, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """Six steps of adapters beside a projector that learns whole, with checkpoints after 3 and 6."""
    return ran(tmp_path_factory.mktemp("lora"), llava, release, *LORA)


def test_it_learns_what_the_picture_shows_and_falls_to_chance_when_pictures_are_swapped(
    full: RunFolder, llava: Path, release: Path, tmp_path: Path
) -> None:
    model = full.path
    swapped = make_release(tmp_path / "swapped", 4, swapped=True)
    assert share_right(llava, release) == 0
    assert share_right(model, release) >= 0.9
    assert share_right(model, swapped) <= 0.4


def test_the_held_out_loss_is_measured_while_it_trains(full: RunFolder) -> None:
    state = orjson.loads((full.path / "checkpoint-45" / "trainer_state.json").read_bytes())
    losses = [line["eval_loss"] for line in state["log_history"] if "eval_loss" in line]
    assert len(losses) == 3 and losses[2] < losses[0]
    assert list((full.path / "tensorboard").glob("events.*"))


def test_frozen_parts_keep_every_bit(full: RunFolder, llava: Path) -> None:
    before, after = weights(llava), weights(full.model)
    vision = [name for name in before if "vision_tower" in name]
    assert vision and same(before, after, vision)
    assert not any(torch.equal(before[name], after[name]) for name in before if "projector" in name)


def test_the_table_says_what_learns(full: RunFolder, lora: RunFolder) -> None:
    done = [run.done for run in (full, lora)]
    assert done[0] is not None and done[1] is not None
    learns = [{line["part"]: line["learns"] for line in each["trained"]} for each in done]
    assert learns[0]["vision"] == 0 and learns[0]["projector"] > 0 and learns[0]["language"] > 0
    assert learns[1]["vision"] == learns[1]["language"] == 0
    assert learns[1]["projector"] == learns[0]["projector"] and learns[1]["adapters of language"] > 0


def test_a_run_that_goes_on_ends_with_the_very_weights_of_one_that_was_not_stopped(
    full: RunFolder, llava: Path, release: Path, tmp_path: Path
) -> None:
    left = taken_up(full, tmp_path, 30)
    again = ran(tmp_path, llava, release, *FULL)
    assert again.path == left
    assert same(weights(full.model), weights(again.model))


def test_adapters_go_on_exactly_too_dropout_included(
    lora: RunFolder, llava: Path, release: Path, tmp_path: Path
) -> None:
    taken_up(lora, tmp_path, 3)
    assert same(weights(lora.model), weights(ran(tmp_path, llava, release, *LORA).model))


def test_a_run_that_was_stopped_after_its_last_step_takes_no_more(
    lora: RunFolder, full: RunFolder, llava: Path, release: Path, tmp_path: Path
) -> None:
    for run, step, overrides in ((lora, 6, LORA), (full, 45, FULL)):
        folder = tmp_path / str(step)
        taken_up(run, folder, step)
        again = ran(folder, llava, release, *overrides)
        assert same(weights(run.model), weights(again.model))
        assert again.done is not None and again.done["steps"] == step and "train_loss" not in again.done
        assert not list(again.path.glob(f"checkpoint-{step + 1}"))


def test_a_finished_run_returns_at_once(lora: RunFolder, llava: Path, release: Path) -> None:
    before = (lora.path / "done.json").stat().st_mtime_ns
    assert ran(lora.path.parent.parent, llava, release, *LORA).done == lora.done
    assert (lora.path / "done.json").stat().st_mtime_ns == before


def test_a_merged_model_answers_as_its_adapters_do(lora: RunFolder, llava: Path, release: Path, tmp_path: Path) -> None:
    merged = merge(lora.path, tmp_path / "merged")
    base, adapted, whole = logits(llava, lora.path, merged)
    assert torch.allclose(adapted, whole, atol=1e-5)
    said = [list(predictions(path, release, "validation", max_new_tokens=4)) for path in (lora.path, merged)]
    assert said[0] == said[1] and len(said[0]) == 16
    assert (base - adapted).abs().max() > 0.01
    with pytest.raises(RecipeError, match="is there already"):
        merge(lora.path, merged)
    with pytest.raises(RecipeError, match="a whole model already"):
        merge(merged, tmp_path / "twice")


def test_a_model_in_4_bits_learns_through_adapters_and_merges_into_whole_weights(release: Path, tmp_path: Path) -> None:
    model = make_llava(tmp_path / "wide", width=64)
    run = ran(tmp_path, model, release, "tune={method: qlora, parts: [language], lora: {rank: 8, alpha: 16}}")
    assert_learnt_in_4_bits(run, model, merge(run.path, tmp_path / "merged"))


def test_qwen_learns_dialogs_with_the_processor_for_pictures_alone(tmp_path: Path) -> None:
    """Its rows have kinds of tokens and grids of pictures beside the ids; three answers a row, larger pictures cut."""
    model, release = make_qwen(tmp_path / "qwen"), make_release(tmp_path / "release", 16, turns=3, held_out=4)
    tune = "tune={method: lora, parts: [vision, language], lora: {rank: 4, alpha: 8, whole: [projector]}}"
    run = ran(tmp_path, model, release, tune, "optim.checkpointing=true", "model.max_pixels=4096")
    assert run.done is not None and run.model is not None
    learns = {line["part"]: line["learns"] for line in run.done["trained"] if line["learns"]}
    assert learns.keys() == {"adapters of vision", "projector", "adapters of language"}
    kept = orjson.loads((run.model / "processor_config.json").read_bytes())["image_processor"]["size"]
    assert kept["longest_edge"] == 4096
    said = list(predictions(run.path, release, "validation", max_new_tokens=3))
    assert [row["id"] for row in said] == [f"validation-{number:04d}" for number in range(4)]


def test_workers_change_nothing(llava: Path, release: Path, tmp_path: Path, lora: RunFolder) -> None:
    assert same(weights(lora.model), weights(ran(tmp_path, llava, release, *LORA, "data.workers=2").model))


def test_a_loss_that_is_no_number_stops_the_run(llava: Path, release: Path, tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault, match="loss is nan, so nothing more is learnt"):
        ran(tmp_path, llava, release, "optim.learning_rate=1.0e+38", "keep.log_steps=1")


def test_a_last_step_that_leaves_no_numbers_does_not_end_a_run(llava: Path, release: Path, tmp_path: Path) -> None:
    """The loss of the only step is that of the weights before it, and a number."""
    with pytest.raises(EnvironmentFault, match=r"step 1: .* has values that are no numbers, so nothing more is learnt"):
        ran(tmp_path, llava, release, "optim.learning_rate=1.0e+38", "optim.steps=1")
    left = RunFolder(tmp_path / "runs" / "tiny")
    assert left.checkpoint() is None and left.done is None


def test_two_processes_end_with_the_weights_of_one(llava: Path, release: Path, tmp_path: Path) -> None:
    """The same four rows a step: in one batch, or two a process, whose gradients meet through gloo. The ten rows whose
    loss is measured are five batches of two, which two processes cannot deal out evenly."""
    told = ("data.evaluate=validation", "data.evaluate_rows=10", "keep.evaluate_steps=3", "tune.lora.whole=[projector]")
    one = ran(tmp_path, llava, release, *told)
    path = tmp_path / "run.yaml"
    words = ["train", path, "--out", tmp_path / "two", *(f"--set={each}" for each in (*told, "optim.batch_size=2"))]
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", "-m", "factory"]
    done = subprocess.run([*launcher, *map(str, words)], capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-2000:]
    two = RunFolder(tmp_path / "two" / "tiny")
    first, second = weights(one.model), weights(two.model)
    assert first.keys() == second.keys()
    assert all(torch.allclose(first[name], second[name], atol=2e-5) for name in first)
    assert one.done is not None and two.done is not None
    assert two.done["eval_loss"] == pytest.approx(one.done["eval_loss"], abs=1e-3)
    assert done.stderr.count("goes on from") == 0 and done.stderr.count("adapters of language") == 1
