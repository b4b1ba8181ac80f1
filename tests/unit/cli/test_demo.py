"""`factory demo --copy`: a recipe to start from, complete and never laid over somebody's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from factory.cli.demo import RECIPE, copy_demo, demo_recipe
from factory.errors import RecipeError
from factory.phases.identity import identify
from factory.recipe.load import load_recipe
from factory.sources import open_source


def test_a_copy_is_the_same_build_and_its_schema_lies_beside_it(tmp_path: Path) -> None:
    copied = copy_demo(tmp_path / "new" / "mine")
    builds = []
    for recipe in (demo_recipe(), copied):
        loaded = load_recipe(recipe)
        builds.append(identify(loaded, open_source(loaded.recipe.source, loaded.root)).short)
    assert builds[0] == builds[1]
    schema = copied.read_text().partition("$schema=")[2].split()[0]
    assert (copied.parent / schema).is_file()
    assert not list(copied.parent.rglob("*.py"))


def test_a_recipe_that_is_there_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / RECIPE).write_text("mine")
    with pytest.raises(RecipeError, match="is there already, nothing was copied"):
        copy_demo(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [RECIPE]
    assert (tmp_path / RECIPE).read_text() == "mine"


def test_a_file_is_no_place_for_a_copy(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(RecipeError, match="taken: is a file"):
        copy_demo(tmp_path / "taken")
