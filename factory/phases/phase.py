"""What a phase is: it says whether it is done, does its work, or says that it waits.

A phase records the digests of what it read and of what it left. It is done while both are still the same, so a changed
answer, decision or file makes every phase behind it run again, a file that was damaged, edited or lost is written again
by its phase, and nothing else runs. What a phase left stays
until it runs again: a release is whole, if of yesterday, while the next one waits for people.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from factory.phases.run import Run
from factory.store.files import file_digest
from factory.store.layout import fixed_files


@dataclass(frozen=True, slots=True)
class Waiting:
    """The build cannot go on now. The same command goes on later."""

    what: str
    """In one line: for what."""
    asked: bool = False
    """Whether the run was told to end here (`--select`): then it is not the build that waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """One phase of a build, as functions of the run."""

    name: str
    reads: Callable[[Run], Mapping[str, str]]
    """Digests of what it reads, by name."""
    makes: Callable[[Run], tuple[Path, ...]]
    """The files and folders that it leaves."""
    left: Callable[[Run], Mapping[str, str]] = lambda _run: {}
    """Digests of what it left, by name."""
    counts: tuple[str, ...] = ()
    """What it notes in `run.info["counts"]`, and others read there."""
    go: Callable[[Run], Waiting | None]
    """Does the work that is not done yet and notes its counts in `run.info`."""
    says: Callable[[Run], Iterator[tuple[str, str]]]
    """Lines about what came of it: (label, text)."""
    state: str
    """What `build.json` calls a build in which it is done."""


def done(phase: Phase, run: Run) -> bool:
    """Whether its files stand as it left them and were made from what is there now."""
    noted = run.info.get("phases", {}).get(phase.name)
    if noted is None or not all(name in run.info["counts"] for name in phase.counts):
        return False
    return all(path.exists() for path in phase.makes(run)) and noted == {**phase.reads(run), **_left(phase, run)}


def note(phase: Phase, run: Run, read: Mapping[str, str]) -> None:
    """Notes that it is done, the digests of its files for `factory check`, and with what it read: as it was before it
    began, so that a change meanwhile counts."""
    run.info.setdefault("phases", {})[phase.name] = {**read, **_left(phase, run)}
    checked = [path for path in phase.makes(run) if path in (*fixed_files(run.paths), run.paths.report)]
    run.info.setdefault("files", {}).update({path.name: file_digest(path) for path in checked})
    run.save(phase.state)


def _left(phase: Phase, run: Run) -> dict[str, str]:
    return {f"left {name}": digest for name, digest in phase.left(run).items()}
