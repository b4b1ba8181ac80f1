"""The identity of a loaded recipe: its fingerprint, with the digests of what it points to."""

from __future__ import annotations

from pathlib import Path

from factory.errors import RecipeError
from factory.fingerprint import Fingerprint, fingerprint
from factory.generators import open_generator
from factory.geo import GAZETTEER_VERSION
from factory.images.records import PREPARE_VERSION
from factory.plan import PLAN_VERSION
from factory.recipe import teacher_settings
from factory.recipe_load import LoadedRecipe
from factory.sources import Source
from factory.store import file_digest


def identify(loaded: LoadedRecipe, source: Source) -> Fingerprint:
    """The fingerprint of a recipe. Reads the source's table and every recording once, to hash them."""
    recipe = loaded.recipe
    inputs = {
        "source": source.digest(),
        "gazetteer": GAZETTEER_VERSION,
        "plan": str(PLAN_VERSION),
        "prepare": str(PREPARE_VERSION),
        "generator": open_generator(recipe.generator).version,
    }
    for call in recipe.teachers:
        if path := getattr(call.settings, "path", None):
            inputs[f"teachers.{teacher_settings(call).name}"] = _digest(loaded, path)
    for rule in recipe.select:
        for benchmark in getattr(rule.settings, "benchmarks", ()):
            if benchmark.table is not None:
                inputs[f"benchmarks.{benchmark.name}"] = _digest(loaded, benchmark.table)
    return fingerprint(loaded.plain(), inputs)


def _digest(loaded: LoadedRecipe, path: str | Path) -> str:
    full = loaded.root / Path(path).expanduser()
    if not full.is_file():
        raise RecipeError(f"{loaded.path}: no file {full}, which the recipe names")
    return file_digest(full)
