"""Paths from recipes and from tables. A recipe is trusted and may point anywhere; a table may not leave its folder."""

from __future__ import annotations

import hashlib
import os
import stat
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from factory.errors import ImageMissing, RecipeError, SourceError
from factory.store.paths import input_path


def recipe_path(root: Path, written: str, *, key: str) -> Path:
    """`factory.store.paths.input_path` of a source. Raises SourceError naming the recipe's key."""
    try:
        return input_path(root, written)
    except RecipeError as error:
        raise SourceError(f"source.{key}: {error}") from None


def locate(folder: Path, locator: str) -> Path:
    """The regular file that a locator names inside `folder`.

    Raises SourceError for an absolute path, `..`, a symbolic link that leads out, a missing file, or anything that is
    not a regular file (a pipe would hang its reader).
    """
    relative = Path(locator)
    if not locator or "\0" in locator or relative.is_absolute() or ".." in relative.parts:
        raise SourceError(f"{locator!r}: must be a relative path inside {folder.resolve().name}/, without `..`")
    real = _real_folder(folder)
    path = real / relative
    if not locator.isascii():
        path = _as_it_is_spelt(real, relative)
    try:
        if any(step.is_symlink() for step in (path, *path.parents[: len(relative.parts) - 1])):
            path = path.resolve(strict=True)
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise ImageMissing(f"{locator!r}: no such file in {real.name}/") from None
    except (OSError, RuntimeError) as error:
        raise SourceError(f"{locator!r}: cannot be opened ({error.__class__.__name__})") from None
    if not path.is_relative_to(real):
        raise SourceError(f"{locator!r}: a symbolic link leads out of {real.name}/")
    if not stat.S_ISREG(mode):
        raise SourceError(f"{locator!r}: not a regular file")
    return path


def _as_it_is_spelt(real: Path, relative: Path) -> Path:
    """The path with each name composed (NFC) or decomposed (NFD), whichever is there: systems keep different forms."""
    path = real
    for part in relative.parts:
        forms = (part, *(unicodedata.normalize(form, part) for form in ("NFC", "NFD")))
        path = next((path / form for form in forms if os.path.lexists(path / form)), path / part)
    return path


def file_stamp(folder: Path, locator: str) -> tuple[int, int] | None:
    """Size in bytes and modification time (ns) of the file that a locator names; None when it is not there."""
    try:
        found = locate(folder, locator).stat()
    except (SourceError, OSError):
        return None
    return found.st_size, found.st_mtime_ns


@lru_cache(maxsize=64)
def _real_folder(folder: Path) -> Path:
    return folder.resolve()


def listing_digest(entries: Iterable[tuple[str, int]]) -> str:
    """sha256 over sorted (relative name, size in bytes)."""
    digest = hashlib.sha256()
    for name, size in sorted(entries):
        digest.update(f"{name}\0{size}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()
