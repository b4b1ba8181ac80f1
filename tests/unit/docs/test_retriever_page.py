"""docs/retriever.md names every key of a retriever's run with its default."""

from __future__ import annotations

import pytest

from tests.pages import page, sections, table
from tests.unit.docs.test_recipe_page import shown, split_up
from train.runs import PairsBlock, RetrieverRun, SideBlock

KEYS = split_up(sections(page("docs/retriever.md"))["Keys"])
BLOCKS = {"": RetrieverRun, "data": PairsBlock, "data.query": SideBlock}
ELSEWHERE = {"": {"model", "data", "tune", "optim", "keep"}, "data": {"query", "gallery"}, "data.query": set[str]()}


def test_every_block_has_its_section() -> None:
    assert KEYS.keys() == BLOCKS.keys()


@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_has_its_keys_with_their_defaults(block: str) -> None:
    told = {row[0].strip("`"): row[1] for row in table(KEYS[block], "key")}
    fields = BLOCKS[block].model_fields
    assert told == {name: shown(field.default) for name, field in fields.items() if name not in ELSEWHERE[block]}
