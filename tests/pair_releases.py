"""Two releases of the same pictures whose texts differ, for tests of pairs."""

from __future__ import annotations

from pathlib import Path

from release import write_release
from schemas import arrow
from tests.build_fixture import make_build
from tests.rich_build import Rows, edit

SAME = "s000"
"""The row that says the same in both."""
MOVED = "s001"
"""The row whose picture is another one in the second."""


def two_releases(root: Path, samples: int = 6, *, words: str = "looks like it.") -> tuple[Path, Path]:
    """Builds with a release each; the second has a sample less, and other words."""
    first = make_build(root / "first", samples, all_accepted=True)
    second = make_build(root / "second", samples - 1, all_accepted=True)

    def changed(rows: Rows) -> None:
        for name, row in rows.items():
            for answer in row["answers"]:
                if answer["place"] is not None and name != SAME:
                    answer["place"]["reasoning"] = f"Better: {name} {words}"
        for photo in rows[MOVED]["photos"] if MOVED in rows else ():
            photo["sha256"] = "f" * 64

    for shard in second.paths.shards():
        edit(shard.answers, arrow.ANSWERS, changed)
    for build in (first, second):
        write_release(build)
    return first.paths.root, second.paths.root
