"""From a recipe file to a validated recipe: profile overlay, `--set` overrides, environment variables, messages.

Every problem is reported at once, each with file, line, column, the key, what was expected and the nearest valid name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from factory.errors import RecipeError
from factory.plugins.blocks import Place
from factory.recipe.model import Recipe, path_places
from factory.recipe.problems import problems
from factory.store.paths import variable_problems
from factory.store.yaml_lines import LinedDocument, read_yaml, scalar_yaml
from factory.text import did_you_mean

DEFAULT_PROFILE = "demo"
MAX_PROBLEMS = 100
"""Of a recipe that are shown at once."""


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

    def at(self, place: Place) -> str:
        """Where a value was written and its key, for messages: "r.yaml:12:9: `teachers.0.path`"."""
        return f"{_origin(self.origins, place, str(self.path))}: `{'.'.join(map(str, place))}`"

    def plain(self) -> dict[str, Any]:
        """The resolved recipe as plain data, every default filled in."""
        return self.recipe.model_dump(mode="json")


@dataclass(slots=True)
class _Draft:
    """Recipe data on its way to validation, with where each value was written."""

    data: dict[str, Any]
    origins: dict[Place, str]
    file: str

    def where(self, place: Place) -> str:
        return _origin(self.origins, place, self.file)


def _origin(origins: Mapping[Place, str], place: Place, file: str) -> str:
    """Where a value was written; where it was left out, the block that would have it."""
    known = (origins.get(place[:length]) for length in range(len(place), 0, -1))
    return next((found for found in known if found), file)


def load_recipe(path: str | Path, *, profile: str | None = None, overrides: Sequence[str] = ()) -> LoadedRecipe:
    """Reads and validates a recipe. Without a profile, `demo` is laid over when the recipe has one.

    Raises RecipeError with every problem found, one a line.
    """
    document = read_yaml(Path(path))
    draft, used = _with_profile(document, profile)
    for override in overrides:
        _set(draft, override)
    try:
        recipe = Recipe.model_validate(draft.data)
    except ValidationError as error:
        raise RecipeError(*_listed(problems(draft.where, error, Recipe), error.error_count())) from None
    if unsound := list(_variable_problems(draft, recipe)):
        raise RecipeError(*_listed(unsound, len(unsound)))
    return LoadedRecipe(recipe, Path(path).resolve().parent, Path(path), used, tuple(overrides), draft.origins)


def _listed(found: Iterable[str], count: int) -> list[str]:
    """Problems, one a line, as many as somebody reads."""
    shown = list(islice(found, MAX_PROBLEMS))
    return [*shown, *([f"... and {count - MAX_PROBLEMS:,} more"] if count > MAX_PROBLEMS else [])]


def _with_profile(document: LinedDocument, profile: str | None) -> tuple[_Draft, str | None]:
    data = dict(document.data)
    origins = {place: f"{document.path}:{line}:{column}" for place, (line, column) in document.places.items()}
    draft = _Draft(data, {place: at for place, at in origins.items() if place[0] != "profiles"}, str(document.path))
    profiles = data.pop("profiles", None) or {}
    if not isinstance(profiles, Mapping):
        raise RecipeError(f"{document.where(('profiles',))}: `profiles`: expected a mapping of profile names")
    if profile is None:
        profile = DEFAULT_PROFILE if DEFAULT_PROFILE in profiles else None
    elif profile not in profiles:
        hint = did_you_mean(profile, profiles)
        known = ", ".join(profiles) or "none"
        raise RecipeError(f"{document.path}: no profile `{profile}`{hint}; profiles here: {known}")
    if profile is not None:
        overlay = profiles[profile]
        if not isinstance(overlay, Mapping):
            raise RecipeError(
                f"{document.where(('profiles', profile))}: `profiles.{profile}`: expected a mapping of keys"
            )
        for key, value in overlay.items():
            _overlay(draft, (key,), value, ("profiles", profile, key), origins)
    return draft, profile


def _overlay(draft: _Draft, place: Place, value: Any, written: Place, origins: Mapping[Place, str]) -> None:
    """Lays one value over the draft: mappings merge, everything else replaces.

    A plug-in block that changes its plug-in (`kind`, `by`) replaces the old block: the old settings belong to another
    signature. Teachers are a list, so a profile that names teachers replaces them all.
    """
    parent = _parent(draft.data, place)
    old = parent.get(place[-1])
    merges = isinstance(old, Mapping) and isinstance(value, Mapping)
    if merges and not any(key in value and value[key] != old.get(key) for key in ("kind", "by")):
        draft.origins[place] = origins.get(written, draft.file)
        for key, item in value.items():
            _overlay(draft, (*place, key), item, (*written, key), origins)
        return
    parent[place[-1]] = _copy(value)
    if not isinstance(old, Mapping | list) and not isinstance(value, Mapping | list):
        draft.origins[place] = origins.get(written, draft.file)
        return
    for known_place in [p for p in draft.origins if p[: len(place)] == place]:
        del draft.origins[known_place]
    for source, at in origins.items():
        if source[: len(written)] == written:
            draft.origins[(*place, *source[len(written) :])] = at


def _parent(data: Any, place: Place) -> Any:
    for key in place[:-1]:
        data = data[key]
    return data


def _copy(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value


def _set(draft: _Draft, override: str) -> None:
    """Applies `a.b=c`. List items are named by index, by their `name`, or by their single key."""
    dotted, equals, text = override.partition("=")
    keys = dotted.strip().split(".")
    if not equals or not all(keys):
        raise RecipeError(f"--set {override}: expected KEY.KEY=VALUE")
    try:
        value = scalar_yaml(text)
    except RecipeError as error:
        raise RecipeError(f"--set {override}: {error}") from None
    node: Any = draft.data
    place: list[str | int] = []
    for depth, key in enumerate(keys):
        last = depth == len(keys) - 1
        steps: list[str | int] = [key]
        if isinstance(node, list):
            index, inner = _list_item(node, key, override)
            steps = [index] if inner is None else [index, inner]
        elif not isinstance(node, dict):
            raise RecipeError(f"--set {override}: `{'.'.join(keys[:depth])}` is a value, it has no key `{key}`")
        for step in steps[:-1]:
            node = node[step]
        place += steps
        if last:
            node[steps[-1]] = value
        else:
            node = _entered(node, steps[-1])
    draft.origins[tuple(place)] = f"--set {override}"


def _entered(node: Any, key: str | int) -> Any:
    """What stands under a key, made a mapping where nothing stands there."""
    if isinstance(node, dict) and node.get(str(key)) is None:
        node[str(key)] = {}
    return node[key]


_INDEX = re.compile(r"[0-9]{1,9}")


def _list_item(items: list[Any], key: str, override: str) -> tuple[int, str | None]:
    """(index, the item's single key when it is a `- name: settings` block)."""
    if _INDEX.fullmatch(key) and int(key) < len(items):
        return int(key), None
    names: list[str] = []
    for index, item in enumerate(items):
        if item == key:
            items[index] = {key: {}}
            return index, key
        if isinstance(item, dict):
            if item.get("name") == key:
                return index, None
            if len(item) == 1 and key in item:
                return index, key
            names.append(str(item.get("name") or next(iter(item), "")))
        else:
            names.append(str(item))
    listed = ", ".join(names) or "nothing"
    raise RecipeError(f"--set {override}: no item `{key}`; the list holds {listed} (0 to {len(items) - 1})")


def _variable_problems(draft: _Draft, recipe: Recipe) -> Iterator[str]:
    """Variables that cannot be expanded, or stand where none is: each with its place."""
    paths = set(path_places(recipe))
    for place, text in _texts(draft.data, ()):
        at = f"{draft.where(place)}: `{'.'.join(map(str, place))}`"
        if place in paths:
            yield from (f"{at}: {problem}" for problem in variable_problems(text))
        elif found := _BRACED.search(text):
            yield f"{at}: {found[0]}: variables stand in paths only; write the value, or give it with --set"


_BRACED = re.compile(r"\$\{\w+(?::-[^}]*)?\}", re.ASCII)
"""What once was expanded anywhere: without braces a `$` is text."""


def _texts(value: Any, place: Place) -> Iterator[tuple[Place, str]]:
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts(item, (*place, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts(item, (*place, index))
