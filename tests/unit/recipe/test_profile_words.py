"""Which profile is taken, and that it is said with its reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from factory.errors import RecipeError
from factory.recipe.load import load_recipe
from tests.pages import REPOSITORY

SHIPPED = REPOSITORY / "recipes" / "mp16_reason.yaml"


def test_none_takes_the_recipe_itself_and_not_its_demo() -> None:
    itself = load_recipe(SHIPPED, profile="none")
    assert itself.profile is None and itself.profile_words == "no profile, as asked"
    assert itself.recipe == load_recipe(SHIPPED, profile="full").recipe
    assert itself.recipe != load_recipe(SHIPPED).recipe


def test_what_is_taken_by_default_says_how_to_take_the_file_itself() -> None:
    assert load_recipe(SHIPPED).profile_words == "profile demo, the default (--profile none takes the file itself)"


def test_a_profile_that_was_asked_for_says_so() -> None:
    assert load_recipe(SHIPPED, profile="laptop").profile_words == "profile laptop, as asked"


def test_a_profile_called_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text("name: x\nprofiles:\n  none: {}\n")
    with pytest.raises(RecipeError, match=r"r\.yaml:3:3: `profiles\.none`: `none` means no profile at all"):
        load_recipe(path)


def test_an_unknown_profile_names_none_among_the_others() -> None:
    with pytest.raises(RecipeError, match="profiles here: demo, laptop, full, globe, and none, the file itself"):
        load_recipe(SHIPPED, profile="tiny")
