"""The identity of a loaded recipe: its fingerprint, with the digests of what it points to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

from factory.errors import RecipeError, SourceError
from factory.generators import open_generator
from factory.geo import GAZETTEER_VERSION
from factory.images.records import PREPARE_VERSION
from factory.phases.plan import PLAN_VERSION
from factory.plugins.blocks import Place, input_files, model_folders
from factory.plugins.contracts import Needs
from factory.plugins.registry import Kind, plugin
from factory.recipe.fingerprint import Fingerprint, fingerprint
from factory.recipe.load import LoadedRecipe
from factory.recipe.model import named_plugins, teacher_settings
from factory.select.accepted import selection_rules
from factory.select.benchmarks import benchmark_digest
from factory.sources import Source
from factory.store.files import file_digest
from factory.store.paths import input_path, shown_path
from factory.store.weights import weights_digest
from factory.text import did_you_mean
from release.detect import face_weights
from release.onnx_model import digest, read_weights, require_runtime
from release.withdrawal_list import fetched, is_address, named_list

STAGE_VERSIONS = {"answers": "3", "verify": "7", "review": "2", "select": "2", "release": "7"}
"""Raise a stage's version when its code may decide or write something else for the same input. Plan, prepared images,
prompts and ledger keys have versions of their own."""


def identify(loaded: LoadedRecipe, source: Source) -> Fingerprint:
    """The fingerprint of a recipe. Reads the source's table and every recording once, to hash them."""
    recipe = loaded.recipe
    generator = open_generator(recipe.generator)
    inputs = {
        "source": _told(loaded, ("source",), source.digest),
        "gazetteer": GAZETTEER_VERSION,
        "plan": str(PLAN_VERSION),
        "prepare": str(PREPARE_VERSION),
        "generator": generator.version,
        "needs": ",".join(_needed(generator.needs)),
        **STAGE_VERSIONS,
        "row": f"{generator.row.family}-{generator.row.version}",
    }
    plain = loaded.plain()
    for place, call in named_plugins(recipe):
        kind = _KINDS.get(place[:2]) or _KINDS[place[:1]]
        block, name = str(place[0]), teacher_settings(call).name if kind == "teacher" else call.name
        inputs[f"{block}.{name}.version"] = plugin(kind, call.name).version
        written = _parent(plain, place)
        for number, key in enumerate(input_files(call.settings)):
            inputs[f"{block}.{name}.{number}"] = _digest(loaded, written.pop(key), (*place, key))
        for key in model_folders(call.settings):
            inputs[f"{block}.{name}.{key}"] = _model(loaded, written.pop(key), (*place, key))
    for index, (name, settings) in enumerate(selection_rules(recipe.select, loaded.root)):
        for number, benchmark in enumerate(getattr(settings, "benchmarks", ())):
            place = ("select", index, name, "benchmarks", number)
            inputs[f"benchmarks.{benchmark.name}"] = _told(loaded, place, partial(benchmark_digest, benchmark))
    if (errata := named_list(recipe.release, loaded.root)) is not None:
        plain["release"].pop("withdrawn")
        place = ("release", "withdrawn")
        inputs["release.withdrawn"] = digest(fetched(errata)) if is_address(errata) else _digest(loaded, errata, place)
    if recipe.release.before is not None:
        manifest = f"{plain['release'].pop('before')}/manifest.json"
        inputs["release.before"] = _digest(loaded, manifest, ("release", "before"))
    if recipe.release.plates is not None:
        weights = plain["release"].pop("plates")
        inputs["release.plates"] = _digest(loaded, weights, ("release", "plates"))
        read_weights(input_path(loaded.root, weights))
        require_runtime()
    if recipe.release.coordinates is None:
        plain["release"].pop("coordinates")  # builds from before there was the key stay the same ones
    if recipe.release.faces is not None:  # what is missing is said before a teacher is paid
        require_runtime()
        inputs["release.faces"] = digest(face_weights())
    return fingerprint(plain, inputs)


_KINDS: Final[Mapping[Place, Kind]] = {
    ("generator",): "generator",
    ("source",): "source",
    ("teachers",): "teacher",
    ("witnesses",): "witness",
    ("verify", "decide"): "decider",
    ("verify", "checks"): "check",
    ("select",): "selector",
}


def _needed(needs: Needs) -> Iterator[str]:
    yield from needs.images
    yield from (f"optional {role}" for role in needs.optional_images)
    yield from (f"text {name}" for name in needs.texts)


def _parent(plain: Any, place: Place) -> dict[str, Any]:
    for key in place:
        plain = plain[key]
    settings: dict[str, Any] = plain
    return settings


def _told(loaded: LoadedRecipe, place: Place, digest: Callable[[], str]) -> str:
    """A digest; where it cannot be made because something named by a path is not there, the message says where in the
    recipe the path stands."""
    try:
        return digest()
    except SourceError as error:
        if str(error).startswith(f"{place[0]}."):  # names its key itself
            raise
        paths = [(*place, key) for key in ("path", "table", "images") if (*place, key) in loaded.origins]
        raise SourceError(f"{loaded.at(paths[0] if len(paths) == 1 else place)}: {error}") from None


def _model(loaded: LoadedRecipe, path: str | Path, place: Place) -> str:
    full = input_path(loaded.root, path)
    if not full.is_dir():
        raise RecipeError(f"{loaded.at(place)}: no folder {shown_path(loaded.root, path)}, expected a model's")
    return weights_digest(full)


def _digest(loaded: LoadedRecipe, path: str | Path, place: Place) -> str:
    full, shown = input_path(loaded.root, path), shown_path(loaded.root, path)
    if full.is_dir():
        raise RecipeError(f"{loaded.at(place)}: {shown} is a folder, expected a file in it")
    if not full.is_file():
        beside = sorted(one.name for one in full.parent.iterdir()) if full.parent.is_dir() else []
        hint = did_you_mean(full.name, beside)
        raise RecipeError(f"{loaded.at(place)}: no file {shown}, which the recipe names{hint}")
    return file_digest(full)
