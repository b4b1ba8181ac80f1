"""A retriever from a released shard: it finds pictures by what they show, and goes on exactly where it stopped."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from factory.errors import RecipeError
from tests.training.running import assert_learnt_in_4_bits, logits, weights
from tests.training.tiny import make_llava, make_release
from train.blocks import ReleaseBlock
from train.contrast import place_id
from train.conversation import UnlearnableRow
from train.evaluate.retrieval_files import measured
from train.folder import RunFolder
from train.merge import merge
from train.models import FAMILIES
from train.pairs import Pairs
from train.processors import read_processor
from train.runs import PairsBlock, SideBlock
from train.settings import load_run
from train.trainers import trainer_of

RUN = """\
name: tiny
trainer: retriever
model: {{path: {model}, dtype: float32}}
data:
  releases: [{{path: {release}}}]
  query: {{picture: 0, prompt: Where was this photo taken?}}
  gallery: {{text: country}}
  place: [country]
tune: {{method: full, parts: [projector, language]}}
temperature: 0.1
optim: {{steps: 25, batch_size: 8, accumulate: 2, learning_rate: 3.0e-3, schedule: constant, precision: fp32,
  checkpointing: false}}
keep: {{save_steps: 20, log_steps: 5}}
"""


def trained(folder: Path, model: Path, release: Path, *overrides: str) -> tuple[RunFolder, list[str]]:
    """The folder of a run, and the lines that it told."""
    path = folder / "run.yaml"
    path.write_text(RUN.format(model=model, release=release))
    run, told = load_run(path, overrides=overrides), list[str]()
    return trainer_of(run)(run, folder / "runs", told.append), told


@pytest.fixture(scope="module")
def run(llava: Path, release: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[RunFolder, list[str]]:
    """Twenty-five steps of sixteen pairs, eight at once, with checkpoints after 20 and 25."""
    return trained(tmp_path_factory.mktemp("retriever"), llava, release)


def test_held_out_pictures_find_their_place_and_did_not_before(run: tuple[RunFolder, list[str]]) -> None:
    done = run[0].done
    assert done is not None
    before, after = (done["retrieval"][which]["recall"]["R@1"] for which in ("without", "with"))
    assert after >= 0.9 > 0.6 >= before
    assert done["retrieval"]["with"]["size"] == 4 and done["retrieval"]["with"]["queries"] == 16
    head, names, without, learnt = run[1][-4:]
    assert head == "16 queries, gallery of 4 (full), in %" and names.split()[:2] == ["fine-tuning", "R@1"]
    assert without.split()[:2] == ["without", f"{100 * before:.2f}"]
    assert learnt.split()[:2] == ["with", f"{100 * after:.2f}"]


def test_swapped_pictures_fall_to_chance(
    run: tuple[RunFolder, list[str]], llava: Path, release: Path, tmp_path: Path
) -> None:
    """The trained model, taught no more (a rate of nothing to speak of), looks at pictures of other places."""
    model = run[0].model
    swapped = make_release(tmp_path / "swapped", 16, swapped=True)
    steps = ("optim.steps=1", "optim.learning_rate=1e-12", f"model.path={model}")
    done = trained(tmp_path, llava, swapped, *steps)[0].done
    assert done is not None and done["retrieval"]["with"]["recall"]["R@1"] <= 0.4  # chance is one in four


def test_embeddings_are_written_for_whoever_looks_up(run: tuple[RunFolder, list[str]]) -> None:
    folder, done = run[0].path / "embeddings", run[0].done
    queries, gallery = (np.load(folder / f"{name}.npy", allow_pickle=False) for name in ("queries", "gallery"))
    assert queries.shape == (16, 32) and gallery.shape == (4, 32) and queries.dtype == np.float32
    assert np.allclose(np.linalg.norm(queries, axis=1), 1, atol=1e-5)
    tables, vectors = ([folder / f"{name}.{kind}" for name in ("queries", "gallery")] for kind in ("csv", "npy"))
    first = tables[0].read_text().splitlines()[:2]
    assert first == ["id,positive", "validation-0000,validation-0000"]
    (found,) = measured(*tables, *vectors)
    assert done is not None and found.recall == done["retrieval"]["with"]["recall"]


def test_frozen_parts_keep_every_bit(run: tuple[RunFolder, list[str]], llava: Path) -> None:
    before, after = weights(llava), weights(run[0].model)
    vision = [name for name in before if "vision_tower" in name]
    assert vision and all(torch.equal(before[name], after[name]) for name in vision)


def test_a_run_that_goes_on_ends_with_the_very_weights_of_one_that_was_not_stopped(
    run: tuple[RunFolder, list[str]], llava: Path, release: Path, tmp_path: Path
) -> None:
    left = tmp_path / "runs" / "tiny"
    left.mkdir(parents=True)
    shutil.copy(run[0].path / "run.json", left)
    shutil.copytree(run[0].path / "checkpoint-20", left / "checkpoint-20")
    again = weights(trained(tmp_path, llava, release)[0].model)
    assert all(torch.equal(value, again[name]) for name, value in weights(run[0].model).items())


def test_adapters_learn_and_what_they_changed_is_known(llava: Path, release: Path, tmp_path: Path) -> None:
    tune = "tune={method: lora, parts: [language], lora: {rank: 16, alpha: 128}}"
    run, _ = trained(tmp_path, llava, release, tune, "optim.steps=2", "optim.checkpointing=true")
    assert run.done is not None and (run.path / "adapter" / "adapter_config.json").is_file()
    learns = {line["part"]: line["learns"] for line in run.done["trained"]}
    assert learns["language"] == learns["projector"] == 0 < learns["adapters of language"]
    assert run.done["retrieval"].keys() == {"without", "with"}


def test_a_merged_model_embeds_as_its_adapters_do(llava: Path, release: Path, tmp_path: Path) -> None:
    tune = "tune={method: lora, parts: [language], lora: {rank: 8, alpha: 64, whole: [projector]}}"
    run, _ = trained(tmp_path, llava, release, tune, "optim.steps=2", "data.evaluate=null")
    base, adapted, merged = logits(llava, run.path, merge(run.path, tmp_path / "merged"))
    assert torch.allclose(adapted, merged, atol=1e-5)
    assert (base - adapted).abs().max() > 0.01


def test_a_model_in_4_bits_is_contrasted_through_adapters_and_merges_into_whole_weights(
    release: Path, tmp_path: Path
) -> None:
    model = make_llava(tmp_path / "wide", width=64)
    tune = "tune={method: qlora, parts: [language], lora: {rank: 8, alpha: 64}}"
    run, _ = trained(tmp_path, model, release, tune, "optim.steps=2", "data.evaluate=null")
    assert_learnt_in_4_bits(run, model, merge(run.path, tmp_path / "merged"))


def test_two_processes_end_with_the_weights_of_one(llava: Path, release: Path, tmp_path: Path) -> None:
    """The same eight pairs a step: in one process, or four in each, contrasted with each other's through gloo."""
    steps = ("optim.steps=2", "optim.accumulate=1", "data.evaluate=null")
    one, _ = trained(tmp_path, llava, release, *steps)
    words = ["train", tmp_path / "run.yaml", "--out", tmp_path / "two", *(f"--set={each}" for each in steps)]
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", "-m", "factory"]
    half = [*launcher, *map(str, words), "--set=optim.batch_size=4"]
    done = subprocess.run(half, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.splitlines() == [str(tmp_path / "two" / "tiny" / "model")]
    first, second = weights(one.model), weights(tmp_path / "two" / "tiny" / "model")
    assert first.keys() == second.keys()
    assert all(torch.allclose(first[name], second[name], atol=2e-5) for name in first)


@pytest.mark.parametrize("mark", ["<image>", "<|im_end|>"])
def test_a_text_that_contains_a_mark_of_the_model_is_named(mark: str, llava: Path) -> None:
    side = SideBlock(text="country")
    data = PairsBlock(releases=(ReleaseBlock(path="r"),), query=SideBlock(picture=0), gallery=side, place=("country",))
    pairs = Pairs(read_processor(str(llava), FAMILIES["llava"]), data, 2)
    assert pairs.side(side, [{"id": "a", "country": "Peru"}])["input_ids"].shape[0] == 1
    with pytest.raises(UnlearnableRow, match=rf"^b: `country` contains '{re.escape(mark)}', a mark of this model"):
        pairs.side(side, [{"id": "a", "country": "Peru"}, {"id": "b", "country": f"Pe{mark}ru"}])


def test_a_row_that_does_not_say_where_it_is_is_named_and_is_nobodys_neighbour() -> None:
    rows = [{"id": "a", "lat": 1.0, "lon": 2.0}, {"id": "b", "lat": 1.0, "lon": None}]
    assert place_id(rows[0], ("lat", "lon")) == place_id({**rows[0], "id": "c"}, ("lat", "lon"))
    with pytest.raises(UnlearnableRow, match=r"^b: says no `lon`"):
        place_id(rows[1], ("lat", "lon"))


def test_a_row_without_its_side_is_named(llava: Path, release: Path, tmp_path: Path) -> None:
    with pytest.raises(UnlearnableRow, match=r"train-\d+: has 1 pictures, and number 1 is wanted"):
        trained(tmp_path, llava, release, "data.query.picture=1", "optim.steps=1")
    with pytest.raises(RecipeError, match="rows without caption cannot be learnt from"):
        trained(tmp_path, llava, release, "data.gallery.text=caption", "name=other")
