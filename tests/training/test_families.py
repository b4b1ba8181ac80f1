"""Which parameters are vision, projector and language: every family's, by the names that `transformers` gives them.

Models stand on the device `meta`: names and shapes, no numbers.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import torch
import transformers

from factory.errors import RecipeError
from train.models import FAMILIES, family_of, freeze, linear_layers, parameter_parts, trained, whole_modules

CONFIGS = {
    "qwen2_vl": "Qwen2VLConfig",
    "qwen2_5_vl": "Qwen2_5_VLConfig",
    "qwen3_vl": "Qwen3VLConfig",
    "llava": "LlavaConfig",
    "llava_next": "LlavaNextConfig",
    "internvl": "InternVLConfig",
    "smolvlm": "SmolVLMConfig",
    "idefics3": "Idefics3Config",
}
PROJECTORS = {
    "qwen2_vl": {"model.visual.merger.ln_q", "model.visual.merger.mlp"},
    "qwen2_5_vl": {"model.visual.merger.ln_q", "model.visual.merger.mlp"},
    "qwen3_vl": {
        "model.visual.merger.linear_fc1",
        "model.visual.merger.linear_fc2",
        "model.visual.merger.norm",
        "model.visual.deepstack_merger_list.0",
        "model.visual.deepstack_merger_list.1",
        "model.visual.deepstack_merger_list.2",
    },
    "llava": {"model.multi_modal_projector.linear_1", "model.multi_modal_projector.linear_2"},
    "llava_next": {
        "model.multi_modal_projector.linear_1",
        "model.multi_modal_projector.linear_2",
        "model.image_newline",
    },
    "internvl": {
        "model.multi_modal_projector.layer_norm",
        "model.multi_modal_projector.linear_1",
        "model.multi_modal_projector.linear_2",
    },
    "smolvlm": {"model.connector.modality_projection.proj"},
    "idefics3": {"model.connector.modality_projection.proj"},
}
"""The whole projector of each family, by the first four names of its parameters."""


def shell(family: str) -> Any:
    config = getattr(transformers, CONFIGS[family])()
    with torch.device("meta"):
        return transformers.AutoModelForImageTextToText.from_config(config)


def test_every_family_is_looked_at() -> None:
    assert CONFIGS.keys() == FAMILIES.keys() == PROJECTORS.keys()


@pytest.mark.parametrize("name", CONFIGS)
def test_a_family_is_frozen_by_its_parts(name: str) -> None:
    model, family = shell(name), family_of(name, "model.path")
    assert model.config.model_type == name
    parts = parameter_parts((each for each, _ in model.named_parameters()), family)
    plain = {each.removesuffix(".weight").removesuffix(".bias") for each in parts if parts[each] == "projector"}
    projector = {".".join(each.split(".")[:4]) for each in plain}
    assert projector == PROJECTORS[name]
    counts = Counter(parts.values())
    assert counts["vision"] > 20 and counts["language"] > 20
    assert all(
        "language_model" in each or "text_model" in each or "lm_head" in each
        for each, part in parts.items()
        if part == "language"
    )
    freeze(model, family, ("projector",))
    assert {each for each, value in model.named_parameters() if value.requires_grad} == {
        each for each, part in parts.items() if part == "projector"
    }
    learns = {line.part: line.learns for line in trained(model, family)}
    assert learns["vision"] == learns["language"] == 0 < learns["projector"]
    assert sum(line.parameters for line in trained(model, family)) == sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize("name", CONFIGS)
def test_adapters_stand_on_linear_layers_of_the_parts_that_learn_and_never_on_the_output(name: str) -> None:
    model, family = shell(name), FAMILIES[name]
    layers = linear_layers(model, family, ("language",), (), "tune.lora.targets")
    assert layers and all(family.part_of(each) == "language" for each in layers)
    assert not any("lm_head" in each for each in layers)
    chosen = linear_layers(model, family, ("language",), ("q_proj",), "tune.lora.targets")
    assert chosen == [each for each in layers if each.endswith(".q_proj")] and chosen
    with pytest.raises(RecipeError, match=r"no linear layer 'q_prj' \(did you mean `q_proj`\?\)"):
        linear_layers(model, family, ("language",), ("q_prj",), "tune.lora.targets")


def test_a_projector_that_learns_whole_beside_adapters_is_kept_module_by_module() -> None:
    model, family = shell("qwen3_vl"), FAMILIES["qwen3_vl"]
    kept = whole_modules(model, family, ("projector",), "tune.lora.whole")
    assert kept == ["model.visual.merger", *(f"model.visual.deepstack_merger_list.{number}" for number in range(3))]
    with pytest.raises(RecipeError, match="a parameter without a module"):
        whole_modules(shell("llava_next"), FAMILIES["llava_next"], ("projector",), "tune.lora.whole")


def test_a_family_that_is_not_known_is_refused_by_the_nearest_name() -> None:
    with pytest.raises(RecipeError, match=r"'qwen2_5_v' \(did you mean `qwen2_5_vl`\?\)"):
        family_of("qwen2_5_v", "run.yaml:4:3: `model.path`")


def test_a_parameter_that_no_part_claims_stops_the_run() -> None:
    with pytest.raises(RecipeError, match=r"model\.audio_tower\.conv belongs to no part"):
        parameter_parts(["lm_head.weight", "model.audio_tower.conv"], FAMILIES["llava"])
