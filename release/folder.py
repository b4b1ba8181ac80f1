"""Where a release lies, as people name it."""

from __future__ import annotations

from pathlib import Path

from factory.errors import RecipeError
from release.manifest import MANIFEST


def release_folder(path: Path) -> Path:
    """The release that a path means: itself, or that of a build. Raises RecipeError where there is none."""
    for folder in (path, path / "release"):
        if (folder / MANIFEST).is_file():
            return folder
    raise RecipeError(f"{path}: no release (no {MANIFEST} in it, and no release/ with one)")
