"""docs/train.md names every key of a training run with its default, and every family with its parts."""

from __future__ import annotations

import pytest

from tests.pages import REPOSITORY, page, sections, table
from tests.unit.docs.test_recipe_page import shown, split_up
from train.blocks import PARTS, DataBlock, KeepBlock, LoraBlock, ModelBlock, OptimBlock, ReleaseBlock, TuneBlock
from train.models import FAMILIES
from train.runs import SftRun

PAGE = sections(page("docs/train.md"))
KEYS = split_up(PAGE["Keys"])
BLOCKS = {
    "": SftRun,
    "model": ModelBlock,
    "data": DataBlock,
    "data.releases": ReleaseBlock,
    "tune": TuneBlock,
    "tune.lora": LoraBlock,
    "optim": OptimBlock,
    "keep": KeepBlock,
}


def test_every_block_has_its_section() -> None:
    assert KEYS.keys() == BLOCKS.keys()


@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_has_its_keys_with_their_defaults(block: str) -> None:
    told = {row[0].strip("`"): row[1] for row in table(KEYS[block], "key")}
    inside = {name.rpartition(".")[2] for name in BLOCKS if name.rpartition(".")[0] == block} - {"releases"}
    fields = {name: shown(field.default) for name, field in BLOCKS[block].model_fields.items() if name not in inside}
    assert told == fields


def test_every_family_stands_there_with_the_names_of_its_parts() -> None:
    rows = {row[0].strip("`"): row[1:] for row in table(PAGE["What learns"], "`model_type`")}
    assert rows == {
        name: [", ".join(f"`{prefix}`" for prefix in getattr(family, part)) for part in PARTS]
        for name, family in FAMILIES.items()
    }


def test_every_recipe_and_every_file_for_accelerate_is_named() -> None:
    for file in (REPOSITORY / "recipes" / "train").rglob("*.yaml"):
        assert f"(../{file.relative_to(REPOSITORY)})" in page("docs/train.md"), file.name
