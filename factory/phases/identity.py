"""The identity of a loaded recipe: its fingerprint, with the digests of what it points to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from factory.errors import RecipeError
from factory.generators import open_generator
from factory.geo import GAZETTEER_VERSION
from factory.images.records import PREPARE_VERSION
from factory.phases.plan import PLAN_VERSION
from factory.plugins.blocks import Call, input_files
from factory.plugins.registry import Kind, plugin
from factory.recipe.fingerprint import Fingerprint, fingerprint
from factory.recipe.load import LoadedRecipe
from factory.recipe.model import Recipe, teacher_settings
from factory.select.accepted import selection_rules
from factory.select.benchmarks import benchmark_digest
from factory.sources import Source
from factory.store.files import file_digest
from factory.store.paths import input_path, shown_path

STAGE_VERSIONS = {"answers": "3", "verify": "5", "review": "1", "select": "2", "release": "3"}
"""Raise a stage's version when its code may decide or write something else for the same input. Plan, prepared images,
prompts and ledger keys have versions of their own."""


def identify(loaded: LoadedRecipe, source: Source) -> Fingerprint:
    """The fingerprint of a recipe. Reads the source's table and every recording once, to hash them."""
    recipe = loaded.recipe
    generator = open_generator(recipe.generator)
    inputs = {
        "source": source.digest(),
        "gazetteer": GAZETTEER_VERSION,
        "plan": str(PLAN_VERSION),
        "prepare": str(PREPARE_VERSION),
        "generator": generator.version,
        "needs": ",".join((*generator.needs.images, *(f"text {name}" for name in generator.needs.texts))),
        **STAGE_VERSIONS,
        "row": f"{generator.row.family}-{generator.row.version}",
    }
    plain = loaded.plain()
    for block, name, kind, call, written in _plugins(recipe, plain):
        inputs[f"{block}.{name}.version"] = plugin(kind, call.name).version
        for number, path in enumerate(written.pop(key) for key in input_files(call.settings)):
            inputs[f"{block}.{name}.{number}"] = _digest(loaded, path)
    for _, settings in selection_rules(recipe.select, loaded.root):
        for benchmark in getattr(settings, "benchmarks", ()):
            inputs[f"benchmarks.{benchmark.name}"] = benchmark_digest(benchmark)
    return fingerprint(plain, inputs)


def _plugins(recipe: Recipe, plain: Mapping[str, Any]) -> Iterator[tuple[str, str, Kind, Call, dict[str, Any]]]:
    """Every plug-in that a recipe names: the block whose stage it belongs to, its name there, its kind, itself, and its
    settings as they stand in the plain recipe."""
    yield "generator", recipe.generator.name, "generator", recipe.generator, plain["generator"]
    yield "source", recipe.source.name, "source", recipe.source, plain["source"]
    for call, written in zip(recipe.teachers, plain["teachers"], strict=True):
        yield "teachers", teacher_settings(call).name, "teacher", call, written
    for call, written in zip(recipe.witnesses, plain["witnesses"], strict=True):
        yield "witnesses", call.name, "witness", call, written[call.name]
    if recipe.verify is not None:
        yield "verify", recipe.verify.decide.name, "decider", recipe.verify.decide, plain["verify"]["decide"]
        for call, written in zip(recipe.verify.checks, plain["verify"]["checks"], strict=True):
            yield "verify", call.name, "check", call, written[call.name]
    for call, written in zip(recipe.select, plain["select"], strict=True):
        yield "select", call.name, "selector", call, written[call.name]


def _digest(loaded: LoadedRecipe, path: str | Path) -> str:
    full = input_path(loaded.root, path)
    if full.is_dir():
        raise RecipeError(f"{loaded.path}: {shown_path(loaded.root, path)} is a folder, expected a file in it")
    if not full.is_file():
        raise RecipeError(f"{loaded.path}: no file {shown_path(loaded.root, path)}, which the recipe names")
    return file_digest(full)
