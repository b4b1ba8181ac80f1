"""`factory clean`: what of a folder of builds can go, what that frees, and nothing without being told to.

Three kinds can go: parts of files whose writer is dead; builds that stopped before anything was answered; and finished
builds of a recipe, profile and `--set` of which a newer one is finished, too. What was paid for or said by
people is named and
kept, unless `--paid` says otherwise. A build at work, and what the factory did not write, is never touched.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from factory.cli.builds import builds_in
from factory.cli.out import say, tell
from factory.cli.status import build_status
from factory.errors import CorruptBuild, EnvironmentFault, RecipeError
from factory.store.files import entries_below, is_aside, remove, remove_tree
from factory.store.info import FINISHED
from factory.store.layout import Build, BuildPaths, open_build
from factory.store.lease import is_locked, lease
from factory.store.paid import currency_of

What = Literal["part", "begun", "superseded"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """Something that can go."""

    path: str
    what: What
    why: str
    bytes: int
    """That removing it alone frees: a file with a second name in another build frees nothing."""
    paid: str
    """What was paid for it or said by people, in words; empty where nothing was."""
    goes: bool
    """Whether it is removed when told to: not where it is `paid` and --paid is not given."""
    gone: bool = False


def leftovers(root: Path, *, paid: bool = False) -> list[Leftover]:
    """What can go, parts first. Raises RecipeError where there is no such folder."""
    if not root.is_dir():
        raise RecipeError(f"{root}: no such folder; builds lie in `builds` where no --out was given")
    idle = [paths for paths in builds_in(root) if not is_locked(paths.root / "lease")]
    newest: dict[tuple[str, str], tuple[float, Path]] = {}
    opened: list[Build] = []
    for paths in idle:
        try:
            build = open_build(paths.root)
        except (CorruptBuild, EnvironmentFault, RecipeError, OSError):
            continue  # what cannot be read is nobody's to throw away
        opened.append(build)
        if build.info["state"] in FINISHED:
            key, made = _kin(build), (paths.info.stat().st_mtime, paths.root)
            newest[key] = max(newest.get(key, made), made)
    found = [one for build in opened for one in _parts(build.paths)]
    for build in opened:
        why = _why(build, newest)
        if why is not None:
            told = _paid(build)
            found.append(
                Leftover(
                    path=str(build.paths.root),
                    what=why[0],
                    why=why[1],
                    bytes=freed_by([build.paths.root]),
                    paid=told,
                    goes=paid or not told,
                )
            )
    return found


def _kin(build: Build) -> tuple[str, str]:
    """Builds that replace each other: of one file, name, profile and `--set`, so that a trial replaces nothing."""
    info = build.info
    return info["recipe"], f"{info.get('profile')} {info.get('recipe_path')} {sorted(info.get('overrides', ()))}"


def _why(build: Build, newest: dict[tuple[str, str], tuple[float, Path]]) -> tuple[What, str] | None:
    if build.info["state"] in ("planning", "working") and not _has_answers(build.paths):
        return "begun", "stopped before anything was answered"
    last = newest.get(_kin(build))
    if build.info["state"] in FINISHED and last is not None and last[1] != build.paths.root:
        return "superseded", f"{last[1]} of the same recipe and profile is newer and finished"
    return None


def _has_answers(paths: BuildPaths) -> bool:
    return paths.review.exists() or any(
        path.exists() for shard in paths.shards() for path in (shard.report, shard.ledger, shard.live_ledger)
    )


def _paid(build: Build) -> str:
    """What would be lost that money or people's time went into. Where that cannot be read, it is said and counts."""
    told = []
    try:
        state = build_status(build)
    except (CorruptBuild, EnvironmentFault, OSError) as error:
        return f"unknown: {error}"
    calls = sum(int(spent["calls"]) for spent in state.spent.values())
    if calls:
        cost = sum(spent["cost"] for spent in state.spent.values())
        told.append(f"{calls:,} paid calls ({cost:,.2f} {currency_of(build.recipe)})".replace(" )", ")"))
    if state.faults:
        told.append(f"unknown: {state.faults[0]}")
    if build.paths.annotations.exists() or build.paths.decisions.exists():
        told.append("what people said")
    return ", ".join(told)


def _parts(paths: BuildPaths) -> Iterator[Leftover]:
    for entry in entries_below(paths.root):
        if entry.is_file(follow_symlinks=False) and is_aside(entry.name):
            size = entry.stat(follow_symlinks=False).st_size
            why = "a part of a file whose writer is gone"
            yield Leftover(path=entry.path, what="part", why=why, bytes=size, paid="", goes=True)


def freed_by(roots: Iterable[Path]) -> int:
    """Bytes that are free when all of these are gone: of a file with several names only where all of them go."""
    names: dict[tuple[int, int], list[int]] = {}
    for root in roots:
        files = [root] if root.is_file() else [Path(one.path) for one in entries_below(root)]
        for path in files:
            found = path.lstat()
            if not path.is_dir():
                names.setdefault((found.st_dev, found.st_ino), [found.st_size, found.st_nlink, 0])[2] += 1
    return sum(size for size, links, seen in names.values() if seen >= links)


def clear(going: Sequence[Leftover]) -> list[Leftover]:
    """Removes these, and gives back those that are gone. Raises BuildLocked where somebody began to work meanwhile."""
    return [replace(one, gone=True) for one in going if _removed(one)]


def _removed(one: Leftover) -> bool:
    """Removes it, unless somebody began to work there meanwhile."""
    path = Path(one.path)
    if one.what == "part":
        remove(path)
        return not os.path.lexists(path)
    with lease(path / "lease", what=one.path, wait_s=0.5):
        remove_tree(path)
    return not os.path.lexists(path)


def print_leftovers(found: Sequence[Leftover]) -> None:
    """Two lines each."""
    from factory.phases.disk import in_words

    if not found:
        say("nothing can go")
    for one in found:
        kept = "" if one.goes else "  KEPT: --paid lets it go"
        tell(
            f"{in_words(one.bytes):>9}  {one.path}",
            f"           {one.why}" + (f"; {one.paid}{kept}" if one.paid else ""),
        )
