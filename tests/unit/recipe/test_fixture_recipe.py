from __future__ import annotations

from ruamel.yaml import YAML

from factory.recipe.model import Recipe
from tests.build_fixture import RECIPE_LOCK


def test_the_recipe_of_the_fixtures_builds_is_one() -> None:
    recipe = Recipe.model_validate(YAML(typ="safe").load(RECIPE_LOCK))
    assert recipe.generator.settings.model_dump()["answer"] == "nearest"
