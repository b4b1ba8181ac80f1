"""docs/rewards.md names every reward, every preset with its weights, and every key with its default."""

from __future__ import annotations

import pytest

from tests.pages import page, sections, table
from tests.unit.docs.test_recipe_page import shown, split_up
from train.rewards import COUNTRY_ALONE, MATCH_RATIO, NEEDS
from train.runs import (
    PRESETS,
    GrpoRun,
    PolicyBlock,
    PromptsBlock,
    RewardModelBlock,
    RewardsBlock,
    SampleBlock,
    WeightsBlock,
)

PAGE = sections(page("docs/rewards.md"))
KEYS = split_up(PAGE["Keys"])
BLOCKS = {
    "": GrpoRun,
    "data": PromptsBlock,
    "rewards": RewardsBlock,
    "rewards.weights": WeightsBlock,
    "rewards.reward_model": RewardModelBlock,
    "sample": SampleBlock,
    "policy": PolicyBlock,
}
ELSEWHERE = {"model", "tune", "optim", "keep"}


def test_every_block_has_its_section() -> None:
    assert KEYS.keys() == BLOCKS.keys()


@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_has_its_keys_with_their_defaults(block: str) -> None:
    told = {row[0].strip("`"): row[1] for row in table(KEYS[block], "key")}
    inside = {name.rpartition(".")[2] for name in BLOCKS if name.rpartition(".")[0] == block} | (
        set() if block else ELSEWHERE
    )
    fields = {name: shown(field.default) for name, field in BLOCKS[block].model_fields.items() if name not in inside}
    assert told == fields


def test_every_reward_is_named_with_the_columns_it_needs() -> None:
    rows = {row[0].strip("`"): row for row in table(PAGE["Rewards"], "reward")}
    assert rows.keys() == WeightsBlock.model_fields.keys()
    for name, columns in NEEDS.items():
        assert rows[name][2] == ", ".join(f"`{column}`" for column in columns)
    assert f"{COUNTRY_ALONE} for the country" in rows["accuracy"][1] and f"{MATCH_RATIO} as long" in rows["accuracy"][1]


def test_the_presets_have_their_weights() -> None:
    rows = {row[0].strip("`"): row[1:] for row in table(PAGE["Rewards"], "preset")}
    assert rows == {name: [f"{weight:g}" for weight in weights.values()] for name, weights in PRESETS.items()}
