"""`factory demo`: the shipped recipe, built as it stands, or copied to where it can be edited.

The recipes lie beside the package `factory`, in a checkout as in site-packages: one rule finds them in both, and their
first line finds the editor's schema in `schemas` by the same neighbourhood.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from factory.errors import EnvironmentFault, RecipeError

RECIPE = "mp16_reason.yaml"
PROFILE = "demo"
SCHEMA = "recipe.schema.json"
FOLDER = "demo"
"""Beside the recipe: the table, the pictures and the recorded answers that its profile `demo` names."""

_HERE = Path(__file__).resolve().parents[2]
_PROGRAM = shutil.ignore_patterns("*.py", "scenes", "fonts", "__pycache__")
"""What draws the scenes: in a checkout only, and no part of the demo's data."""


def demo_recipe() -> Path:
    """The shipped recipe. Raises EnvironmentFault where an installation lacks it."""
    recipe = _HERE / "recipes" / RECIPE
    if not (recipe.is_file() and (recipe.parent / FOLDER).is_dir()):
        raise EnvironmentFault(
            f"{recipe}: missing; install the package geo-reasoning-factory again, it carries the demo"
        )
    return recipe


def copy_demo(target: Path) -> Path:
    """Copies the recipe, its data and the editor's schema into a folder, made if need be. Returns the copied recipe.

    Raises RecipeError when one of them is there already: a recipe somebody edited is never overwritten.
    """
    recipe = demo_recipe()
    if target.exists() and not target.is_dir():
        raise RecipeError(f"{target}: is a file; --copy wants a folder, which is made if it is not there")
    if there := next((path for name in (RECIPE, SCHEMA, FOLDER) if os.path.lexists(path := target / name)), None):
        raise RecipeError(f"{there}: is there already, nothing was copied; name another folder, or remove it")
    target.mkdir(parents=True, exist_ok=True)
    shutil.copytree(recipe.parent / FOLDER, target / FOLDER, ignore=_PROGRAM, copy_function=shutil.copyfile)
    shutil.copyfile(_HERE / "schemas" / SCHEMA, target / SCHEMA)
    text = recipe.read_text(encoding="utf-8").replace(f"$schema=../schemas/{SCHEMA}", f"$schema={SCHEMA}")
    copied = target / RECIPE
    copied.write_text(text, encoding="utf-8")
    return copied
