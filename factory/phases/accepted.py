"""A finished build that somebody takes for what a changed recipe would make, without making it again.

A raised version of the factory, a note in a prompt, a source whose table gained a column: the identity is another, and
whoever knows that the rows would be good as they are says so with a reason. It is recorded in build.json, the release
stays what it was, and the recipe's lock keeps saying what it was made with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from factory.errors import CorruptBuild, EnvironmentFault, RecipeError
from factory.phases.earlier import builds_beside
from factory.phases.identity import identify
from factory.phases.run import now
from factory.recipe.fingerprint import Fingerprint
from factory.recipe.load import LoadedRecipe
from factory.sources import open_source
from factory.store.files import disk_faults
from factory.store.info import FINISHED, read_info, write_info
from factory.store.layout import BuildPaths, open_build
from factory.store.lease import lease
from factory.text import counted, tidy

MOST_TOLD: Final = 8
"""Changed keys that are named; the others are counted."""
MOST_REASON: Final = 500
"""Characters of a reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """What was recorded."""

    build: str
    fingerprint: str
    """The identity for which the build now stands."""
    at: str
    reason: str
    changed: tuple[str, ...]
    """`key: before → now`."""


def accept_change(loaded: LoadedRecipe, root: Path, reason: str) -> Accepted:
    """Records that a finished build stands for this recipe, too.

    Raises RecipeError for an empty reason, a build that is not finished or of another recipe, one that is the recipe's
    own already, and where the recipe has a build of its own beside it; CorruptBuild, BuildLocked.
    """
    told = tidy(reason, MOST_REASON)
    if not told:
        raise RecipeError("--reason: expected why the build is good as it is; it is recorded")
    build = open_build(root)
    info, name = build.info, loaded.recipe.name
    if info["recipe"] != name:
        raise RecipeError(f"{root}: is a build of `{info['recipe']}`, the recipe is `{name}`")
    if info["state"] not in FINISHED:
        raise RecipeError(f"{root}: is {info['state']}, only a finished build can stand for another recipe")
    identity = identify(loaded, open_source(loaded.recipe.source, loaded.root))
    if info.get("fingerprint") == identity.build:
        raise RecipeError(f"{root}: is this recipe's own build; there is no change to accept")
    if root.resolve().name == f"{name}-{identity.short}":
        raise RecipeError(f"{root}: is this recipe's own build; there is no change to accept")
    own = BuildPaths(root.parent / f"{name}-{identity.short}")
    if own.info.exists():
        raise RecipeError(f"{own.root}: the changed recipe has a build of its own; remove it, or go on with it")
    changed = changes(info.get("identity", {}), identity.identity)
    at = now()
    record = {"fingerprint": identity.build, "at": at, "reason": told, "changed": list(changed)}
    paths = build.paths
    with disk_faults(paths.root), lease(paths.root / "lease", what=str(paths.root), wait_s=0.5):
        fresh = read_info(paths.info)
        kept = [one for one in fresh.get("accepted", ()) if one["fingerprint"] != identity.build]
        write_info({**fresh, "accepted": [*kept, record]}, paths.info)
    return Accepted(build=str(root), fingerprint=identity.build, at=at, reason=told, changed=changed)


def standing_for(out: Path, recipe: str, identity: Fingerprint, own: BuildPaths) -> Accepted | None:
    """The finished build that was accepted for an identity which has no build of its own. One that cannot be read
    stands for nothing."""
    if own.info.exists():
        return None
    for paths in builds_beside(out, recipe, own.root):
        try:
            info = open_build(paths.root).info if paths.info.is_file() and not paths.root.is_symlink() else {}
        except (CorruptBuild, EnvironmentFault, RecipeError, OSError):
            continue
        for one in info.get("accepted", ()):
            if one["fingerprint"] == identity.build and info["state"] in FINISHED:
                return Accepted(
                    build=str(paths.root),
                    fingerprint=identity.build,
                    at=one["at"],
                    reason=one["reason"],
                    changed=tuple(one["changed"]),
                )
    return None


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, ...]:
    """Which keys of an identity differ, and how: at most MOST_TOLD of them, digests shortened."""
    differ = [key for key in sorted({*before, *after}) if before.get(key) != after.get(key)]
    told = [f"{key}: {_shown(before.get(key))} → {_shown(after.get(key))}" for key in differ[:MOST_TOLD]]
    left = len(differ) - MOST_TOLD
    return (*told, *([f"and {counted(left, 'more key')}"] if left > 0 else []))


def _shown(value: Any) -> str:
    text = "none" if value is None else tidy(str(value), 1_000)
    digest = len(text) == 64 and all(letter in "0123456789abcdef" for letter in text)
    return text[:12] if digest else text if len(text) <= 80 else f"{text[:79]}…"
