"""Releases to be merged and mixed: parts of one made build, each with some of its samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from factory.store.layout import Build, open_build
from release import write_release
from schemas import arrow
from schemas.settings import ReleaseSettings
from tests.build_fixture import make_build
from tests.rich_build import Rows, edit


def part_of(
    root: Path,
    samples: int,
    wanted: Callable[[int], bool],
    *,
    change: Callable[[Build], Build] | None = None,
    settings: ReleaseSettings | None = None,
    folder: Path | None = None,
    splits: Callable[[str], str] = str,
    photos: Sequence[bytes] = (),
) -> Path:
    """A build under `root` of which the samples are released whose number is `wanted`; the release's folder.

    Args:
        change: of the build, before it is released.
        folder: of the recipe, where the settings name files.
        splits: of a sample by that which the fixture gives it.
        photos: JPEGs to use in turn instead of drawn ones.
    """
    build = make_build(root, samples, all_accepted=True, photos=photos)

    def left(rows: Rows) -> None:
        for name, row in rows.items():
            row["split"] = splits(row["split"])
            if not wanted(int(name[1:])):
                row.update(kept=False, split=None, removed_by="quota", reason="other_part")

    edit(build.paths.selection, arrow.SELECTION, left)
    build = open_build(root)
    write_release(build if change is None else change(build), settings=settings, root=folder)
    return build.paths.release


def rows_of(release: Any) -> list[dict[str, Any]]:
    """Every row of an opened release."""
    return [row for split in release.splits for row in release.rows(split)]
