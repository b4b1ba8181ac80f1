"""A release in the layout of a paper: a folder of its own, with whose pictures they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from factory.errors import RecipeError, SourceError
from release.folder import release_folder
from release.layouts import LAYOUTS
from release.read import DamagedRelease, Release, open_release
from release.shards import new_folder, write_durably
from release.withdrawals import WITHDRAWN

PAPERS: Final = ("LICENSE-DATA.md", WITHDRAWN)
"""What follows pictures wherever they go: whose they are, and which nobody should use any more."""
MAX_PAPER_BYTES: Final = 16_000_000


def lay_out(source: Path, out: Path, layout: str, *, split: str | None = None) -> dict[str, int]:
    """Writes the rows of a release, or of a build's, as `release.layouts` does, and returns how many by split.

    Args:
        source: the release or its build.
        out: a folder that is not there, or is empty.
        layout: a name of `release.layouts.LAYOUTS`.
        split: one split alone.

    Raises:
        RecipeError: `out` holds something, `source` is no release of the layout's family, it has no such split, or a
            row is none of the layout. Nothing is written then.
        SourceError: the release is damaged.
    """
    family, write = LAYOUTS[layout]
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise RecipeError(f"{out}: is there already; name a new folder, or take it away")
    root = release_folder(source)
    try:
        release = open_release(root)
    except DamagedRelease as error:
        raise SourceError(str(error)) from None
    if release.schema.family != family:
        raise RecipeError(f"{source}: has rows of {release.schema.family}; {layout} takes those of {family}")
    splits = [name for name in release.splits if split in (None, name)]
    if not splits:
        raise RecipeError(f"--split {split}: there are {', '.join(release.splits)}")
    with new_folder(out) as folder:
        written = {name: write(_rows(release, name), folder, split=name) for name in splits}
        for paper in PAPERS:
            if (file := root / paper).is_file() and file.stat().st_size <= MAX_PAPER_BYTES:
                write_durably(folder / paper, file.read_bytes())
    return written


def _rows(release: Release, split: str) -> Iterator[Mapping[str, Any]]:
    try:
        yield from release.rows(split)
    except DamagedRelease as error:
        raise SourceError(str(error)) from None
