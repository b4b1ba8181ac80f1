"""A YAML file of settings on its way to validation: profile, `--set` overrides, and where each value stands."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from pydantic import BaseModel

from factory.errors import RecipeError
from factory.store.paths import variable_problems
from factory.store.yaml_lines import LinedDocument, Place, scalar_yaml
from factory.text import did_you_mean
from schemas.settings import PathSetting

DEFAULT_PROFILE: Final = "demo"
NO_PROFILE: Final = "none"
"""Asked for as a profile, the file as it stands, with nothing laid over it."""
MAX_PROBLEMS: Final = 100
"""Of a file that are shown at once."""


@dataclass(slots=True)
class Draft:
    """Data on its way to validation, with where each value was written."""

    data: dict[str, Any]
    origins: dict[Place, str]
    file: str

    def where(self, place: Place) -> str:
        return origin_of(self.origins, place, self.file)


def origin_of(origins: Mapping[Place, str], place: Place, file: str) -> str:
    """Where a value was written; where it was left out, the block that would have it."""
    known = (origins.get(place[:length]) for length in range(len(place), 0, -1))
    return next((found for found in known if found), file)


def listed(found: Iterable[str], count: int) -> list[str]:
    """Problems, one a line, as many as somebody reads."""
    shown = list(islice(found, MAX_PROBLEMS))
    return [*shown, *([f"... and {count - MAX_PROBLEMS:,} more"] if count > MAX_PROBLEMS else [])]


def with_profile(document: LinedDocument, profile: str | None) -> tuple[Draft, str | None]:
    """The document with a profile laid over it, and which: `demo` where none is asked for and there is one; nothing is
    laid over it for `none`.

    Raises RecipeError where there is no such profile, it is no mapping, or one is called `none`.
    """
    data = dict(document.data)
    origins = {place: f"{document.path}:{line}:{column}" for place, (line, column) in document.places.items()}
    draft = Draft(data, {place: at for place, at in origins.items() if place[0] != "profiles"}, str(document.path))
    profiles = data.pop("profiles", None) or {}
    if not isinstance(profiles, Mapping):
        raise RecipeError(f"{document.where(('profiles',))}: `profiles`: expected a mapping of profile names")
    if NO_PROFILE in profiles:
        at = document.where(("profiles", NO_PROFILE))
        raise RecipeError(f"{at}: `profiles.{NO_PROFILE}`: `none` means no profile at all; give this one another name")
    if profile is None:
        profile = DEFAULT_PROFILE if DEFAULT_PROFILE in profiles else None
    elif profile == NO_PROFILE:
        profile = None
    elif profile not in profiles:
        hint = did_you_mean(profile, profiles)
        known = "".join(f"{name}, " for name in profiles)
        raise RecipeError(
            f"{document.path}: no profile `{profile}`{hint}; profiles here: {known}and {NO_PROFILE}, the file itself"
        )
    if profile is not None:
        overlay = profiles[profile]
        if not isinstance(overlay, Mapping):
            raise RecipeError(
                f"{document.where(('profiles', profile))}: `profiles.{profile}`: expected a mapping of keys"
            )
        for key, value in overlay.items():
            _overlay(draft, (key,), value, ("profiles", profile, key), origins)
    return draft, profile


def profile_words(used: str | None, asked: str | None) -> str:
    """Which profile was taken, and why, for people.

    Args:
        used: what `with_profile` laid over the file.
        asked: what was asked for.
    """
    if used is None:
        return "no profile, as asked" if asked == NO_PROFILE else "no profile, for none was named"
    if asked is None:
        return f"profile {used}, the default (--profile {NO_PROFILE} takes the file itself)"
    return f"profile {used}, as asked"


def _overlay(draft: Draft, place: Place, value: Any, written: Place, origins: Mapping[Place, str]) -> None:
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


def set_value(draft: Draft, override: str) -> None:
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


def paths_in(value: Any, place: Place) -> Iterator[Place]:
    """Where in a validated block paths stand: settings that are marked `PathSetting`, in blocks of blocks too.

    Args:
        place: the block's own.
    """
    if isinstance(value, BaseModel):
        for name, info in type(value).model_fields.items():
            if PathSetting() in info.metadata:
                yield (*place, name)
            else:
                yield from paths_in(getattr(value, name), (*place, name))
    elif isinstance(value, tuple | list):
        for index, item in enumerate(value):
            yield from paths_in(item, (*place, index))


def misplaced_variables(draft: Draft, paths: Container[Place]) -> Iterator[str]:
    """Variables that cannot be expanded, or stand where none is: each with its place.

    Args:
        paths: where paths stand, which alone may hold variables.
    """
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
