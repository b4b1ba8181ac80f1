"""docs/sources.md: a section a source, with what it needs and a block that a recipe can have."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from factory.plugins.registry import known, plugin
from tests.pages import blocks, page, sections

SECTIONS = {name: text for name, text in sections(page("docs/sources.md")).items() if name}


def test_every_source_has_its_section() -> None:
    assert set(SECTIONS) == set(known("source"))


@pytest.mark.parametrize("name", sorted(SECTIONS))
def test_a_source_has_what_it_needs_and_a_block_of_a_recipe(name: str) -> None:
    assert name in known("source")
    assert re.search(r"^Needs ", SECTIONS[name], re.MULTILINE)
    for text in blocks(SECTIONS[name], "yaml"):
        settings: dict[str, Any] = yaml.safe_load(text)["source"]
        assert settings.pop("kind") == name
        plugin("source", name).settings.model_validate(settings)
    assert blocks(SECTIONS[name], "yaml")
