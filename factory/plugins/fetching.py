"""What a source is besides (`factory.plugins.contracts.Source`) whose pictures lie elsewhere."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(slots=True)
class Course:
    """How far a fetch is; read from another thread."""

    done: int = 0
    missing: int = 0


@runtime_checkable
class Fetching(Protocol):
    """A source that fetches: a build has it fetch the pictures of its plan before the shards that read them run."""

    def fetch(self, locators: Sequence[str], *, allowed: Collection[str], course: Course) -> Mapping[str, int]:
        """Fetches the pictures that are not there yet and gives those that did not come, counted by reason.

        `read` and `stamp` find what came; `read` says why another did not. Each locator counts once. `allowed` are
        hosts that need not be public, as the person who builds says, and no recipe.
        """
