"""From a recipe file to a validated recipe: profile overlay, `--set` overrides, environment variables, messages.

Every problem is reported at once, each with file, line, column, the key, what was expected and the nearest valid name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from factory.errors import RecipeError
from factory.plugins.blocks import Place
from factory.recipe.model import Recipe, path_places
from factory.recipe.problems import problems
from factory.store.yaml_draft import (
    listed,
    misplaced_variables,
    origin_of,
    profile_words,
    set_value,
    with_profile,
)
from factory.store.yaml_lines import read_yaml


@dataclass(frozen=True, slots=True)
class LoadedRecipe:
    """A validated recipe, the folder its relative paths start from, and how it was asked for."""

    recipe: Recipe
    root: Path
    path: Path
    profile: str | None
    overrides: tuple[str, ...] = ()
    origins: Mapping[Place, str] = field(default_factory=dict, compare=False)
    """`file:line:column`, or the `--set` text, of every value that was written."""
    profile_words: str = ""
    """Which profile was taken, and why, for people."""

    def at(self, place: Place) -> str:
        """Where a value was written and its key, for messages: "r.yaml:12:9: `teachers.0.path`"."""
        return f"{origin_of(self.origins, place, str(self.path))}: `{'.'.join(map(str, place))}`"

    def plain(self) -> dict[str, Any]:
        """The resolved recipe as plain data, every default filled in."""
        return self.recipe.model_dump(mode="json")


def load_recipe(path: str | Path, *, profile: str | None = None, overrides: Sequence[str] = ()) -> LoadedRecipe:
    """Reads and validates a recipe. Without a profile, `demo` is laid over when there is one; for `none`, nothing.

    Raises RecipeError with every problem found, one a line.
    """
    document = read_yaml(Path(path))
    draft, used = with_profile(document, profile)
    for override in overrides:
        set_value(draft, override)
    try:
        recipe = Recipe.model_validate(draft.data)
    except ValidationError as error:
        raise RecipeError(*listed(problems(draft.where, error, Recipe), error.error_count())) from None
    if unsound := list(misplaced_variables(draft, set(path_places(recipe)))):
        raise RecipeError(*listed(unsound, len(unsound)))
    root, words = Path(path).resolve().parent, profile_words(used, profile)
    return LoadedRecipe(recipe, root, Path(path), used, tuple(overrides), draft.origins, words)
