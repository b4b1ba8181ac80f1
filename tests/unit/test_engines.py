"""Engines by name."""

from __future__ import annotations

import pytest

from factory.engines import open_engine
from factory.errors import RecipeError


def test_a_misspelt_engine_is_named_with_the_nearest_name() -> None:
    with pytest.raises(RecipeError, match=r"--engine: .*loca.*local"):
        open_engine("loca")
