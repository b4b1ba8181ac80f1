"""`factory builds`: what lies in a folder of builds, a line each."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from factory.cli.out import say, tell
from factory.errors import CorruptBuild, EnvironmentFault, RecipeError
from factory.store.files import entries_below
from factory.store.layout import BuildPaths, open_build
from factory.store.lease import is_locked
from factory.store.paid import currency_of

AGES = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildLine:
    """One build of a folder."""

    directory: str
    recipe: str
    profile: str | None
    state: str
    """As `factory status` has it; `damaged` where build.json cannot be read, and `fault` says why."""
    running: bool
    samples: int | None
    """Planned; None before the plan is made, as all that is counted is None where it is not known yet."""
    kept: int | None
    """Rows selected for the release."""
    calls: int
    """HTTP calls that the answers of its shards took, those of earlier builds that it took over included."""
    cost: float
    """What they took, in `currency`."""
    currency: str
    """Of the recipe's prices; several are told with a slash."""
    age_seconds: float
    """Since its build.json was written."""
    bytes: int
    """Of its files. Files that it shares with other builds count in each of them."""
    fault: str = ""


def list_builds(root: Path) -> list[BuildLine]:
    """Every build of a folder, newest first; one that cannot be read has its fault. Raises RecipeError where no folder
    is."""
    if not root.is_dir():
        raise RecipeError(f"{root}: no such folder; builds lie in `builds` where no --out was given")
    now = time.time()
    found = [_line(paths, now) for paths in builds_in(root)]
    return sorted(found, key=lambda one: (one.age_seconds, one.directory))


def builds_in(root: Path) -> Iterator[BuildPaths]:
    """The builds directly inside a folder, by name; no link is followed."""
    for path in sorted(root.iterdir()):
        paths = BuildPaths(path)
        if not path.is_symlink() and path.is_dir() and paths.info.is_file() and not paths.info.is_symlink():
            yield paths


def _line(paths: BuildPaths, now: float) -> BuildLine:
    facts: dict[str, Any] = {
        "directory": str(paths.root),
        "running": is_locked(paths.root / "lease"),
        "age_seconds": round(max(0.0, now - paths.info.stat().st_mtime), 1),
        "bytes": size_of(paths.root),
    }
    try:
        build = open_build(paths.root)
        info, counts = build.info, build.info["counts"]
        return BuildLine(
            **facts,
            recipe=info["recipe"],
            profile=info.get("profile"),
            state=info["state"],
            samples=counts.get("planned"),
            kept=counts.get("kept"),
            calls=counts.get("calls", 0),
            cost=counts.get("cost", 0.0),
            currency=currency_of(build.recipe),
        )
    except (CorruptBuild, EnvironmentFault, RecipeError, OSError) as error:
        nothing: dict[str, Any] = {"samples": None, "kept": None, "calls": 0, "cost": 0.0, "currency": ""}
        name = paths.root.name.rpartition("-")[0] or paths.root.name
        return BuildLine(**facts, **nothing, recipe=name, profile=None, state="damaged", fault=str(error))


def size_of(root: Path) -> int:
    """Bytes of all files below a folder; no link is followed."""
    return sum(
        entry.stat(follow_symlinks=False).st_size
        for entry in entries_below(root)
        if entry.is_file(follow_symlinks=False)
    )


def age_in_words(seconds: float) -> str:
    """`3 days`, `1 hour`: the largest unit of which there is one."""
    size, unit = next(((size, unit) for size, unit in AGES if seconds >= size), AGES[-1])
    number = int(seconds // size)
    return f"{number:,} {unit}{'s' * (number != 1)}"


def print_builds(root: Path, found: list[BuildLine]) -> None:
    """A line a build, and one for each fault."""
    if not found:
        say(f"{root}: holds no build")
        return
    from factory.phases.disk import in_words

    rows = [("build", "profile", "state", "samples", "kept", "cost", "disk", "age")]
    for one in found:
        known = ["-" if number is None else f"{number:,}" for number in (one.samples, one.kept)]
        paid = f"{one.cost:,.2f} {one.currency}".strip() if one.calls else "-"
        state = f"{one.state} (running)" if one.running else one.state
        size, age = in_words(one.bytes), age_in_words(one.age_seconds)
        rows.append((one.directory, one.profile or "-", state, known[0], known[1], paid, size, age))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        tell("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    for one in found:
        if one.fault:
            say(f"fault     {one.fault}")
