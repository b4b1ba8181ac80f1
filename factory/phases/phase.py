"""What a phase is: it says whether it is done, does its work, or says that it waits.

A phase records the digests of what it read. It is done while its files stand and what it read is still the same, so a
changed answer, decision or file makes every phase behind it run again, and nothing else does. What a phase left stays
until it runs again: a release is whole, if of yesterday, while the next one waits for people.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from factory.phases.run import Run


@dataclass(frozen=True, slots=True)
class Waiting:
    """The build cannot go on now. The same command goes on later."""

    what: str
    """In one line: for what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """One phase of a build, as functions of the run."""

    name: str
    reads: Callable[[Run], Mapping[str, str]]
    """Digests of what it reads, by name."""
    makes: Callable[[Run], tuple[Path, ...]]
    """The files and folders that it leaves."""
    go: Callable[[Run], Waiting | None]
    """Does the work that is not done yet and notes its counts in `run.info`."""
    says: Callable[[Run], Iterator[tuple[str, str]]]
    """Lines about what came of it: (label, text)."""
    state: str
    """What `build.json` calls a build in which it is done."""


def done(phase: Phase, run: Run) -> bool:
    """Whether its files stand and were made from what is there now."""
    noted = run.info.get("phases", {}).get(phase.name)
    return noted is not None and all(path.exists() for path in phase.makes(run)) and noted == dict(phase.reads(run))


def note(phase: Phase, run: Run, read: Mapping[str, str]) -> None:
    """Notes that it is done, and with what it read: as it was before it began, so that a change meanwhile counts."""
    run.info.setdefault("phases", {})[phase.name] = dict(read)
    run.save(phase.state)
