"""How far the rows are that people were asked about, and what is lacking until the recipe's rule is met."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from annotation.decide import TIED
from factory.store.brought_back import mends
from factory.store.decided import released_with
from factory.store.layout import Build, BuildPaths
from factory.store.tables import read_arrow
from factory.text import counted
from schemas import arrow


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Rows that were sent to reviewers, gold left out."""

    sent: int = 0
    decided: int = 0
    tied: int = 0
    """Those that wait for the lead."""
    lacking: int = 0
    """Those that are neither, for want of answers."""
    answers: int = 0
    """How many answers those lack: where reviewers agree, fewer may do."""


def sent_ids(paths: BuildPaths) -> set[str]:
    """The samples that were sent to be decided; none where nothing was sent. Raises CorruptBuild."""
    if not paths.tasks.exists():
        return set()
    rows = read_arrow(paths.tasks, arrow.TASKS, columns=("id", "kind"), remedy=mends(paths, paths.tasks)).to_pylist()
    return {row["id"] for row in rows if row["kind"] != "gold"}


def how_far(
    sent: Collection[str], decided: Mapping[str, Mapping[str, Any]], looked: Mapping[str, int], overlap: int
) -> Asked:
    """
    Args:
        decided: rows of decisions.parquet by sample.
        looked: how many reviewers looked at a sample.
        overlap: how many the recipe wants for each.
    """
    final = {name for name in sent if name in decided and decided[name]["decision"] in ("accept", "reject")}
    tied = {name for name in sent if name in decided and decided[name]["rule"] == TIED}
    lacking = [max(0, overlap - looked.get(name, 0)) for name in sent if name not in final | tied]
    return Asked(sent=len(sent), decided=len(final), tied=len(tied), lacking=len(lacking), answers=sum(lacking))


def told_after_pull(found: Asked, root: Path) -> Iterator[str]:
    """What a pull says of it, and the command that comes next."""
    if not found.sent:
        return
    yield (
        f"{found.decided:,} of {counted(found.sent, 'row')} sent {'has' if found.decided == 1 else 'have'} what the "
        f"recipe's rule asks for{_open(found)}: `factory review decide {root}` writes down what is decided"
    )


def told_after_deciding(found: Asked, build: Build) -> Iterator[str]:
    """What deciding says of it, and the commands that come next."""
    if found.lacking:
        yield (
            f"{found.decided:,} of {counted(found.sent, 'row')} sent decided{_open(found)}: "
            f"`factory review pull {build.paths.root}` takes new answers back"
        )
    if not released_with(build.info, build.paths):
        yield f"the release is without this until `factory build` runs again with the recipe of {build.info['recipe']}"


def _open(found: Asked) -> str:
    lacking = f"; {counted(found.lacking, 'row')} lack{'s' * (found.lacking == 1)} {counted(found.answers, 'answer')}"
    tied = f"; {found.tied:,} {'waits' if found.tied == 1 else 'wait'} for the lead"
    return lacking * bool(found.lacking) + tied * bool(found.tied)
