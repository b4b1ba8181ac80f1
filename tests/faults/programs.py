"""What is run beside the command `factory`: a program of the repository, and the reader that people train with."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

RECIPES = Path(__file__).resolve().parents[2] / "recipes"


def from_guidebook(arguments: Sequence[str]) -> int:
    """`python recipes/clues/from_guidebook.py`."""
    main: Callable[[Sequence[str]], int] = runpy.run_path(str(RECIPES / "clues" / "from_guidebook.py"))["main"]
    return main(arguments)


def read_release(arguments: Sequence[str]) -> int:
    """Reads every row of a release; what is damaged is named."""
    from factory.text import escaped
    from release.read import DamagedRelease, open_release

    try:
        release = open_release(arguments[0])
        for split in release.splits:
            for _ in release.rows(split):
                pass
    except DamagedRelease as damage:
        print(escaped(str(damage)), file=sys.stderr)
        return 1
    return 0


PROGRAMS = {"from_guidebook": from_guidebook, "read_release": read_release}
