"""Questions that are gathered in a build and sent together, as the phases and the connections see it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a teacher's batches stand."""

    waiting: int = 0
    """Questions in no batch yet."""
    batches: int = 0
    """Batches under way."""
    asked: int = 0
    """Questions in them."""
    came: int = 0
    """Questions that got an outcome just now."""


class Post(Protocol):
    """Carries the questions of one teacher. Its backend writes them down and says `Deferred`; who runs the build lets
    them be sent when all shards have asked, and fetches what came of them before shards ask again."""

    wait_s: float
    """How long a build waits for its batches before it ends, to be run again."""
    poll_s: float
    """Between two looks at them."""

    def keep_in(self, folder: Path) -> None:
        """Where questions and answers are kept: told to every process before its first question."""
        ...

    def exchange(self, folder: Path, say: Callable[[str], None], *, send: bool, hidden: Sequence[str] = ()) -> Standing:
        """Fetches what is ready and, with `send`, sends what waits. One process of a build does that at a time;
        programs that are started for it do not get the variables `hidden`, keys of other services. Raises
        EnvironmentFault where nothing can be done now; nothing that is known is lost by it."""
        ...
