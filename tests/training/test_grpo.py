"""Reinforcement from a fine-tuned model: its reward rises, it goes on exactly, and a server that fails stops it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from factory.errors import EnvironmentFault, RecipeError
from tests.reward_server import reward_server
from tests.training.running import FULL, assert_learnt_in_4_bits, logits, ran, share_right, weights
from tests.training.tiny import make_llava
from train.folder import RunFolder
from train.merge import merge
from train.settings import load_run
from train.trainers import trainer_of

RUN = """\
name: tiny
trainer: grpo
model: {{path: {model}, dtype: float32}}
data: {{releases: [{{path: {release}}}]}}
rewards: {{weights: {{accuracy: 1}}}}
sample: {{generations: 8, max_tokens: 2}}
policy: {{beta: 0.001}}
tune: {{method: full, parts: [projector, language]}}
optim: {{steps: 12, batch_size: 32, learning_rate: 4.0e-3, schedule: constant, precision: fp32, checkpointing: false}}
keep: {{save_steps: 9, log_steps: 3}}
"""


@pytest.fixture(scope="module")
def half_taught(full: RunFolder) -> Path:
    """A model that was fine-tuned until it half knew the colours."""
    return full.path / "checkpoint-30"


def reinforced(folder: Path, model: Path, release: Path, *overrides: str) -> RunFolder:
    path = folder / "run.yaml"
    path.write_text(RUN.format(model=model, release=release))
    run = load_run(path, overrides=overrides)
    return trainer_of(run)(run, folder / "runs", lambda line: None)


@pytest.fixture(scope="module")
def run(half_taught: Path, release: Path, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """Twelve steps for the right country, with checkpoints after 9 and 12."""
    return reinforced(tmp_path_factory.mktemp("grpo"), half_taught, release)


def test_the_reward_of_a_fine_tuned_model_rises(run: RunFolder, half_taught: Path, release: Path) -> None:
    assert run.done is not None
    assert run.done["last_reward"] > run.done["first_reward"] + 0.02  # of 0.2 for the right country
    assert share_right(run.path, release) >= share_right(half_taught, release)


def test_frozen_parts_keep_every_bit(run: RunFolder, half_taught: Path) -> None:
    before, after = weights(half_taught), weights(run.model)
    same = {name for name in before if torch.equal(before[name], after[name])}
    assert {name for name in before if "vision_tower" in name} <= same
    assert not any("projector" in name for name in same)


def test_a_run_that_goes_on_ends_with_the_very_weights_of_one_that_was_not_stopped(
    run: RunFolder, half_taught: Path, release: Path, tmp_path: Path
) -> None:
    left = tmp_path / "runs" / "tiny"
    left.mkdir(parents=True)
    shutil.copy(run.path / "run.json", left)
    shutil.copytree(run.path / "checkpoint-9", left / "checkpoint-9")
    again = weights(reinforced(tmp_path, half_taught, release).model)
    assert all(torch.equal(value, again[name]) for name, value in weights(run.model).items())


def test_a_reward_server_that_dies_stops_the_run_and_scores_nothing(
    half_taught: Path, release: Path, tmp_path: Path
) -> None:
    with reward_server(dies_after=40) as server:
        asked = f"{{base_url: '{server.url}', model: rm, tries: 1}}"
        rewards = f"rewards={{weights: {{localizability: 1}}, reward_model: {asked}}}"
        with pytest.raises(EnvironmentFault, match=r"gives no answer after 1 tries \(APIConnectionError\)") as caught:
            reinforced(tmp_path, half_taught, release, rewards, "policy.beta=0")
    assert caught.value.exit_code == 3
    assert len(server.asked) > 40  # the first step was answered, the second was not
    folder = RunFolder(tmp_path / "runs" / "tiny")
    assert folder.done is None and folder.model is None


def test_adapters_are_no_model_until_they_are_merged(release: Path, tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text("{}")
    with pytest.raises(RecipeError, match="holds adapters; `factory merge-adapter` makes a model of them"):
        reinforced(tmp_path, tmp_path, release)


def test_a_merged_model_says_of_every_token_what_its_adapters_do(
    half_taught: Path, release: Path, tmp_path: Path
) -> None:
    tune = "tune={method: lora, parts: [language], lora: {rank: 8, alpha: 64, whole: [projector]}}"
    run = reinforced(tmp_path, half_taught, release, tune, "optim.steps=2", "sample.temperature=2")
    base, adapted, merged = logits(half_taught, run.path, merge(run.path, tmp_path / "merged"))
    assert torch.allclose(adapted, merged, atol=1e-5)
    assert (base - adapted).abs().max() > 0.01


def test_a_model_in_4_bits_is_reinforced_through_adapters_and_merges_into_whole_weights(
    release: Path, tmp_path: Path
) -> None:
    """One that was taught for twenty steps names countries, right ones among them."""
    taught = ran(tmp_path, make_llava(tmp_path / "wide", width=64), release, *FULL, "optim.steps=20").model
    assert taught is not None
    tune = ("tune={method: qlora, parts: [language], lora: {rank: 8, alpha: 64}}", "sample.temperature=2")
    run = reinforced(tmp_path, taught, release, *tune, "optim.steps=2", "name=in_4_bits")
    assert_learnt_in_4_bits(run, taught, merge(run.path, tmp_path / "merged"))


def test_what_cannot_be_compared_is_refused_before_anything_is_loaded(release: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"`sample.generations`: 5 answers a question, and a step sees 32"):
        reinforced(tmp_path, tmp_path, release, "sample.generations=5")
    with pytest.raises(RecipeError, match="rows without entities cannot be learnt from"):
        reinforced(tmp_path, tmp_path, release, "rewards.weights={grounding_recall: 1}")
